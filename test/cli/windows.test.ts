// `grapevine maintenance`, as operators type it: on a database with hosts in it, without the bot.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { expect, test } from 'vitest'
import type { CliDeps } from '../../src/cli/deps.ts'
import { maintenance as command } from '../../src/cli/maintenance.ts'
import { readConfig } from '../../src/config/load.ts'
import { UsageError } from '../../src/model/fault.ts'
import { nextMaintenance } from '../../src/model/maintenance.ts'
import type { Store } from '../../src/ports/store.ts'
import { host } from '../contract/samples.ts'
import { smallHome } from './small.ts'

const bin = new URL('../../bin/grapevine', import.meta.url).pathname

let store: Store
const home = smallHome('windows', made => {
  store = made
})

/** What it says, and how it ends, in this process: a process of its own takes half a second. */
const maintenance = async (...args: string[]): Promise<{ status: number; said: string }> => {
  const said: string[] = []
  const stdout = new Writable({
    write(chunk, _, done) {
      said.push(String(chunk))
      done()
    },
  })
  const read = {
    file: join(home.folder(), 'grapevine.yaml'),
    repositories: 'later',
    secrets: 'later',
  } as const
  const deps: CliDeps = {
    config: async () => (await readConfig({ ...read, env: {} })).config,
    ...{ configFile: () => undefined, debug: () => false, exitWith: () => {}, env: { SUDO_USER: 'olga' } },
    ...{ signal: new AbortController().signal, stdin: process.stdin, stdout, stderr: stdout },
  }
  try {
    await command(deps).parseAsync(args, { from: 'user' })
    return { status: 0, said: said.join('') }
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    return { status: 64, said: error.message }
  }
}

const alive = (name: string, images: string[]) => store.saveHost(host(name, { seenAt: Date.now(), images }))
const plan = (...more: string[]) =>
  maintenance('plan', '--from', '2099-01-06T10:00Z', '--to', '2 h', '--reason', 'new disks', ...more)
const only = async () => {
  const [one] = await store.maintenances()
  if (!one) throw new Error('there is none')
  return one
}

test('one is planned, listed, moved and cancelled', async () => {
  await alive('alpha', ['busybox'])
  const { said } = await plan('--host', 'alpha')
  expect(said).toMatch(
    /^maintenance m[0-9a-f]{15} of alpha is planned: Tuesday 6 January 2099, 10:00 to 12:00 UTC \(2 h\)\nit is announced now to tally-devel@example.org\n$/,
  )
  const { id } = await only()
  expect((await maintenance('list')).said).toMatch(
    new RegExp(`^${id} +2099-01-06 10:00 UTC .* alpha +planned +new disks$`, 'm'),
  )
  expect((await maintenance('move', id, '--from', '2099-01-07T00:00Z')).said).toContain(
    'Wednesday 7 January 2099, 00:00 to 02:00',
  )
  expect((await maintenance('cancel', id, '--reason', 'rain')).said).toBe(`maintenance ${id} is cancelled\n`)
  expect(await maintenance('cancel', id, '--reason', 'rain')).toMatchObject({ status: 64 })
  expect((await maintenance('list')).said).toBe('none is planned or running\n')
  expect(JSON.parse((await maintenance('list', '--all', '--json')).said)).toMatchObject({
    ...{ id, repeat: null, state: { at: 'cancelled', why: 'rain', by: expect.stringMatching(/^olga@/) } },
  })
})

