// What of a case is in doubt: each test that fails with the patches and is not known to fail without them, on each image; and what seems
// to be mended.

import { tailOf } from '../../model/chance.ts'
import { failingIn, isComparable, isTrustworthy, mendedIn, type Seen, stepOf } from '../../model/comparing.ts'
import { none, plus, type Trials } from '../../model/history.ts'
import { firstTasks, type Outcome, type TestedStep } from '../../model/job.ts'
import { failsAnyway, ownRate } from '../../model/proof.ts'
import type { Ruled } from '../../model/ruled.ts'
import { isGuestsDoing } from '../../model/run.ts'
import { leaves, parentsOf } from '../../model/test-name.ts'
import type { Case } from './case.ts'
import { letGo } from './known.ts'
import { baseOf, final, probedStep, wholeRuns } from './outcomes.ts'

/** fault: is it the patch's? · mended: is it the patch's merit? */
export type Suspect = Seen & {
  image: string
  kind: 'fault' | 'mended'
  /** Without the patches: over the last bases, and on this very one. */
  history: Trials
  here: Trials
  /** It can be run by itself. */
  single: boolean
  /** It failed in the first runs of several images, and was never seen to do so without the patches. */
  widely?: true
  /** It passes when it is run by itself: only runs of the whole step tell. */
  together?: true
}

export type Doubtful = {
  suspects: Suspect[]
  /** What needs no proof. */
  decided: Ruled[]
}

/** So many runs without the patches, all alike, are believed. */
const enoughRuns = { failing: 3, mended: 20 }

const trialsOf = (given: Case, image: string, seen: Seen): Pick<Suspect, 'history' | 'here'> => {
  const base: Trials = { failed: seen.before === 'failed' ? 1 : 0, runs: seen.before === 'absent' ? 0 : 1 }
  const of = (trials: Trials) => (trials.runs === 0 ? base : trials)
  const history = of(given.history(image, seen.step, seen.test))
  return { history, here: of(given.here(image, seen.step, seen.test)) }
}

/** On this base it fails nearly always: further runs would say nothing new. One run is believed only if it is what earlier bases did. */
export const isFailingAnyway = ({ before, history, here }: Suspect, without: Trials = none): boolean => {
  const seen = plus(here, without)
  return before === 'failed' && failsAnyway(seen) && (seen.runs >= enoughRuns.failing || failsAnyway(history))
}

const ruledWithoutProof = (
  { image, step, test, message, failure, history }: Suspect,
  more: Pick<Ruled, 'ruling' | 'bug'>,
): Ruled => ({
  ...{ image, step, test, message, failure, ...more },
  proof: { with: none, without: none, history },
})

/** A test above others fails with them: it is named only where nothing below it explains that. */
const withoutParents = ({ suspects, decided }: Doubtful): Doubtful => {
  const reported = decided.filter(({ ruling }) => ruling === 'reported')
  const below = new Set([...suspects, ...reported].flatMap(({ test }) => parentsOf(test)))
  const failing = leaves(decided.filter(({ ruling }) => ruling === 'failing'))
  return {
    suspects: suspects.filter(({ test }) => !below.has(test)),
    decided: [...leaves(reported), ...failing.filter(({ test }) => !below.has(test))],
  }
}

const sortedOut = (given: Case, image: string, seen: Seen[]): Doubtful => {
  const suspects: Suspect[] = []
  const decided: Ruled[] = []
  for (const one of seen) {
    const suspect = suspectOf(given, image, one, 'fault')
    const known = letGo(given, image, one)
    if (known) decided.push(ruledWithoutProof(suspect, { ruling: 'reported', bug: known.bug }))
    else if (isFailingAnyway(suspect)) decided.push(ruledWithoutProof(suspect, { ruling: 'failing' }))
    else suspects.push(suspect)
  }
  return withoutParents({ suspects, decided })
}

const suspectOf = (given: Case, image: string, seen: Seen, kind: Suspect['kind']): Suspect => {
  const recipe = given.job.recipe.test.steps.find(({ name }) => name === seen.step)
  const single = seen.test !== '' && recipe?.only !== undefined
  // A test that failed on other bases is there, whatever the newest report names.
  const isThere = seen.before === 'absent' && given.history(image, seen.step, seen.test).failed > 0
  const known: Seen = isThere ? { ...seen, before: 'unlisted' } : seen
  return { ...known, ...{ image, kind, single }, ...trialsOf(given, image, known) }
}

