// The bases by themselves: tested after each move and by night, broken and good again, told in the digest; without machines.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { aboutBase } from '../../src/model/base-health.ts'
import { Fault } from '../../src/model/fault.ts'
import type { Job } from '../../src/model/job.ts'
import { baselineId } from '../../src/stages/plan/plan.ts'
import { newBaseMemory, tendBranches, withSince } from '../../src/wiring/bases.ts'
import type { Wired } from '../../src/wiring/wire.ts'
import { verdict } from '../contract/samples.ts'
import type { FakeClock } from '../fakes/clock.ts'
import { type Flow, openFlow, project, recipe } from '../fakes/flow.ts'

const commit = (n: number): string => n.toString(16).padStart(12, '0').padEnd(40, 'e')
const numberOf = (id: string): number => Number.parseInt(id.slice(0, 12), 16)
const hour = 3_600_000

/** Tips by branch; what fails by commit; and which commits do not build. */
let tips: Record<string, number>
let failing: string[]
let unbuilt: boolean
let fetches: () => void
let flow: Flow
let wired: Wired
let clock: FakeClock
let complaints: string[]
let memory: ReturnType<typeof newBaseMemory>

const tap = (tests: string[]): string =>
  `1..3\n${['a', 'b', 'c'].map((test, n) => `${tests.includes(test) ? 'not ok' : 'ok'} ${n + 1} - ${test}`).join('\n')}\n`

const open = async (
  branches: string[] = [],
  nightlyAt?: number,
  list: 'digest' | 'never' = 'digest',
  pass?: (call: string) => void,
) => {
  flow = await openFlow(command => {
    if (command.name === 'build' && unbuilt)
      return {
        ending: { kind: 'finished', exitCode: 2 },
        output: 'x.c:1: error: no\n    1 | int x\n      |     ^\n',
      }
    if (command.name !== 'all') return { ending: { kind: 'finished', exitCode: 0 } }
    return { ending: { kind: 'finished', exitCode: failing.length > 0 ? 1 : 0 }, output: tap(failing) }
  }, pass)
  clock = flow.wired.clock as FakeClock
  const own = {
    ...project,
    branches: branches.map(branch => ({ branch, tags: [branch], paths: [] })),
    reply: { ...project.reply, list },
    proof: { ...project.proof, nightlyAt },
  }
  const mirror: Wired['mirror'] = {
    ...flow.wired.mirror,
    fetch: async () => fetches(),
    resolve: async (_, name) => (tips[name] === undefined ? undefined : commit(tips[name])),
    log: async (_, from) =>
      Array.from({ length: numberOf(from) }, (_unused, n) => {
        const at = numberOf(from) - n
        return { commit: commit(at), subject: `change ${at}` }
      }),
  }
  wired = { ...flow.wired, mirror, config: { ...flow.wired.config, projects: [own] }, project: () => own }
}
const look = () => tendBranches(wired, memory, what => complaints.push(what))
/** All that is planned is run, and looked at. */
const work = async () => {
  await look()
  await flow.settle()
  await look()
}
const moveTo = async (tip: number) => {
  tips.main = tip
  await clock.advance(60_000)
  await work()
}
const bases = async (): Promise<Job[]> => wired.store.baselines({ project: 'tally', limit: 100 })
const tested = async () => (await bases()).map(({ base, baseName }) => `${baseName} ${numberOf(base)}`)
const incidents = async () =>
  (await wired.store.incidents({ open: true })).map(({ about, detail }) => `${about}: ${detail}`)

beforeEach(() => {
  tips = { main: 1 }
  failing = []
  unbuilt = false
  fetches = () => {}
  complaints = []
  memory = newBaseMemory()
})
afterEach(() => flow.close())

