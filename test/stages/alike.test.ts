// Verdicts that several authors would get alike: held back, run again, or told, as an operator or time says. On a real store.
import { afterEach, describe, expect, it } from 'vitest'
import { openStore } from '../../src/adapters/sql/store.ts'
import type { Sample } from '../../src/model/history.ts'
import type { RunRecord } from '../../src/model/job.ts'
import type { Series } from '../../src/model/series.ts'
import type { Verdict } from '../../src/model/verdict.ts'
import type { Store } from '../../src/ports/store.ts'
import { heldBack } from '../../src/stages/judge/alike.ts'
import { signOf } from '../../src/stages/judge/blames.ts'
import type { Case } from '../../src/stages/judge/case.ts'
import { tendAlike } from '../../src/stages/upkeep/alike.ts'
import { tendStrays } from '../../src/stages/upkeep/stray-hosts.ts'
import { openAlarm } from '../../src/wiring/alarm.ts'
import * as samples from '../contract/samples.ts'
import { fakeClock } from '../fakes/clock.ts'
import { project } from '../fakes/flow.ts'
import { image } from '../story/verdicts.ts'

const hour = 3_600_000
const projects = [{ name: 'tally', withinMs: project.proof.alike.withinMs }]

let opened: Store[] = []
afterEach(async () => {
  for (const store of opened) await store.close()
  opened = []
})

const world = async () => {
  const store = await openStore({ folder: ':memory:' })
  opened.push(store)
  const clock = fakeClock()
  /** The series of an author fails a test; is it held back? */
  const judged = async (author: string, given: { series?: Series; test?: string; job?: string } = {}) => {
    const id = given.job ?? `job-of-${author}`
    const series =
      given.series ??
      samples.series(`series-of-${author}`, {
        author: { name: author, address: `${author}@example.org` },
        state: samples.planned(id),
      })
    await store.saveSeries([series])
    const job = samples.job(id, { series: series.id, baseline: 'base' })
    const tasks = [samples.task(`${id}-build`, id, { kind: 'build' }), samples.task(`${id}-test`, id)]
    await store.addJob(job, tasks)
    const runs = tasks.map((task): RunRecord => samples.run(`run of ${task.id}`, task.id, { host: 'here' }))
    const failure = {
      step: 'all',
      test: given.test ?? 'sums',
      message: 'is 3',
      ending: { kind: 'finished', exitCode: 1 },
    } as const
    const proof = { with: { failed: 6, runs: 6 }, without: { failed: 0, runs: 6 } }
    const verdict: Verdict = {
      ...{ series: series.id, job: id, base: undefined, decidedAt: clock.now(), buildLog: undefined },
      images: [
        image('debian', { kind: 'new-failures', newFailures: [{ ...failure, proof }], run: runs[1]?.id }),
      ],
      finding: { kind: 'new-failures' },
    }
    const one: Case = {
      ...{
        job,
        series,
        tasks,
        baseline: undefined,
        runs,
        history: () => ({ failed: 0, runs: 0 }),
        known: [],
        here: () => ({ failed: 0, runs: 0 }),
      },
      ...{ policy: project.proof, now: clock.now() },
    }
    return { series, verdict, ask: () => heldBack({ store }, { ...one, now: clock.now() }, verdict) }
  }
  const open = async () =>
    (await store.incidents({ open: true })).filter(one => one.trouble === 'alike-failures')
  const tend = () => tendAlike({ store, clock, log: () => {} })(projects)
  return { store, clock, judged, open, tend }
}

const alikeWorld = async () => {
  const found = await world()
  for (const author of ['ann', 'ben']) expect(await (await found.judged(author)).ask()).toBeUndefined()
  await found.clock.advance(60_000)
  const third = await found.judged('cleo')
  expect(await third.ask()).toMatch(/test "sums" of step "all" on image debian/)
  const [incident] = await found.open()
  if (!incident) throw new Error('there is no incident')
  return { ...found, third, incident }
}

