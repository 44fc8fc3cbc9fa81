// Does a form come from a page of ours? What the browser says of it (Fetch Metadata, Origin), and the session's own secret in it.
import { timingSafeEqual } from 'node:crypto'
import type { Asked, WebParts } from '../parts.ts'
import { saidScheme } from './asker.ts'
import { digestOf } from './session.ts'

const origins = (c: Asked, parts: WebParts): string[] => {
  const { url } = parts.config.web
  const host = c.req.header('host') ?? new URL(c.req.url).host
  const scheme = saidScheme(c, parts)
  // A proxy that speaks TLS for us may say nothing of it.
  const schemes = scheme === undefined ? ['http', 'https'] : [scheme]
  return [...(url === undefined ? [] : [new URL(url).origin]), ...schemes.map(one => `${one}://${host}`)]
}

/** By its headers. Programs that are no browsers say nothing: they send no cookie by themselves either. */
export const isFromHere = (c: Asked, parts: WebParts): boolean => {
  const site = c.req.header('sec-fetch-site')
  const origin = c.req.header('origin')
  if (site !== undefined && site !== 'same-origin') return false
  return origin === undefined || origins(c, parts).includes(origin)
}

const isSame = (given: string, wanted: string): boolean =>
  timingSafeEqual(Buffer.from(digestOf(given)), Buffer.from(digestOf(wanted)))

const formTypes = /^(application\/x-www-form-urlencoded|multipart\/form-data)\b/i

/** The fields of a form; undefined: it cannot be read as one. */
export const formOf = (c: Asked): Promise<Record<string, unknown> | undefined> =>
  c.req.parseBody().catch((error: unknown) => {
    // What the standard throws for a body that is none (Fetch, 5.3).
    if (error instanceof TypeError) return undefined
    throw error
  })

/** Does the form hold the session's secret? Its body is read, and kept for whoever handles it. */
export const hasSecret = async (c: Asked, secret: string): Promise<boolean> => {
  if (!formTypes.test(c.req.header('content-type') ?? '')) return false
  const csrf = (await formOf(c))?.csrf
  return typeof csrf === 'string' && isSame(csrf, secret)
}
