// What operators do with incidents, as they type it: on a database, without bot, worker or Redis.
import { expect, test } from 'vitest'
import type { Store } from '../../src/ports/store.ts'
import { incident } from '../contract/samples.ts'
import { commandIn, smallHome } from './small.ts'

let store: Store
const home = smallHome('incidents', made => {
  store = made
})

const incidents = commandIn(home, 'incident')

test('one is opened, amended, noted, confirmed and resolved', async () => {
  const opened = await incidents('open', 'no network', '--severity', 'major', '--host', 'alpha', 'beta')
  expect(opened).toMatchObject({
    status: 0,
    said: expect.stringMatching(/^incident i[0-9a-f]{15} is open\n$/),
  })
  const [one] = await store.incidents()
  const id = one?.id ?? ''
  expect(one).toMatchObject({
    ...{ trouble: 'other', about: 'no network', detail: 'no network', severity: 'major' },
    affects: { hosts: ['alpha', 'beta'], projects: ['tally'] },
    owner: expect.stringMatching(/^olga@/),
  })
  expect((await incidents('open', 'no network')).said).toMatch(`an incident about that is open: ${id}`)
  expect((await incidents('open', 'no network', '--project', 'nobody')).status).toBe(64)
  const short = id.slice(0, 6)
  expect((await incidents('amend', short)).status).toBe(64)
  expect((await incidents('amend', short, '--severity', 'awful')).status).toBe(64)
  expect((await incidents('amend', short, '--cause', 'a digger', '--doing', 'digging')).said).toBe(
    `incident ${id} is changed\n`,
  )
  expect((await incidents('amend', short, '--cause', 'a digger')).said).toBe(
    `incident ${id} says that already\n`,
  )
  expect((await incidents('note', short, 'cable found')).said).toBe(`incident ${id} has it in its log\n`)
  expect((await incidents('confirm', short)).said).toBe(
    `incident ${id} is confirmed: others may hear of it\n`,
  )
  expect((await incidents('confirm', short)).said).toBe(`incident ${id} was confirmed already\n`)
  expect((await incidents('resolve', short)).said).toContain('say what was done')
  expect((await incidents('resolve', short, '--how', 'a new cable')).said).toBe(
    `incident ${id} is resolved\n`,
  )
  expect((await incidents('resolve', short, '--how', 'a new cable')).said).toBe(
    `incident ${id} was resolved already\n`,
  )
  expect((await incidents('list')).said).toBe('no incident is open\n')
  const { said } = await incidents('show', id)
  expect(
    said
      .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d UTC/g, 'TIME')
      .replaceAll(/olga@\S+/g, 'olga@')
      .replace(/lasted \d+ seconds?/, 'lasted SPAN'),
  ).toBe(
    [
      ...['other: no network', '  no network', `incident   ${id}`, 'since      TIME'],
      'state      over since TIME: a new cable (olga@ it lasted SPAN',
      ...['severity   major', 'cause      a digger', 'doing      digging', 'owner      olga@'],
      ...['confirmed  TIME by olga@', 'hosts      alpha, beta', 'projects   tally', 'log'],
      ...['  TIME  olga@ opened: no network', '  TIME  olga@ cause: a digger; doing: digging'],
      ...['  TIME  olga@ cable found', '  TIME  olga@ confirmed: others may hear of it'],
      ...['  TIME  olga@ resolved: a new cable', ''],
    ].join('\n'),
  )
})

test('one becomes a part of another', async () => {
  const since = Date.UTC(2026, 0, 5, 12)
  const suspected = { at: 'suspected', until: since + 60_000 } as const
  const watched = { at: 'monitoring', since, until: since + 60_000, how: 'it answers' } as const
  await store.openIncident(incident('i1aa', { since, trouble: 'host-lost', about: 'alpha' }))
  await store.openIncident(incident('i2bb', { since, state: suspected }))
  await store.openIncident(incident('i2cc', { since, state: watched, about: 'sdb' }))
  expect((await incidents('merge', 'i2', 'i1')).said).toContain('2 incidents begin with i2: i2bb, i2cc')
  expect((await incidents('merge', 'i1', 'i1')).status).toBe(64)
  const { said: table } = await incidents('list')
  expect(table).toMatch(/^i2bb .* suspected .* it makes noises$/m)
  expect(table).toMatch(/^i2cc .* watched .* over since 2026-01-05 12:00 UTC: it answers$/m)
  expect((await incidents('merge', 'i2b', 'i1')).said).toBe('incident i2bb is a part of the other one now\n')
  expect((await incidents('merge', 'i2bb', 'i1')).said).toBe('incident i2bb was a part of it already\n')
  expect((await store.incident('i1aa'))?.log.map(({ what }) => what)).toEqual([
    'i2bb is a part of it: disk-error (sda): it makes noises',
  ])
  const json = (await incidents('list', '--all', '--json')).said.trim().split('\n')
  expect(json.map(line => JSON.parse(line))).toMatchObject([
    { id: 'i1aa', mergedInto: null, resolved: null },
    { id: 'i2bb', mergedInto: 'i1aa', state: { at: 'resolved' } },
    { id: 'i2cc', state: { at: 'monitoring' } },
  ])
  expect((await incidents('confirm', 'i2bb')).said).toContain('incident i2bb is over')
  expect((await incidents('show', 'i9')).said).toContain('there is no incident i9')
})
