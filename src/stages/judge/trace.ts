// Which patch of the series did it? The proven failures are looked for in beginnings of the series, by halves; and each patch but the last is
// built, to see since which one the tree does not build. Decided anew from the case each time: what it still needs are tasks.
import { type BrokenMiddle, firstTasks, isOver, type Job, outcomeOf, type Task } from '../../model/job.ts'
import { isBlamed, type Ruled } from '../../model/ruled.ts'
import { stable } from '../../model/sameness.ts'
import type { Culprit, Verdict } from '../../model/verdict.ts'
import { beginningId, beginningTask, walkTask } from '../../model/walk.ts'
import { middle, mostRuns, type Proven, probesOf, ratesOf, runsOf, type Side, sideOf } from './bisect.ts'
import type { Case } from './case.ts'
import { nextRound, probeTask } from './probes.ts'
import { spentMs } from './prove.ts'

export type Trace = {
  culprit: Verdict['culprit']
  unbuildable: Verdict['unbuildable']
  /** What has to be over before more can be said: new tasks, and some that are there. None: this is all that will be known. */
  wanted: Task[]
}

type Judged = Proven & Pick<Ruled, 'ruling'>

const nothing: Trace = { culprit: undefined, unbuildable: undefined, wanted: [] }

/** At most so many clones at once for one beginning. */
const maxAtOnce = 4
/** A series that breaks more: the plainest of them stand for all. */
const maxFailures = 100
/** Failures of other steps and images than the one that was traced are looked at there in so many groups. */
const maxGroups = 4

/** What is there already of a task that is wanted. */
const asKept = (tasks: Task[], wanted: Task): Task => tasks.find(({ id }) => id === wanted.id) ?? wanted

/** Nothing is held against a patch where the base, built in the same way, does not build. */
const baseIsBuilt = ({ baseline, tasks }: Case): boolean => {
  const base = baseline && firstTasks(baseline.tasks).build
  return outcomeOf(base)?.kind === 'built' && base?.image === firstTasks(tasks).build?.image
}

/** Pure: the same case gives the same answer. `rulings`: of all tests; only what is new or worse is traced. */
export const trace = (given: Case, rulings: Judged[]): Trace => {
  const { job, tasks, policy } = given
  if (!policy.bisect || job.parts.length < 2) return nothing
  const built = outcomeOf(firstTasks(tasks).build)
  if (built?.kind === 'build-failed') return built.unpatched ? nothing : brokenAtEnd(given, built.errors)
  if (built?.kind !== 'built') return nothing
  const walk = walkOf(given)
  const proven = rulings.filter(isBlamed)
  const { culprit, wanted } = affordable(given, proven.length === 0 ? nothing : culpritOf(given, proven))
  return {
    culprit,
    unbuildable: walk && !isOver(walk) ? undefined : unbuildable(given, walk),
    wanted: [...(walk && !isOver(walk) ? [walk] : []), ...wanted],
  }
}

/** Whether each patch builds is looked at while the tests run; where something was built at all. */
export const walkAhead = ({ job, tasks, policy }: Case): Task[] => {
  const built = outcomeOf(firstTasks(tasks).build)
  const isTold = built?.kind === 'built' || (built?.kind === 'build-failed' && !built.unpatched)
  const walk = policy.bisect && isTold ? walkTask(job) : undefined
  return walk ? [walk] : []
}

/** Puts into a verdict what was traced. */
export const traced = (verdict: Verdict, { culprit, unbuildable }: Omit<Trace, 'wanted'>): Verdict => {
  const { finding } = verdict
  if (finding.kind === 'build-broken') {
    const { position, title } = culprit ?? {}
    return position === undefined || title === undefined
      ? verdict
      : { ...verdict, finding: { ...finding, position, title } }
  }
  return {
    ...verdict,
    ...(culprit && finding.kind === 'new-failures' ? { culprit } : {}),
    ...(unbuildable && finding.kind !== 'cancelled' ? { unbuildable } : {}),
  }
}

