// Was a host so busy with other things that what ran on it had no chance to end in time? Then a time-out or a hang is ours. Pure.
import type { Instant, Millis } from './instant.ts'
import { type Outcome, stepsOf } from './job.ts'

/** What a host says of itself at one moment. */
export type HostLoad = {
  at: Instant
  /** Processes that run or want to, over the last minute, for each processor. */
  perProcessor: number
  /** Time of the processors since boot, in all and what another virtual machine on the same hardware took of it; any unit. */
  ticks: { all: number; stolen: number }
  /** Time since boot in which something waited for memory; undefined: the kernel does not say. */
  memoryMs?: Millis
}

/** Asks the host; undefined: it does not tell. Never throws. */
export type LoadMeter = () => Promise<HostLoad | undefined>

/** How busy the host was in one step of a run. */
export type StepLoad = {
  step: string
  /** When it began, and when it ended, for each processor. */
  perProcessor: [number, number]
  /** Shares of the step's time, 0 to 1. */
  stolen: number
  memory?: number
}

/** A host's own guests fill its processors once, and what they write and read may do so once more; beyond that it is somebody else's. */
const tooBusy = { perProcessor: 3, stolen: 0.25, memory: 0.25 }

const share = (part: number, whole: number): number =>
  whole > 0 ? Math.min(1, Math.max(0, part / whole)) : 0

export const between = (step: string, from: HostLoad, to: HostLoad): StepLoad => ({
  step,
  perProcessor: [from.perProcessor, to.perProcessor],
  stolen: share(to.ticks.stolen - from.ticks.stolen, to.ticks.all - from.ticks.all),
  ...(from.memoryMs === undefined || to.memoryMs === undefined
    ? {}
    : { memory: share(to.memoryMs - from.memoryMs, to.at - from.at) }),
})

const percent = (part: number): string => `${Math.round(100 * part)} %`

/** How the host was overloaded in that step, in words; undefined: it was not. */
export const overloaded = ({ perProcessor: [, load], stolen, memory = 0 }: StepLoad): string | undefined => {
  if (load >= tooBusy.perProcessor) return `load ${load.toFixed(1)} for each processor`
  if (stolen >= tooBusy.stolen) return `${percent(stolen)} of its processors' time was taken from it`
  return memory >= tooBusy.memory ? `${percent(memory)} of the time something waited for memory` : undefined
}

/** The outcome, or trouble of ours where a step was out of time, or hung, while the host was overloaded. */
export const withoutOverload = (outcome: Outcome, loads: StepLoad[]): Outcome => {
  for (const { name, ending } of stepsOf(outcome)) {
    if (ending.kind !== 'timed-out' && ending.kind !== 'hung') continue
    const how = loads.filter(({ step }) => step === name).flatMap(load => overloaded(load) ?? [])
    if (how[0] === undefined) continue
    return { kind: 'ours', what: 'overloaded', detail: `step "${name}" ${ending.kind}: ${how[0]}` }
  }
  return outcome
}
