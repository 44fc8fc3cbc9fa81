// Big bytes: raw mails, logs, artifacts, screenshots. Content-addressed, so that writing twice is writing once.
import type { Readable } from 'node:stream'
import type { Instant } from '../model/instant.ts'
import type { BlobId } from '../model/job.ts'

export type Blobs = {
  /** Durable when it resolves. Fault `exhausted` on a full disk; then nothing was stored. */
  put(bytes: Uint8Array | Readable): Promise<BlobId>
  /** Fault `damaged` if the bytes are gone or are not what was stored. */
  get(id: BlobId): Promise<Buffer>
  stream(id: BlobId): Readable
  size(id: BlobId): Promise<number | undefined>
  /** It goes, unless it was put (again) since that moment. false: it is there still, or was not. */
  drop(id: BlobId, since: Instant): Promise<boolean>
  /** Where it lies, for people: a path or URL. */
  where(id: BlobId): string
}
