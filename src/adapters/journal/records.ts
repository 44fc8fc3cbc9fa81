// Small records as files that survive a dead process and a dead machine. Each change is a new file, `ID.N`, linked into place whole: of two who
// change the same version only one finds the next name free (link(2)). Readers take the highest N.
import { randomUUID } from 'node:crypto'
import { type FileHandle, link, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '../../ports/log.ts'
import { errnoFault, errnoOf } from '../../text/errno.ts'

export type Records<T> = {
  all(): Promise<T[]>
  get(id: string): Promise<T | undefined>
  /** false: one of that id is there, and stays. */
  add(id: string, value: T): Promise<boolean>
  /** Reads, changes and saves; `how` may be called more than once. undefined from it, or no such record: nothing is changed. */
  change(id: string, how: (value: T) => T | undefined): Promise<T | undefined>
  save(id: string, value: T): Promise<void>
  drop(id: string): Promise<void>
}

type Version = { id: string; number: number; name: string }

/** What gives room on a full disk; `undefined`: there is nothing to give. */
export type Room = { giveUp(): Promise<boolean>; restore(): Promise<void> }

const versionOf = (name: string): Version[] => {
  const match = /^([A-Za-z0-9_-]{1,100})\.(\d{1,15})$/.exec(name)
  return match?.[1] && match[2] ? [{ id: match[1], number: Number(match[2]), name }] : []
}

const newestOf = (names: string[]): Map<string, Version> => {
  const newest = new Map<string, Version>()
  for (const version of names.flatMap(versionOf))
    if (version.number > (newest.get(version.id)?.number ?? -1)) newest.set(version.id, version)
  return newest
}

const syncFolder = async (folder: string): Promise<void> => {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

const writeAll = async (file: FileHandle, text: string): Promise<void> => {
  await file.writeFile(text)
  await file.sync()
}

/** Written beside and flushed; the caller puts it into place. */
export const writeBeside = async (folder: string, text: string): Promise<string> => {
  const path = join(folder, `new-${randomUUID()}`)
  const file = await open(path, 'wx')
  try {
    await writeAll(file, text)
  } catch (error) {
    await rm(path, { force: true })
    throw error
  } finally {
    await file.close()
  }
  return path
}

const isFull = (error: unknown): boolean => ['ENOSPC', 'EDQUOT'].includes(errnoOf(error) ?? '')

/** Does it again on a disk that was full, when something was given up for it. */
export const withRoom = async <T>(room: Room, write: () => Promise<T>): Promise<T> => {
  try {
    const result = await write()
    await room.restore()
    return result
  } catch (error) {
    if (!isFull(error) || !(await room.giveUp())) throw error
    return write()
  }
}

/** Puts a text where nothing was, or where something was (`replace`), durable when it resolves. false: the place is taken. */
export const place = async (
  folder: string,
  given: { name: string; text: string; replace: boolean },
): Promise<boolean> => {
  const beside = await writeBeside(folder, given.text)
  try {
    const path = join(folder, given.name)
    if (given.replace) await rename(beside, path)
    else await link(beside, path)
    await syncFolder(folder)
    return true
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false
    throw error
  } finally {
    await rm(beside, { force: true })
  }
}

/** The records of one folder, which is made when it is needed. Faults: exhausted, refused, damaged. What cannot be read is set aside and told. */
export const records = <T>(folder: string, { room, log }: { room: Room; log: Log }): Records<T> => {
  // A version's file never changes: what was read once need not be read again.
  let cache = new Map<string, T>()

  const names = async (): Promise<string[]> => {
    try {
      return await readdir(folder)
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return []
      throw error
    }
  }

  /** undefined: it was replaced meanwhile, or cannot be read. */
  const read = async ({ name }: Version): Promise<T | undefined> => {
    const known = cache.get(name)
    if (known !== undefined) return known
    const path = join(folder, name)
    const text = await readFile(path, 'utf8').catch(error => {
      if (errnoOf(error) === 'ENOENT') return undefined
      throw error
    })
    if (text === undefined) return undefined
    try {
      const value = JSON.parse(text) as T
      cache.set(name, value)
      return value
    } catch {
      await rename(path, `${path}-damaged`).catch(() => {})
      log('error', `journal: ${path} is damaged; it is set aside as ${name}-damaged`)
      return undefined
    }
  }

  const newest = async (id: string): Promise<{ version: Version; value: T } | undefined> => {
    for (;;) {
      const version = newestOf(await names()).get(id)
      if (version === undefined) return undefined
      const value = await read(version)
      if (value !== undefined) return { version, value }
    }
  }

  const put = (name: string, value: T): Promise<boolean> =>
    withRoom(room, async () => {
      await mkdir(folder, { recursive: true })
      return place(folder, { name, text: JSON.stringify(value), replace: false })
    })

  const guarded = async <R>(act: () => Promise<R>): Promise<R> => {
    try {
      return await act()
    } catch (error) {
      throw errnoOf(error) === undefined ? error : errnoFault(error, 'journal', folder)
    }
  }

  /** The next version; false: somebody else made it. The last one but one stays, so that who is late finds its name taken. */
  const follow = async ({ id, number }: Version, value: T): Promise<boolean> => {
    if (!(await put(`${id}.${number + 1}`, value))) return false
    const own = (await names()).flatMap(versionOf).filter(one => one.id === id)
    for (const old of own.filter(one => one.number < number))
      await rm(join(folder, old.name), { force: true })
    return true
  }

  const change: Records<T>['change'] = async (id, how) => {
    for (;;) {
      const now = await newest(id)
      const value = now && how(now.value)
      if (now === undefined || value === undefined) return undefined
      if (await follow(now.version, value)) return value
    }
  }

  const add: Records<T>['add'] = async (id, value) =>
    (await newest(id)) === undefined && (await put(`${id}.0`, value))

  return {
    all: () =>
      guarded(async () => {
        const versions = [...newestOf(await names()).values()].sort((a, b) => (a.id < b.id ? -1 : 1))
        const found: T[] = []
        for (const version of versions) {
          const value = (await read(version)) ?? (await newest(version.id))?.value
          if (value !== undefined) found.push(value)
        }
        const kept = new Set(versions.map(({ name }) => name))
        cache = new Map([...cache].filter(([name]) => kept.has(name)))
        return found
      }),
    get: id => guarded(async () => (await newest(id))?.value),
    add: (id, value) => guarded(() => add(id, value)),
    change: (id, how) => guarded(() => change(id, how)),
    save: (id, value) =>
      guarded(async () => {
        while (!(await add(id, value)) && !(await change(id, () => value)));
      }),
    drop: id =>
      guarded(async () => {
        const own = (await names()).flatMap(versionOf).filter(one => one.id === id)
        for (const { name } of own.sort((a, b) => a.number - b.number))
          await rm(join(folder, name), { force: true })
        if (own.length > 0) await syncFolder(folder)
      }),
  }
}