/** Tests that failed when those that the patches concern were run more often. */
const failingInLikely = ({ tasks }: Case, image: string, base: TestedStep): Seen[] =>
  tasks
    .filter(task => task.image === image && task.probe?.why === 'likely' && task.probe.step === base.name)
    .flatMap(task => probedStep(task) ?? [])
    .filter(step => isGuestsDoing(step.ending))
    .flatMap(step => failingIn(step, base))
    .filter(({ test }) => test !== '')
    // The lines are of another log.
    .map(({ failure: { lines: _, ...failure }, ...seen }) => ({ ...seen, failure }))

const byTest = (seen: Seen[]): Seen[] =>
  [...new Map(seen.toReversed().map(one => [one.test, one])).values()].toReversed()

type Pair = { image: string; patched: TestedStep; base: TestedStep }

/** Steps that can be compared, on each image. */
const comparable = (given: Case): Pair[] =>
  firstTasks(given.tasks).tests.flatMap(task => {
    const outcome: Outcome | undefined = final(task)
    if (outcome?.kind !== 'tested') return []
    return outcome.steps.flatMap(patched => {
      const base = stepOf(baseOf(given, task.image), patched.name)
      return isComparable(patched, base) ? [{ image: task.image, patched, base }] : []
    })
  })

const join = (all: Doubtful[]): Doubtful => ({
  suspects: all.flatMap(({ suspects }) => suspects),
  decided: all.flatMap(({ decided }) => decided),
})

/** What fails in the first runs, and in those of the tests that the patches concern. */
export const doubtful = (given: Case): Doubtful => {
  const { suspects, decided } = join(
    comparable(given).map(({ image, patched, base }) =>
      sortedOut(given, image, byTest([...failingIn(patched, base), ...failingInLikely(given, image, base)])),
    ),
  )
  return { suspects: markWidely(suspects, given.job.recipe.test.images.length), decided }
}

/** Smaller chances are none: it takes the company of the other tests to make it fail. */
const hardlyChance = 1e-4

/** Marks those that fail in the first runs of more images than chance explains, by their history on all of them. */
const markWidely = (suspects: Suspect[], images: number): Suspect[] => {
  // The lines are of the first run.
  const isFirst = ({ single, history, failure }: Suspect) => single && history.failed === 0 && failure.lines
  const isWide = (own: Suspect[]) => {
    const p = ownRate(own.map(({ history }) => history).reduce(plus, none))
    return own.length > 1 && tailOf({ n: images, hits: own.length, p }) <= hardlyChance
  }
  const byTest = Map.groupBy(suspects.filter(isFirst), ({ step, test }) => JSON.stringify([step, test]))
  const wide = new Set([...byTest.values()].filter(isWide).flat())
  return suspects.map(suspect => (wide.has(suspect) ? { ...suspect, widely: true } : suspect))
}

/** The run of a step that stands for it: the first, or where that one broke off and it was no fault of the patches, one that did not. */
export const standingFor = (
  given: Case,
  { image, first, rulings }: { image: string; first: TestedStep; rulings: Ruled[] },
): TestedStep => {
  const isOfStep = (one: Ruled) => one.image === image && one.step === first.name && one.test === ''
  const ruling = rulings.find(isOfStep)?.ruling
  if (isTrustworthy(first) || (ruling !== 'flaky' && ruling !== 'reported')) return first
  return wholeRuns(given, image, first.name)[0] ?? first
}

/** What fails in runs that stand for a first one which broke off; without what is known already. */
export const doubtfulInsteadOf = (given: Case, rulings: Ruled[], known: Doubtful): Doubtful =>
  join(
    comparable(given).map(({ image, patched, base }) => {
      const instead = standingFor(given, { image, first: patched, rulings })
      if (instead === patched) return { suspects: [], decided: [] }
      const told = new Set(
        [...known.suspects, ...known.decided]
          .filter(one => one.image === image && one.step === patched.name)
          .map(({ test }) => test),
      )
      const more = failingIn(instead, base).filter(({ test }) => !told.has(test))
      return sortedOut(
        given,
        image,
        more.map(({ failure: { lines: _, ...failure }, ...seen }) => ({ ...seen, failure })),
      )
    }),
  )

/** What seems to be mended: `decided` where history is plain, else in doubt. What fails only now and then is neither. */
export const seeminglyMended = (given: Case): Doubtful => {
  const found: Doubtful = { suspects: [], decided: [] }
  for (const { image, patched, base } of comparable(given)) {
    for (const { was, ...seen } of mendedIn(patched, base)) {
      const suspect = suspectOf(given, image, seen, 'mended')
      const { failed, runs } = given.history(image, seen.step, seen.test)
      if (was !== 'todo' && failed === runs && runs >= enoughRuns.mended)
        found.decided.push(ruledWithoutProof(suspect, { ruling: 'mended' }))
      else if (was === 'todo' || failed === runs) found.suspects.push(suspect)
    }
  }
  return found
}