const walkOf = ({ job, tasks }: Case): Task | undefined => {
  const walk = walkTask(job)
  return walk && asKept(tasks, walk)
}

const unbuildable = (given: Case, walk: Task | undefined): Verdict['unbuildable'] => {
  const walked = outcomeOf(walk)
  if (walked?.kind !== 'walked' || walked.broken.length === 0 || !baseIsBuilt(given)) return undefined
  return walked.broken.map(({ position, title, step, errors }) => ({ position, title, step, errors }))
}

/** Nobody waits for a walk that was lost once: that it does not build is known. */
const brokenAtEnd = (given: Case, errors: string[]): Trace => {
  const walk = walkOf(given)
  if (!walk) return nothing
  const { state } = walk
  const isFirst = (state.at === 'queued' || state.at === 'running') && state.attempt === 1
  if (isFirst) return { ...nothing, wanted: [walk] }
  const walked = outcomeOf(walk)
  if (walked?.kind !== 'walked' || !baseIsBuilt(given)) return nothing
  return { ...nothing, culprit: sinceWhen(given.job, { ...walked, errors }) }
}

const shares = (some: string[], others: string[]): boolean => {
  const known = new Set(others.map(stable))
  return some.some(error => known.has(stable(error)))
}

/** The first of the patches since which, up to the end, the tree never builds. Where the walk stopped early, the end must say the same as it did. */
const sinceWhen = (
  { parts }: Job,
  walked: { broken: BrokenMiddle[]; looked?: number; errors: string[] },
): Culprit | undefined => {
  const looked = walked.looked ?? parts.length - 1
  const isBroken = (index: number) =>
    walked.broken.some(({ position }) => position === parts[index]?.position)
  let first = looked
  while (first > 0 && isBroken(first - 1)) first--
  const whole = looked === parts.length - 1
  const last = walked.broken.at(-1)
  if (!whole && (first === looked || !last || !shares(last.errors, walked.errors))) return undefined
  return titled(parts[first])
}

const titled = (part: Job['parts'][number] | undefined): Culprit | undefined =>
  part && { position: part.position, title: part.title }

type Found = Pick<Trace, 'culprit' | 'wanted'>

/** The plainest first; of equals the one that most others come along with. */
const byEffect = (proven: Proven[]): Proven[] => {
  const effect = ({ proof }: Proven) => ratesOf(proof).with - ratesOf(proof).without
  const alone = ({ test }: Proven) => (test === '' ? 1 : 0)
  const name = ({ image, step, test }: Proven) => JSON.stringify([image, step, test])
  const sizes = new Map(proven.map(one => [one, groupOf(one, proven).length]))
  const size = (one: Proven) => sizes.get(one) ?? 0
  return [...proven].sort(
    (a, b) =>
      effect(b) - effect(a) || alone(a) - alone(b) || size(b) - size(a) || (name(a) < name(b) ? -1 : 1),
  )
}

const groupOf = (of: Pick<Proven, 'image' | 'step'>, all: Proven[]): Proven[] =>
  all.filter(({ image, step }) => image === of.image && step === of.step)

/** What there is time for. What is known by then stays. */
const affordable = (given: Case, found: Found): Found => {
  const { tasks, policy } = given
  const isNew = found.wanted.some(({ id }) => !tasks.some(task => task.id === id))
  return isNew && spentMs(given) >= policy.budgetMs ? { ...found, wanted: [] } : found
}

/** One failure leads; what the others in its clones say comes with it, and where they do not tell, they are run at the patch that was found. */
const culpritOf = (given: Case, proven: Proven[]): Found => {
  const { job } = given
  const all = byEffect(proven).slice(0, maxFailures)
  const [lead] = all
  if (!lead) return nothing
  const skipped = new Set<number>()
  let good = 0
  let bad = job.parts.length
  for (let next = middle(good, bad, skipped); next !== undefined; next = middle(good, bad, skipped)) {
    const said = lookAt(given, { at: next, failure: lead, group: groupOf(lead, all) })
    if (said === 'good') good = next
    else if (said === 'bad') bad = next
    else if (said === 'skip') skipped.add(next)
    else return { culprit: undefined, wanted: said.wanted }
  }
  const found = bad - good === 1 ? titled(job.parts[bad - 1]) : undefined
  return found ? withOthers(given, { found, lead, all, bad, whole: all.length === proven.length }) : nothing
}

