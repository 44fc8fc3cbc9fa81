// Big bytes as files, named by their SHA-256 digest: raw mails, logs, artifacts, screenshots.
import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open, readFile, rename, rm, stat, utimes } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable, Transform, type TransformCallback } from 'node:stream'
import { Fault } from '../../model/fault.ts'
import type { Instant } from '../../model/instant.ts'
import type { BlobId } from '../../model/job.ts'
import type { Blobs } from '../../ports/blobs.ts'
import { sha256 } from '../../text/digest.ts'
import { errnoFault, errnoOf } from '../../text/errno.ts'

/**
 * Blobs below `folder` as `ab/cdef…` (64 hex digits). A blob appears whole or not at all: it is written beside, flushed to the
 * disk, then renamed. Damaged blobs are mended by storing the same bytes again.
 */
export const fileBlobs = ({ folder }: { folder: string }): Blobs => ({
  put: bytes => (bytes instanceof Uint8Array ? putBytes(folder, bytes) : putStream(folder, bytes)),
  get: id => get(pathOf(folder, id), id),
  stream: id => verified(pathOf(folder, id), id),
  // What has no such name is not there.
  size: async id => (isName(id) ? size(pathOf(folder, id)) : undefined),
  drop: (id, since) => drop(pathOf(folder, id), since),
  where: id => pathOf(folder, id),
})

const isName = (id: BlobId): boolean => /^[0-9a-f]{64}$/.test(id)

const pathOf = (folder: string, id: BlobId): string => {
  if (!isName(id)) throw new Fault('malformed', 'never', `blob store: "${id}" is not the name of a blob`)
  return join(folder, id.slice(0, 2), id.slice(2))
}

const putBytes = async (folder: string, bytes: Uint8Array): Promise<BlobId> => {
  const id = sha256(bytes)
  return (await isWhole(pathOf(folder, id), bytes)) ? id : putStream(folder, Readable.from([bytes]))
}

/** Comparing is far cheaper than writing and flushing again. */
const isWhole = async (path: string, bytes: Uint8Array): Promise<boolean> => {
  try {
    const isSame =
      (await stat(path)).size === bytes.length && Buffer.compare(await readFile(path), bytes) === 0
    // It is wanted anew: whoever drops old ones leaves it alone.
    if (isSame) await utimes(path, new Date(), new Date())
    return isSame
  } catch {
    return false
  }
}

const putStream = async (folder: string, stream: Readable): Promise<BlobId> => {
  const temporary = join(folder, 'tmp', randomUUID())
  try {
    await mkdir(dirname(temporary), { recursive: true })
    const id = await write(temporary, stream)
    const path = pathOf(folder, id)
    const made = await mkdir(dirname(path), { recursive: true })
    await rename(temporary, path)
    await flushFolder(dirname(path))
    if (made !== undefined) await flushFolder(folder)
    return id
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    throw errnoFault(error, 'blob store', folder)
  }
}

/** Writes, hashes on the way and flushes; returns the digest. */
const write = async (path: string, stream: Readable): Promise<string> => {
  const hash = createHash('sha256')
  const file = await open(path, 'wx')
  try {
    for await (const chunk of stream) {
      const bytes = chunk instanceof Uint8Array ? chunk : Buffer.from(String(chunk))
      hash.update(bytes)
      await writeAll(file, bytes)
    }
    await file.sync()
  } finally {
    await file.close()
  }
  return hash.digest('hex')
}

const writeAll = async (file: FileHandle, bytes: Uint8Array): Promise<void> => {
  for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at, bytes.length - at)).bytesWritten
}

/** A rename is durable when its folder is (fsync(2)). */
const flushFolder = async (folder: string): Promise<void> => {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

const damaged = (path: string, what: string, cause?: unknown): Fault =>
  new Fault('damaged', 'never', `blob ${path}: ${what}`, {
    cause,
    remedy: 'restore the file from a backup, or read the mails again',
  })

const readFault = (error: unknown, path: string): Fault =>
  errnoOf(error) === 'ENOENT' ? damaged(path, 'is gone', error) : errnoFault(error, 'blob', path)

const get = async (path: string, id: BlobId): Promise<Buffer> => {
  const bytes = await readFile(path).catch(error => {
    throw readFault(error, path)
  })
  if (sha256(bytes) !== id) throw damaged(path, 'its bytes are not what was stored')
  return bytes
}

/** Ends with a Fault where the bytes turn out not to be what was stored. */
const verified = (path: string, id: BlobId): Readable => {
  const hash = createHash('sha256')
  const check = new Transform({
    transform(chunk: Buffer, _encoding, done: TransformCallback) {
      hash.update(chunk)
      done(null, chunk)
    },
    flush(done: TransformCallback) {
      done(hash.digest('hex') === id ? null : damaged(path, 'its bytes are not what was stored'))
    },
  })
  const file = createReadStream(path)
  file.on('error', error => check.destroy(readFault(error, path)))
  check.on('close', () => file.destroy())
  return file.pipe(check)
}

const size = async (path: string): Promise<number | undefined> => {
  try {
    return (await stat(path)).size
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw errnoFault(error, 'blob', path)
  }
}

const drop = async (path: string, since: Instant): Promise<boolean> => {
  try {
    if ((await stat(path)).mtimeMs >= since) return false
    await rm(path)
    return true
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false
    throw errnoFault(error, 'blob', path)
  }
}
