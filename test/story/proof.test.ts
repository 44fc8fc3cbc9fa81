// Proof in the whole flow, on a farm whose tests fail by seeded chance: what is blamed on a patch, what is not, and by which runs.
import { execFileSync } from 'node:child_process'
import { afterEach, describe, expect, it } from 'vitest'
import type { ProjectConfig } from '../../src/config/config.ts'
import type { Task } from '../../src/model/job.ts'
import type { ProofPolicy } from '../../src/model/proof-policy.ts'
import type { Series } from '../../src/model/series.ts'
import type { Verdict } from '../../src/model/verdict.ts'
import type { RawMail } from '../../src/ports/mail-source.ts'
import { withdraw } from '../../src/stages/plan/withdraw.ts'
import type { Said } from '../fakes/farm.ts'
import { type Flow, openFlow, project, recipe } from '../fakes/flow.ts'

const mail: RawMail = {
  raw: Buffer.from(`From: Rosa Quill <rosa@example.com>
To: tally-devel@example.org
Subject: [PATCH] sums: PATCHED
Message-ID: <one@example.com>
Date: Mon, 05 Jan 2026 11:00:00 +0000

It is better.
---
 src/a.c | 2 +-

diff --git a/src/a.c b/src/a.c
index 1111111..2222222 100644
--- a/src/a.c
+++ b/src/a.c
@@ -1 +1 @@
-int a;
+int b;
--
2.39.5
`),
  arrivedAt: Date.UTC(2026, 0, 5, 11),
  where: 'one',
}

/** Mulberry32. */
const chance = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}

/** One run of a step. `nth`: of those with the patch, or without, counted from 0; the first ones are those of the tests and the base line. */
type Run = { patched: boolean; nth: number; names: string[]; image: string; probability: () => number }

/** What a test does in a run: fails (true), passes, is skipped, is not there, or brings all down. */
type Act = (run: Run) => boolean | 'skipped' | 'absent' | 'crash' | 'lost'

type World = {
  tests: Record<string, Act>
  only?: boolean
  images?: string[]
  /** Good runs of the base on each image, from before. */
  history?: number
  seed?: number
  proof?: Partial<ProofPolicy>
  /** What each run takes. */
  ms?: number
  /** After each run of a step. */
  seen?: (flow: Flow, run: Run) => Promise<void>
}

const always = () => true
const never = () => false
const patched = ({ patched }: Run) => patched
const at = (rate: number) => (run: Run) => run.probability() < rate

const say = (run: Run, tests: World['tests']): Said => {
  const lines: string[] = []
  let failed = false
  for (const name of run.names) {
    const act = tests[name]?.(run) ?? 'absent'
    if (act === 'absent') continue
    if (act === 'crash') return { ending: { kind: 'crashed', how: 'panic' }, output: lines.join('\n') }
    if (act === 'lost') return { ending: { kind: 'vm-died', detail: 'gone' } }
    failed ||= act === true
    const said = `${act === true ? 'not ok' : 'ok'} ${lines.length + 1} - ${name}`
    lines.push(act === 'skipped' ? `${said} # SKIP not here` : said)
  }
  const output = `TAP version 13\n1..${lines.length}\n${lines.join('\n')}\n`
  return { ending: { kind: 'finished', exitCode: failed ? 1 : 0 }, output }
}

/** As the guest's shell would. */
const wordsOf = (script: string): string[] =>
  execFileSync('sh', ['-c', `for word in ${script}; do printf '%s\\0' "$word"; done`])
    .toString()
    .split('\0')
    .slice(0, -1)

type Played = {
  flow: Flow
  series: Series
  verdict: Verdict
  image: Verdict['images'][number]
  probes: Task[]
  runs: Run[]
}

let open: Flow[] = []
afterEach(async () => {
  for (const flow of open) await flow.close()
  open = []
})

