// After a try at a task: is it decided, or does another clone have to have its say?
import type { Millis } from './instant.ts'
import { maxAttempts, type Outcome, type RunRecord, stepsOf } from './job.ts'
import { needsSecondOpinion } from './run.ts'

/** A build fails for many reasons: a machine without memory or room, and files cut in half among them. Only a compiler's plain complaint is believed at once. */
const unclearBuilds = (outcome: Outcome): string[] => {
  if (outcome.kind === 'walked')
    return outcome.broken.filter(({ plain }) => !plain).map(({ position, step }) => `${step} at ${position}`)
  if (outcome.kind !== 'build-failed' || outcome.plain || outcome.step.ending.kind !== 'finished') return []
  return [`${outcome.step.name} exit code ${outcome.step.ending.exitCode}`]
}

/** What of an outcome has to repeat before it is believed: step and ending, for steps that did not end by themselves. */
const doubts = (outcome: Outcome): string[] =>
  [
    ...stepsOf(outcome)
      .filter(step => needsSecondOpinion(step.ending))
      .map(step => `${step.name} ${step.ending.kind}`),
    ...unclearBuilds(outcome),
  ].sort()

export type AfterTry = { decided: true; outcome: Outcome } | { decided: false; why: string }

/** Decides with this try's outcome and the earlier tries of the same task. Trouble of ours is tried again; a crash, hang,
 *  power-off or time-out, and a build that fails without a compiler's complaint, stand when an earlier try ended the same way; after the last try the newest outcome stands, but
 *  an ending that never repeated is ours. */
export const afterTry = (outcome: Outcome, earlier: RunRecord[], attempt: number): AfterTry => {
  if (outcome.kind === 'ours') {
    return attempt < maxAttempts && !outcome.hopeless
      ? { decided: false, why: `${outcome.what}: ${outcome.detail}` }
      : { decided: true, outcome }
  }
  const open = doubts(outcome)
  if (open.length === 0) return { decided: true, outcome }
  const repeated = earlier.some(run => run.outcome && doubts(run.outcome).join() === open.join())
  if (repeated) return { decided: true, outcome }
  if (attempt < maxAttempts) return { decided: false, why: `${open.join(', ')}: once is no proof` }
  const what = `no two of ${maxAttempts} tries ended alike`
  return { decided: true, outcome: { kind: 'ours', what, detail: open.join(', ') } }
}

/** So often a host may have had no room for a task (4 hours at least) before that counts as tries. */
const maxRefusals = 20

/** So often a host may have been too busy for a task (half an hour at least): a patch may be what makes it so. */
const maxOverloads = 5

/** Had the host no room for it, or no time, so that it was not really tried? */
export const wasRefused = (outcome: Outcome | undefined): boolean =>
  outcome?.kind === 'ours' && ['exhausted', 'overloaded'].includes(outcome.what) && !outcome.hopeless

const tooOften = (outcome: Outcome, earlier: RunRecord[]): boolean => {
  const what = outcome.kind === 'ours' ? outcome.what : ''
  const times = earlier.filter(run => run.outcome?.kind === 'ours' && run.outcome.what === what).length
  return times >= (what === 'overloaded' ? maxOverloads : maxRefusals)
}

/** A host that had no room left (a full disk, say), or was overloaded, has not tried the task: so long it waits, longer each time. undefined: it was tried, or
 *  was refused too often. */
export const refusedFor = (outcome: Outcome, earlier: RunRecord[]): Millis | undefined => {
  const times = earlier.filter(run => wasRefused(run.outcome)).length
  return wasRefused(outcome) && !tooOften(outcome, earlier) ? Math.min(2 ** times, 15) * 60_000 : undefined
}
