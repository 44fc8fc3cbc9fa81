// Maintenance windows from the plan to the closing notice, on the real store and journal's contract, with hosts that answer as the test
// says. Golden mails in golden-maintenance/ (vitest -u writes them anew).
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Maintenance, MaintenanceEvent } from '../../src/model/maintenance.ts'
import { nextMaintenance } from '../../src/model/maintenance.ts'
import type { Notice } from '../../src/model/notice.ts'
import type { Store } from '../../src/ports/store.ts'
import { plannedMaintenance } from '../../src/stages/maintenance/plan.ts'
import { openAlarm } from '../../src/wiring/alarm.ts'
import { tendMaintenance } from '../../src/wiring/maintenance.ts'
import { noticeMemory, tendNotices } from '../../src/wiring/notices.ts'
import type { Wired } from '../../src/wiring/wire.ts'
import { host } from '../contract/samples.ts'
import type { FakeClock } from '../fakes/clock.ts'
import { type Flow, openFlow, project } from '../fakes/flow.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
/** A Monday noon. */
const start = Date.UTC(2026, 0, 5, 12)
/** Thursday, a quarter to ten o'clock, and its end. */
const from = Date.UTC(2026, 0, 8, 9, 45)
const to = from + 2 * hour

let flow: Flow
let wired: Wired
let clock: FakeClock
let died: Error | undefined
let pass: (call: string) => void

beforeEach(async () => {
  pass = () => {}
  died = undefined
  flow = await openFlow(
    () => ({ kind: 'passes' }) as never,
    call => pass(call),
  )
  wired = flow.wired
  clock = wired.clock as FakeClock
})
afterEach(() => flow.close())

const servedBy = (names: Record<string, string[]>) =>
  Promise.all(
    Object.entries(names).map(([name, images]) =>
      wired.store.saveHost(host(name, { seenAt: clock.now(), images })),
    ),
  )

const plan = async (more: Partial<Maintenance> = {}): Promise<string> => {
  const window = plannedMaintenance(
    {
      hosts: more.hosts ?? ['alpha'],
      ...{ from: more.from ?? from, to: more.to ?? to, reason: 'new disks', by: 'olga@alpha' },
      repeat: more.repeat,
    },
    clock.now(),
  )
  await wired.store.addMaintenance({ ...window, ...more })
  return window.id
}

const stateOf = async (id: string) => (await wired.store.maintenances()).find(one => one.id === id)?.state
const say = (id: string, event: MaintenanceEvent) =>
  wired.store.changeMaintenance(id, kept => nextMaintenance(kept, event, clock.now()))

/** Rounds until nothing changes any more at this time. */
const tend = async () => {
  for (let i = 0; i < 4; i++) await tendMaintenance(wired)
}
const goTo = async (when: number) => {
  await clock.advance(when - clock.now())
  await tend()
}

const answer = async (name: string, state: { at: 'passed' } | { at: 'failed'; why: string }) => {
  for (const request of await wired.store.hostRequests({ host: name, open: true }))
    await wired.store.moveHostRequest(request.id, request.state, { ...state, when: clock.now() })
  await tend()
}
const held = async () =>
  (await wired.store.holds()).map(({ on, how }) => `${on.kind === 'queue' ? 'queue' : on.name} ${how}`)

const notices = async (): Promise<Notice[]> => (await wired.journal.notices()).sort((a, b) => a.at - b.at)
const kinds = async () =>
  (await notices()).map(({ kind, to }) => `${kind} to ${to === 'operators' ? to : to.list}`)

const whole = ({ reply: { mail } }: Notice): string =>
  [
    `To: ${mail.to.map(({ address }) => address)}`,
    `Subject: ${mail.subject}`,
    ...(mail.inReplyTo ? [`In-Reply-To: ${mail.inReplyTo.replace(/n[0-9a-f]{23}/, 'FIRST')}`] : []),
    '',
    mail.text,
    ...(mail.calendar ? [`${mail.calendar.method}\n${mail.calendar.text.replaceAll('\r\n', '\n')}`] : []),
  ]
    .join('\n')
    .replace(/m[0-9a-f]{15}/g, 'mWINDOW')

const golden = async (name: string) =>
  expect((await notices()).map(whole).join(`\n${'='.repeat(76)}\n`)).toMatchFileSnapshot(
    `golden-maintenance/${name}.txt`,
  )

