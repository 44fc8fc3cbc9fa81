// The outbox of what is written to bugs: once each, in order, whatever dies or does not answer in between.
import { afterEach, describe, expect, test } from 'vitest'
import { bugzillaTracker } from '../../src/adapters/bugzilla/tracker.ts'
import { openStore } from '../../src/adapters/sql/store.ts'
import { secret } from '../../src/config/secret.ts'
import type { BugWrite, BugWriteState } from '../../src/model/bug.ts'
import { type BugWriteEvent, nextBugWrite } from '../../src/model/bug-write.ts'
import { Fault } from '../../src/model/fault.ts'
import { markOf } from '../../src/stages/bugs/write.ts'
import { bugWriteMemory, tendBugWrites } from '../../src/wiring/bug-writes.ts'
import { turns, type Wired } from '../../src/wiring/wire.ts'
import { bot, startBugzilla } from '../fakes/bugzilla/server.ts'
import { fakeClock } from '../fakes/clock.ts'
import { watched } from '../fakes/flow.ts'
import { fakeTracker } from '../fakes/tracker.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

const bugAt = (id: number) => `https://bugs.example.org/${id}`

const open = async ({ live = true } = {}) => {
  const store = await openStore({ folder: ':memory:' })
  closers.push(() => store.close())
  const clock = fakeClock()
  const tracker = fakeTracker()
  const said: string[] = []
  const wired = {
    config: {
      mail: { live },
      notices: { bug: undefined },
      host: 'here',
      bot: { name: 'Grapevine', address: 'grapevine@example.org' },
      administrator: { name: 'Olga', address: 'olga@example.org' },
    },
    ...{ store, clock, trackers: [tracker], inTurn: turns() },
    queue: { push: async () => {} },
    log: (_: string, text: string) => said.push(text),
  } as unknown as Wired
  const memory = bugWriteMemory()
  const add = async (id: string, more: Partial<BugWrite> = {}) => {
    const write: BugWrite = {
      ...{ id, tracker: 'bugs', bug: bugAt(1), kind: 'result', project: 'tally', series: undefined },
      ...{
        text: `text ${id}`,
        link: undefined,
        change: undefined,
        create: undefined,
        createdAt: clock.now(),
      },
      state: { at: 'pending', notBefore: clock.now(), tries: 0 },
      ...more,
    }
    await store.addBugWrite(write)
  }
  const stateOf = async (id: string) => (await store.bugWrite(id))?.state
  const texts = (bug = bugAt(1)) => (tracker.bugs.get(bug)?.comments ?? []).map(one => one.text)
  tracker.put(bugAt(1))
  return {
    wired,
    store,
    clock,
    tracker,
    said,
    add,
    stateOf,
    texts,
    memory,
    tend: () => tendBugWrites(wired, memory),
  }
}

describe('the machine', () => {
  test('a write is written once, and what is written stays', () => {
    const events: BugWriteEvent[] = [
      { on: 'taken' },
      { on: 'written', bug: 'b', comment: 1 },
      { on: 'deferred', why: 'w', soon: true, unsure: false },
      { on: 'unreached', why: 'w', until: 5 },
      { on: 'refused', why: 'w' },
      { on: 'lost' },
      { on: 'retried' },
      { on: 'dropped', why: 'w' },
    ]
    let seed = 7
    const chance = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
      return Math.floor((seed / 2 ** 31) * below)
    }
    for (let run = 0; run < 300; run++) {
      let state: BugWriteState = { at: 'pending', notBefore: 0, tries: 0 }
      for (let now = 1; now < 40; now++) {
        const event = events[chance(events.length)] ?? { on: 'taken' }
        const next = nextBugWrite(state, event, now * 3_600_000)
        if (state.at === 'written') expect(next).toBe(state)
        if (next.at === 'written') expect(['writing', 'written']).toContain(state.at)
        if (state.at === 'failed' && next !== state) expect(event.on).toBe('retried')
        if ('tries' in next) expect(next.tries).toBeGreaterThanOrEqual(0)
        state = next
      }
    }
  })

  test('what may have been done is given time; a tracker that is away costs no try', () => {
    const writing: BugWriteState = { at: 'writing', since: 0, tries: 1 }
    const unsure = nextBugWrite(writing, { on: 'deferred', why: 'no answer', soon: true, unsure: true }, 0)
    expect(unsure).toEqual({ at: 'pending', notBefore: 60_000, tries: 1, why: 'no answer' })
    expect(nextBugWrite(writing, { on: 'lost' }, 1000)).toMatchObject({ at: 'pending', notBefore: 60_000 })
    expect(nextBugWrite(writing, { on: 'unreached', why: 'away', until: 9 }, 0)).toMatchObject({
      tries: 0,
      notBefore: 9,
    })
    const last: BugWriteState = { at: 'writing', since: 0, tries: 32 }
    expect(nextBugWrite(last, { on: 'deferred', why: 'x', soon: true, unsure: false }, 0)).toMatchObject({
      ...{ at: 'failed', why: 'given up after 32 tries: x' },
    })
  })
})

