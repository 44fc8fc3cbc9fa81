// The judge: when it waits, what it blames on a series, and that it never blames without a base that went well.
import { describe, expect, test } from 'vitest'
import type { Job, Outcome, StepOutcome, Task, TestedStep } from '../../src/model/job.ts'
import type { Recipe } from '../../src/model/recipe.ts'
import type { ReportState, TestOutcome, TestResult } from '../../src/model/report.ts'
import type { Ending } from '../../src/model/run.ts'
import type { Verdict } from '../../src/model/verdict.ts'
import { type JudgeInput, judge, type Tasks } from '../../src/stages/judge/judge.ts'

const images = ['debian', 'busybox']
const steps = ['unit', 'io']
const recipe: Recipe = {
  repository: 'r',
  branch: 'main',
  build: {
    image: 'debian',
    prepare: [],
    steps: [{ name: 'make', run: 'make', timeoutMs: 1 }],
    artifacts: [],
  },
  test: { images, steps: steps.map(name => ({ name, run: `./${name}`, timeoutMs: 1, report: 'tap' })) },
  ignore: [],
}
const job: Job = {
  id: 'j1',
  project: 'p',
  series: 's1',
  baseline: 'b1',
  base: 'a'.repeat(40),
  baseName: 'main',
  recipe,
  parts: [],
  priority: 6,
  createdAt: 0,
}

const ok: Ending = { kind: 'finished', exitCode: 0 }
const endings: Ending[] = [
  ok,
  { kind: 'finished', exitCode: 1 },
  { kind: 'timed-out', afterMs: 5000 },
  { kind: 'powered-off' },
  { kind: 'crashed', how: 'panic' },
  { kind: 'vm-died', detail: 'x' },
]
const stepOutcome = (name: string, ending: Ending): StepOutcome => ({
  name,
  ending,
  tail: ['last words'],
  lines: [1, 2],
})

/** `a:passed b:failed` */
const tested = (
  name: string,
  tests: string,
  state: ReportState = 'whole',
  ending: Ending = ok,
): TestedStep => ({
  ...stepOutcome(name, ending),
  format: 'tap',
  report: {
    state,
    why: state === 'whole' ? '' : `it is ${state}`,
    tests: tests
      .split(' ')
      .filter(Boolean)
      .map((word): TestResult => {
        const [name = '', outcome] = word.split(':')
        return {
          test: name.replaceAll('>', ' > '),
          outcome: outcome as TestOutcome,
          message: `${name} said`,
          line: 1,
        }
      }),
  },
})
const testOutcome = (...steps: TestedStep[]): Outcome => ({ kind: 'tested', steps })
const built: Outcome = { kind: 'built', artifact: undefined, steps: [stepOutcome('make', ok)] }
const buildFailed: Outcome = {
  kind: 'build-failed',
  step: stepOutcome('make', { kind: 'finished', exitCode: 2 }),
  errors: ['x.c:1: error: y'],
}
const ours: Outcome = { kind: 'ours', what: 'the host was lost', detail: '' }

const task = (kind: Task['kind'], image: string, outcome: Outcome | 'queued' | 'cancelled'): Task => ({
  id: `${kind}-${image}`,
  job: 'j1',
  project: 'p',
  kind,
  image,
  priority: 6,
  state:
    outcome === 'queued'
      ? { at: 'queued', attempt: 1 }
      : outcome === 'cancelled'
        ? { at: 'cancelled', why: 'an operator stopped it' }
        : { at: 'done', attempts: 1, outcome },
})
type Given = Outcome | 'queued' | 'cancelled'
const tasks = (build: Given, ...tests: Given[]): Tasks => ({
  build: task('build', 'debian', build),
  tests: tests.map((outcome, i) => task('test', images[i] ?? 'more', outcome)),
})
const ask = (patched: Tasks, baseline: Tasks | undefined, more: Partial<JudgeInput> = {}) =>
  judge({ job, ...patched, baseline, now: 5, ...more })
