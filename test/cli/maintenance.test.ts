// What operators say about hosts, images and the queue, as they type it: on a database with hosts in it, without bot, worker or Redis.
import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import type { Store } from '../../src/ports/store.ts'
import { host, incident, running, series, task } from '../contract/samples.ts'
import { addBuilds } from '../fakes/hosts.ts'
import { smallHome } from './small.ts'

const bin = new URL('../../bin/grapevine', import.meta.url).pathname

let store: Store
const home = smallHome('ops', made => {
  store = made
})

const grapevine = (...args: string[]) => {
  const { PATH, HOME } = process.env
  const env = { PATH, HOME, SUDO_USER: 'olga' }
  const { status, stdout, stderr } = spawnSync(bin, args, { cwd: home.folder(), env, encoding: 'utf8' })
  return { status, said: `${stdout}${stderr}` }
}

const lineOf = (text: string, start: string) =>
  text.split('\n').find(line => line.startsWith(start)) ?? `no ${start} in ${text}`

test('host list tells who takes work, and why the others do not', async () => {
  const now = Date.now()
  await store.saveHost(host('alpha', { seenAt: now, busy: 1 }))
  await store.saveHost(host('beta', { seenAt: Date.UTC(2026, 0, 5, 12) }))
  await store.saveHost(host('delta', { seenAt: now, unfit: 'the canary died', images: [] }))
  await store.saveHost(host('gamma', { seenAt: now, stoppedAt: Date.UTC(2026, 0, 5, 12) }))
  await store.saveHost(host('kappa', { seenAt: now }))
  await store.addJob({ id: 'j', createdAt: 0 } as never, [
    task('t', 'j', { state: { ...running('r'), host: 'kappa' } as never }),
  ])
  expect(grapevine('host', 'drain', 'kappa', '--reason', 'new disk', '--until', '2 h').said).toMatch(
    /^host kappa takes no new tasks; what runs may end, until \d{4}-\d\d-\d\d \d\d:\d\d UTC\n$/,
  )
  const { said } = grapevine('host', 'list')
  expect(lineOf(said, 'alpha')).toMatch(/^alpha +1\/2 .* debian +takes work$/)
  expect(lineOf(said, 'beta')).toMatch(/lost since 2026-01-05 12:00 UTC$/)
  expect(lineOf(said, 'delta')).toMatch(/takes no work: the canary died$/)
  expect(lineOf(said, 'gamma')).toMatch(/its worker was stopped 2026-01-05 12:00 UTC$/)
  expect(lineOf(said, 'kappa')).toMatch(/draining, 1 still runs: new disk \(olga@.*, until 20.* UTC\)$/)
  const json = grapevine('host', 'list', '--json').said.trim().split('\n')
  expect(json.map(line => JSON.parse(line).state)).toEqual(['works', 'lost', 'unfit', 'ended', 'held'])
})

test('a hold is set, replaced and ended', async () => {
  await store.saveHost(host('alpha', { seenAt: Date.now() }))
  grapevine('host', 'drain', 'alpha', '--reason', 'new disk')
  expect(grapevine('host', 'stop', 'alpha', '--reason', 'smoke', '--wait').said).toContain(
    'nothing of host alpha runs any more',
  )
  expect(await store.holds()).toMatchObject([{ how: 'stop', reason: 'smoke' }])
  grapevine('image', 'drain', 'busybox', '--reason', 'odd', '--until', '2099-12-24T18:00Z')
  expect(await store.holds()).toMatchObject([{}, { until: Date.UTC(2099, 11, 24, 18) }])
  expect(grapevine('host', 'resume', 'alpha').said).toBe('host alpha takes work again\n')
  expect(grapevine('host', 'resume', 'alpha').said).toBe('host alpha was not held\n')
})

test.each([
  [['host', 'drain', 'alpa', '--reason', 'x'], 'no host is called alpa\nThese are known: alpha'],
  [['image', 'stop', 'bussybox', '--reason', 'x'], 'no image is called bussybox\nThese are known: busybox'],
  [
    ['host', 'drain', 'alpha', '--reason', 'x', '--until', 'tomorrow'],
    '--until: "tomorrow" is neither a span nor a date and time',
  ],
  [['queue', 'pause', '--reason', 'x', '--until', '2020-01-01'], '--until: 2020-01-01 is over already'],
  [['queue', 'pause', '--reason', ' '], '--reason is missing'],
])('%j is refused', async (args, message) => {
  await store.saveHost(host('alpha', { seenAt: Date.now() }))
  const { status, said } = grapevine(...args)
  expect({ status, said }).toEqual({ status: 64, said: expect.stringContaining(message) })
  expect(await store.holds()).toEqual([])
})