const ownProject = ({ only = true, images = ['debian'], proof = {} }: World): ProjectConfig => ({
  ...project,
  recipe: {
    ...recipe,
    test: {
      images,
      steps: recipe.test.steps.map(step => ({ ...step, ...(only ? { only: `${step.run} {tests}` } : {}) })),
    },
  },
  proof: { ...project.proof, ...proof },
})

const start = async (world: World, pass?: (call: string) => void): Promise<{ flow: Flow; runs: Run[] }> => {
  const runs: Run[] = []
  const probability = chance(world.seed ?? 1)
  const flow: Flow = await openFlow(
    async (command, guest) => {
      if (command.name !== 'all') return { ending: { kind: 'finished', exitCode: 0 } }
      const isPatched = [...guest.files.values()].some(bytes => bytes.includes('PATCHED'))
      const rest = command.script.slice('./tests/all'.length)
      const names = rest.trim() === '' ? Object.keys(world.tests) : wordsOf(rest)
      const nth = runs.filter(run => run.patched === isPatched).length
      const run = { patched: isPatched, nth, names, image: guest.image, probability }
      runs.push(run)
      const clock = flow.wired.clock as unknown as { advance(ms: number): Promise<void> }
      if (world.ms) await clock.advance(world.ms)
      await world.seen?.(flow, run)
      return say(run, world.tests)
    },
    pass,
    ownProject(world),
  )
  open.push(flow)
  return { flow, runs }
}

/** So many runs of the base, all good, before anything comes. */
const goodHistory = async (flow: Flow, images: string[], count: number): Promise<void> => {
  const sample = {
    ...{ project: project.name, step: 'all', job: 'earlier', run: 'earlier', base: 'a'.repeat(40), at: 0 },
    ...{ series: undefined, author: undefined, host: 'h', state: 'whole' as const, only: undefined },
    ...{ count: 2, failed: [] },
  }
  const all = images.flatMap(image => Array.from({ length: count }, (_, n) => ({ image, n })))
  await flow.wired.store.addSamples(all.map(({ image, n }) => ({ ...sample, image, id: `${image} ${n}` })))
}

const play = async (world: World): Promise<Played> => {
  const { flow, runs } = await start(world)
  if (world.history) await goodHistory(flow, world.images ?? ['debian'], world.history)
  await flow.bring([mail])
  await flow.settle()
  const { store } = flow.wired
  const [series] = await store.seriesIn({})
  const verdict = series && (await store.verdict(series.id))
  const image = verdict?.images[0]
  if (!series || !verdict?.job || !image) throw new Error('there is no verdict')
  const probes = (await store.tasksOf(verdict.job)).filter(({ probe }) => probe !== undefined)
  return { flow, series, verdict, image, probes, runs }
}

