// One process at a time makes a template. A lock file names its owner; a dead owner's lock is taken over.
import { randomUUID } from 'node:crypto'
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { isAlive, type Owner, ownerSchema } from './owner.ts'

/** Tries once; false while another live process holds it. */
export const tryLock = async (file: string, owner: Owner): Promise<boolean> => {
  const mine = `${file}.${randomUUID()}`
  try {
    await writeFile(mine, JSON.stringify(owner))
  } catch (error) {
    await rm(mine, { force: true })
    throw error
  }
  try {
    // link(2) is atomic and fails if the lock is there.
    await link(mine, file)
    return true
  } catch {
    await removeStale(file)
    return false
  } finally {
    await rm(mine, { force: true })
  }
}

/** Waits for the lock, and gives up when `settled` says that there is no need for it any more. True: we hold it. */
export const lockUnless = async (
  file: string,
  owner: Owner,
  settled: () => Promise<boolean>,
  signal?: AbortSignal,
): Promise<boolean> => {
  for (;;) {
    if (await settled()) return false
    if (await tryLock(file, owner)) return true
    await sleep(200, undefined, signal && { signal })
  }
}

export const unlock = (file: string): Promise<void> => rm(file, { force: true })

/** Two may find the same stale lock: what was moved away is looked at again, and a live owner's is put back. */
export const removeStale = async (file: string): Promise<void> => {
  if (await isHeld(file)) return
  const aside = `${file}.${randomUUID()}`
  try {
    await rename(file, aside)
    if (await isHeld(aside)) await link(aside, file)
  } catch {
    // Somebody else was faster.
  } finally {
    await rm(aside, { force: true })
  }
}

const isHeld = async (file: string): Promise<boolean> => {
  try {
    return isAlive(ownerSchema.parse(JSON.parse(await readFile(file, 'utf8'))))
  } catch {
    return false
  }
}