describe('a base line', () => {
  it('is made once for each tip, the same that a series would share', async () => {
    await open()
    await look()
    await look()
    const [job, ...more] = await bases()
    expect(more).toEqual([])
    expect(job).toMatchObject({ priority: 7, base: commit(1), baseName: 'main' })
    expect(job?.series).toBeUndefined()
    expect(job?.id).toBe(baselineId('tally', commit(1), recipe))
    await flow.settle()
    tips.main = 2
    await look()
    expect(await tested()).toEqual(['main 2', 'main 1'])
  })

  it('waits for the one before, and passes over what came and went meanwhile', async () => {
    await open()
    await look()
    for (const tip of [2, 3, 4]) {
      tips.main = tip
      await look()
    }
    expect(await tested()).toEqual(['main 1'])
    await flow.settle()
    await look()
    expect(await tested()).toEqual(['main 4', 'main 1'])
  })

  it('is made of every branch, whatever becomes of the others', async () => {
    await open(['stable', 'gone'])
    tips.stable = 7
    await look()
    expect((await tested()).sort()).toEqual(['main 1', 'stable 7'])
  })

  it('is not made while the queue is paused', async () => {
    await open()
    const since = clock.now()
    await wired.store.setHold({
      ...{ on: { kind: 'queue' }, how: 'drain', reason: 'x', by: 'olga', since, until: undefined },
    })
    await look()
    expect(await tested()).toEqual([])
    await wired.store.endHold({ kind: 'queue' })
    await look()
    expect(await tested()).toEqual(['main 1'])
  })

  it('is made of what was seen last where the repository cannot be reached, and of nothing where there is none', async () => {
    await open()
    fetches = () => {
      throw new Fault('unreachable', 'later', 'mirror: no route')
    }
    await look()
    expect(await tested()).toEqual(['main 1'])
    expect(complaints).toEqual(['tally: mirror: no route; its bases are taken as they were last seen'])
    tips = {}
    await look()
    expect(await tested()).toEqual(['main 1'])
  })

  it('is made once more each night, and not at noon for the night that was missed', async () => {
    await open([], 120)
    await work()
    expect((await bases()).map(({ night }) => night)).toEqual([undefined])
    await clock.advance(14 * hour + 60_000)
    await work()
    await work()
    expect((await bases()).map(({ night }) => night)).toEqual(['2026-01-06', undefined])
    expect(new Set((await bases()).map(({ base }) => base))).toEqual(new Set([commit(1)]))
    await clock.advance(24 * hour)
    await work()
    expect((await bases()).map(({ night }) => night)).toEqual(['2026-01-07', '2026-01-06', undefined])
  })

  it('leaves its numbers for history', async () => {
    await open()
    failing = ['b']
    await work()
    const samples = await wired.store.samples({ project: 'tally', patched: false, limit: 10 })
    expect(samples.map(({ image }) => image).sort()).toEqual(['busybox', 'debian'])
    expect(samples[0]).toMatchObject({ count: 3, base: commit(1), failed: [{ test: 'b' }], state: 'whole' })
  })
})

describe('a run that is saved is counted', () => {
  it.each([
    'before store.addSamples',
    'after store.addSamples',
    'before store.saveRun',
    'after store.saveRun',
    'before store.moveTask',
  ])('though its host dies %s', async at => {
    let armed = false
    let died = false
    await open([], undefined, 'never', call => {
      armed ||= call === 'before store.addSamples'
      if (!armed || died || call !== at) return
      died = true
      throw new Error('killed')
    })
    await look()
    await expect(flow.settle()).rejects.toThrow('killed')
    await flow.restart()
    await flow.settle()
    const tasks = (await wired.store.tasksOfJobs((await bases()).map(({ id }) => id))).map(({ id }) => id)
    const runs = (await Promise.all(tasks.map(id => wired.store.runsOf(id)))).flat()
    const counted = new Set(
      (await wired.store.samples({ project: 'tally', limit: 99 })).map(({ run }) => run),
    )
    const tested = runs.filter(({ outcome }) => outcome?.kind === 'tested').map(({ id }) => id)
    expect(tested.length).toBeGreaterThanOrEqual(2)
    expect(tested.filter(id => !counted.has(id))).toEqual([])
  })
})

