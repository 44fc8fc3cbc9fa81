// Blobs in memory.
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { Fault } from '../../src/model/fault.ts'
import type { Blobs } from '../../src/ports/blobs.ts'

export const memoryBlobs = (): Blobs => {
  const kept = new Map<string, Buffer>()
  const get = (id: string): Buffer => {
    const bytes = kept.get(id)
    if (!bytes) throw new Fault('damaged', 'never', `there is no blob ${id}`)
    return bytes
  }
  return {
    async put(bytes) {
      const all = bytes instanceof Readable ? await buffer(bytes) : Buffer.from(bytes)
      const id = createHash('sha256').update(all).digest('hex')
      kept.set(id, all)
      return id
    },
    get: async id => get(id),
    stream: id => Readable.from([get(id)]),
    size: async id => kept.get(id)?.length,
    drop: async id => kept.delete(id),
    where: id => `/blobs/${id}`,
  }
}
