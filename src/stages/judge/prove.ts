// Proof: whose doing is each failure? From the runs so far either a ruling follows, or more runs are wanted, round by round. Pure: the same
// case gives the same answer, and a ruling that was reached stays as it is, whatever runs come after it.
//
//   suspects ──known, or failing anyway──▶ ruled
//      └──screen (with the patches)──▶ pairs (with and without)──▶ pairs of builds made anew──▶ ruled; unclear when the budget is spent
import { none, plus, type Trials } from '../../model/history.ts'
import type { Millis } from '../../model/instant.ts'
import { firstTasks, isBuilt, isOver, type Probe, type Task } from '../../model/job.ts'
import { type Pair, ruling, type Suspicion, sharesOf } from '../../model/proof.ts'
import type { Ruled } from '../../model/ruled.ts'
import { signalOf } from '../../text/ending.ts'
import type { Case } from './case.ts'
import { withBug } from './known.ts'
import { probedStep } from './outcomes.ts'
import { countsOf, failedIn, isOf, proofTasks, type Round, roundsOf } from './pairs.ts'
import { anewBuilds, anewIds, buildIds, isAnew, nextRound, probeTask } from './probes.ts'
import {
  type Doubtful,
  doubtful,
  doubtfulInsteadOf,
  isFailingAnyway,
  type Suspect,
  seeminglyMended,
} from './suspects.ts'

export type Proven = { rulings: Ruled[]; wanted: Task[] }

type Kind = 'screen' | 'pairs' | 'anew'

/** What a suspect needs next, or what it is. */
type State = {
  suspect: Suspect
  whole: boolean
  proof: Ruled['proof']
  is: Ruled['ruling'] | 'nothing' | { kind: Kind; runs: number }
}

type Wanting = Omit<State, 'is'> & { is: { kind: Kind; runs: number } }

/** Pairs for a test that seems to be mended: thanks are worth less than blame. */
const mendedPairs = 12
/** So many runs more than it takes, as some are lost to us. */
const spareRuns = 8

const wants = (state: State): state is Wanting => typeof state.is === 'object'

/** Runs of it with the patches, but without the rest of its step. */
const aloneRuns = (given: Case, suspect: Suspect): Task[] =>
  proofTasks(given, suspect).filter(
    task =>
      task.probe?.side === 'with' &&
      task.probe.tests !== undefined &&
      isOf(task, suspect.test) &&
      probedStep(task) !== undefined,
  )

/** A test by itself; where that tells nothing of it, the step as a whole. */
const isWhole = (given: Case, suspect: Suspect): boolean => {
  if (!suspect.single || suspect.together) return true
  const alone = aloneRuns(given, suspect)
  return alone.length > 0 && alone.every(task => failedIn(task, suspect) === undefined)
}

/** So many runs by itself, all good, of a test that failed on several images: it takes the rest of its step to make it fail. */
const goodAlone = 2

const asSeen = (given: Case, suspect: Suspect): Suspect => {
  if (!suspect.widely) return suspect
  const alone = aloneRuns(given, suspect).flatMap(task => failedIn(task, suspect) ?? [])
  return alone.length >= goodAlone && alone.every(failed => !failed)
    ? { ...suspect, together: true }
    : suspect
}

const swapped = (pairs: Pair[]): Pair[] => pairs.map(pair => ({ with: pair.without, without: pair.with }))

const stateOf = (given: Case, found: Suspect, suspects: number): State => {
  const suspect = asSeen(given, found)
  const rounds = roundsOf(given, suspect)
  const whole = isWhole(given, suspect)
  return suspect.kind === 'mended'
    ? mendedState(given, { suspect, rounds, whole, suspects })
    : faultState(given, { suspect, rounds, whole, suspects })
}

type Looked = { suspect: Suspect; rounds: Round[]; whole: boolean; suspects: number }

/** What fails together with others is run with all of them: only breaks that nearly always show are worth that. */
const togetherRate = 0.95

