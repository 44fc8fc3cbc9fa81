// Addresses of ours in what people send: where they go after the login, and what links in mails begin with.
import type { Asked, WebParts } from '../parts.ts'

/** A path of ours, with its query; anything else is the first page. */
export const safePath = (text: string | undefined): string => {
  if (text === undefined || text.length > 500 || !/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(text)) return '/'
  const base = 'http://here.invalid'
  if (!URL.canParse(text, base)) return '/'
  const { origin, pathname, search } = new URL(text, base)
  // A path can begin with two slashes after it is parsed.
  return origin === base && !pathname.startsWith('//') && !/^\/(login|logout)\b/.test(pathname)
    ? pathname + search
    : '/'
}

const isLoopback = (hostname: string): boolean => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)

/** What links of ours begin with. What a request says is its host could be anybody's: it counts on this machine only. */
export const baseOf = (c: Asked, { config }: Pick<WebParts, 'config'>): string | undefined => {
  if (config.web.url !== undefined) return config.web.url.replace(/\/$/, '')
  const host = c.req.header('host') ?? new URL(c.req.url).host
  const url = URL.canParse(`http://${host}`) ? new URL(`http://${host}`) : undefined
  return url && isLoopback(url.hostname) ? url.origin : undefined
}
