// What is said of a source that cannot be read: not every time, and after five minutes as an incident.
import { expect, onTestFinished, test } from 'vitest'
import { openStore } from '../../src/adapters/sql/store.ts'
import { Fault } from '../../src/model/fault.ts'
import { sourceHealth } from '../../src/wiring/source-health.ts'
import { fakeClock } from '../fakes/clock.ts'

const minute = 60_000

test('trouble is said once an hour and when it is over; it is an incident from the fifth minute on', async () => {
  const store = await openStore({ folder: ':memory:' })
  onTestFinished(() => store.close())
  const clock = fakeClock()
  const said: string[] = []
  const wired = { store, clock, log: (_level: string, what: string) => void said.push(what) }
  const open = async () =>
    (await store.incidents({ open: true })).map(({ trouble, about }) => `${trouble} ${about}`)
  const health = sourceHealth(wired, 'tally-imap-1')
  const broken = new Fault('refused', 'later', 'the login was refused', { remedy: 'renew the token' })

  await health.worked()
  expect(said).toEqual([])
  for (let n = 0; n < 130; n++) {
    await health.failed(broken)
    if (n < 5) expect(await open()).toEqual([])
    await clock.advance(minute)
  }
  expect(await open()).toEqual(['source-unreachable tally-imap-1'])
  expect(
    said.filter(what => what === 'source tally-imap-1: the login was refused. Remedy: renew the token')
      .length,
  ).toBe(3)
  await health.failed(new Fault('unreachable', 'soon', 'nobody answers'))
  expect(said.at(-1)).toBe('source tally-imap-1: nobody answers')
  await health.worked()
  expect(await open()).toEqual([])
  expect(said.filter(what => what.includes('can be read again'))).toHaveLength(2)

  // Left open by a process that is gone.
  for (const _minute of [0, 5]) {
    await health.failed(broken)
    await clock.advance(5 * minute)
  }
  await health.failed(broken)
  expect(await open()).toHaveLength(1)
  await sourceHealth(wired, 'tally-imap-1').worked()
  expect(await open()).toEqual([])
})