const decide = (patched: Tasks, baseline: Tasks | undefined, more: Partial<JudgeInput> = {}): Verdict => {
  const said = ask(patched, baseline, more)
  if (said.kind === 'wait') throw new Error('it waits')
  return said.verdict
}

const well = testOutcome(tested('unit', 'a:passed b:passed'))
const oneFails = testOutcome(tested('unit', 'a:passed b:failed'))

describe('waiting', () => {
  test.each<[string, Tasks, Tasks | undefined, string]>([
    ['the build is not done', tasks('queued', 'queued'), tasks(built, well), 'wait'],
    ['a test is not done', tasks(built, 'queued'), tasks(built, well), 'wait'],
    ['the base is not tested', tasks(built, oneFails), tasks(built, 'queued'), 'wait'],
    ['the base is not built', tasks(built, oneFails), tasks('queued', 'queued'), 'wait'],
    [
      'the build failed, the base is not built',
      tasks(buildFailed, 'cancelled'),
      tasks('queued', 'queued'),
      'wait',
    ],
    [
      'the build failed, the base is built',
      tasks(buildFailed, 'cancelled'),
      tasks(built, 'queued'),
      'verdict',
    ],
    ['the base does not build', tasks(built, well), tasks(buildFailed, 'queued'), 'verdict'],
    ['no base will come', tasks(built, well), undefined, 'verdict'],
    [
      'it does not apply',
      tasks({ kind: 'does-not-apply', position: 2, title: 't', conflicts: [], tail: [] }, 'queued'),
      tasks('queued', 'queued'),
      'verdict',
    ],
    ['it is in the base', tasks({ kind: 'already-applied', positions: [1] }, 'queued'), undefined, 'verdict'],
  ])('%s', (_, patched, baseline, kind) => {
    expect(ask(patched, baseline).kind).toBe(kind)
  })
})

describe('findings', () => {
  test.each<[string, Tasks, Tasks | undefined, Verdict['finding']['kind']]>([
    ['all pass', tasks(built, well, well), tasks(built, well, well), 'all-well'],
    ['nothing to run', tasks(built), tasks(built), 'all-well'],
    ['one fails on one image', tasks(built, oneFails, well), tasks(built, well, well), 'new-failures'],
    ['it failed before', tasks(built, oneFails), tasks(built, oneFails), 'all-well'],
    ['the build is broken', tasks(buildFailed), tasks(built), 'build-broken'],
    ['both builds are broken', tasks(buildFailed), tasks(buildFailed), 'base-broken'],
    ['the build is broken, the base unknown', tasks(buildFailed), tasks(ours), 'ours'],
    ['the build is broken, no base', tasks(buildFailed), undefined, 'ours'],
    ['the base has no such step', tasks(buildFailed), tasks({ ...built, steps: [] }), 'ours'],
    ['the build was lost', tasks(ours), tasks(built), 'ours'],
    ['the build was cancelled', tasks('cancelled'), tasks(built), 'ours'],
    ['the tests were lost', tasks(built, ours), tasks(built, well), 'ours'],
    ['one image was lost', tasks(built, ours, well), tasks(built, well, well), 'all-well'],
    ['fails, and the base was lost', tasks(built, oneFails), tasks(built, ours), 'ours'],
    [
      'fails, and the base does not build',
      tasks(built, oneFails),
      tasks(buildFailed, 'cancelled'),
      'base-broken',
    ],
    ['passes, and the base does not build', tasks(built, well), tasks(buildFailed, 'cancelled'), 'all-well'],
    [
      'fails, and the base cannot be trusted',
      tasks(built, oneFails),
      tasks(built, testOutcome(tested('unit', 'a:passed', 'truncated'))),
      'base-broken',
    ],
    ['fails on an image that the base never saw', tasks(built, oneFails), tasks(built), 'ours'],
  ])('%s', (_, patched, baseline, kind) => {
    expect(decide(patched, baseline).finding.kind).toBe(kind)
  })

  test('a broken build names the step, its errors, and the commands up to it', () => {
    expect(decide(tasks(buildFailed), tasks(built)).finding).toEqual({
      kind: 'build-broken',
      step: 'make',
      ending: { kind: 'finished', exitCode: 2 },
      errors: ['x.c:1: error: y'],
      command: 'make',
    })
  })
})