test('one that runs is extended, finished, and shows what its hosts answered', async () => {
  await alive('alpha', ['busybox'])
  await alive('beta', ['busybox'])
  const now = ['--from', 'now', '--to', '1 h', '--reason', 'new disks', '--host', 'alpha']
  expect((await maintenance('plan', ...now)).said).toContain('is announced now to ada@example.org alone')
  const { id } = await only()
  expect(await maintenance('finish', id)).toMatchObject({
    status: 64,
    said: expect.stringContaining('it is not running'),
  })
  await store.changeMaintenance(id, one => nextMaintenance(one, { on: 'begun' }, Date.now()))
  expect((await maintenance('extend', id, '--to', '10 min')).said).toContain('it lasts until')
  expect((await maintenance('extend', id, '--to', '3 h')).said).toContain('those who know of it are told')
  expect(await only()).toMatchObject({ sequence: 1 })
  expect((await maintenance('finish', id)).said).toContain('its hosts prove themselves now')
  expect((await only()).to).toBeLessThanOrEqual(Date.now())
  await store.addHostRequest({
    ...{ id: 'q1', host: 'alpha', ask: 'verify', why: `maintenance ${id}`, at: 0 },
    state: { at: 'failed', when: 1, why: 'no accelerator works' },
  })
  expect((await maintenance('show', id)).said).toMatch(
    /alpha +asked to prove itself .* failed: no accelerator works/,
  )
  const begins = id.slice(0, 5)
  expect((await maintenance('show', begins)).said).toContain('alpha  asked to prove itself')
  expect((await maintenance('show', begins, '--json')).said).toContain(`"id":"${id}"`)
  expect(await maintenance('show', '')).toMatchObject({ status: 64 })
  const finished = (await maintenance('finish', begins, '--unproven')).said
  expect(finished).toContain(`maintenance ${id} ends, and alpha takes work again without a proof`)
  expect((await maintenance('cancel', id, '--reason', 'x')).said).toContain('runs already')
})

test('one of a series is cancelled alone, and the next is planned; or all of them', async () => {
  const { said } = await plan('--all', '--repeat', 'FREQ=MONTHLY;BYDAY=1TU')
  expect(said).toContain('it is announced 2099-01-03 10:00 UTC to tally-devel@example.org')
  const first = await only()
  expect((await maintenance('show', first.id)).said).toContain('repeated every month on the 1st Tuesday')
  expect((await maintenance('cancel', first.id, '--reason', 'rain')).said).toContain(
    'the next one is Tuesday 3 February 2099',
  )
  const [next] = await store.maintenances({ live: true })
  expect((await maintenance('cancel', next?.id ?? '', '--reason', 'rain', '--series')).said).toContain(
    'are told',
  )
  expect(await store.maintenances({ live: true })).toEqual([])
})

test.each([
  [['--host', 'alpa'], 'no host is called alpa'],
  [[], 'say what rests'],
  [['--all', '--host', 'alpha'], 'say what rests'],
  [['--all', '--from', '2020-01-01'], '--from: 2020-01-01 is over already'],
  [['--all', '--to', '2098-01-01'], '--to is not after --from'],
  [['--all', '--to', 'late'], '--to: "late" is neither a span nor a date and time'],
  [['--all', '--reason', ' '], '--reason is empty'],
  [['--all', '--repeat', 'often'], '--repeat: "often" cannot be used: it is no rule'],
  [['--all', '--repeat', 'daily', '--to', '2 d'], 'it would still run when it is repeated'],
])('plan %j is refused', async (args, message) => {
  await alive('alpha', ['busybox'])
  const { status, said } = await plan(...args)
  expect({ status, said }).toEqual({ status: 64, said: expect.stringContaining(message) })
  expect(await store.maintenances()).toEqual([])
})

test('two at one time on one host are refused', async () => {
  await alive('alpha', ['busybox'])
  await alive('beta', ['busybox'])
  await plan('--host', 'alpha')
  expect(await plan('--all')).toMatchObject({
    status: 64,
    said: expect.stringContaining('is planned for Tuesday'),
  })
  expect((await plan('--host', 'beta')).status).toBe(0)
})

test('it is a command of the program', async () => {
  const { PATH, HOME } = process.env
  const { status, stdout } = spawnSync(bin, ['maintenance', 'list'], {
    ...{ cwd: home.folder(), env: { PATH, HOME }, encoding: 'utf8' },
  })
  expect({ status, stdout }).toEqual({ status: 0, stdout: 'none is planned or running\n' })
})
