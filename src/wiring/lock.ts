// One process for one folder: a lock file that names its owner, and that a dead owner cannot hold.
import { randomUUID } from 'node:crypto'
import { link, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isAlive, thisOwner } from '../farm/owner.ts'
import { Fault } from '../model/fault.ts'
import type { Log } from '../ports/log.ts'
import { errnoOf } from '../text/errno.ts'

/** `gone`: there is no lock · `dead`: its owner is · else the owner's process. */
const holder = async (file: string): Promise<number | 'gone' | 'dead'> => {
  const text = await readFile(file, 'utf8').catch(() => undefined)
  if (text === undefined) return 'gone'
  const [pid, start, boot] = text.trim().split(' ')
  const owner = { token: '', pid: Number(pid), start: start ?? '', boot: boot ?? '' }
  return isAlive(owner) ? owner.pid : 'dead'
}

/** In one step with its owner's name in it: nobody takes one that is just being made for a dead one's. False: there is one. */
const makeNow = async (file: string): Promise<boolean> => {
  const me = thisOwner('')
  const mine = `${file}.${randomUUID()}`
  try {
    await writeFile(mine, `${me.pid} ${me.start} ${me.boot}\n`)
    await link(mine, file)
    return true
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false
    throw error
  } finally {
    await rm(mine, { force: true })
  }
}

/** A turn that is older was left by a process that died in it. */
const oldTurnMs = 10_000

/** Only one at a time may remove a dead owner's lock: another one's would be the lock of whoever came next. */
const removeStale = async (file: string): Promise<void> => {
  const turn = `${file}.turn`
  try {
    await writeFile(turn, '', { flag: 'wx' })
  } catch {
    const { mtimeMs } = await stat(turn).catch(() => ({ mtimeMs: Date.now() }))
    if (Date.now() - mtimeMs > oldTurnMs) await rm(turn, { force: true })
    await sleep(20)
    return
  }
  try {
    if ((await holder(file)) === 'dead') await rm(file, { force: true })
  } finally {
    await rm(turn, { force: true })
  }
}

const takeNow = async (file: string, what: string): Promise<() => Promise<void>> => {
  await mkdir(dirname(file), { recursive: true })
  for (let again = 0; again < 50; again++) {
    try {
      if (await makeNow(file)) return () => rm(file, { force: true })
    } catch (error) {
      throw new Fault('refused', 'never', `lock ${file}: ${(error as Error).message}`, { cause: error })
    }
    const owner = await holder(file)
    if (typeof owner === 'number') {
      throw new Fault('refused', 'later', `${what} is already running here, as process ${owner}`, {
        remedy: `end that one first (kill ${owner}), or give this one a data folder of its own`,
      })
    }
    if (owner === 'dead') await removeStale(file)
  }
  throw new Fault('refused', 'soon', `the lock ${file} changes hands all the time`)
}

/** How long a new process waits for the one before it to end. */
const patienceMs = 20_000
const lookEveryMs = 200

/** Takes the lock; where somebody has it, waits a little for its end, then throws a Fault that says who it is. Returns how to let go. */
export const lock = async (file: string, what: string, log: Log = () => {}): Promise<() => Promise<void>> => {
  const until = Date.now() + patienceMs
  for (let told = false; ; told = true) {
    try {
      return await takeNow(file, what)
    } catch (error) {
      if (!(error instanceof Fault) || error.retry !== 'later' || Date.now() > until) throw error
      if (!told) log('info', `${error.message}; waiting for it to end`)
    }
    await sleep(lookEveryMs)
  }
}