const faultState = (given: Case, looked: Looked): State => {
  const { suspect, rounds, whole, suspects } = looked
  const policy = suspect.together ? { ...given.policy, rate: togetherRate } : given.policy
  const { history } = suspect
  let screened: Trials = none
  let pairs: Pair[] = []
  const state = (is: State['is'], anew: Pair[] = []): State => {
    const counts = countsOf([...pairs, ...anew], suspect)
    return { suspect, whole, is, proof: { ...counts, with: plus(counts.with, screened), history } }
  }
  // Each run of it is dear, and the first build's was seen: the next ones are of builds made anew.
  if (brokeOff(suspect)) return anewState(looked, { policy, is: 'new', state })
  let is = ruling({ history, pairs, screened, whole, suspects }, policy)
  for (const round of rounds) {
    screened = plus(screened, round.screened)
    pairs = [...pairs, ...round.pairs]
    if (isFailingAnyway(suspect, countsOf(pairs, suspect).without)) return state('failing')
    is = ruling({ history, pairs, screened, whole, suspects }, policy)
    if (is.is !== 'open' && is.is !== 'screen') break
  }
  if (is.is === 'screen') return state({ kind: 'screen', runs: is.runs })
  if (is.is === 'open') return state({ kind: 'pairs', runs: is.pairs })
  return is.is === 'new' || is.is === 'worse' ? anewState(looked, { policy, is: is.is, state }) : state(is.is)
}

/** Did the step crash, hang or run out of time, as it never did without the patches? */
const brokeOff = ({ test, failure, history }: Suspect): boolean =>
  test === '' &&
  history.failed === 0 &&
  (failure.ending.kind !== 'finished' || signalOf(failure.ending) !== undefined)

/** The same once more with builds made anew: one that was damaged when it was made shows the same in every run. */
const anewState = (
  { suspect, rounds, whole, suspects }: Looked,
  given: Pick<Case, 'policy'> & { is: 'new' | 'worse'; state: (is: State['is'], anew?: Pair[]) => State },
): State => {
  const { policy, is, state } = given
  const { history } = suspect
  const isDear = brokeOff(suspect)
  const of = (anew: Pair[]): Suspicion => ({
    ...{ history, pairs: anew, anew: true, whole, suspects },
    ...(isDear ? { brokeOff: true } : {}),
  })
  let pairs: Pair[] = []
  let again = ruling(of(pairs), policy)
  for (const { anew } of rounds) {
    pairs = [...pairs, ...anew]
    again = ruling(of(pairs), policy)
    if (again.is !== 'open' && again.is !== 'screen') break
  }
  if (again.is === 'open') return state({ kind: 'anew', runs: again.pairs }, pairs)
  // The base may have failed only now: what it does by itself is not new.
  if (again.is === 'new' || again.is === 'worse') return state(again.is === 'worse' ? 'worse' : is, pairs)
  return state(isDear && again.is === 'flaky' ? 'flaky' : 'unclear', pairs)
}

/** The other way round: it fails because the patch is not in it. */
const mendedState = ({ policy }: Case, { suspect, rounds, whole, suspects }: Looked): State => {
  let pairs: Pair[] = []
  let is: State['is'] = { kind: 'pairs', runs: 3 }
  for (const round of rounds.slice(1)) {
    pairs = [...pairs, ...round.pairs]
    if (pairs.length === 0) continue
    const settings = { ...policy, pairs: Math.min(policy.pairs, mendedPairs) }
    const said = ruling({ history: none, pairs: swapped(pairs), whole: false, suspects }, settings)
    is =
      said.is === 'open'
        ? { kind: 'pairs', runs: said.pairs }
        : said.is === 'new' || said.is === 'worse'
          ? 'mended'
          : 'nothing'
    if (typeof is === 'string') break
  }
  // Nobody runs a whole step for thanks.
  if (whole && typeof is === 'object') is = 'nothing'
  return { suspect, whole, is, proof: { ...countsOf(pairs, suspect), history: suspect.history } }
}

/** Time that clones took for proof and for tracing. */
export const spentMs = ({ tasks, runs, now }: Case): Millis => {
  const own = new Set(
    tasks
      .filter(({ probe, upTo }) => upTo !== undefined || (probe && probe.why !== 'likely'))
      .map(({ id }) => id),
  )
  return runs
    .filter(({ task }) => own.has(task))
    .reduce((sum, { startedAt, endedAt }) => sum + Math.max(0, (endedAt ?? now) - startedAt), 0)
}

