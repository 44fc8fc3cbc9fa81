// An operator's cancel at any point of the flow: it is quiet, it is final, and it harms nobody else's series.
import { afterEach, describe, expect, it } from 'vitest'
import type { Task } from '../../src/model/job.ts'
import { cancel } from '../../src/stages/plan/cancel.ts'
import { isQuiet, pending } from '../../src/wiring/pending.ts'
import type { Behaviour } from '../fakes/farm.ts'
import { type Flow, openFlow } from '../fakes/flow.ts'
import { letter } from '../fakes/list.ts'

const how = { why: 'sent by mistake', by: 'olga@alpha' }

let open: Flow[] = []
afterEach(async () => {
  for (const flow of open) await flow.close()
  open = []
})

type During = (flow: Flow, at: { command: string; task: Task }) => Promise<void>

/** `during` is called within each command of a series' own tasks. */
const start = async (during: During = async () => {}): Promise<Flow> => {
  const behave: Behaviour = async ({ name }, { run }) => {
    const { store } = flow.wired
    const task = (await store.tasksAt('running')).find(
      one => one.state.at === 'running' && run.startsWith(one.state.run),
    )
    const job = task && (await store.job(task.job))
    if (task && job?.series !== undefined) await during(flow, { command: name, task })
    const output = name === 'all' ? 'TAP version 13\n1..1\nok 1 - counts\n' : ''
    return { ending: { kind: 'finished', exitCode: 0 }, output }
  }
  const flow = await openFlow(behave)
  open.push(flow)
  return flow
}

const play = async (flow: Flow): Promise<void> => {
  await flow.settle()
  const { clock } = flow.wired as unknown as { clock: { advance(ms: number): Promise<void> } }
  await clock.advance(120_000)
  await flow.settle()
  expect(isQuiet(await pending(flow.wired.store))).toBe(true)
  expect(flow.leased()).toBe(0)
}

const good = letter({ subject: '[PATCH] good', file: 'src/a.c' })
const other = letter({ subject: '[PATCH] other', from: 'Bob <bob@example.org>', file: 'src/b.c' })
const lone = letter({ subject: '[PATCH 2/2] lone', re: 'begin', file: 'src/c.c' })

const seriesCalled = async ({ wired: { store } }: Flow, title: string) => {
  const found = (await store.seriesIn({})).find(one => one.title === title)
  if (!found) throw new Error(`no series ${title}`)
  return found
}

const findings = async ({ wired: { store } }: Flow) => {
  const all = await store.seriesIn({})
  return Object.fromEntries(
    await Promise.all(all.map(async one => [one.title, (await store.verdict(one.id))?.finding] as const)),
  )
}

const subjects = ({ sent }: Flow) => sent.map(one => one.subject).sort()