describe('a test that fails with the patch', () => {
  it('is new when it always fails with it and never without', async () => {
    const { verdict, image, probes, runs } = await play({ tests: { counts: never, sums: patched } })
    expect(verdict.finding.kind).toBe('new-failures')
    const [failure] = image.newFailures
    expect(failure).toMatchObject({ step: 'all', test: 'sums', kind: 'new', lines: [6, 6] })
    const { with: patchedRuns, without } = failure?.proof ?? {}
    expect(patchedRuns?.failed).toBe(patchedRuns?.runs)
    expect(without?.failed).toBe(0)
    expect(without?.runs).toBeGreaterThanOrEqual(6)
    expect(image).toMatchObject({ passed: 1, known: 0 })
    // Each run that was counted was made, and only of the test in doubt.
    const made = { with: probes.filter(({ probe }) => probe?.side === 'with').length }
    expect(patchedRuns?.runs).toBe(made.with)
    expect(without?.runs).toBe(probes.length - made.with)
    expect(runs.filter(({ names }) => names.join() !== 'counts,sums').map(({ names }) => names)).toEqual(
      probes.map(() => ['sums']),
    )
    // Two builds made anew, besides the probes.
    expect(verdict.extra?.runs).toBe(probes.length + 2)
  })

  it('whatever its name is', async () => {
    const names = ["it's ok", 'two blanks', '$(reboot) `x`', '"; exit 1', '-n', '*']
    const tests = Object.fromEntries(names.map(name => [name, patched]))
    const { image, runs } = await play({ tests: { ...tests, counts: never } })
    expect(image.newFailures.map(({ test }) => test).sort()).toEqual([...names].sort())
    expect(runs.slice(2).every(run => run.names.length === names.length)).toBe(true)
  })

  it('is flaky when it fails as often without, and nobody is blamed', async () => {
    for (let seed = 1; seed <= 2; seed++) {
      const sums: Act = run =>
        run.patched && run.nth === 0 ? true : !run.patched && run.nth === 0 ? false : at(0.3)(run)
      const { verdict, image } = await play({ tests: { counts: never, sums }, seed })
      expect(verdict.finding.kind, `seed ${seed}`).toBe('all-well')
      expect(image.newFailures).toEqual([])
      const listed = [...(image.flaky ?? []), ...(image.unclear ?? [])]
      expect(listed.map(({ test }) => test)).toEqual(['sums'])
      expect(image.passed).toBe(1)
      await open.pop()?.close()
    }
  })

  it('is worse when it fails without as well, but much more seldom', async () => {
    const sums: Act = run => (run.patched ? at(0.97)(run) : run.nth === 3 || at(0.05)(run))
    const { verdict, image } = await play({ tests: { counts: never, sums }, seed: 4 })
    expect(verdict.finding.kind).toBe('new-failures')
    expect(image.newFailures).toMatchObject([{ test: 'sums', kind: 'worse' }])
    expect(image.newFailures[0]?.proof?.without.failed).toBeGreaterThan(0)
  })

  it('is known when it fails anyway: it is named, and no runs are made for it', async () => {
    const { verdict, image, probes } = await play({ tests: { counts: never, sums: always } })
    expect(verdict.finding.kind).toBe('all-well')
    expect(image).toMatchObject({ known: 1, failing: [{ step: 'all', test: 'sums' }], passed: 1 })
    expect(probes).toEqual([])
    expect(verdict.extra).toBeUndefined()
  })

  it('is new when the base does not have it; there it is not run', async () => {
    const fresh: Act = run => (run.patched ? true : 'absent')
    const { image, probes } = await play({ tests: { counts: never, fresh } })
    expect(image.newFailures).toMatchObject([{ test: 'fresh', kind: 'new', proof: { without: { runs: 0 } } }])
    expect(probes.every(({ probe }) => probe?.side === 'with')).toBe(true)
  })

  it('is unclear when the time for it is spent', async () => {
    const { verdict, image, probes } = await play({
      tests: { counts: never, sums: patched },
      proof: { budgetMs: 5_000 },
      ms: 1_000,
    })
    expect(image.newFailures).toEqual([])
    expect(image.unclear).toMatchObject([{ step: 'all', test: 'sums' }])
    expect(probes.length).toBeGreaterThan(0)
    expect(verdict.extra?.ms).toBeLessThanOrEqual(7_000)
  })

  it('is proven though runs of it were lost to us', async () => {
    const sums: Act = run => (run.nth > 0 && run.probability() < 0.3 ? 'lost' : run.patched)
    const { image, probes } = await play({ tests: { counts: never, sums }, seed: 3 })
    const lost = probes.filter(({ state }) => state.at === 'done' && state.outcome.kind === 'ours')
    expect(image.newFailures).toMatchObject([{ test: 'sums', kind: 'new' }])
    const { with: patchedRuns, without } = image.newFailures[0]?.proof ?? {}
    expect(patchedRuns?.failed).toBe(patchedRuns?.runs)
    expect((patchedRuns?.runs ?? 0) + (without?.runs ?? 0)).toBeLessThanOrEqual(probes.length - lost.length)
  })

  it('is unclear when every further run is lost, and there is an end to it', async () => {
    const sums: Act = run => (run.nth > 0 ? 'lost' : run.patched)
    const { image } = await play({ tests: { counts: never, sums } })
    expect(image.newFailures).toEqual([])
    expect(image.unclear).toMatchObject([{ test: 'sums' }])
  })

  it('is not new when builds made anew do not show it', async () => {
    let builds = 0
    const { image, verdict } = await play({
      tests: { counts: never, sums: run => run.patched && builds === 0 },
      seen: async flow => {
        const [series] = await flow.wired.store.seriesIn({})
        const [job] = series ? await flow.wired.store.jobsOf(series.id) : []
        const tasks = job ? await flow.wired.store.tasksOf(job.id) : []
        builds = tasks.filter(({ upTo }) => upTo !== undefined).length
      },
    })
    expect(verdict.finding.kind).toBe('all-well')
    expect(image.unclear).toMatchObject([{ test: 'sums' }])
  })
})

