// Names for people: `logs/SERIES/debian.log` instead of a digest. Symbolic links to blobs; only ever a convenience.
import { randomUUID } from 'node:crypto'
import { mkdir, rename, symlink } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { errnoFault } from '../../text/errno.ts'

export type Links = {
  /** Makes `name` (path parts, each a plain word) show the file at `target`, and returns its full path. Repeatable. Faults: exhausted, refused. */
  link(name: string[], target: string): Promise<string>
}

/** What a part of the name may hold; anything else becomes `-`. */
const plain = (part: string): string => part.replace(/[^\w.-]/g, '-').replace(/^\.+/, '-')

/** Links below `folder`. */
export const fileLinks = ({ folder }: { folder: string }): Links => ({
  async link(name, target) {
    const path = join(folder, ...name.map(plain))
    try {
      await mkdir(dirname(path), { recursive: true })
      const fresh = `${path}.${randomUUID()}`
      await symlink(relative(dirname(path), target), fresh)
      await rename(fresh, path)
      return path
    } catch (error) {
      throw errnoFault(error, 'link', path)
    }
  },
})
