// What operators see of what is written to bugs, and do about it; on a real database, without a bot.
import { expect, test } from 'vitest'
import type { BugWrite } from '../../src/model/bug.ts'
import type { Store } from '../../src/ports/store.ts'
import { commandIn, smallHome } from './small.ts'

let store: Store
const home = smallHome('bug', made => {
  store = made
})

const bug = commandIn(home, 'bug')

const at = Date.UTC(2026, 0, 5, 12)
const add = (id: string, more: Partial<BugWrite> = {}) =>
  store.addBugWrite({
    ...{
      id,
      tracker: 'bugs',
      bug: 'https://bugs.example.org/7',
      kind: 'result',
      project: 'tally',
      series: 's1',
    },
    ...{
      text: 'All is well.\n  indented',
      link: undefined,
      change: undefined,
      create: undefined,
      createdAt: at,
    },
    state: { at: 'pending', notBefore: at, tries: 0 },
    ...more,
  })

test('what waits and what was refused is listed; what is written only when it is asked for', async () => {
  expect((await bug('list')).said).toBe('nothing waits to be written to a bug\n')
  await add('w1')
  await add('w2', { state: { at: 'failed', when: at, why: 'bugs: PUT rest/bug/7: not allowed (115)' } })
  await add('w3', { state: { at: 'written', when: at, bug: 'https://bugs.example.org/7', comment: 9 } })
  const { said } = await bug('list')
  expect(said).toMatch(/^w1 +result +https:\/\/bugs\.example\.org\/7 +waits to be written$/m)
  expect(said).toMatch(/^w2 .* not written: bugs: PUT rest\/bug\/7: not allowed \(115\)$/m)
  expect(said).not.toContain('w3')
  expect((await bug('list', '--bug', 'https://bugs.example.org/7')).said).toContain(
    'written 2026-01-05 12:00 UTC',
  )
  expect((await bug('list', '--state', 'failed', '--json')).said).toMatch(/^\{"id":"w2".*\}\n$/)
  expect(await bug('list', '--state', 'lost')).toMatchObject({ status: 64 })
})

test('one is shown with what it changes and says', async () => {
  const change = { from: ['NEW'], status: 'RESOLVED', resolution: 'FIXED', addKeywords: ['patch'] }
  await add('w1', { change, state: { at: 'pending', notBefore: at, tries: 2, why: 'no answer' } })
  expect((await bug('show', 'w1')).said).toBe(`write       w1
bug         https://bugs.example.org/7
tells       the verdict on a series
project     tally
series      s1
since       2026-01-05 12:00 UTC
state       tried again after 2026-01-05 12:00 UTC: no answer
only from   NEW
status      RESOLVED FIXED
keywords +  patch

All is well.
  indented
`)
  expect(await bug('show', 'w9')).toMatchObject({ status: 64 })
})

test('one is tried again, or given up', async () => {
  await add('w1', { state: { at: 'failed', when: at, why: 'x' } })
  expect((await bug('retry', 'w1')).said).toContain('write w1 is tried again')
  expect((await store.bugWrite('w1'))?.state).toMatchObject({ at: 'pending', tries: 0 })
  expect((await bug('drop', 'w1')).said).toBe('write w1 will not be written\n')
  expect((await store.bugWrite('w1'))?.state).toMatchObject({ at: 'failed' })
  const again = await bug('drop', 'w1')
  expect(again.status).toBe(64)
  expect(again.said).toMatch(/there is nothing to decide about write w1: not written: dropped by olga@/)
})

test('the beginning of an id is enough, as long as it means one', async () => {
  await add('b3f2a')
  await add('b391c')
  expect((await bug('show', 'b3f')).said).toContain('write       b3f2a\n')
  const two = await bug('drop', 'b3')
  expect(two).toMatchObject({ status: 64 })
  expect(two.said).toContain('2 writes begin with b3')
  expect((await bug('retry', 'b39')).said + (await bug('drop', 'b39')).said).toContain(
    'write b391c will not be',
  )
})
