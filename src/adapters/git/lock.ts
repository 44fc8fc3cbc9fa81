// A lock on a file between processes, which the kernel takes back when its holder dies. Used by mirror.ts.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Fault } from '../../model/fault.ts'
import type { Millis } from '../../model/instant.ts'

/**
 * Runs `act` while no other process holds the lock on `file` (made if it is not there). flock(1) holds it for us: Node has no
 * flock(2), and a lock file of our own would stay behind after a kill. Faults: timeout (somebody held it all the time).
 */
export const locked = async <T>(file: string, waitMs: Millis, act: () => Promise<T>): Promise<T> => {
  const seconds = String(Math.ceil(waitMs / 1000))
  // cat ends when our end of its input does, also when this process is killed.
  const child = spawn('flock', ['--wait', seconds, file, 'sh', '-c', 'echo locked; exec cat'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  const exited = once(child, 'exit')
  child.stdin.on('error', () => undefined)
  try {
    const started = once(child.stdout, 'data')
    const first = await Promise.race([started.then(() => 'locked'), exited.then(() => 'gave up')])
    if (first !== 'locked')
      throw new Fault('timeout', 'later', `lock ${file}: another process held it for ${seconds} s`, {
        remedy: `see who uses it: fuser -v ${file}`,
      })
    return await act()
  } catch (error) {
    if (error instanceof Error && 'syscall' in error && String(error.syscall).startsWith('spawn'))
      throw new Fault('exhausted', 'later', 'flock cannot be started', {
        cause: error,
        remedy: 'install util-linux, which has flock',
      })
    throw error
  } finally {
    child.stdin.end()
    await exited.catch(() => undefined)
  }
}