const needed = [...new Set([project.recipe.build.image, ...project.recipe.test.images])]

describe('a window of a host that alone serves an image', () => {
  beforeEach(() => servedBy({ alpha: needed, beta: [] }))

  test('is announced to the list, drained, proven, and closed', async () => {
    const id = await plan()
    await tend()
    expect(await kinds()).toEqual(['announced to tally'])
    await goTo(from - 2 * hour)
    expect(await kinds()).toEqual(['announced to tally', 'reminder to tally'])
    expect(await held()).toEqual([])
    await goTo(from)
    expect(await held()).toEqual(['alpha drain'])
    expect((await wired.store.holds())[0]).toMatchObject({
      reason: `maintenance ${id}: new disks`,
      by: 'olga@alpha',
    })
    expect(await wired.store.hostRequests({})).toEqual([])
    await goTo(to)
    expect(await wired.store.hostRequests({ open: true })).toMatchObject([
      { host: 'alpha', ask: 'verify', why: `maintenance ${id}` },
    ])
    expect(await held()).toEqual(['alpha drain'])
    await clock.advance(3 * minute)
    await answer('alpha', { at: 'passed' })
    expect(await held()).toEqual([])
    expect(await stateOf(id)).toMatchObject({ at: 'done', how: 'all its hosts work' })
    await goTo(to + day)
    expect(await kinds()).toEqual(['announced to tally', 'reminder to tally', 'done to tally'])
    expect((await notices()).map(({ nextWord }) => nextWord)).toEqual([from - 2 * hour, to, undefined])
    await golden('window')
  })

  test('that takes longer: the list hears it once a day, operators by an incident; after it is mended it is closed', async () => {
    const id = await plan()
    await tend()
    await goTo(from)
    await goTo(to)
    await answer('alpha', { at: 'failed', why: 'no accelerator works' })
    expect(await kinds()).toEqual(['announced to tally', 'overrun to tally'])
    expect(await wired.store.incidents({ open: true })).toMatchObject([
      { trouble: 'maintenance-overrun', about: id, detail: expect.stringContaining('no accelerator works') },
    ])
    expect(await held()).toEqual(['alpha drain'])
    await goTo(to + day - minute)
    expect(await kinds()).toHaveLength(2)
    await goTo(to + day)
    expect(await kinds()).toEqual(['announced to tally', 'overrun to tally', 'overrun to tally'])
    await say(id, { on: 'finished' })
    await tend()
    await answer('alpha', { at: 'passed' })
    expect(await kinds()).toHaveLength(4)
    expect(await stateOf(id)).toMatchObject({ at: 'done' })
    expect(await wired.store.incidents({ open: true })).toEqual([])
    expect(await held()).toEqual([])
    await golden('overrun')
  })

  test('whose host says nothing is late after ten minutes, and ends without a proof when an operator says so', async () => {
    const id = await plan()
    await goTo(from)
    await goTo(to + 10 * minute - 1)
    expect(await kinds()).not.toContain('overrun to tally')
    await goTo(to + 10 * minute)
    expect(await kinds()).toContain('overrun to tally')
    await say(id, { on: 'finished', unproven: 'olga@alpha' })
    await tend()
    expect(await stateOf(id)).toMatchObject({ how: 'ended by olga@alpha, without a proof of its hosts' })
    expect(await held()).toEqual([])
  })

  test('that is moved, extended, and one that is cancelled: each with a new invitation in the same thread', async () => {
    const id = await plan()
    await tend()
    await goTo(start + minute)
    await say(id, { on: 'moved', from: from + day, to: to + day })
    await tend()
    await goTo(from + day - 2 * hour)
    await goTo(from + day)
    await say(id, { on: 'moved', to: to + day + 3 * hour })
    await tend()
    await golden('moved')
    const sequences = (await notices()).map(
      ({ reply }) => /SEQUENCE:(\d)/.exec(reply.mail.calendar?.text ?? '')?.[1],
    )
    expect(sequences).toEqual(['0', '1', undefined, '2'])
    const uids = (await notices()).flatMap(
      ({ reply }) => /UID:\S+/.exec(reply.mail.calendar?.text ?? '')?.[0] ?? [],
    )
    expect(new Set(uids).size).toBe(1)
  })

  test('that is cancelled: only who heard of it hears that', async () => {
    const quiet = await plan({ from: from + 30 * day, to: to + 30 * day, repeat: 'FREQ=YEARLY' })
    const id = await plan()
    await tend()
    for (const one of [quiet, id])
      await say(one, { on: 'cancelled', by: 'olga@alpha', why: 'the disks are late' })
    await tend()
    await goTo(from)
    expect(await kinds()).toEqual(['announced to tally', 'cancelled to tally'])
    expect(await held()).toEqual([])
    await golden('cancelled')
  })

  test('that begins at once says that it has begun', async () => {
    await plan({ from: start - minute, to: start + hour })
    await tend()
    expect(await kinds()).toEqual(['begun to tally'])
    expect(await held()).toEqual(['alpha drain'])
    await golden('begun')
  })
})