describe('one image', () => {
  const image = (patched: TestedStep[], base: TestedStep[]) =>
    decide(tasks(built, testOutcome(...patched)), tasks(built, testOutcome(...base))).images[0]

  test('new, known and mended are told apart', () => {
    expect(
      image(
        [tested('unit', 'a:passed b:failed c:failed d:passed e:error f:todo-passed g:failed')],
        [tested('unit', 'a:passed b:failed c:passed d:failed e:skipped f:todo')],
      ),
    ).toMatchObject({
      kind: 'new-failures',
      passed: 3,
      known: 1,
      newFailures: [
        { step: 'unit', test: 'c', message: 'c said' },
        { step: 'unit', test: 'e' },
        { step: 'unit', test: 'g' },
      ],
      mended: ['d', 'f'],
      broken: [],
      command: './unit',
    })
  })

  test('where a test and one below it fail, the one below is named', () => {
    const got = image(
      [tested('unit', 'io:failed io>write:failed')],
      [tested('unit', 'io:passed io>write:passed')],
    )
    expect(got?.newFailures.map(({ test }) => test)).toEqual(['io > write'])
    const more = image(
      [tested('unit', 'io:failed io>write:failed io>read:failed')],
      [tested('unit', 'io:failed io>write:failed')],
    )
    expect(more).toMatchObject({ known: 1, newFailures: [{ test: 'io > read' }] })
  })

  test('a crash is one broken step, not a hundred new failures', () => {
    const crash: Ending = { kind: 'crashed', how: 'panic' }
    const got = image(
      [tested('unit', 'a:passed b:error', 'truncated', crash)],
      [tested('unit', 'a:passed b:passed c:passed d:passed')],
    )
    expect(got).toMatchObject({
      kind: 'new-failures',
      broken: [{ step: 'unit', ending: crash, why: 'it is truncated', tail: ['last words'] }],
      newFailures: [{ test: 'b', ending: crash }],
    })
  })

  test('what the base does, too, is nobody’s news', () => {
    const broken = tested('unit', 'a:passed', 'truncated', { kind: 'timed-out', afterMs: 1 })
    expect(image([broken], [broken])).toMatchObject({ kind: 'untested', broken: [], newFailures: [] })
    expect(image([broken], [broken])?.why).toMatch(/broken without the series, too/)
  })

  test('a step that the base cannot be asked about hides no failure of another', () => {
    const got = image(
      [tested('unit', 'a:failed'), tested('io', 'x:failed')],
      [tested('unit', 'a:passed', 'contradictory'), tested('io', 'x:passed')],
    )
    expect(got).toMatchObject({ kind: 'new-failures', newFailures: [{ step: 'io', test: 'x' }] })
    expect(got?.why).toMatch(/"unit"/)
  })

  test('steps that are missing without a reason are not called passed', () => {
    expect(
      image([tested('unit', 'a:passed')], [tested('unit', 'a:passed'), tested('io', 'x:passed')]),
    ).toMatchObject({
      kind: 'untested',
      why: 'the run ended before "io"',
    })
  })

  test('the log is that of the newest try with a result', () => {
    const run = (attempt: number, outcome: Outcome | undefined) => ({
      id: `r${attempt}`,
      task: 'test-debian',
      attempt,
      host: 'h',
      startedAt: 0,
      endedAt: 1,
      outcome,
      evidence: { log: `log${attempt}` },
    })
    const runs = [run(2, well), run(1, ours), run(3, undefined)]
    expect(decide(tasks(built, well), tasks(built, well), { runs }).images[0]).toMatchObject({
      log: 'log2',
      run: 'r2',
    })
  })
})

