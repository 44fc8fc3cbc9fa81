// How a command ends when it does not end well: one line for people, one exit code for programs (sysexits.h).
import { CommanderError } from 'commander'
import { ConfigError } from '../config/problem.ts'
import { Fault, UsageError } from '../model/fault.ts'
import { Interrupted } from './deps.ts'

export const exitCode = { ok: 0, failed: 1, usage: 64, unavailable: 69, bug: 70, config: 78 } as const

/** As a shell reports a process that a signal ended. */
export const codeOfSignal = (signal: NodeJS.Signals): number => (signal === 'SIGTERM' ? 143 : 130)

export type Farewell = { code: number; message: string; remedy?: string | undefined }

/** The operating system's refusals: nobody's bug. */
const fromSystem = (error: Error): boolean => 'syscall' in error && 'code' in error

/** What to say of an error, and the code to leave with. Commander has said its part already. */
export const farewell = (error: unknown): Farewell => {
  if (error instanceof CommanderError) return { code: error.exitCode === 0 ? 0 : exitCode.usage, message: '' }
  if (error instanceof Interrupted) return { code: codeOfSignal(error.by), message: error.message }
  if (error instanceof ConfigError)
    return { code: exitCode.config, message: error.message, remedy: error.remedy }
  if (error instanceof UsageError)
    return { code: exitCode.usage, message: error.message, remedy: error.remedy }
  if (error instanceof Fault) {
    const ours = error.kind === 'malformed' || error.kind === 'damaged'
    return {
      code: ours ? exitCode.failed : exitCode.unavailable,
      message: error.message,
      remedy: error.remedy,
    }
  }
  if (error instanceof Error && fromSystem(error)) return { code: exitCode.failed, message: error.message }
  return {
    code: exitCode.bug,
    message: `this is a bug: ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`,
    remedy: 'Please report it, with what --debug prints.',
  }
}

/** `grapevine: …` and the remedy below it; the stack trace and its causes only for --debug. */
export const printFarewell = (error: unknown, { debug }: { debug: boolean }): string => {
  const { message, remedy } = farewell(error)
  if (message === '') return ''
  const lines = [`grapevine: ${message}`, ...(remedy === undefined ? [] : [remedy])]
  return [...lines, ...(debug ? stacks(error) : [])].map(line => `${line}\n`).join('')
}

const stacks = (error: unknown): string[] =>
  error instanceof Error
    ? [
        error.stack ?? String(error),
        ...(error.cause === undefined ? [] : ['caused by:', ...stacks(error.cause)]),
      ]
    : [String(error)]
