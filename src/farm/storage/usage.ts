// What takes how much of the disk: for people, for refusals, and for room that was promised and is not yet written.
import { lstat, readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** Bytes that a file or folder takes on its disk, holes not counted (stat(2): blocks of 512 bytes). 0 if it is not there. */
export const diskUsage = async (path: string): Promise<number> => {
  const found = await lstat(path).catch(() => undefined)
  if (!found) return 0
  const own = found.blocks * 512
  if (!found.isDirectory()) return own
  const names = await readdir(path).catch((): string[] => [])
  const inside = await Promise.all(names.map(name => diskUsage(join(path, name))))
  return inside.reduce((sum, bytes) => sum + bytes, own)
}

/** Names in a folder; none if it is not there. */
export const namesIn = (folder: string): Promise<string[]> => readdir(folder).catch((): string[] => [])

/** The folder itself, or the nearest one above it that exists. */
export const existing = async (path: string): Promise<string> => {
  const there = await stat(path).catch(() => undefined)
  return there || dirname(path) === path ? path : existing(dirname(path))
}

/** The disk of a path: paths with the same number share their room. */
export const diskOf = async (path: string): Promise<number> => (await stat(await existing(path))).dev

/** `412 MiB`, `3.2 GiB`. */
export const sizeText = (bytes: number): string => {
  const mib = bytes / 2 ** 20
  if (mib >= 10 * 1024) return `${Math.round(mib / 1024)} GiB`
  if (mib >= 1024) return `${(mib / 1024).toFixed(1)} GiB`
  return mib > 0 && mib < 1 ? '1 MiB' : `${Math.round(mib)} MiB`
}