describe('random outcomes', () => {
  const random = (seed: number) => () => {
    seed = (seed * 1664525 + 1013904223) % 4294967296
    return seed / 4294967296
  }
  const pick = <T>(of: readonly T[], chance: () => number): T => of[Math.floor(chance() * of.length)] as T

  const anyStep = (name: string, chance: () => number): TestedStep => {
    const outcomes: TestOutcome[] = ['passed', 'passed', 'failed', 'skipped', 'todo', 'todo-passed', 'error']
    const tests = ['a', 'b', 'b>c', 'd'].filter(() => chance() < 0.8)
    return tested(
      name,
      tests.map(test => `${test}:${pick(outcomes, chance)}`).join(' '),
      pick(['whole', 'whole', 'whole', 'truncated', 'contradictory', 'none'] as const, chance),
      chance() < 0.6 ? ok : pick(endings, chance),
    )
  }
  const anyTests = (chance: () => number): Given => {
    const at = chance()
    if (at < 0.05) return 'cancelled'
    if (at < 0.15) return ours
    return testOutcome(...steps.filter(() => chance() < 0.9).map(name => anyStep(name, chance)))
  }
  const anyTasks = (chance: () => number): Tasks => {
    const at = chance()
    const build: Given = at < 0.08 ? ours : at < 0.2 ? buildFailed : at < 0.22 ? 'cancelled' : built
    const all = tasks(build, anyTests(chance), anyTests(chance))
    return { ...all, tests: all.tests.filter(() => chance() < 0.95) }
  }
  const outcomeOf = (given: Tasks | undefined, image: string): Outcome | undefined => {
    const state = given?.tests.find(task => task.image === image)?.state
    return state?.at === 'done' ? state.outcome : undefined
  }

  test('nothing is blamed unless the base passed the same step on the same image', () => {
    const seen = new Map<string, number>()
    for (let seed = 1; seed <= 5000; seed++) {
      const chance = random(seed)
      const patched = anyTasks(chance)
      const baseline = chance() < 0.95 ? anyTasks(chance) : undefined
      const { finding, images } = decide(patched, baseline)
      seen.set(finding.kind, (seen.get(finding.kind) ?? 0) + 1)
      const baseBuild = baseline?.build?.state
      const baseBuilt = baseBuild?.at === 'done' && baseBuild.outcome.kind === 'built'
      if (finding.kind === 'build-broken') expect(baseBuilt).toBe(true)
      expect(finding.kind === 'new-failures').toBe(images.some(image => image.kind === 'new-failures'))
      for (const image of images) {
        const base = outcomeOf(baseline, image.image)
        for (const { step, test } of [
          ...image.newFailures,
          ...image.broken.map(({ step }) => ({ step, test: '' })),
        ]) {
          const same = base?.kind === 'tested' ? base.steps.find(({ name }) => name === step) : undefined
          expect(baseBuilt).toBe(true)
          expect(same).toMatchObject({ ending: { kind: 'finished' }, report: { state: 'whole' } })
          const before = same?.report.tests.find(result => result.test === test)
          expect(['failed', 'error']).not.toContain(before?.outcome)
        }
        if (image.kind !== 'passed') continue
        const now = outcomeOf(patched, image.image)
        expect(now?.kind).toBe('tested')
        expect(now?.kind === 'tested' && now.steps.every(step => step.report.state === 'whole')).toBe(true)
      }
    }
    expect(
      Math.min(
        ...['all-well', 'new-failures', 'build-broken', 'base-broken', 'ours'].map(
          kind => seen.get(kind) ?? 0,
        ),
      ),
    ).toBeGreaterThan(50)
  })
})
