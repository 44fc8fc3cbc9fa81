// What people decide about known failures at the keyboard: on a real database, without bot or worker.
import { expect, test } from 'vitest'
import { type KnownFailure, propose } from '../../src/model/known.ts'
import type { Store } from '../../src/ports/store.ts'
import { commandIn, smallHome } from './small.ts'

const bug = 'https://bugs.example.org/7'

let store: Store
const home = smallHome('known', made => {
  store = made
})

const known = commandIn(home, 'known')

const proposal = (id: string, more: Partial<KnownFailure> = {}): KnownFailure => ({
  ...propose(
    {
      ...{ id, project: 'tally', step: 'all', test: 'net/dns', images: ['busybox'], message: 'timed out' },
      ...{ bug: undefined, seen: { at: Date.UTC(2026, 0, 5, 12), run: 'r9', times: 3 } },
    },
    { why: 'failed in 3 of 16 runs', rate: { failed: 3, runs: 16 }, now: Date.UTC(2026, 0, 5, 13) },
  ),
  ...more,
})

test('what the bot proposed is listed, shown, confirmed with its bug and retired', async () => {
  await store.addKnown(proposal('k111111aaaaaaaaa'))
  await store.addKnown(proposal('k111222bbbbbbbbb', { test: 'esc\u001b[31m' }))
  const { said } = await known('list')
  expect(said).toMatch(/^k11111 {2}tally +proposed +net\/dns on busybox +2026-01-05 12:00 UTC, 3 times$/m)
  expect(said).not.toContain('\u001b')
  expect(await known('confirm', 'k11111')).toEqual({
    status: 64,
    said: 'grapevine: k111111aaaaaaaaa has no bug yet, and cannot be confirmed without one\nName it: grapevine known confirm k11111 --bug ADDRESS\n',
  })
  expect(await known('confirm', 'k11111', '--bug', bug)).toEqual({
    status: 0,
    said: 'k111111aaaaaaaaa is confirmed: net/dns on busybox\n',
  })
  expect(await store.knownFailures({ at: 'confirmed' })).toMatchObject([
    { bug, rate: { failed: 3, runs: 16 }, state: { by: expect.stringMatching(/^olga@/) } },
  ])
  const shown = (await known('show', 'k111111')).said
  expect(shown).toMatch(/^bug: +https:\/\/bugs.example.org\/7$/m)
  expect(shown).toMatch(/^rate: +3 of 16 runs without patches$/m)
  expect(shown).toMatch(/^confirmed: +olga@/m)
  expect((await known('bug', 'k111111', `${bug}8`)).said).toContain('has its new bug')
  const [line = ''] = (await known('list', '--state', 'confirmed', '--json')).said.split('\n')
  expect(JSON.parse(line)).toMatchObject({ id: 'k111111aaaaaaaaa', bug: `${bug}8` })
  expect((await known('retire', 'k111111', '--why', 'mended')).said).toContain(
    'it comes back if it is seen again',
  )
  expect((await known('list')).said).not.toContain('k11111 ')
  expect((await known('list', '--all')).said).toMatch(/^k11111 +tally +retired/m)
})

test('one is written down by hand, once, and counts when it is confirmed', async () => {
  const args = [
    'propose',
    '--test',
    'net/*',
    '--message',
    'reset by peer',
    '--bug',
    bug,
    '--why',
    'seen often',
  ]
  const { status, said } = await known(...args)
  expect(status).toBe(0)
  const [id = ''] = said.split(' ')
  expect(said).toBe(`${id} is proposed: net/*\n`)
  expect((await known(...args)).said).toBe(`${id} is there already: net/*\n`)
  expect(await store.knownFailures()).toMatchObject([
    { project: 'tally', test: 'net/*', bug, state: { at: 'proposed', told: true } },
  ])
  expect((await known('confirm', id.slice(0, 8), '--always')).said).toBe(`${id} is confirmed: net/*\n`)
  expect(await store.knownFailures()).toMatchObject([{ always: true, state: { at: 'confirmed' } }])
  // Confirmed anew, it is as it is said then; and it can be said afterwards.
  await known('reject', id)
  await known('confirm', id)
  expect((await store.knownFailures())[0]).not.toHaveProperty('always')
  await known('confirm', id, '--always')
  expect(await store.knownFailures()).toMatchObject([{ always: true, state: { at: 'confirmed' } }])
  expect((await known('reject', id, '--why', 'no')).status).toBe(0)
  expect((await known('show', id, '--json')).said).toContain('"at":"rejected"')
})

test.each([
  [['show', 'k9'], 'there is no known failure k9\nSee: grapevine known list'],
  [['show', 'k111'], '2 known failures begin with k111: k111111aaaaaaaaa, k111222bbbbbbbbb'],
  [['confirm', 'k111111', '--bug', 'bug 7'], '"bug 7" is no address of a bug'],
  [['retire', 'k111111'], 'k111111aaaaaaaaa is proposed: only what is confirmed can be retired'],
  [['propose', '--test', '*'], 'the pattern of the test says nothing'],
  [['propose'], 'neither a test nor a step is named'],
  [['propose', '--test', 'net/dns', '--project', 'other'], 'there is no project "other"'],
  [['list', '--state', 'open'], '--state: there is no state "open"'],
])('%j is refused', async (args, message) => {
  await store.addKnown(proposal('k111111aaaaaaaaa'))
  await store.addKnown(proposal('k111222bbbbbbbbb'))
  const before = await store.knownFailures()
  expect(await known(...args)).toEqual({ status: 64, said: expect.stringContaining(message) })
  expect(await store.knownFailures()).toEqual(before)
})