describe('a broken base', () => {
  it('that does not build is an incident that names the commits, and is over with a good one', async () => {
    await open()
    await work()
    unbuilt = true
    await moveTo(2)
    await moveTo(4)
    expect(await incidents()).toEqual([
      `${aboutBase('tally', 'main')}: tally: main does not build since 000000000002 ("change 2"), between 000000000001..000000000002: x.c:1: error: no; see: grapevine base show tally main`,
    ])
    unbuilt = false
    await moveTo(5)
    expect(await incidents()).toEqual([])
    const [over] = await wired.store.incidents()
    expect(over?.resolved?.how).toBe('000000000005 builds, and nothing fails newly in it')
  })

  it('is one in which a test fails again when it is repeated', async () => {
    await open()
    for (let tip = 1; tip <= 6; tip++) await moveTo(tip)
    failing = ['b']
    tips.main = 7
    await look()
    await flow.settle()
    await look()
    expect(await incidents()).toEqual([])
    const again = await wired.store.tasksAt('queued')
    expect(again.map(({ image, probe }) => [image, probe?.side, probe?.step, probe?.tests])).toEqual([
      ['busybox', 'without', 'all', undefined],
      ['debian', 'without', 'all', undefined],
    ])
    await work()
    expect(await incidents()).toEqual([
      'tally main: tally: 1 test fails on main without any patch since 000000000007 ("change 7"), between 000000000006..000000000007: b on busybox, debian; see: grapevine base show tally main',
    ])
    failing = []
    await moveTo(8)
    expect(await incidents()).toEqual([])
  })

  it('is told with its first commit in the verdict of a series that met it', async () => {
    await open()
    await work()
    unbuilt = true
    for (const tip of [2, 3, 4]) await moveTo(tip)
    const finding = { kind: 'base-broken' as const, step: 'build', errors: [] }
    const said = verdict('s', { base: { commit: commit(3), name: 'main' }, finding })
    const told = await withSince(wired, said, project)
    expect(told.finding).toEqual({ ...finding, since: commit(2) })
    const elsewhere = { ...said, base: { commit: commit(9), name: 'main' } }
    expect(await withSince(wired, elsewhere, project)).toEqual(elsewhere)
  })

  it('of a branch that was rebased is told with the tip that came before', async () => {
    await open()
    wired.mirror.log = async (_, from) => [{ commit: from, subject: 'all anew' }]
    for (let tip = 1; tip <= 3; tip++) await moveTo(tip)
    unbuilt = true
    await moveTo(4)
    expect(await incidents()).toEqual([
      'tally main: tally: main does not build since 000000000004 ("all anew"), between 000000000003..000000000004: x.c:1: error: no; see: grapevine base show tally main',
    ])
  })

  it('has only the tests repeated that failed, where a step can run some of them', async () => {
    await open()
    const [step] = recipe.test.steps
    const only = {
      ...recipe,
      test: { ...recipe.test, steps: step ? [{ ...step, only: './all {tests}' }] : [] },
    }
    wired.config.projects.splice(0, 1, { ...project, recipe: only })
    for (let tip = 1; tip <= 6; tip++) await moveTo(tip)
    failing = ['b']
    tips.main = 7
    await look()
    await flow.settle()
    await look()
    const again = await wired.store.tasksAt('queued')
    expect(again.map(({ probe }) => probe?.tests)).toEqual([['b'], ['b']])
  })

  it('is none where the test passes when it is repeated', async () => {
    await open()
    for (let tip = 1; tip <= 6; tip++) await moveTo(tip)
    failing = ['b']
    tips.main = 7
    await look()
    await flow.settle()
    failing = []
    await work()
    await work()
    expect(await wired.store.incidents()).toEqual([])
    expect(await wired.store.tasksAt('queued')).toEqual([])
  })
})

describe('a night', () => {
  it('is one line of the digest: what fails newly, what was mended, how many ran', async () => {
    await open([], 120)
    failing = ['c']
    await work()
    await clock.advance(14 * hour + 60_000)
    failing = ['b']
    await work()
    await work()
    memory = newBaseMemory()
    await work()
    const lines = await wired.store.digestLines({ project: 'tally', before: clock.now() + 1 })
    expect(lines).toMatchObject([
      {
        ...{ news: true, finding: 'night: 2 newly failing', who: '' },
        title: 'main at 000000000001: 6 tests on 2 images, 2 newly failing, 2 mended',
        details: ['fails newly: b on busybox, b on debian', 'mended: c on busybox, c on debian'],
      },
    ])
  })

  it('without news says so, and one that did not build, too', async () => {
    await open([], 120)
    await work()
    await clock.advance(14 * hour + 60_000)
    await work()
    unbuilt = true
    await clock.advance(24 * hour)
    await work()
    const lines = await wired.store.digestLines({ project: 'tally', before: clock.now() + 1 })
    expect(lines.map(({ news, finding, title }) => [news, finding, title])).toEqual([
      [false, 'night: nothing new', 'main at 000000000001: 6 tests on 2 images'],
      [true, 'night: does not build', 'main at 000000000001: does not build'],
    ])
  })

  it('of a project without digests leaves no line', async () => {
    await open([], 120, 'never')
    await clock.advance(14 * hour + 60_000)
    await work()
    expect((await bases()).map(({ night }) => night)).toEqual(['2026-01-06', undefined])
    expect(await wired.store.digestLines({ project: 'tally', before: clock.now() + 1 })).toEqual([])
  })
})

it('history that nobody needs goes: beyond the last bases and a week, and after 90 days', async () => {
  await open()
  const day = 24 * hour
  await work()
  const first = await wired.store.samples({ project: 'tally', limit: 1000 })
  expect(first).toHaveLength(2)
  await clock.advance(80 * day)
  await work()
  expect(await wired.store.samples({ project: 'tally', limit: 1000 })).toHaveLength(2)
  for (let tip = 2; tip <= 31; tip++) await moveTo(tip)
  await clock.advance(8 * day)
  await work()
  const left = await wired.store.samples({ project: 'tally', limit: 1000 })
  expect(left).toHaveLength(60)
  await clock.advance(91 * day)
  await work()
  expect(await wired.store.samples({ project: 'tally', limit: 1000 })).toEqual([])
})
