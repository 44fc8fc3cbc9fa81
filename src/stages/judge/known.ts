// Known failures before and after proof: what its bug explains is told with its bug, and what the bug does not explain is proven.
import { isTrustworthy, type Seen, stepOf } from '../../model/comparing.ts'
import { none, plus, type Trials } from '../../model/history.ts'
import { firstTasks, type TestedStep } from '../../model/job.ts'
import { isExpected, type ReportedFailure, reportedBy } from '../../model/known.ts'
import { isFailure } from '../../model/report.ts'
import type { Ruled } from '../../model/ruled.ts'
import type { Case } from './case.ts'
import { final, probedStep } from './outcomes.ts'

const trialOf = ({ report }: TestedStep, test: string): Trials => {
  const failed = report.tests.some(one => one.test === test && isFailure(one.outcome))
  return { failed: failed ? 1 : 0, runs: 1 }
}

/** With the patches: in the first run, and when the tests that they concern were run more often. */
const seenWith = ({ tasks }: Case, image: string, { step, test }: Pick<Seen, 'step' | 'test'>): Trials => {
  const first = firstTasks(tasks).tests.filter(task => task.image === image)
  const likely = tasks.filter(
    ({ image: on, probe }) =>
      on === image &&
      probe?.why === 'likely' &&
      probe.side === 'with' &&
      probe.step === step &&
      (probe.tests?.includes(test) ?? true),
  )
  const runs = [
    ...first.flatMap(task => {
      const outcome = final(task)
      return outcome?.kind === 'tested' ? (stepOf(outcome, step) ?? []) : []
    }),
    ...likely.flatMap(task => probedStep(task) ?? []).filter(isTrustworthy),
  ]
  return runs.map(run => trialOf(run, test)).reduce(plus, none)
}

/** The known failure that it is, where its own rate makes likely what was seen: no proof is needed. Never of a step as a whole: that is run
 *  again in any case, as it kept its tests from being seen. */
export const letGo = (given: Case, image: string, seen: Seen): ReportedFailure | undefined => {
  const { step, test, message } = seen
  const known = test === '' ? undefined : reportedBy(given.known, { image, step, test, message })
  const images = firstTasks(given.tasks).tests.map(task => task.image)
  const sums = (names: string[]) => ({
    history: names.map(name => given.history(name, step, test)).reduce(plus, none),
    seen: names.map(name => seenWith(given, name, seen)).reduce(plus, none),
  })
  // Once on every image is not once.
  return known && isExpected(known, sums([image])) && isExpected(known, sums(images)) ? known : undefined
}

/** After proof. What fails as often without the patches is told with its bug; so is what the runs left open, if it is no more frequent than
 *  its own rate explains. What is new or worse stays so, whatever bug there is. */
export const withBug = (given: Case, ruled: Ruled): Ruled => {
  const { image, step, test, ruling, proof } = ruled
  if (ruling !== 'flaky' && ruling !== 'failing' && ruling !== 'unclear') return ruled
  const known = reportedBy(given.known, ruled)
  if (!known) return ruled
  const history = plus(given.history(image, step, test), proof.without)
  if (ruling === 'unclear' && !isExpected(known, { history, seen: proof.with })) return ruled
  return { ...ruled, ruling: 'reported', bug: known.bug }
}