describe('a series', () => {
  it.each(['build', 'all'])(
    'that is cancelled while its %s runs gets no verdict of ours and no mail',
    async when => {
      const done: string[] = []
      const flow = await start(async (flow, { command, task }) => {
        const series = await seriesCalled(flow, 'good')
        const job = await flow.wired.store.job(task.job)
        if (command !== when || job?.series !== series.id || done.length > 0) return
        done.push(command)
        const gone = await cancel(flow.wired)(series.id, how)
        expect(gone?.tasks).toContain(task.id)
      })
      await flow.bring([good, other])
      await play(flow)
      expect(done).toEqual([when])
      expect(await findings(flow)).toMatchObject({
        good: { kind: 'cancelled', ...how },
        other: { kind: 'all-well' },
      })
      expect(subjects(flow)).toEqual(['Re: [PATCH] other'])
    },
  )

  it('that is cancelled before it is planned, or while parts are missing, is never run or answered', async () => {
    const ran: string[] = []
    const flow = await start(async (_, { task }) => void ran.push(task.id))
    await flow.bring([lone])
    await flow.settle()
    const series = await seriesCalled(flow, 'lone')
    expect(series.state.at).toBe('collecting')
    expect(await cancel(flow.wired)(series.id, how)).toEqual({ what: 'series', id: series.id, tasks: [] })
    await play(flow)
    expect((await seriesCalled(flow, 'lone')).state.at).toBe('incomplete')
    const first = letter({ subject: '[PATCH 1/2] lone: begin', id: 'begin', file: 'src/d.c' })
    await flow.bring([first])
    await play(flow)
    expect((await flow.wired.store.series(series.id))?.state.at).toBe('planned')
    expect((await flow.wired.store.verdict(series.id))?.finding).toMatchObject({ kind: 'cancelled' })
    expect(flow.sent).toEqual([])
    expect(ran).toEqual([])
  })

  it('that has its verdict is not cancelled', async () => {
    const flow = await start()
    await flow.bring([good])
    await play(flow)
    const { id } = await seriesCalled(flow, 'good')
    await expect(cancel(flow.wired)(id, how)).rejects.toThrow(
      `series ${id} has its verdict already: all-well`,
    )
    expect(subjects(flow)).toEqual(['Re: [PATCH] good'])
    expect(await cancel(flow.wired)('nothing', how)).toBeUndefined()
  })

  it('is cancelled twice without complaint', async () => {
    const flow = await start(async (flow, { task }) => {
      const id = (await seriesCalled(flow, 'good')).id
      await cancel(flow.wired)(id, how)
      await cancel(flow.wired)(id, how)
      await cancel(flow.wired)(task.job, how)
    })
    await flow.bring([good])
    await play(flow)
    expect(await findings(flow)).toMatchObject({ good: { kind: 'cancelled' } })
    expect(subjects(flow)).toEqual([])
  })
})

describe('one task', () => {
  it('that is a test: the others are judged, and it counts as not run', async () => {
    const flow = await start(async (flow, { command, task }) => {
      if (command === 'build') await cancel(flow.wired)(`${task.job}-test-busybox`, how)
    })
    await flow.bring([good])
    await play(flow)
    const verdict = await flow.wired.store.verdict((await seriesCalled(flow, 'good')).id)
    expect(verdict?.finding).toEqual({ kind: 'all-well' })
    expect(verdict?.images.map(one => [one.image, one.kind])).toEqual([
      ['debian', 'passed'],
      ['busybox', 'untested'],
    ])
    expect(flow.sent[0]?.text).toContain('cancelled: sent by mistake')
  })

  it('that is the build, or all tests: that is the end of the series, and no mail', async () => {
    const flow = await start(async (flow, { command, task }) => {
      const { title } =
        (await flow.wired.store.series((await flow.wired.store.job(task.job))?.series ?? '')) ?? {}
      if (command !== 'build') return
      const tests = ['test-debian', 'test-busybox'].map(name => `${task.job}-${name}`)
      for (const id of title === 'good' ? [task.id] : tests) await cancel(flow.wired)(id, how)
    })
    await flow.bring([good, other])
    await play(flow)
    expect(await findings(flow)).toMatchObject({ good: { kind: 'cancelled' }, other: { kind: 'cancelled' } })
    expect(flow.sent).toEqual([])
  })

  it('that is over already is not cancelled', async () => {
    const flow = await start()
    await flow.bring([good])
    await play(flow)
    const [task] = await flow.wired.store.tasksAt('done')
    await expect(cancel(flow.wired)(task?.id ?? '', how)).rejects.toThrow(/^task .* is over already: done$/)
  })
})

describe('the unpatched base', () => {
  it('that was cancelled is run again for the next series on it', async () => {
    const flow = await start()
    await flow.bring([good])
    await play(flow)
    const job = (await flow.wired.store.jobsOf((await seriesCalled(flow, 'good')).id))[0]
    const baseline = job?.baseline ?? ''
    for (const task of await flow.wired.store.tasksOf(baseline))
      await flow.wired.store.moveTask(task.id, task.state, { at: 'cancelled', ...how })
    await flow.bring([other])
    await play(flow)
    expect(await findings(flow)).toMatchObject({ other: { kind: 'all-well' } })
    const states = (await flow.wired.store.tasksOf(baseline)).map(task => task.state.at)
    expect(states).toEqual(['done', 'done', 'done'])
  })
})
