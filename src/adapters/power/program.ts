// Runs the program that switches power: without a shell, with a deadline, nothing is asked of anybody. Used by ipmi.ts and command.ts.
import { Fault } from '../../model/fault.ts'
import type { Millis } from '../../model/instant.ts'
import { oneLine } from '../../text/clean.ts'
import { errnoFault, errnoOf } from '../../text/errno.ts'
import { runProgram } from '../program.ts'

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
export const switchBy = async (command: string[], { env = {}, timeoutMs, remedy }: Given): Promise<Ended> => {
  const [file = ''] = command
  const notStarted = (error: Error): Fault =>
    errnoOf(error) === 'ENOENT'
      ? new Fault('refused', 'later', `${file} is not there`, { cause: error, remedy })
      : errnoFault(error, 'program', file)
  const { code, signal, ...output } = await runProgram(command, {
    ...{ what: file, timeoutMs, keep: keptOutput, notStarted },
    env: { ...process.env, LC_ALL: 'C', ...env },
  })
  if (code === null) throw new Fault('refused', 'later', `${file}: ended by ${signal}`)
  return { code, ...output }
}

/** What a program said last, for a line of ours. */
export const lastWords = ({ stdout, stderr }: Ended): string => {
  const lines = (text: string) => text.split('\n').filter(line => line.trim() !== '')
  return oneLine((lines(stderr).at(-1) ?? lines(stdout).at(-1) ?? 'it said nothing').slice(0, 400), 200)
}