describe('without a command for single tests', () => {
  it('whole steps are run', async () => {
    const { image, runs } = await play({ tests: { counts: never, sums: patched }, only: false })
    expect(image.newFailures).toMatchObject([{ test: 'sums', kind: 'new' }])
    expect(runs.every(({ names }) => names.length === 2)).toBe(true)
  })

  it('and whole steps as well where a test does not run alone', async () => {
    const { image } = await play({
      tests: { counts: never, sums: run => (run.names.length === 1 ? 'absent' : run.patched) },
    })
    expect(image.newFailures).toMatchObject([{ test: 'sums', kind: 'new' }])
  })
})

describe('a test that fails only together with the others of its step', () => {
  const sums: Act = run => run.patched && run.names.length > 1

  it('is proven by runs of the whole step, if it failed on several images', async () => {
    const images = ['debian', 'busybox']
    const { verdict } = await play({ tests: { counts: never, sums }, images, history: 50 })
    expect(verdict.images.map(({ newFailures }) => newFailures)).toMatchObject([
      [{ test: 'sums', kind: 'new' }],
      [{ test: 'sums', kind: 'new' }],
    ])
  })

  it('is let go if it did so on one image only, where chance is likelier', async () => {
    const { image } = await play({ tests: { counts: never, sums }, history: 50 })
    expect(image).toMatchObject({ newFailures: [], flaky: [{ test: 'sums' }] })
  })
})

describe('a step that breaks off', () => {
  it('is blamed when it does with the patch, and not without', async () => {
    const { verdict, image } = await play({
      tests: { counts: never, sums: run => (run.patched ? 'crash' : false) },
    })
    expect(verdict.finding.kind).toBe('new-failures')
    expect(image.broken).toMatchObject([{ step: 'all', ending: { kind: 'crashed' } }])
    // Of builds made anew; two clones of the first build did the same before.
    expect(image.broken[0]?.proof).toMatchObject({
      with: { failed: 2, runs: 2 },
      without: { failed: 0, runs: 2 },
    })
    expect(image.console).toBeDefined()
  })

  it('is nobody’s fault when it does not do it again: another run stands for it', async () => {
    // A second opinion agrees with the first run.
    const sums: Act = run => (run.patched && run.nth < 2 ? 'crash' : false)
    const { verdict, image } = await play({ tests: { counts: never, sums } })
    expect(verdict.finding.kind).toBe('all-well')
    expect(image).toMatchObject({ kind: 'passed', passed: 2, broken: [], flaky: [{ step: 'all', test: '' }] })
  })

  it('and what fails in the run that stands for it is proven, too', async () => {
    const sums: Act = run => (run.patched && run.nth < 2 ? 'crash' : false)
    const { image } = await play({ tests: { sums, later: patched } })
    expect(image.broken).toEqual([])
    expect(image.newFailures).toMatchObject([{ test: 'later', kind: 'new' }])
  })
})

