// The judge stage: outcomes of a series' tasks and of its base's → one verdict, or "not yet". Reads nothing, sends nothing.
import type { Instant } from '../../model/instant.ts'
import type { Job, Outcome, RunRecord, Task, TestedStep } from '../../model/job.ts'
import { byOneRun, type Doubt, judgeImage, type StepVerdict } from '../../model/judging.ts'
import type { Recipe } from '../../model/recipe.ts'
import type { Ruled } from '../../model/ruled.ts'
import type { SeriesId } from '../../model/series.ts'
import type { ImageVerdict, Verdict } from '../../model/verdict.ts'
import { newWarnings } from '../../text/build-warnings.ts'
import { baselineTests, baseOutcome, final, type Tasks } from './outcomes.ts'

export type { Tasks } from './outcomes.ts'

export type JudgeInput = Tasks & {
  /** Of a series, not of the base. */
  job: Job
  /** The unpatched base, with the same recipe. undefined: nobody will test it; then nothing is blamed on the series. */
  baseline: Tasks | undefined
  /** Records of the series' own tasks: where the logs lie. None: the verdict names no logs. */
  runs?: RunRecord[]
  /** All tasks of the job. */
  all?: Task[]
  /** What was proven. undefined: nothing was; then one run with the patches is compared with one without. */
  rulings?: Ruled[]
  /** The run of a step that stands for it, where it is not the first. */
  standing?: (image: string, first: TestedStep) => TestedStep
  now: Instant
}

export type Judgement = { kind: 'wait' } | { kind: 'verdict'; verdict: Verdict }

type Finding = Verdict['finding']

/** Waits until all that it needs is done; what does not apply, and a build that is broken, needs no tests. The same outcomes give the same verdict, in whatever order they came. */
export const judge = (input: JudgeInput): Judgement => {
  const { build, tests, baseline } = input
  const built = final(build)
  if (built === undefined) return { kind: 'wait' }
  if (built.kind === 'build-failed') {
    const { step, errors } = built
    if (built.unpatched) return verdict(input, { kind: 'base-broken', step: step.name, errors }, [])
    const base = baseline && final(baseline.build)
    if (baseline && !base) return { kind: 'wait' }
    return verdict(input, judgeBuild({ built, base, input }), [])
  }
  if (built.kind !== 'built') return verdict(input, withoutTests(built), [])
  // Nothing ran, so that there is nothing to compare.
  if (tests.length > 0 && tests.every(task => isUnconcerned(final(task))))
    return verdict(
      input,
      { kind: 'nothing-to-test', built: true },
      tests.map(task => judgeTask(task, input).image),
    )
  const relevant = [...tests, ...(baseline ? baselineTests(baseline, tests) : [])]
  if (relevant.some(task => final(task) === undefined)) return { kind: 'wait' }
  const images = tests.map(task => judgeTask(task, input))
  return verdict(
    input,
    sumUp(images),
    images.map(({ image }) => image),
  )
}

/** What the compiler says of the series only. */
const warningsOf = ({ build, baseline }: JudgeInput): Pick<Verdict, 'warnings'> => {
  const [own, base] = [final(build), baseline && final(baseline.build)]
  if (own?.kind !== 'built' || base?.kind !== 'built') return {}
  const warnings = newWarnings(own.warnings ?? [], base.warnings ?? [])
  return warnings.length === 0 ? {} : { warnings }
}

/** All steps were left out, as nothing that is changed concerns them. */
const isUnconcerned = (outcome: Outcome | undefined): boolean =>
  outcome?.kind === 'tested' && outcome.steps.length === 0 && (outcome.skipped ?? []).length > 0

const baseOf = ({
  base,
  baseName,
  baseHow,
  wantedBase,
}: Pick<Job, 'base' | 'baseName' | 'baseHow' | 'wantedBase'>): Verdict['base'] => ({
  commit: base,
  name: baseName,
  ...(baseHow === undefined ? {} : { how: baseHow }),
  ...(wantedBase === undefined ? {} : { wanted: wantedBase }),
})

const seriesOf = ({ id, series }: Job): SeriesId => {
  if (series === undefined) throw new Error(`job ${id} is of no series: nobody waits for a verdict on it`)
  return series
}

const verdict = (input: JudgeInput, finding: Finding, images: ImageVerdict[]): Judgement => ({
  kind: 'verdict',
  verdict: {
    series: seriesOf(input.job),
    job: input.job.id,
    base: baseOf(input.job),
    ...(input.job.lacking === undefined ? {} : { lacking: input.job.lacking }),
    decidedAt: input.now,
    ...extraOf(input),
    ...warningsOf(input),
    buildLog: lastRun(input.runs, input.build)?.evidence.log,
    images,
    finding,
  },
})

const withoutTests = (built: Exclude<Outcome, { kind: 'built' | 'build-failed' }>): Finding => {
  switch (built.kind) {
    case 'does-not-apply':
      return {
        ...{ kind: built.kind, position: built.position, title: built.title, conflicts: built.conflicts },
        ...(built.before === undefined ? {} : { before: built.before }),
      }
    case 'already-applied':
      return { kind: built.kind, positions: built.positions }
    case 'ours':
      return { kind: 'ours', what: built.what }
    case 'tested':
    case 'walked':
      return { kind: 'ours', what: 'the build gave no result of a build' }
  }
}

/** Runs besides the first ones of this job; those of its base line others share. */
const extraOf = ({ runs, build, tests, all }: JudgeInput): Pick<Verdict, 'extra'> => {
  const first = new Set([build, ...tests].map(task => task?.id))
  const ids = new Set((all ?? []).flatMap(({ id }) => (first.has(id) ? [] : [id])))
  const more = (runs ?? []).filter(({ task, endedAt }) => ids.has(task) && endedAt !== undefined)
  const ms = more.reduce(
    (sum, { startedAt, endedAt }) => sum + Math.max(0, (endedAt ?? startedAt) - startedAt),
    0,
  )
  return more.length === 0 ? {} : { extra: { runs: more.length, ms } }
}

