// How a command in a guest ended, in words. For reasons of reports, and for replies.
import type { StepOutcome } from '../model/job.ts'
import type { Ending } from '../model/run.ts'
import { plural } from '../model/words.ts'
import { oneLine } from './clean.ts'

const signals: Record<number, string> = {
  1: 'hangup',
  2: 'interrupt',
  3: 'quit',
  4: 'illegal instruction',
  5: 'trap',
  6: 'abort',
  7: 'bus error',
  8: 'arithmetic error',
  9: 'killed',
  11: 'segmentation fault',
  13: 'broken pipe',
  14: 'alarm',
  15: 'terminated',
}

/** The signal that ended the command: its own, or the one that its shell tells of by 128 + n (POSIX sh, 2.8.2). */
export const signalOf = (ending: Ending): number | undefined => {
  if (ending.kind !== 'finished') return undefined
  if (ending.signal !== undefined) return ending.signal
  const told = ending.exitCode - 128
  return signals[told] === undefined ? undefined : told
}

/** `2 minutes`, `45 seconds`, `300 ms`. */
export const sayDuration = (ms: number): string => {
  if (ms < 1000) return `${Math.round(ms)} ms`
  const seconds = Math.round(ms / 1000)
  if (seconds < 120) return plural(seconds, 'second')
  const minutes = Math.round(seconds / 60)
  return minutes < 120 ? `${minutes} minutes` : `${Math.round(minutes / 60)} hours`
}

/** Completes a sentence whose subject is the command: `it …`. */
export const sayEnding = (ending: Ending): string => {
  switch (ending.kind) {
    case 'finished': {
      const signal = signalOf(ending)
      if (signal !== undefined) return `was ended by signal ${signal} (${signals[signal] ?? 'unknown'})`
      return `ended with exit code ${ending.exitCode}`
    }
    case 'timed-out':
      return `did not end within ${sayDuration(ending.afterMs)}`
    case 'powered-off':
      return 'switched the virtual machine off'
    case 'crashed':
      return ending.how === 'panic' ? 'made the kernel panic' : 'made the virtual machine restart'
    case 'hung':
      return `made the whole virtual machine hang for ${sayDuration(ending.afterMs)}`
    case 'cancelled':
      return 'was stopped before it ended'
    case 'vm-died':
    case 'disk-error':
    case 'out-of-space':
    case 'template-damaged':
    case 'host-lost':
      return 'was cut off by trouble with the test machine'
  }
}

const troubles: Record<string, string> = {
  unreachable: 'a machine that I need could not be reached',
  timeout: 'a machine that I need did not answer in time',
  refused: 'a service that I need refused to work',
  malformed: 'a service that I need gave an answer that makes no sense',
  exhausted: 'a test machine ran out of room',
  overloaded: 'the test host was overloaded with other work',
  damaged: 'stored data turned out to be damaged',
  'vm-died': 'the virtual machine died',
  'disk-error': 'the virtual machine had a disk error',
  'out-of-space': 'the test host ran out of disk space',
  'template-damaged': 'the image of the virtual machine was damaged',
  'host-lost': 'the test host was lost',
  cancelled: 'the run was stopped before it ended',
}

/** Trouble of ours as a clause for people: a kind of fault or ending becomes words, other words stay. */
export const sayTrouble = (what: string): string => troubles[what] ?? what

/** Where trouble of ours ended a step, and what is known of it. */
export const sayOursIn = ({ name, ending }: Pick<StepOutcome, 'name' | 'ending'>): string =>
  oneLine(`in step "${name}"${'detail' in ending ? `: ${ending.detail}` : ''}`, 300)