describe('what got well, and what is gone', () => {
  it('thanks are proven', async () => {
    const { image } = await play({ tests: { counts: never, sums: ({ patched }) => !patched } })
    expect(image.mended).toEqual(['sums'])
  })

  it('and not said of a test that fails now and then', async () => {
    const sums: Act = run => (run.nth === 0 ? !run.patched : at(0.4)(run))
    const { image } = await play({ tests: { counts: never, sums } })
    expect(image.mended).toEqual([])
  })

  it('nor where whole steps would have to be run for it', async () => {
    const { image, probes } = await play({
      tests: { counts: never, sums: ({ patched }) => !patched },
      only: false,
    })
    expect(image.mended).toEqual([])
    expect(probes).toEqual([])
  })

  it('tests that are gone or skipped are named', async () => {
    const { image } = await play({
      tests: {
        counts: never,
        sums: run => (run.patched ? 'absent' : false),
        roots: run => (run.patched ? 'skipped' : false),
      },
    })
    expect(image.kind).toBe('passed')
    expect(image.vanished).toEqual([
      { step: 'all', test: 'sums' },
      { step: 'all', test: 'roots', skipped: true },
    ])
  })

  it('a report in which nothing ran is not well', async () => {
    const { verdict, image } = await play({
      tests: {
        counts: run => (run.patched ? 'skipped' : false),
        sums: run => (run.patched ? 'skipped' : false),
      },
    })
    expect(verdict.finding.kind).not.toBe('all-well')
    expect(image).toMatchObject({ kind: 'untested', passed: 0 })
    expect(image.why).toContain('none of the 2 tests')
  })
})

describe('proof that nobody waits for any more', () => {
  it('ends with the series', async () => {
    let told = false
    const { flow, runs } = await start({
      tests: { counts: never, sums: patched },
      seen: async ({ wired: { store } }, run) => {
        if (told || !run.patched || run.nth < 3) return
        told = true
        const [series] = await store.seriesIn({})
        if (!series) return
        await store.saveSeries([{ ...series, state: { at: 'superseded', by: 'another' } }])
        await withdraw({ store })(series.id, 'replaced')
      },
    })
    await flow.bring([mail])
    await flow.settle()
    const { store } = flow.wired
    expect(told).toBe(true)
    expect(await store.tasksAt('queued')).toEqual([])
    expect(await store.tasksAt('running')).toEqual([])
    expect(runs.filter(run => run.patched)).toHaveLength(4)
    expect(flow.leased()).toBe(0)
  })
})

class Killed extends Error {}

describe('killed in the middle of it', () => {
  it('it comes to the same', async () => {
    const world = (): World => ({ tests: { counts: never, sums: patched } })
    const told = async ({ wired: { store } }: Flow) => {
      const [series] = await store.seriesIn({})
      const verdict = series && (await store.verdict(series.id))
      const tasks = verdict?.job ? await store.tasksOf(verdict.job) : []
      return {
        finding: verdict?.finding,
        // A run that was cut off after its samples were kept is in history twice.
        failures: verdict?.images[0]?.newFailures.map(({ proof, ...failure }) => ({
          ...failure,
          proof: { with: proof?.with, without: proof?.without },
        })),
        tasks: tasks.map(({ id }) => id).sort(),
      }
    }
    let calls = 0
    const quiet = await start(world(), () => void calls++)
    await quiet.flow.bring([mail])
    await quiet.flow.settle()
    const expected = await told(quiet.flow)
    expect(expected.failures).toMatchObject([{ test: 'sums', kind: 'new' }])
    expect(calls).toBeGreaterThan(100)
    // Every change of the store is of one of a few kinds: in steps that are prime to their round each kind is hit.
    for (let kill = 40; kill < calls; kill += 37) {
      let count = 0
      let alive = true
      const { flow } = await start(world(), () => {
        if (alive && count++ === kill) alive = false
        if (!alive) throw new Killed()
      })
      await flow.bring([mail]).catch(() => {})
      await flow.settle().catch(() => {})
      expect(alive, `call ${kill} is reached`).toBe(false)
      alive = true
      count = Number.NEGATIVE_INFINITY
      await flow.restart()
      await flow.bring([mail])
      await flow.settle()
      expect(await told(flow), `killed at call ${kill}`).toEqual(expected)
      expect(flow.leased()).toBe(0)
      expect(flow.sent).toHaveLength(1)
      await flow.close()
      open = open.filter(other => other !== flow)
    }
  })
})
