import { expect, test } from 'vitest'
import type { Bug, Track } from '../../src/model/bug.ts'
import { isWanted, nextTrack, type SyncRules, type TrackEvent, threadOfBug } from '../../src/model/sync.ts'
import { random } from '../fakes/random.ts'

const rules: SyncRules = { products: ['tally'], bugs: ['https://b/1'], flag: 'list', idleMs: 100 }

const bug = (more: Partial<Bug>): Bug => ({
  ...{
    url: 'https://b/7',
    id: 7,
    status: 'NEW',
    resolution: '',
    isOpen: true,
    summary: '',
    product: 'other',
  },
  ...{
    component: '',
    keywords: [],
    whiteboard: '',
    seeAlso: [],
    flags: [],
    isRestricted: false,
    changedAt: 0,
  },
  ...more,
})

test.each([
  [{}, false],
  [{ product: 'tally' }, true],
  [{ url: 'https://b/1' }, true],
  [{ flags: ['list'] }, true],
  [{ flags: ['list?'] }, true],
  [{ flags: ['list-', 'lists'] }, false],
])('%j is wanted: %s', (more, wanted) => {
  expect(isWanted(bug(more), rules)).toBe(wanted)
})

const track = (more: Partial<Track> = {}): Track => ({
  ...{ tracker: 'bugs', bug: 'https://b/7', project: 'tally', thread: '<a@b>', by: 'x', since: 0, lastAt: 0 },
  state: { at: 'on' },
  ...more,
})

const after = (events: [TrackEvent, number][]) =>
  events.reduce((one, [event, now]) => nextTrack(one, event, now), track())

test.each([
  ['closed', [{ on: 'closed' }], 'closed'],
  ['closed and opened', [{ on: 'closed' }, { on: 'opened' }], 'on'],
  ['idle', [{ on: 'looked', idleMs: 1 }], 'idle'],
  ['heard of before it was idle', [{ on: 'heard' }, { on: 'looked', idleMs: 2 }], 'on'],
  ['idle, and spoken of', [{ on: 'looked', idleMs: 1 }, { on: 'resumed' }], 'on'],
  ['ended by a command', [{ on: 'asked' }, { on: 'opened' }, { on: 'resumed' }, { on: 'heard' }], 'asked'],
  ['hidden', [{ on: 'hidden' }, { on: 'opened' }, { on: 'resumed' }], 'hidden'],
] as [string, TrackEvent[], string][])('a track is %s', (_, events, end) => {
  const { state } = after(events.map((event, n) => [event, n + 1]))
  expect(state.at === 'on' ? 'on' : state.why).toBe(end)
})

test('a track that is off stays as it is but by what begins it again, and only that moves its time', () => {
  const next01 = random(7)
  const all: TrackEvent[] = [
    ...(['heard', 'closed', 'opened', 'hidden', 'asked', 'resumed'] as const).map(on => ({ on })),
    { on: 'looked', idleMs: 50 },
  ]
  let one = track()
  for (let now = 1; now < 2000; now += 10) {
    const event = all[Math.floor(next01() * all.length)] ?? { on: 'heard' }
    const next = nextTrack(one, event, now)
    if (one.state.at === 'off' && next !== one) expect(['opened', 'resumed']).toContain(event.on)
    expect(next.lastAt).toBeGreaterThanOrEqual(one.lastAt)
    one = next.state.at === 'off' && next.state.why !== 'closed' ? track({ lastAt: now }) : next
  }
})

test('of several threads a bug talks to the one that is on, else to the last', () => {
  const off = (thread: string, when: number): Track =>
    track({ thread, state: { at: 'off', when, why: 'closed' } })
  expect(threadOfBug([off('<1@b>', 9), track({ thread: '<2@b>' }), off('<3@b>', 5)], 'tally')?.thread).toBe(
    '<2@b>',
  )
  expect(threadOfBug([off('<1@b>', 9), off('<3@b>', 5)], 'tally')?.thread).toBe('<1@b>')
  expect(threadOfBug([track({ project: 'other' })], 'tally')).toBeUndefined()
})
