// How QEMU names files: relative to its machine's folder wherever they lie in the farm, so that its user need not be let through the folders above.
import { realpath, stat } from 'node:fs/promises'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { Fault } from '../model/fault.ts'
import type { User } from './jail.ts'

/** A copy of the value in which all absolute paths below `farm` are relative to `folder`. A folder that lies elsewhere (behind a link) leaves them as they are. */
export const namedFrom = async <T>(
  value: T,
  { folder, farm }: { folder: string; farm: string },
): Promise<T> => {
  const from = await realpath(folder)
  if (!isBelow(farm, from)) return value
  const alias = farmIn(folder, relative(farm, from))
  return rename(value, path => {
    const below = [alias, farm].find(root => root !== undefined && isBelow(root, path))
    return below === undefined ? path : relative(from, join(farm, relative(below, path)))
  })
}

const isBelow = (root: string, path: string) => root === sep || path.startsWith(root + sep)

/** The farm's folder as the caller writes it, which may go by way of links. */
const farmIn = (folder: string, below: string): string | undefined =>
  folder.endsWith(sep + below) ? folder.slice(0, -below.length - 1) : undefined

const rename = <T>(value: T, change: (path: string) => string): T => {
  if (typeof value === 'string') return change(value) as T & string
  if (Array.isArray(value)) return value.map(one => rename(one, change)) as T & unknown[]
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, rename(one, change)])) as T &
    object
}

/** After QEMU said "Permission denied": the file or folder that its user may not have, as a Fault; undefined if none is found. */
export const denied = async (
  user: User,
  { folder, read, write }: { folder: string; read: string[]; write: string[] },
): Promise<Fault | undefined> => {
  const home = await realpath(folder)
  const wanted = [...read.map(path => ({ path, bits: 0o4 })), ...write.map(path => ({ path, bits: 0o6 }))]
  for (const { path, bits } of wanted) {
    const file = await realpath(resolve(folder, path)).catch(() => undefined)
    if (!file) continue
    // A relative name does not go through the folders above the machine's own.
    const passed = ancestors(file).filter(at => path.startsWith(sep) || !isBelow(at, home))
    const shut = await firstShut(passed, user, 0o1)
    const at = shut ?? (await firstShut([file], user, bits))
    if (!at) continue
    const change = shut ? 'x' : bits === 0o4 ? 'r' : 'rw'
    const remedy = `chmod o+${change} '${at}', or move it, or set farm.user to a user who may`
    return new Fault('refused', 'later', `QEMU runs as user ${user.uid}, who may not open ${at}`, { remedy })
  }
  return undefined
}

const ancestors = (file: string): string[] => {
  const above = dirname(file)
  return above === file ? [] : [...ancestors(above), above]
}

const firstShut = async (paths: string[], user: User, bits: number): Promise<string | undefined> => {
  for (const path of paths) {
    const { uid, gid, mode } = await stat(path)
    const shift = uid === user.uid ? 6 : gid === user.gid ? 3 : 0
    if (((mode >> shift) & bits) !== bits) return path
  }
  return undefined
}
