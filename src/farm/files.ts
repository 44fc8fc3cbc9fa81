// Files of templates: durable when they are published, and told apart from changed ones before each fork.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { constants, copyFile, open, stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import { z } from 'zod'
import { Fault } from '../model/fault.ts'

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

/** Lower-case hex SHA-256. Fault damaged if it cannot be read. */
export const digestOf = async (file: string): Promise<string> => {
  const hash = createHash('sha256')
  try {
    await using handle = await open(file)
    const buffer = Buffer.alloc(piece)
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, piece)
      if (bytesRead === 0) return hash.digest('hex')
      hash.update(buffer.subarray(0, bytesRead))
    }
  } catch (error) {
    throw new Fault('damaged', 'soon', `${file} cannot be read`, { cause: error })
  }
}

/** On the disk, whatever happens afterwards. */
export const flush = async (file: string): Promise<void> => {
  await using handle = await open(file)
  await handle.sync()
}

/** Holes stay holes: most of a guest's memory file is one. Fault exhausted if there is no room. */
export const copySparse = async (from: string, to: string): Promise<void> => {
  try {
    await run('cp', ['--sparse=always', '--reflink=auto', '--', from, to])
  } catch (error) {
    const words = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : ''
    throw new Fault('exhausted', 'later', words || `${from} cannot be copied`, { cause: error })
  }
}

/** Shares the blocks where the file system can. */
export const copy = (from: string, to: string): Promise<void> =>
  copyFile(from, to, constants.COPYFILE_FICLONE)
