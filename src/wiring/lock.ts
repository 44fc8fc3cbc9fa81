// One process for one folder: a lock file that names its owner, and that a dead owner cannot hold.
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { holderOf, tryLock, unlock } from '../farm/lock.ts'
import { thisOwner } from '../farm/owner.ts'
import { Fault } from '../model/fault.ts'
import type { Log } from '../ports/log.ts'

const takeNow = async (file: string, what: string): Promise<() => Promise<void>> => {
  await mkdir(dirname(file), { recursive: true })
  for (let again = 0; again < 50; again++) {
    try {
      if (await tryLock(file, thisOwner(''))) return () => unlock(file)
    } catch (error) {
      throw new Fault('refused', 'never', `lock ${file}: ${(error as Error).message}`, { cause: error })
    }
    const pid = await holderOf(file)
    if (pid !== undefined)
      throw new Fault('refused', 'later', `${what} is already running here, as process ${pid}`, {
        remedy: `end that one first (kill ${pid}), or give this one folders of its own (data and farm.data)`,
      })
    await sleep(20)
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
