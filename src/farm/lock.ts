// One process at a time makes a template. A lock file names its owner; a dead owner's lock is taken over.
import { randomUUID } from 'node:crypto'
import { link, readFile, rm, stat, writeFile } from 'node:fs/promises'
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

/** A turn that is older was left by a process that died in it. */
const oldTurnMs = 10_000

/** Removes a dead owner's lock. Only one at a time may: another's removal would hit the lock of whoever came next. */
export const removeStale = async (file: string): Promise<void> => {
  if (await isHeld(file)) return
  const turn = `${file}.turn`
  try {
    await writeFile(turn, '', { flag: 'wx' })
  } catch {
    const { mtimeMs } = await stat(turn).catch(() => ({ mtimeMs: Date.now() }))
    if (Date.now() - mtimeMs > oldTurnMs) await rm(turn, { force: true })
    return
  }
  try {
    if (!(await isHeld(file))) await rm(file, { force: true })
  } finally {
    await rm(turn, { force: true })
  }
}

/** Process id of the living owner; undefined: nobody holds it. */
export const holderOf = async (file: string): Promise<number | undefined> => {
  try {
    const owner = ownerSchema.parse(JSON.parse(await readFile(file, 'utf8')))
    return isAlive(owner) ? owner.pid : undefined
  } catch {
    return undefined
  }
}

const isHeld = async (file: string): Promise<boolean> => (await holderOf(file)) !== undefined