type Said = 'good' | 'bad' | 'skip' | { wanted: Task[] }

/** A beginning that does not build, or whose runs do not tell, is left out. */
const lookAt = (given: Case, of: { at: number; failure: Proven; group: Proven[] }): Said => {
  const { job, tasks } = given
  const { at, failure } = of
  if (at <= 0) return 'good'
  if (at >= job.parts.length) return 'bad'
  const walked = outcomeOf(walkOf(given))
  const position = job.parts[at - 1]?.position
  if (walked?.kind === 'walked' && walked.broken.some(one => one.position === position)) return 'skip'
  const build = asKept(tasks, beginningTask(job, at))
  if (!isOver(build)) return { wanted: [build] }
  if (outcomeOf(build)?.kind !== 'built') return 'skip'
  const probes = probesOf(tasks, failure, at)
  const running = probes.filter(task => !isOver(task))
  if (running.length > 0) return { wanted: running }
  const rates = ratesOf(failure.proof)
  const side: Side = sideOf(runsOf(probes, failure), rates)
  if (typeof side === 'string') return side
  const left = mostRuns(rates) - probes.length
  return left <= 0
    ? 'skip'
    : { wanted: newProbes(given, { ...of, probes, count: Math.min(side.missing, left, maxAtOnce) }) }
}

const newProbes = (
  { job }: Case,
  of: { at: number; failure: Proven; group: Proven[]; probes: Task[]; count: number },
): Task[] => {
  const { at, failure, group, probes, count } = of
  const { image, step } = failure
  const names = [...new Set(group.map(({ test }) => test))].sort()
  const hasOnly = job.recipe.test.steps.some(one => one.name === step && one.only !== undefined)
  const tests = hasOnly && !names.includes('') ? { tests: names } : {}
  const round = nextRound(probes)
  const turns = Array.from({ length: count }, (_, i) => i + 1)
  const build = beginningId(job, at)
  return turns.map(turn =>
    probeTask(job, image, { why: 'bisect', side: at, build, step, ...tests, round, turn }),
  )
}

/** The same test is the same patch's on all images. */
const withOthers = (
  given: Case,
  of: { found: Culprit; lead: Proven; all: Proven[]; bad: number; whole: boolean },
): Found => {
  const { found, lead, bad, whole } = of
  const key = ({ step, test }: Proven) => JSON.stringify([step, test])
  const each = [...new Map(of.all.toReversed().map(one => [key(one), one])).values()].toReversed()
  const groups = [...new Set(each.map(({ image, step }) => JSON.stringify([image, step])))]
  const traced: Proven[] = []
  const wanted: Task[] = []
  for (const failure of each) {
    const nth = groups.indexOf(JSON.stringify([failure.image, failure.step]))
    if (nth >= maxGroups) continue
    const group = groupOf(failure, of.all)
    const before = key(failure) === key(lead) ? 'good' : lookAt(given, { at: bad - 1, failure, group })
    const after = key(failure) === key(lead) ? 'bad' : lookAt(given, { at: bad, failure, group })
    if (before === 'good' && after === 'bad') traced.push(failure)
    if (typeof before === 'object') wanted.push(...before.wanted)
    if (typeof after === 'object') wanted.push(...after.wanted)
  }
  const all = whole && traced.length === each.length
  const only = traced.map(({ step, test }) => ({ step, test }))
  return {
    culprit: all ? found : { ...found, only },
    wanted: [...new Map(wanted.map(task => [task.id, task])).values()],
  }
}