describe('three authors whose series fail alike', () => {
  it('the third waits, however often it is asked, with one incident that says what to do', async () => {
    const { third, open, incident } = await alikeWorld()
    expect(await third.ask()).toBe(`incident ${incident.id} is open`)
    expect(await open()).toHaveLength(1)
    expect(incident.detail).toContain('3 authors since 2026-01-05 12:00 UTC, all on host here')
    expect(incident.detail).toContain('18 runs without the patches were good')
    expect(incident.detail).toContain(`grapevine incident resolve ${incident.id} --real`)
  })

  it('and a fourth as well; one that fails otherwise is told', async () => {
    const { judged } = await alikeWorld()
    expect(await (await judged('dora')).ask()).toMatch(/is open/)
    expect(await (await judged('emil', { test: 'counts' })).ask()).toBeUndefined()
  })

  it('it is real, says an operator: told as it is, and so are later ones', async () => {
    const { third, incident, store, clock, judged, tend } = await alikeWorld()
    await store.resolveIncidents(incident, { at: clock.now(), how: 'looked at it', real: true })
    expect(await third.ask()).toBeUndefined()
    expect(await tend()).toEqual([])
    for (const author of ['dora', 'emil', 'fay']) expect(await (await judged(author)).ask()).toBeUndefined()
  })

  it('it is mended, says an operator: all of them are run again, once, the waiting one before it is told anything', async () => {
    const { third, incident, store, clock, tend } = await alikeWorld()
    await store.resolveIncidents(incident, { at: clock.now(), how: 'new disk' })
    expect(await third.ask()).toBe(`it is run again after incident ${incident.id}`)
    const again = await tend()
    expect(again.map(({ id }) => id).sort()).toEqual(['series-of-ann', 'series-of-ben', 'series-of-cleo'])
    expect(await store.series('series-of-cleo')).toMatchObject({
      ...{ round: 1, state: { at: 'complete' }, again: { incident: incident.id } },
    })
    expect(await tend()).toEqual([])
  })

  it('nothing like it comes any more: it ends by itself', async () => {
    const { clock, tend, open } = await alikeWorld()
    await clock.advance(hour / 2 - 1)
    expect(await tend()).toEqual([])
    expect(await open()).toHaveLength(1)
    await clock.advance(1)
    expect(await tend()).toHaveLength(3)
    expect(await open()).toEqual([])
  })

  it('and it ends when nobody looked for so long that nothing is known of it any more', async () => {
    const { clock, tend, open } = await alikeWorld()
    await clock.advance(30 * 24 * hour)
    expect(await tend()).toEqual([])
    expect(await open()).toEqual([])
  })

  it('what is known of it is read when something changed, and once a minute', async () => {
    const { store, clock, incident } = await alikeWorld()
    let reads = 0
    const blames: Store['blames'] = filter => {
      reads++
      return store.blames(filter)
    }
    const watch = { seen: '' }
    const tend = () => tendAlike({ store: { ...store, blames }, clock, log: () => {} })(projects, watch)
    await tend()
    await tend()
    expect(reads).toBe(1)
    await clock.advance(60_000)
    await tend()
    expect(reads).toBe(2)
    await store.resolveIncidents(incident, { at: clock.now(), how: 'new disk' })
    expect(await tend()).toHaveLength(3)
    await tend()
    expect(reads).toBe(3)
  })

  it('and it ends as well while more of it comes', async () => {
    const { clock, tend, judged } = await alikeWorld()
    for (let i = 0; i < 7; i++) {
      await clock.advance(hour / 4)
      await (await judged(`author-${i}`)).ask()
      expect(await tend()).toEqual([])
    }
    await clock.advance(hour / 4)
    expect(await tend()).toHaveLength(10)
  })

  it('what fails once more after that is told, and so is who breaks the same later', async () => {
    const { clock, tend, judged } = await alikeWorld()
    await clock.advance(hour)
    for (const { id, ...series } of await tend()) {
      const author = id.replace('series-of-', '')
      const job = `second-of-${author}`
      const { ask } = await judged(author, { job, series: { ...series, id, state: samples.planned(job) } })
      expect(await ask(), author).toBeUndefined()
    }
    await clock.advance(1)
    for (const author of ['dora', 'emil', 'fay']) expect(await (await judged(author)).ask()).toBeUndefined()
  })

  it('one that was planned anew meanwhile is left alone', async () => {
    const { third, incident, store, clock, tend } = await alikeWorld()
    await store.saveSeries([{ ...third.series, state: samples.planned('another-job') }])
    await store.resolveIncidents(incident, { at: clock.now(), how: 'new disk' })
    expect((await tend()).map(({ id }) => id)).not.toContain('series-of-cleo')
  })
})

it('a host whose unpatched runs fail is an incident, looked at once an hour, until they fail no more', async () => {
  const { store, clock } = await world()
  const alarmOf = (host: string) => openAlarm({ store, clock, log: () => {} }, host)
  const tend = tendStrays({ store, clock, alarmOf })
  const watch = { lookedAt: undefined }
  const add = (round: string, bad: string | undefined) =>
    store.addSamples(
      ['alpha', 'beta', 'gamma'].flatMap(host =>
        Array.from(
          { length: 30 },
          (_, n): Sample => ({
            ...{
              id: `${round} ${host} ${n}`,
              project: 'tally',
              image: 'debian',
              step: 'all',
              job: 'b',
              run: 'r',
            },
            ...{ base: `${round} ${n}`, series: undefined, author: undefined, host, at: clock.now() },
            ...{ state: 'whole', only: undefined, count: 1 },
            failed: host === bad ? [{ test: 'sums', message: '' }] : [],
          }),
        ),
      ),
    )
  const found = async () =>
    (await store.incidents({ open: true })).map(({ trouble, host }) => `${trouble} ${host}`)
  await add('first', 'beta')
  await tend(['tally'], watch)
  expect(await found()).toEqual(['host-fails-more beta'])
  expect((await store.incidents())[0]?.detail).toContain(
    '30 of 30 runs without patches failed on beta, where by what other hosts did 10.0',
  )
  await clock.advance(4 * 24 * hour)
  await add('second', undefined)
  await tend(['tally'], watch)
  expect(await found()).toEqual([])
})

it('versions of one series are one author, whoever sent them', async () => {
  const { store, judged } = await world()
  const ann = await judged('ann')
  await ann.ask()
  await (await judged('ben')).ask()
  const cleo = await judged('cleo')
  await store.saveSeries([{ ...ann.series, state: { at: 'superseded', by: cleo.series.id } }])
  expect(await cleo.ask()).toBeUndefined()
})

it.each([
  ['/tmp/tmp.aX3/x.c:12: got 0x7ffd12 in 3.5 s', '/tmp/#:#: got # in #.# s'],
  ['/grapevine/source/src/a.c:7: error: no', 'src/a.c:#: error: no'],
  ['id 123e4567-e89b-12d3-a456-426614174000 of 8f3c1a2b9d', 'id # of #'],
  ['deadbeef is a word, decade as well', 'deadbeef is a word, decade as well'],
])('the sign of %s', (said, sign) => {
  expect(signOf(said)).toBe(sign)
})
