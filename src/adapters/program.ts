// Runs a program of the host: without a shell, with a deadline, and so that nothing of it stays behind. Used by adapters.
import { spawn } from 'node:child_process'
import { Fault } from '../model/fault.ts'
import type { Millis } from '../model/instant.ts'

export type ProgramEnd = { code: number | null; signal: string | null; stdout: string; stderr: string }

export type ProgramOptions = {
  /** For messages. */
  what: string
  cwd?: string | undefined
  env: NodeJS.ProcessEnv
  timeoutMs: Millis
  /** What it reads; nothing if not given. */
  input?: string | undefined
  /** So many characters of what it prints are kept, the last ones. */
  keep: number
  notStarted(error: Error): Fault
}

/** Resolves however it ends. Faults: timeout (it and what it started are killed), and that of `notStarted`. */
export const runProgram = (
  [file = '', ...args]: string[],
  { what, cwd, env, timeoutMs, input, keep, notStarted }: ProgramOptions,
): Promise<ProgramEnd> =>
  new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      ...{ cwd, env },
      // Its own process group: what it started must go with it.
      detached: true,
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    })
    // It may end before it has read all (EPIPE); its exit code says what that means.
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(input)
    const output = { stdout: '', stderr: '' }
    const collect = (name: 'stdout' | 'stderr') => (chunk: Buffer) => {
      output[name] = (output[name] + chunk.toString()).slice(-keep)
    }
    child.stdout?.on('data', collect('stdout'))
    child.stderr?.on('data', collect('stderr'))
    let late = false
    const timer = setTimeout(() => {
      late = true
      killGroup(child.pid)
    }, timeoutMs)
    child.once('error', error => {
      clearTimeout(timer)
      reject(notStarted(error))
    })
    child.once('close', (code, signal) => {
      clearTimeout(timer)
      if (late)
        reject(new Fault('timeout', 'later', `${what}: no end after ${Math.round(timeoutMs / 1000)} s`))
      else resolve({ code, signal, ...output })
    })
  })

/** Of a program that leads a process group of its own. */
export const killGroup = (pid: number | undefined): void => {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // It ended by itself in this moment.
  }
}