test('a window of a host that others stand in for concerns the operators alone', async () => {
  await servedBy({ alpha: needed, beta: needed })
  const id = await plan()
  await tend()
  await goTo(from - 2 * hour)
  await goTo(from)
  await goTo(to)
  await answer('alpha', { at: 'passed' })
  expect(await kinds()).toEqual(['announced to operators', 'reminder to operators', 'done to operators'])
  expect(await stateOf(id)).toMatchObject({ at: 'done' })
  await golden('operators')
})

test('of the whole service the queue rests; each host takes work as it has proved itself', async () => {
  await servedBy({ alpha: needed, beta: needed })
  await wired.store.saveHost(host('old', { seenAt: start - 30 * day }))
  const id = await plan({ hosts: [] })
  await tend()
  await goTo(from)
  expect(await held()).toEqual(['queue drain'])
  await clock.advance(to - from)
  await servedBy({ alpha: needed, beta: needed })
  await tend()
  expect((await held()).sort()).toEqual(['alpha drain', 'beta drain'])
  await answer('alpha', { at: 'passed' })
  expect(await held()).toEqual(['beta drain'])
  await answer('beta', { at: 'passed' })
  expect(await held()).toEqual([])
  expect(await stateOf(id)).toMatchObject({ at: 'done' })
})

test('a host that was forgotten meanwhile is not waited for', async () => {
  await servedBy({ alpha: needed, beta: needed })
  const id = await plan()
  await goTo(from)
  await goTo(to)
  await wired.store.forgetHost('alpha')
  await tend()
  expect(await stateOf(id)).toMatchObject({ at: 'done' })
})

test("what a person holds, and for longer, stays that person's; what ends before is held on", async () => {
  await servedBy({ alpha: needed, beta: needed })
  const hold = { how: 'stop', reason: 'smoke', by: 'bob', since: start, until: undefined } as const
  await wired.store.setHold({ ...hold, on: { kind: 'host', name: 'alpha' } })
  await wired.store.setHold({ ...hold, on: { kind: 'host', name: 'beta' }, until: to - minute })
  await plan({ hosts: ['alpha', 'beta'] })
  await goTo(from)
  expect((await held()).sort()).toEqual(['alpha stop', 'beta drain'])
  await goTo(to)
  for (const name of ['alpha', 'beta']) await answer(name, { at: 'passed' })
  expect(await held()).toEqual(['alpha stop'])
})

test('gives its hosts back also when its reason was put in other words meanwhile', async () => {
  await servedBy({ alpha: needed, beta: needed })
  const id = await plan()
  await goTo(from)
  expect(await held()).toEqual(['alpha drain'])
  await say(id, { on: 'moved', to: to + hour, reason: 'the new fans do not fit' })
  await goTo(to + hour)
  await answer('alpha', { at: 'passed' })
  expect(await stateOf(id)).toMatchObject({ at: 'done' })
  expect(await held()).toEqual([])
})

test('one that is repeated: the next is planned when one is over, under the same name in calendars', async () => {
  await servedBy({ alpha: needed, beta: [] })
  await plan({ repeat: 'FREQ=WEEKLY' })
  await tend()
  await goTo(from)
  await goTo(to)
  await answer('alpha', { at: 'passed' })
  const [next, ...more] = await wired.store.maintenances({ live: true })
  expect(more).toEqual([])
  expect(next).toMatchObject({ from: from + 7 * day, to: to + 7 * day, state: { at: 'planned' } })
  await goTo(from + 4 * day)
  await goTo(from + 4 * day + hour)
  await say(next?.id ?? '', { on: 'moved', from: from + 8 * day, to: to + 8 * day })
  await tend()
  await goTo(from + 5 * day)
  await say(next?.id ?? '', { on: 'cancelled', by: 'olga@alpha', why: 'not needed any more', whole: true })
  await tend()
  expect(await kinds()).toEqual([
    ...['announced to tally', 'done to tally', 'announced to tally', 'announced to tally'],
    'cancelled to tally',
  ])
  await golden('repeated')
})

