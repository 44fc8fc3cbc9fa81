// How a run ended, in a few words: what watches the farm looks at thousands of them.
import type { Instant } from './instant.ts'
import { type JobId, type Outcome, type RunRecord, stepsOf, type TaskId } from './job.ts'
import { guestSaysOfDisk, type RunId } from './run.ts'

export type RunGist = {
  kind: Outcome['kind']
  /** Of trouble that is ours. */
  what?: string
  /** What ailed the guest: its kernel panicked, or its disk became unreadable or read-only; `host-disk`: as the host's disk did. */
  sick?: 'panic' | 'disk' | 'host-disk'
}

export type RunEnd = RunGist & {
  run: RunId
  task: TaskId
  job: JobId
  project: string
  image: string
  host: string
  startedAt: Instant
  endedAt: Instant
  /** A run without the series' patches in it, besides those of bases: made for comparison. */
  without?: true
}

const sickOf = (outcome: Outcome): RunGist['sick'] => {
  if (outcome.kind === 'ours' && outcome.what === 'disk-error') {
    // Without a word of whose it is it may be the guest's.
    const isHosts = outcome.detail.includes('": ') && !outcome.detail.includes(guestSaysOfDisk)
    return isHosts ? 'host-disk' : 'disk'
  }
  const panicked = stepsOf(outcome).some(({ ending }) => ending.kind === 'crashed' && ending.how === 'panic')
  return panicked ? 'panic' : undefined
}

export const gistOf = (outcome: Outcome): RunGist => {
  const sick = sickOf(outcome)
  return {
    kind: outcome.kind,
    ...(outcome.kind === 'ours' ? { what: outcome.what.slice(0, 100) } : {}),
    ...(sick === undefined ? {} : { sick }),
  }
}

/** undefined: it has not ended. */
export const endOf = ({ endedAt, outcome }: RunRecord): { at: Instant; gist: RunGist } | undefined =>
  endedAt === undefined || outcome === undefined ? undefined : { at: endedAt, gist: gistOf(outcome) }
