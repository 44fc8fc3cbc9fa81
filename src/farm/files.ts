// Files of templates: durable when they are published, and told apart from changed ones before each fork.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { constants, copyFile, open, stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { z } from 'zod'
import { Fault } from '../model/fault.ts'
import { errnoFault } from '../text/errno.ts'

const run = promisify(execFile)

/** What stat(2) says of a file. Whoever writes to it changes mtime and ctime, whoever replaces it the inode. */
export const fileMarkSchema = z.object({
  file: z.string(),
  inode: z.string(),
  size: z.string(),
  mtimeNs: z.string(),
  ctimeNs: z.string(),
})
export type FileMark = z.infer<typeof fileMarkSchema>

export const markOf = async (file: string): Promise<FileMark> => {
  const { ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true })
  return { file, inode: `${ino}`, size: `${size}`, mtimeNs: `${mtimeNs}`, ctimeNs: `${ctimeNs}` }
}

/** What is wrong with the file, in a few words; undefined if it is what it was. */
export const changeOf = async (before: FileMark, file = before.file): Promise<string | undefined> => {
  const now = await markOf(file).catch(() => undefined)
  if (!now) return `${file} is gone`
  const other = (['inode', 'size', 'mtimeNs', 'ctimeNs'] as const).find(key => now[key] !== before[key])
  return other && `${file} was changed: ${other} ${before[other]} → ${now[other]}`
}

const piece = 4 << 20

/** How hard a file may be read. `signal`: stops between two pieces of 4 MiB, with its reason. */
export type Pace = { signal?: AbortSignal | undefined; mibPerSecond?: number | undefined }

/** Lower-case hex SHA-256. Fault damaged if it cannot be read. */
export const digestOf = async (file: string, { signal, mibPerSecond }: Pace = {}): Promise<string> => {
  const hash = createHash('sha256')
  const began = performance.now()
  try {
    await using handle = await open(file)
    const buffer = Buffer.alloc(piece)
    for (let sum = 0; ; ) {
      signal?.throwIfAborted()
      const { bytesRead } = await handle.read(buffer, 0, piece)
      if (bytesRead === 0) return hash.digest('hex')
      hash.update(buffer.subarray(0, bytesRead))
      sum += bytesRead
      const early = mibPerSecond ? began + (sum / 2 ** 20 / mibPerSecond) * 1000 - performance.now() : 0
      if (early > 1) await sleep(early, undefined, { ...(signal && { signal }) })
    }
  } catch (error) {
    signal?.throwIfAborted()
    // That this host cannot open one more file says nothing about this one.
    const fault = errnoFault(error, 'reading', file)
    if (fault.kind === 'exhausted') throw fault
    throw new Fault('damaged', 'soon', `${file} cannot be read`, { cause: error })
  }
}

/** On the disk, whatever happens afterwards. */
export const flush = async (file: string): Promise<void> => {
  await using handle = await open(file)
  await handle.sync()
}

/** Holes stay holes: most of a guest's memory file is one. Faults: exhausted (no room), damaged (the disk fails), refused. */
export const copySparse = async (from: string, to: string, signal?: AbortSignal): Promise<void> => {
  try {
    const args = ['--sparse=always', '--reflink=auto', '--', from, to]
    await run('cp', args, { env: { ...process.env, LC_ALL: 'C' }, ...(signal && { signal }) })
  } catch (error) {
    signal?.throwIfAborted()
    const words = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : ''
    throw copyFault(words || `${from} cannot be copied`, error)
  }
}

const copyFault = (words: string, cause: unknown): Fault => {
  if (/No space left|Disk quota/.test(words)) return new Fault('exhausted', 'later', words, { cause })
  if (/Input\/output error|Structure needs cleaning/.test(words))
    return new Fault('damaged', 'later', words, { cause, remedy: 'check the disk: dmesg, smartctl' })
  return new Fault('refused', 'later', words, { cause })
}

/** Shares the blocks where the file system can. Faults as errnoFault. */
export const copy = async (from: string, to: string): Promise<void> => {
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE)
  } catch (error) {
    throw errnoFault(error, 'copying', from)
  }
}