/** What one such run takes, as far as earlier ones tell. */
const costOf = (given: Case, { suspect, whole }: State): Millis => {
  const ended = (tasks: Task[]) => {
    const ids = new Set(tasks.map(({ id }) => id))
    return given.runs.flatMap(({ task, startedAt, endedAt }) =>
      ids.has(task) && endedAt !== undefined ? [endedAt - startedAt] : [],
    )
  }
  const alike = ended(
    proofTasks(given, suspect).filter(({ probe }) => (probe?.tests === undefined) === whole),
  )
  const first = firstTasks(given.tasks).tests.filter(({ image }) => image === suspect.image)
  const times = alike.length > 0 || !whole ? alike : ended(first)
  return times.length === 0 ? 0 : times.reduce((sum, ms) => sum + ms, 0) / times.length
}

/** More than these, and more than told something: what is wrong with us does not mend by going on. */
const maxLost = 4

const kindOf = ({ job }: Case, task: Task): Kind =>
  task.probe?.why === 'screen' ? 'screen' : isAnew(job, task) ? 'anew' : 'pairs'

/** So many runs of that kind may still be made for it: some are lost to us, and are made up for. */
const runsLeft = (given: Case, { suspect, whole, is: { kind } }: Wanting): number => {
  const own = proofTasks(given, suspect).filter(task => isOf(task, suspect.test))
  const isLost = (runs: Task[]) => {
    const told = runs.filter(({ state }) => state.at === 'done' && state.outcome.kind === 'tested').length
    return runs.length - told > maxLost + told
  }
  // One side alone may be lost for good, as when the build that it tests is gone.
  if ([...Map.groupBy(own, ({ probe }) => probe?.build).values()].some(isLost)) return 0
  const most = (whole ? given.policy.stepPairs : given.policy.pairs) + spareRuns
  return most - own.filter(task => task.probe?.side === 'with' && kindOf(given, task) === kind).length
}

/** Some anew builds may never come; then nothing can be seen again. */
const isHopeless = (given: Case, { is }: Wanting): boolean => {
  if (is.kind !== 'anew') return false
  const ids: string[] = Object.values(anewIds(given.job))
  return given.tasks.some(task => ids.includes(task.id) && isOver(task) && !isBuilt(task))
}

type Group = { image: string; step: string; states: Wanting[] }

/** More names, together, than a command may have. */
const maxNames = 50_000

const namesOf = (states: Group['states']): string[] | undefined => {
  if (states.some(({ whole }) => whole)) return undefined
  const names = states.map(({ suspect }) => suspect.test).sort()
  return names.reduce((sum, name) => sum + name.length + 3, 0) > maxNames ? undefined : names
}

/** One round of a step on an image: runs of the same kind are made for all together. */
const roundOf = (given: Case, { image, step, states }: Group): Task[] => {
  const { job } = given
  const round = nextRound(proofTasks(given, { image, step }))
  const found: Task[] = []
  const task = (probe: Pick<Probe, 'why' | 'side' | 'build' | 'turn'>, names: string[] | undefined) =>
    found.push(probeTask(job, image, { ...probe, step, round, ...(names ? { tests: names } : {}) }))
  for (const kind of ['screen', 'pairs', 'anew'] as const) {
    const own = states.filter(({ is }) => is.kind === kind)
    const most = Math.max(0, ...own.map(({ is }) => is.runs))
    const builds = kind === 'anew' ? anewIds(job) : buildIds(job)
    for (let n = 1; n <= most; n++) {
      const those = own.filter(({ is }) => is.runs >= n)
      const why = kind === 'screen' ? 'screen' : 'proof'
      // The numbers of the runs with builds made anew begin behind those of the others.
      const turn = kind === 'anew' ? 100 + n : n
      task({ why, side: 'with', build: builds.with, turn }, namesOf(those))
      if (kind === 'screen') continue
      const there = those.filter(({ suspect }) => suspect.before !== 'absent')
      if (there.length > 0) task({ why, side: 'without', build: builds.without, turn }, namesOf(there))
    }
  }
  const needsBuilds = states.some(({ is }) => is.kind === 'anew')
  return needsBuilds ? [...anewBuilds(given), ...found] : found
}

