// Blobs of a dry run: names are computed, nothing is kept.
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { Fault } from '../../model/fault.ts'
import type { Blobs } from '../../ports/blobs.ts'

const notKept = () => new Fault('refused', 'never', 'a dry run keeps no blobs')

export const noBlobs = (): Blobs => ({
  async put(bytes) {
    const hash = createHash('sha256')
    if (bytes instanceof Readable) for await (const chunk of bytes) hash.update(chunk)
    else hash.update(bytes)
    return hash.digest('hex')
  },
  get: () => Promise.reject(notKept()),
  stream: () => {
    throw notKept()
  },
  size: async () => undefined,
  drop: async () => false,
  where: id => id,
})
