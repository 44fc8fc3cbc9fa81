// Digests of large files, with word of how far they are. Imports and `image verify` read with it.
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { Fault } from '../../model/fault.ts'
import type { Progress } from '../../ports/farm.ts'

const pieceBytes = 4 << 20
const spokenMs = 200

/** Says `WHAT (DONE of TOTAL MiB, N MB/s)` a few times a second, and at the end; counts are bytes. */
export const meter = (progress: Progress, what: string, total: number): ((done: number) => void) => {
  const began = performance.now()
  let spoke = Number.NEGATIVE_INFINITY
  return done => {
    const now = performance.now()
    if (now - spoke < spokenMs && done < total) return
    spoke = now
    const rate = Math.round(done / 1e3 / Math.max(1, now - began))
    progress(`${what} (${mib(done)} of ${mib(total)} MiB, ${rate} MB/s)`, done, total)
  }
}

const mib = (bytes: number): number => Math.round(bytes / 2 ** 20)

export type Reading = { onBytes?: (done: number) => void; signal?: AbortSignal | undefined }

/** Lower-case hex SHA-256. Fault damaged (never) if the file cannot be read; rejects with the signal's reason. */
export const digestFile = async (file: string, { onBytes, signal }: Reading = {}): Promise<string> => {
  const hash = createHash('sha256')
  let done = 0
  try {
    await using handle = await open(file)
    const buffer = Buffer.alloc(pieceBytes)
    for (;;) {
      signal?.throwIfAborted()
      const { bytesRead } = await handle.read(buffer, 0, pieceBytes)
      if (bytesRead === 0) return hash.digest('hex')
      hash.update(buffer.subarray(0, bytesRead))
      done += bytesRead
      onBytes?.(done)
    }
  } catch (error) {
    signal?.throwIfAborted()
    const why = error instanceof Error ? error.message : String(error)
    throw new Fault('damaged', 'never', `${file} cannot be read: ${why}`, { cause: error })
  }
}