test('what waits is written in order, and its comment is known', async () => {
  const { add, tend, texts, stateOf, tracker } = await open()
  for (const id of ['w1', 'w2', 'w3']) await add(id)
  await tend()
  expect(texts()).toEqual(['w1', 'w2', 'w3'].map(id => `text ${id}\n\n[${markOf({ id })}]`))
  expect(await stateOf('w2')).toMatchObject({
    at: 'written',
    bug: bugAt(1),
    comment: tracker.bugs.get(bugAt(1))?.comments[1]?.id,
  })
})

test('a new bug is made, and its address is known', async () => {
  const { add, tend, stateOf } = await open()
  const create = { product: 'tally', component: 'core', version: '1', summary: 's', text: 't', fields: {} }
  await add('w1', { bug: undefined, text: undefined, create })
  await tend()
  expect(await stateOf('w1')).toMatchObject({ at: 'written', bug: 'https://bugs.example.org/1001' })
})

test('an answer that was lost is no second comment, and what comes after it waits for it', async () => {
  const { add, tend, texts, clock, tracker, stateOf } = await open()
  await add('w1')
  await add('w2')
  tracker.loseAnswer = true
  await tend()
  expect((await stateOf('w1'))?.at).toBe('pending')
  expect((await stateOf('w2'))?.at).toBe('pending')
  await clock.advance(60_000)
  await tend()
  expect(texts()).toHaveLength(2)
  expect(texts()[1]).toContain('text w2')
})

test('a tracker that is away is not asked for every write; all of them are written when it is back', async () => {
  const { add, tend, texts, clock, tracker, said } = await open()
  for (let n = 0; n < 5; n++) await add(`w${n}`, { bug: bugAt(n + 1) })
  for (let n = 0; n < 5; n++) tracker.put(bugAt(n + 1))
  tracker.down = true
  for (let n = 0; n < 10; n++) {
    await tend()
    await clock.advance(2_000)
  }
  expect(tracker.asked).toHaveLength(1)
  expect(said.filter(one => one.includes('what is to be written waits'))).toHaveLength(1)
  tracker.down = false
  await clock.advance(600_000)
  await tend()
  expect([1, 2, 3, 4, 5].flatMap(n => texts(bugAt(n)))).toHaveLength(5)
  expect(said.at(-1)).toBe('tracker bugs: takes what is written again')
})

test('what is refused for good is told to the administrator once a day, and holds up nothing', async () => {
  const { add, tend, texts, tracker, stateOf, store } = await open()
  tracker.put(bugAt(2), { is: 'hidden' })
  await add('w1', { bug: bugAt(2) })
  await add('w2', { bug: bugAt(2) })
  await add('w3')
  await tend()
  expect(await stateOf('w1')).toMatchObject({ at: 'failed', why: expect.stringContaining('not authorized') })
  expect(texts()).toHaveLength(1)
  const alerts = await store.repliesAt('pending')
  expect(alerts.map(one => one.mail.subject)).toEqual(['Grapevine: bugs does not take what I write'])
  expect(alerts[0]?.mail.text).toContain('grapevine bug retry w1')
})

test('a change that is refused is told, and may be tried again; the comment stands', async () => {
  const { add, tend, stateOf, tracker, store, wired, memory } = await open()
  const refusing = { ...tracker, write: async () => ({ comment: 7, refused: 'not from NEW' }) }
  await add('w1')
  await tendBugWrites({ ...wired, trackers: [refusing] }, memory)
  const state = await stateOf('w1')
  expect(state).toMatchObject({ at: 'written', comment: 7, refused: 'not from NEW' })
  const [alert] = await store.repliesAt('pending')
  expect(alert?.mail.text).toContain('is written, but the bug could\nnot be changed')
  if (state) await store.moveBugWrite('w1', state, nextBugWrite(state, { on: 'retried' }, 0))
  await tend()
  expect(await stateOf('w1')).toMatchObject({ at: 'written' })
  expect(await stateOf('w1')).not.toHaveProperty('refused')
})

