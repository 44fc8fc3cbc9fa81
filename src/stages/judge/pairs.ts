// What the runs made for proof say of one suspect, in the order of their rounds. A run that was lost to us says nothing, and neither does the
// other one of its pair.
import { isBad, resultOf } from '../../model/comparing.ts'
import { none, plus, type Trials } from '../../model/history.ts'
import type { Task } from '../../model/job.ts'
import type { Pair } from '../../model/proof.ts'
import { isFailure } from '../../model/report.ts'
import { isGuestsDoing } from '../../model/run.ts'
import type { Case } from './case.ts'
import { probedStep } from './outcomes.ts'
import { isAnew } from './probes.ts'
import type { Suspect } from './suspects.ts'

export type Round = { round: number; screened: Trials; pairs: Pair[]; anew: Pair[] }

/** Probes for proof of one step on one image. */
export const proofTasks = ({ tasks }: Case, { image, step }: Pick<Suspect, 'image' | 'step'>): Task[] =>
  tasks.filter(
    ({ image: on, probe }) =>
      on === image && probe?.step === step && (probe.why === 'proof' || probe.why === 'screen'),
  )

const named = new WeakMap<string[], Set<string>>()

/** Does that run tell of the test? Lists may be long, and are asked often. */
export const isOf = ({ probe }: Task, test: string): boolean => {
  if (probe?.tests === undefined) return true
  const names = named.get(probe.tests) ?? new Set(probe.tests)
  named.set(probe.tests, names)
  return names.has(test)
}

/** Did it fail in that run? undefined: the run does not tell. */
export const failedIn = (task: Task, suspect: Suspect): boolean | undefined => {
  const { test, kind, before, lineOf, together } = suspect
  const { probe } = task
  if (!probe || !isOf(task, test) || (together && probe.tests !== undefined)) return undefined
  const step = probedStep(task)
  if (!step || !isGuestsDoing(step.ending)) return undefined
  const { state } = step.report
  const isEnded = step.ending.kind === 'finished'
  if (test === '') return !isEnded || state !== 'whole'
  const found = resultOf(step, test)
  if (found) {
    const failed = kind === 'mended' ? isBad(found.outcome) : isFailure(found.outcome)
    return failed || (state !== 'contradictory' && state !== 'none') ? failed : undefined
  }
  // A test that the base does not have cannot fail there.
  if (probe.side === 'without' && before === 'absent') return false
  // What is named only when it fails did not, on either side.
  if (before === 'unlisted' && isEnded && state === 'whole') return false
  const whole = lineOf === undefined ? undefined : resultOf(step, lineOf)
  if (whole) return isEnded && state === 'whole' && whole.outcome !== 'error' ? false : undefined
  // The only one that ran brought the step down.
  if (probe.tests?.length === 1) return isEnded ? undefined : true
  return probe.tests === undefined && isEnded && state === 'whole' ? false : undefined
}

const turnsOf = (tasks: Task[]): Task[][] => [
  ...Map.groupBy(tasks, ({ probe }) => `${probe?.turn} ${probe?.why}`).values(),
]

/** One of a pair without its other half counts only where the base does not have the test, so that there is none. */
const pairOf = (tasks: Task[], suspect: Suspect): Pair | undefined => {
  const on = (side: 'with' | 'without') => tasks.find(({ probe }) => probe?.side === side)
  const [patched, unpatched] = [on('with'), on('without')]
  const failed = patched && failedIn(patched, suspect)
  const needsNone = suspect.before === 'absent'
  const without = unpatched && isOf(unpatched, suspect.test) ? failedIn(unpatched, suspect) : undefined
  const other = needsNone && without === undefined ? false : without
  return failed === undefined || other === undefined ? undefined : { with: failed, without: other }
}

/** Runs of it among those of the tests that the patches concern, after the failure that made it a suspect. */
const fromLikely = (given: Case, suspect: Suspect): Trials => {
  const runs = given.tasks
    .filter(({ image, probe }) => image === suspect.image && probe?.why === 'likely')
    .filter(({ probe }) => probe?.step === suspect.step)
    .sort((a, b) => (a.probe?.turn ?? 0) - (b.probe?.turn ?? 0))
    .flatMap(task => failedIn(task, suspect) ?? [])
  // The failure that the lines are of is that of the first run.
  const from = suspect.failure.lines ? 0 : runs.indexOf(true) + 1
  return trialsOf(runs.slice(from))
}

const trialsOf = (failed: boolean[]): Trials => ({
  failed: failed.filter(one => one).length,
  runs: failed.length,
})

/** The first is what was known before there were any for proof: round 0. */
export const roundsOf = (given: Case, suspect: Suspect): Round[] => {
  const byRound = Map.groupBy(proofTasks(given, suspect), ({ probe }) => probe?.round ?? 0)
  const before = suspect.kind === 'fault' && suspect.test !== '' ? fromLikely(given, suspect) : none
  const rounds = [...byRound].sort(([a], [b]) => a - b)
  return [
    { round: 0, screened: before, pairs: [], anew: [] },
    ...rounds.map(([round, tasks]) => {
      const pairs = (own: Task[]) => turnsOf(own).flatMap(turn => pairOf(turn, suspect) ?? [])
      const screens = tasks.filter(({ probe }) => probe?.why === 'screen')
      const proofs = tasks.filter(({ probe }) => probe?.why === 'proof')
      return {
        round,
        screened: trialsOf(screens.flatMap(task => failedIn(task, suspect) ?? [])),
        pairs: pairs(proofs.filter(task => !isAnew(given.job, task))),
        anew: pairs(proofs.filter(task => isAnew(given.job, task))),
      }
    }),
  ]
}

/** With and without, as far as both were run. A test that the base does not have was not run there. */
export const countsOf = (pairs: Pair[], { before }: Suspect): { with: Trials; without: Trials } => ({
  with: trialsOf(pairs.map(pair => pair.with)),
  without: before === 'absent' ? none : trialsOf(pairs.map(pair => pair.without)),
})

export const sumOf = (trials: Trials[]): Trials => trials.reduce(plus, none)