type BuildFailure = Extract<Outcome, { kind: 'build-failed' }>

const judgeBuild = (given: {
  built: BuildFailure
  base: Outcome | undefined
  input: JudgeInput
}): Finding => {
  const { built, base, input } = given
  const { name, ending } = built.step
  if (base?.kind === 'build-failed') return { kind: 'base-broken', step: base.step.name, errors: base.errors }
  if (base?.kind !== 'built' || input.baseline?.build?.image !== input.build?.image)
    return { kind: 'ours', what: `the build failed, and ${buildDoubt(base)}` }
  const same = base.steps.find(step => step.name === name)
  if (same?.ending.kind !== 'finished' || same.ending.exitCode !== 0)
    return { kind: 'ours', what: `the build failed in step "${name}", which the unpatched base did not run` }
  return {
    kind: 'build-broken',
    step: name,
    ending,
    errors: built.errors,
    command: buildCommand(input.job.recipe, name),
  }
}

const buildDoubt = (base: Outcome | undefined): string =>
  base?.kind === 'ours'
    ? `the unpatched base could not be built: ${base.what}`
    : 'there is no build of the unpatched base to compare with'

/** The build's commands up to the one that failed. */
const buildCommand = (recipe: Recipe, failed: string): string => {
  const at = recipe.build.steps.findIndex(step => step.name === failed)
  return recipe.build.steps
    .slice(0, at < 0 ? undefined : at + 1)
    .map(step => step.run)
    .join('\n')
}

type Judged = { image: ImageVerdict; doubts: Doubt[] }

const listed = ['flaky', 'unclear', 'reported', 'failing', 'vanished', 'leftOut'] as const
type Lists = Pick<ImageVerdict, (typeof listed)[number]>

/** Lists that are seldom of any length: then they are left out. */
const listsOf = (steps: StepVerdict[]): Lists =>
  Object.fromEntries(
    listed
      .map(name => [name, steps.flatMap((step): unknown[] => step[name])] as const)
      .filter(([, items]) => items.length > 0),
  )

/** What can be seen of a guest that went down. */
const scene = (record: RunRecord | undefined): Pick<ImageVerdict, 'console' | 'screenshot'> => ({
  ...(record?.evidence.console === undefined ? {} : { console: record.evidence.console }),
  ...(record?.evidence.screenshot === undefined ? {} : { screenshot: record.evidence.screenshot }),
})

const stood = (outcome: Outcome, image: string, { standing }: JudgeInput): Outcome =>
  standing && outcome.kind === 'tested'
    ? { ...outcome, steps: outcome.steps.map(step => standing(image, step)) }
    : outcome

const judgeTask = (task: Task, input: JudgeInput): Judged => {
  const { baseline, job, runs } = input
  const { image } = task
  const first: Outcome = final(task) ?? { kind: 'ours', what: 'it was not run', detail: '' }
  const outcome = stood(first, image, input)
  const base = baseOutcome(baseline, image)
  const rulings = input.rulings?.filter(ruled => ruled.image === image) ?? byOneRun(image, outcome, base)
  const steps = judgeImage(outcome, base, rulings)
  const doubts = steps.flatMap(step => step.doubt ?? [])
  const record = lastRun(runs, task)
  const all = <T>(pick: (step: StepVerdict) => T[]): T[] => steps.flatMap(pick)
  const newFailures = all(step => step.newFailures)
  const broken = all(step => step.broken)
  const blamed = new Set([...newFailures, ...broken].map(({ step }) => step))
  return {
    doubts,
    image: {
      image,
      kind: blamed.size > 0 ? 'new-failures' : doubts.length > 0 ? 'untested' : 'passed',
      passed: steps.reduce((sum, step) => sum + step.passed, 0),
      known: steps.reduce((sum, step) => sum + step.known, 0),
      newFailures,
      mended: all(step => step.mended),
      ...listsOf(steps),
      ...(broken.length > 0 ? scene(record) : {}),
      broken,
      why: [...new Set(doubts.map(doubt => doubt.why))].join('; '),
      log: record?.evidence.log,
      run: record?.id,
      command: testCommand(job.recipe, blamed),
    },
  }
}

/** The commands of the named steps; of all if none is named. */
const testCommand = (recipe: Recipe, names: Set<string>): string =>
  recipe.test.steps
    .filter(step => names.size === 0 || names.has(step.name))
    .map(step => step.run)
    .join('\n')

/** One new failure is news; one image that passed is an answer. Where nothing could be told, it is the base's trouble only if it is nobody else's. */
const sumUp = (judged: Judged[]): Finding => {
  const images = judged.map(({ image }) => image)
  if (images.some(({ kind }) => kind === 'new-failures')) return { kind: 'new-failures' }
  if (images.length === 0 || images.some(({ kind }) => kind === 'passed')) return { kind: 'all-well' }
  const doubts = judged.flatMap(image => image.doubts)
  const base = doubts.find(({ whose }) => whose === 'base')
  return base && doubts.every(({ whose }) => whose === 'base')
    ? { kind: 'base-broken', step: base.step, errors: base.tail }
    : { kind: 'ours', what: doubts[0]?.why ?? 'nothing was tested' }
}

/** The newest try that has a result; its log is the evidence. */
const lastRun = (runs: RunRecord[] | undefined, task: Task | undefined): RunRecord | undefined =>
  (runs ?? [])
    .filter(run => run.task === task?.id && run.outcome !== undefined)
    .sort((a, b) => a.attempt - b.attempt)
    .at(-1)