test('while the bot is not live, nothing is written, nor later', async () => {
  const { add, tend, texts, wired, stateOf } = await open({ live: false })
  await add('w1')
  await tend()
  expect(await stateOf('w1')).toMatchObject({ at: 'failed', why: 'not written: mail.live is false' })
  Object.assign(wired.config.mail, { live: true })
  await tend()
  expect(texts()).toEqual([])
})

test('a tracker that the configuration does not have is said', async () => {
  const { add, tend, stateOf } = await open()
  await add('w1', { tracker: 'gone' })
  await tend()
  expect(await stateOf('w1')).toMatchObject({ at: 'failed', why: 'the configuration has no tracker gone' })
})

test('a Bugzilla that loses answers and is away now and then has each comment once, in order', async () => {
  const { add, wired, clock, store } = await open()
  const server = await startBugzilla({ prefix: '/bugzilla' })
  const config = {
    kind: 'bugzilla',
    name: 'bugs',
    url: server.url,
    key: secret(bot.key),
    login: bot.login,
  } as const
  const none = { ca: undefined, proxy: undefined, keyExpires: undefined }
  const tracker = bugzillaTracker({ ...config, ...none }, { clock })
  closers.push(tracker.close, server.close)
  const bug = server.addBug({ comments: [] })
  const address = `${server.url}show_bug.cgi?id=${bug.id}`
  const ids = Array.from({ length: 12 }, (_, n) => `w${n}`)
  for (const id of ids) await add(id, { bug: address })
  const memory = bugWriteMemory()
  const troubles = ['after', 'none', 'before', 'page', 'after', 'down', 'none'] as const
  for (let round = 0; round < 40; round++) {
    server.trouble = troubles[round % troubles.length] ?? 'none'
    await tendBugWrites({ ...wired, trackers: [tracker] }, round % 3 === 0 ? bugWriteMemory() : memory)
    server.now += 120_000
    await clock.advance(120_000)
  }
  expect((await store.bugWrites({ at: 'written' })).map(({ id }) => id)).toEqual(ids)
  expect(bug.comments.slice(1).map(({ text }) => text)).toEqual(
    ids.map(id => `text ${id}\n\n[${markOf({ id })}]`),
  )
})

test('a new bug that was refused is made as the configuration says when it is tried again', async () => {
  const { wired, memory, add, stateOf, tracker } = await open()
  const place = { product: 'Old', component: 'core', version: '1', fields: {} }
  const create = { ...place, summary: 'testing stands still', text: 'My database does not answer.' }
  const now = { tracker: 'bugs', product: 'Infrastructure', component: 'tests', version: '1', fields: {} }
  wired.config.notices = { ...wired.config.notices, bug: now }
  await add('b1', { kind: 'incident', bug: undefined, text: undefined, create })
  await tendBugWrites(wired, memory)
  const state = await stateOf('b1')
  expect(state).toMatchObject({ at: 'written' })
  const made = [...tracker.bugs.values()].find(({ summary }) => summary === create.summary)
  expect(made).toMatchObject({ product: 'Infrastructure', component: 'tests' })
})

test('a death before or after any step is one comment in the end', async () => {
  for (let death = 0; death < 12; death++) {
    const { add, wired, clock, texts, stateOf } = await open()
    await add('w1')
    await add('w2')
    let calls = 0
    const pass = () => {
      if (calls++ === death) throw new Error('killed')
    }
    const mortal = { ...wired, store: watched(wired.store, 'store', pass) }
    await tendBugWrites(mortal, bugWriteMemory()).catch((error: unknown) => {
      if (error instanceof Fault || !(error instanceof Error) || error.message !== 'killed') throw error
    })
    for (let round = 0; round < 3; round++) {
      await clock.advance(120_000)
      await tendBugWrites(wired, bugWriteMemory())
    }
    expect([death, (await stateOf('w1'))?.at, (await stateOf('w2'))?.at]).toEqual([
      death,
      'written',
      'written',
    ])
    expect(texts()).toHaveLength(2)
  }
})
