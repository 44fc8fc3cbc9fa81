// What is kept of runs: found, or gone and why; and sent as it lies, so that no browser takes it for a page.
import { Readable } from 'node:stream'
import { html } from 'hono/html'
import type { Config } from '../../config/config.ts'
import type { Instant } from '../../model/instant.ts'
import type { BlobId } from '../../model/job.ts'
import type { Blobs } from '../../ports/blobs.ts'
import { sayInstant, sayLength } from '../../text/span.ts'
import { type Html, trouble } from '../layout.ts'
import type { Asked, WebParts } from '../parts.ts'

/** What it is in words, and since when it is kept: the end of its run. */
export type Kept = { blob: BlobId; what: string; since: Instant | undefined }

/** A sentence on why it is not there any more. */
export const whyGone = (
  { what, since }: Pick<Kept, 'what' | 'since'>,
  { keepLogsMs, now }: Pick<Config, 'keepLogsMs'> & { now: Instant },
): string => {
  if (keepLogsMs === undefined || since === undefined || since + keepLogsMs > now)
    return `The ${what} was removed; why is not known here.`
  const until = sayInstant(since + keepLogsMs)
  return `The ${what} expired at ${until}: such files are kept for ${sayLength(keepLogsMs)}. Verdicts and results stay.`
}

export const gone = (c: Asked, parts: WebParts, kept: Kept & { of: Html }): Promise<Response> =>
  trouble(c, parts, {
    ...{ status: 410, title: `This ${kept.what} is gone` },
    says: whyGone(kept, { keepLogsMs: parts.config.keepLogsMs, now: parts.clock.now() }),
    remedy: html`There is still ${kept.of}.`,
  })

const types = {
  text: { type: 'text/plain; charset=utf-8', shows: 'inline' },
  picture: { type: 'image/png', shows: 'inline' },
  bytes: { type: 'application/octet-stream', shows: 'attachment' },
} as const

/** `name`: ours, a plain word. Nothing of it may run, whatever is in it. */
export const rawHeaders = (kind: keyof typeof types, name: string): Record<string, string> => ({
  'content-type': types[kind].type,
  'content-disposition': `${types[kind].shows}; filename="${name.replace(/[^\w.-]/g, '-')}"`,
  'content-security-policy': "sandbox; default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  // A blob's name is the digest of what it holds, so this never changes; but it may expire.
  'cache-control': 'private, max-age=300',
})

/** As it lies. Throws the Faults of blobs. */
export const rawText = (
  c: Asked,
  blobs: Blobs,
  { blob, size, name }: { blob: BlobId; size: number; name: string },
) =>
  c.body(Readable.toWeb(blobs.stream(blob)) as ReadableStream, 200, {
    ...rawHeaders('text', name),
    'content-length': String(size),
    etag: `"${blob}"`,
  })

const png = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])

/** A picture, if it is one (PNG, RFC 2083 §3.1); anything else is to be saved, not shown. */
export const rawPicture = async (c: Asked, blobs: Blobs, { blob, name }: { blob: BlobId; name: string }) => {
  const bytes = await blobs.get(blob)
  const isPng = bytes.subarray(0, png.length).equals(png)
  return c.body(new Uint8Array(bytes), 200, {
    ...rawHeaders(isPng ? 'picture' : 'bytes', name),
    etag: `"${blob}"`,
  })
}
