// Runs the program that switches power: without a shell, with a deadline, nothing is asked of anybody. Used by ipmi.ts and command.ts.
import { spawn } from 'node:child_process'
import { Fault } from '../../model/fault.ts'
import type { Millis } from '../../model/instant.ts'
import { oneLine } from '../../text/clean.ts'
import { errnoFault, errnoOf } from '../../text/errno.ts'

export type Ended = { code: number; stdout: string; stderr: string }

type Given = {
  /** More variables of its environment: a password is seen by others in arguments, but not there. */
  env?: Record<string, string>
  timeoutMs: Millis
  /** What to do if it is not there. */
  remedy: string
}

const keptOutput = 16 * 1024

/** Resolves however it ends. Faults: timeout (it and what it started are killed), refused or exhausted (it cannot be started). */
export const runProgram = (
  [file = '', ...args]: string[],
  { env = {}, timeoutMs, remedy }: Given,
): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      env: { ...process.env, LC_ALL: 'C', ...env },
      // Its own process group: what it started must go with it.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const output = { stdout: '', stderr: '' }
    const collect = (name: 'stdout' | 'stderr') => (chunk: Buffer) => {
      output[name] = (output[name] + chunk.toString()).slice(-keptOutput)
    }
    child.stdout.on('data', collect('stdout'))
    child.stderr.on('data', collect('stderr'))
    let late = false
    const timer = setTimeout(() => {
      late = true
      killGroup(child.pid)
    }, timeoutMs)
    child.once('error', error => {
      clearTimeout(timer)
      const isMissing = errnoOf(error) === 'ENOENT'
      const words = `${file} is not there`
      reject(
        isMissing
          ? new Fault('refused', 'later', words, { cause: error, remedy })
          : errnoFault(error, 'program', file),
      )
    })
    child.once('close', (code, signal) => {
      clearTimeout(timer)
      if (late)
        reject(new Fault('timeout', 'later', `${file}: no end after ${Math.round(timeoutMs / 1000)} s`))
      else if (code === null) reject(new Fault('refused', 'later', `${file}: ended by ${signal}`))
      else resolve({ code, ...output })
    })
  })

/** What a program said last, for a line of ours. */
export const lastWords = ({ stdout, stderr }: Ended): string => {
  const lines = (text: string) => text.split('\n').filter(line => line.trim() !== '')
  return oneLine((lines(stderr).at(-1) ?? lines(stdout).at(-1) ?? 'it said nothing').slice(0, 400), 200)
}

const killGroup = (pid: number | undefined): void => {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // It ended by itself in this moment.
  }
}
