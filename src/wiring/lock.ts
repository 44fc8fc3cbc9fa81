// One process for one folder: a lock file that names its owner, and that a dead owner cannot hold.
import { mkdir, open, readFile, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isAlive, thisOwner } from '../farm/owner.ts'
import { Fault } from '../model/fault.ts'
import type { Log } from '../ports/log.ts'

const holds = async (file: string): Promise<number | undefined> => {
  const [pid, start, boot] = (await readFile(file, 'utf8').catch(() => '')).trim().split(' ')
  const owner = { token: '', pid: Number(pid), start: start ?? '', boot: boot ?? '' }
  return isAlive(owner) ? owner.pid : undefined
}

const takeNow = async (file: string, what: string): Promise<() => Promise<void>> => {
  await mkdir(dirname(file), { recursive: true })
  for (let again = 0; again < 5; again++) {
    try {
      const me = thisOwner('')
      const handle = await open(file, 'wx')
      await handle.writeFile(`${me.pid} ${me.start} ${me.boot}\n`)
      await handle.close()
      return () => rm(file, { force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        throw new Fault('refused', 'never', `lock ${file}: ${(error as Error).message}`, { cause: error })
      }
    }
    const owner = await holds(file)
    if (owner !== undefined) {
      throw new Fault('refused', 'later', `${what} is already running here, as process ${owner}`, {
        remedy: `end that one first (kill ${owner}), or give this one a data folder of its own`,
      })
    }
    await rm(file, { force: true })
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