/** Asks for what is open, as long as time is left for it; what is not asked for stays unclear. */
const ask = (given: Case, states: State[]): { wanted: Task[]; open: Set<State> } => {
  const { policy } = given
  const open = states.filter(wants)
  const wanted: Task[] = []
  const waiting = new Set<State>()
  let leftMs = policy.budgetMs - spentMs(given)
  for (const own of Map.groupBy(open, ({ suspect }) =>
    JSON.stringify([suspect.image, suspect.step]),
  ).values()) {
    const [one] = own
    if (!one) continue
    const { image, step } = one.suspect
    if (proofTasks(given, one.suspect).some(task => !isOver(task))) {
      for (const state of own) waiting.add(state)
      continue
    }
    const asked = own.flatMap(state => {
      const sides = state.is.kind === 'screen' ? 1 : 2
      const affordable = Math.floor(leftMs / (sides * Math.max(1, costOf(given, state))))
      const runs = Math.min(state.is.runs, runsLeft(given, state), affordable)
      return runs <= 0 || isHopeless(given, state)
        ? []
        : [{ from: state, state: { ...state, is: { ...state.is, runs } } }]
    })
    for (const { from } of asked) waiting.add(from)
    const round =
      asked.length === 0 ? [] : roundOf(given, { image, step, states: asked.map(({ state }) => state) })
    leftMs -= round.length * Math.max(0, ...own.map(state => costOf(given, state)))
    wanted.push(...round)
  }
  const known = new Set(given.tasks.map(({ id }) => id))
  const fresh = [...new Map(wanted.map(task => [task.id, task])).values()].filter(({ id }) => !known.has(id))
  return { wanted: fresh, open: waiting }
}

/** Nothing of what is waited for. */
const ruled = (state: State, open: Set<State>): Ruled[] => {
  const { suspect, is, proof } = state
  const { image, step, test, message, failure, kind } = suspect
  const ruling = wants(state)
    ? kind === 'fault'
      ? 'unclear'
      : 'nothing'
    : (is as Exclude<State['is'], object>)
  if (ruling === 'nothing' || open.has(state)) return []
  return [{ image, step, test, message, failure, proof, ruling }]
}

const statesOf = (given: Case, suspects: Suspect[], besides: Suspect[] = []): State[] => {
  const shares = sharesOf([...suspects, ...besides].map(({ history }) => history))
  return suspects.map((suspect, i) => stateOf(given, suspect, shares[i] ?? suspects.length))
}

/** Is a first run, a run of the base, or one of the tests that the patches concern still to come? Where the series gave no build, nothing is compared. */
export const isEarly = ({ tasks, baseline }: Case): boolean => {
  const first = firstTasks(tasks)
  if (first.build && isOver(first.build) && !isBuilt(first.build)) return false
  const base = baseline && firstTasks(baseline.tasks)
  const likely = tasks.filter(({ probe }) => probe?.why === 'likely')
  const basesOwn = base?.build && isBuilt(base.build) ? base.tests : (base?.build ?? [])
  const images = new Set(first.tests.map(({ image }) => image))
  const others = [basesOwn].flat().filter(({ kind, image }) => kind === 'build' || images.has(image))
  return [...first.tests, ...likely, ...others].some(task => !isOver(task))
}

/**
 * Rules on what fails with the patches, and on what seems to be mended by them. `wanted`: tasks to add before more can be said; while some of
 * those that were added are not over, a suspect is neither ruled on nor asked for.
 */
export const prove = (given: Case): Proven => {
  if (isEarly(given)) return { rulings: [], wanted: [] }
  const found: Doubtful = doubtful(given)
  const first = statesOf(given, found.suspects)
  const undecided = new Set<State>(first.filter(wants))
  const sofar = first.flatMap(state => ruled(state, undecided))
  const more = doubtfulInsteadOf(given, sofar, found)
  const later = statesOf(given, more.suspects, found.suspects)
  const faults = [...first, ...later]
  const mended = seeminglyMended(given)
  // Thanks wait until the blame is settled.
  const asked = ask(given, faults)
  const thanks = statesOf(given, mended.suspects)
  const thanked =
    asked.open.size > 0 ? { wanted: [], open: new Set(thanks.filter(wants)) } : ask(given, thanks)
  const open = new Set([...asked.open, ...thanked.open])
  return {
    rulings: [
      ...[...found.decided, ...more.decided, ...mended.decided],
      ...[...faults, ...thanks].flatMap(state => ruled(state, open)),
    ].map(one => withBug(given, one)),
    wanted: [...asked.wanted, ...thanked.wanted],
  }
}

/** Are runs for proof still to come? */
export const isProving = (tasks: Task[]): boolean =>
  tasks.some(task => (task.probe?.why === 'proof' || task.probe?.why === 'screen') && !isOver(task))