test('the queue is shown in the order in which it is taken, and paused', async () => {
  await addBuilds(store, [
    { id: 'late', author: 'ann@example.org', at: 3000 },
    { id: 'second', author: 'ann@example.org', at: 4000 },
    { id: 'other', author: 'bob@example.org', at: 5000 },
  ])
  grapevine('queue', 'pause', '--reason', 'the cooling is out')
  const { said } = grapevine('queue', 'show')
  expect(said).toMatch(/^the queue is paused: the cooling is out \(olga@/)
  const tasks = [...said.matchAll(/^(\S+)-build .*next in turn/gm)].map(([, id]) => id)
  expect(tasks).toEqual(['late', 'other', 'second'])
  expect(said).toContain('the queue is paused: 0 running, 3 due, 0 that wait for a build or a while')
  expect(grapevine('queue', 'show', '--limit', 'all')).toEqual({
    status: 64,
    said: 'grapevine: --limit: "all" is no number\n',
  })
  expect(grapevine('queue', 'resume').said).toBe('the queue is open again\n')
})

test('incidents are listed and resolved', async () => {
  await store.openIncident(incident('i1'))
  expect(lineOf(grapevine('incident', 'list').said, 'i1')).toMatch(
    /disk-error .* alpha +sda +it makes noises$/,
  )
  grapevine('incident', 'resolve', 'i1', '--how', 'new cable')
  expect(grapevine('incident', 'list').said).toBe('no incident is open\n')
  expect(grapevine('incident', 'list', '--all').said).toMatch(/over since .*: new cable \(olga@/)
})

test('failures that are alike can be said to be real, other trouble cannot', async () => {
  const alike = {
    trouble: 'alike-failures',
    host: undefined,
    about: 'tally: test "sums" of step "all" on image debian',
  } as const
  for (const one of [incident('i1'), incident('i2', alike)]) await store.openIncident(one)
  await store.saveSeries([series('s1'), series('s2')])
  const common = {
    project: 'tally',
    job: 'j',
    base: 'a'.repeat(40),
    image: 'debian',
    host: 'alpha',
    step: 'all',
    sign: '',
  }
  await store.addBlames([
    { ...common, ...{ id: 'f1', series: 's1', author: 'ann@example.org', test: 'sums', at: 900 } },
    { ...common, ...{ id: 'f2', series: 's2', author: 'ben@example.org', test: 'counts', at: 900 } },
  ])
  const { said } = grapevine('incident', 'show', 'i2')
  expect(said).toMatch(/ s1 +ann@example.org +debian +alpha +sums +waits$/m)
  expect(said).not.toContain('ben@example.org')
  expect(grapevine('incident', 'resolve', 'i2').status).toBe(64)
  expect(grapevine('incident', 'resolve', 'i1', '--real')).toMatchObject({ status: 64 })
  expect(grapevine('incident', 'resolve', 'i2', '--real').said).toBe('incident i2 is resolved\n')
  const [resolved] = await store.incidents({ open: false })
  expect(resolved?.resolved).toMatchObject({
    real: true,
    how: 'the patches do it',
  })
  expect(resolved?.log.at(-1)?.by).toMatch(/^olga@/)
})

test('a host that is gone for good is forgotten, with its incidents; a living one is not', async () => {
  await store.saveHost(host('alpha', { seenAt: Date.now() }))
  await store.saveHost(host('beta', { seenAt: 0 }))
  await store.openIncident(incident('i1', { trouble: 'host-lost', host: 'beta', about: 'beta' }))
  expect(grapevine('host', 'forget', 'alpha')).toEqual({
    status: 64,
    said: 'grapevine: the worker of alpha is running\nStop it first\n',
  })
  expect(grapevine('host', 'forget', 'beta').said).toBe('host beta is forgotten\n')
  expect(await store.incidents({ open: true })).toEqual([])
  expect((await store.hosts()).map(one => one.name)).toEqual(['alpha'])
})