test('mails leave, and nobody hears of what comes of the rest; afterwards it is news again', async () => {
  await servedBy({ alpha: needed, beta: [] })
  const memory = noticeMemory()
  const subjects = async () => {
    await tendNotices(wired, memory)
    return flow.sent.map(({ subject }) => subject)
  }
  const id = await plan()
  await tend()
  const planned = 'Maintenance planned: Thursday 8 January 2026'
  expect(await subjects()).toEqual([planned])
  expect(flow.sent[0]?.calendar?.method).toBe('PUBLISH')
  await goTo(from)
  const alarm = openAlarm(wired, 'alpha')
  await alarm.raise('host-lost', 'alpha', 'no word of it')
  await openAlarm(wired, undefined).raise('image-unserved', needed[0] ?? '', 'no host takes its tasks')
  await clock.advance(5 * minute)
  await alarm.raise('host-lost', 'alpha', 'no word of it')
  const { length } = await wired.store.incidents({ open: true })
  expect([length, await subjects()]).toEqual([2, [planned]])
  await goTo(to)
  await say(id, { on: 'finished', unproven: 'olga@alpha' })
  await tend()
  const told = await subjects()
  expect(told).toHaveLength(4)
  expect(told).toContain('Re: Maintenance is over: Thursday 8 January 2026')
})

test('until the bot is live the administrator alone reads it', async () => {
  await servedBy({ alpha: needed })
  const { config } = wired
  wired = { ...wired, config: { ...config, mail: { ...config.mail, live: false } } }
  await plan()
  await tend()
  const [first] = await notices()
  expect(first?.reply.mail.to).toEqual([config.administrator])
  expect(first?.reply.mail.text).toContain('tally-devel@example.org')
})

/** Its changes of windows are points to die at, as well. */
const passing = (store: Store): Store =>
  Object.assign(Object.create(store), {
    changeMaintenance: async (...given: Parameters<Store['changeMaintenance']>) => {
      pass('before')
      const changed = await store.changeMaintenance(...given)
      pass('after')
      return changed
    },
  })

test('whoever dies at any point does it again, and everything is said and done once', async () => {
  const play = async (dieAt: number): Promise<{ calls: number; told: string[]; over: boolean }> => {
    const one = await openFlow(
      () => ({ kind: 'passes' }) as never,
      call => pass(call),
    )
    flow = one
    wired = { ...one.wired, store: passing(one.wired.store) }
    clock = wired.clock as FakeClock
    pass = () => {}
    await servedBy({ alpha: needed })
    const id = await plan()
    let calls = 0
    let isDead = false
    const round = async () => {
      pass = () => {
        calls++
        if (calls === dieAt && !isDead) {
          isDead = true
          throw new Error('killed')
        }
      }
      for (let i = 0; i < 5; i++)
        await tendMaintenance(wired).catch((error: Error) => {
          died = error
        })
      pass = () => {}
    }
    await round()
    for (const when of [from - 2 * hour, from, to]) {
      await clock.advance(when - clock.now())
      await round()
    }
    for (const request of await wired.store.hostRequests({ open: true }))
      await wired.store.moveHostRequest(request.id, request.state, { at: 'passed', when: clock.now() })
    await round()
    const told = (await notices()).map(({ kind }) => kind)
    const over = (await stateOf(id))?.at === 'done' && (await held()).length === 0
    if (dieAt < calls) await one.close()
    return { calls, told, over }
  }
  const { calls } = await play(0)
  expect(calls).toBeGreaterThan(15)
  for (let dieAt = 1; dieAt <= calls; dieAt++) {
    const { told, over } = await play(dieAt)
    expect({ dieAt, told, over }).toEqual({ dieAt, told: ['announced', 'reminder', 'done'], over: true })
  }
  expect(died?.message).toBe('killed')
})
