// How much room a folder's disk has.
import { statfs } from 'node:fs/promises'

/** In bytes; undefined: the folder is not there. */
export const roomOf = async (folder: string): Promise<{ free: number; size: number } | undefined> => {
  const found = await statfs(folder).catch(() => undefined)
  return found && { free: found.bavail * found.bsize, size: found.blocks * found.bsize }
}
