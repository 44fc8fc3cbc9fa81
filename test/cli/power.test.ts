// `grapevine host power`, as an operator types it, with a command as the switch.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import type { Store } from '../../src/ports/store.ts'
import { host, running, task } from '../contract/samples.ts'
import { smallHome, smallYaml } from './small.ts'

const bin = new URL('../../bin/grapevine', import.meta.url).pathname

let store: Store
const home = smallHome('power', made => {
  store = made
})
beforeAll(() => {
  const script = `echo $0 >> ${home.folder()}/told; [ $0 = status ] && cat ${home.folder()}/power || :`
  const hosts = `hosts: { alpha: { power: { kind: command, run: [sh, -c, '${script}'] } } }`
  const yaml = smallYaml().replace('farm: { ', `farm: { ${hosts}, `)
  writeFileSync(join(home.folder(), 'grapevine.yaml'), yaml)
  writeFileSync(join(home.folder(), 'power'), 'off\n')
})

const grapevine = (...args: string[]) => {
  const { PATH, HOME } = process.env
  const env = { PATH, HOME, SUDO_USER: 'olga' }
  const { status, stdout, stderr } = spawnSync(bin, args, { cwd: home.folder(), env, encoding: 'utf8' })
  return { status, said: `${stdout}${stderr}` }
}

test('asks, switches, and remembers', async () => {
  expect(grapevine('host', 'power', 'status').said).toMatch(/^alpha +off$/m)
  const on = grapevine('host', 'power', 'on', 'alpha', '--reason', 'new disk is in')
  expect(on.said).toMatch(/^host alpha: .* proves that its guests work, and then takes work$/m)
  expect(readFileSync(join(home.folder(), 'told'), 'utf8')).toBe('status\non\n')
  expect(await store.hostRequests({ host: 'alpha', open: true })).toMatchObject([{ why: 'power-on' }])
  expect(grapevine('host', 'power', 'log').said).toMatch(/alpha +on +olga@\S+ +new disk is in +done/)
  const unknown = grapevine('host', 'power', 'cycle', 'omega')
  expect(unknown).toMatchObject({ status: 64, said: expect.stringContaining('There are alpha') })
})

test('what runs is not cut off unless it is said', async () => {
  await store.saveHost(host('alpha', { seenAt: Date.now() }))
  await store.addJob({ id: 'j', createdAt: 0 } as never, [
    task('t', 'j', { state: { ...running('r'), host: 'alpha' } as never }),
  ])
  const refused = grapevine('host', 'power', 'off', 'alpha')
  expect(refused).toMatchObject({ status: 64, said: expect.stringContaining('1 task runs on alpha') })
  expect(await store.powerActions({ since: 0 })).toEqual([])
  expect(grapevine('host', 'power', 'off', 'alpha', '--force').status).toBe(0)
  expect(await store.powerActions({ since: 0 })).toMatchObject([{ act: 'off', state: { at: 'done' } }])
})
