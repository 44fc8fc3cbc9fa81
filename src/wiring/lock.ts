// One process for one folder: a lock file that names its owner, and that a dead owner cannot hold.
import { mkdir, open, readFile, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Fault } from '../model/fault.ts'
import type { Log } from '../ports/log.ts'

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Field 22 of /proc/PID/stat (proc(5)): a process id that came round again has another start time. */
const startTime = async (pid: number): Promise<string | undefined> => {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
}

const holds = async (file: string): Promise<number | undefined> => {
  const [pid, started] = (await readFile(file, 'utf8').catch(() => '')).trim().split(' ')
  const owner = Number(pid)
  if (!Number.isInteger(owner) || owner <= 0 || !isAlive(owner)) return undefined
  return (await startTime(owner)) === started ? owner : undefined
}

const takeNow = async (file: string, what: string): Promise<() => Promise<void>> => {
  await mkdir(dirname(file), { recursive: true })
  for (let again = 0; again < 5; again++) {
    try {
      const handle = await open(file, 'wx')
      await handle.writeFile(`${process.pid} ${await startTime(process.pid)}\n`)
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
