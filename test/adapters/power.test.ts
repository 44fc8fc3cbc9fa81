// Power switches: a command, IPMI on OpenIPMI's simulator, and Redfish on a server with the habits of real ones.
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { commandPower } from '../../src/adapters/power/command.ts'
import { ipmiPower } from '../../src/adapters/power/ipmi.ts'
import { redfishPower } from '../../src/adapters/power/redfish.ts'
import { type FakeBmc, startBmc } from '../fakes/redfish.ts'
import { type IpmiSim, startIpmiSim } from '../real/ipmi-sim.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'grapevine-power-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A program whose answer is `script`; it may use $1 … */
const program = (name: string, script: string): string => {
  const file = join(folder, name)
  writeFileSync(file, `#!/bin/sh\n${script}\n`)
  chmodSync(file, 0o755)
  return file
}

describe('a command', () => {
  test('gets the word as its last argument, and no shell reads it', async () => {
    const said = join(folder, 'said')
    const power = commandPower({ run: [program('switch', `echo "$@" > ${said}; echo On`), 'rack 3; reboot'] })
    expect(await power.status()).toBe('on')
    expect(readFileSync(said, 'utf8')).toBe('rack 3; reboot status\n')
    await power.act('cycle')
    expect(readFileSync(said, 'utf8')).toBe('rack 3; reboot cycle\n')
  })

  test('fails with its last words, is asked for what it is, and is not waited for without end', async () => {
    const failing = commandPower({
      run: [program('failing', 'echo one; echo "no \u001b[31moutlet 7" >&2; exit 3')],
    })
    await expect(failing.act('off')).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringMatching(/exit code 3: no outlet 7$/),
    })
    const vague = commandPower({ run: [program('vague', 'echo perhaps')] })
    await expect(vague.status()).rejects.toMatchObject({
      kind: 'malformed',
      message: expect.stringContaining('"perhaps"'),
    })
    const slow = commandPower({ run: [program('slow', 'sleep 60 & wait')], timeoutMs: 50 })
    await expect(slow.act('on')).rejects.toMatchObject({ kind: 'timeout' })
    const missing = commandPower({ run: [join(folder, 'missing')] })
    await expect(missing.act('on')).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('is not there'),
    })
  })
})

describe('IPMI', () => {
  let sim: IpmiSim
  const power = (more: Partial<Parameters<typeof ipmiPower>[0]> = {}) =>
    ipmiPower({
      ...{ host: '127.0.0.1', port: sim.port, user: sim.user, password: () => sim.password, cipher: 3 },
      ...{ patience: { answerS: 1, tries: 2 }, ...more },
    })
  beforeAll(async () => {
    sim = await startIpmiSim()
  })
  afterAll(() => sim.stop())

  test('tells and switches', async () => {
    expect(await power().status()).toBe('on')
    await power().act('off')
    expect(await power().status()).toBe('off')
    // What is off is switched on: a BMC cycles only what is on.
    await power().act('cycle')
    expect(await power().status()).toBe('on')
    await power().act('cycle')
    expect(sim.told().slice(0, 3)).toEqual(['set power 0', 'set power 1', 'set power 0'])
    sim.press('on')
  })

  test('tells a wrong password and a wrong user from nobody there', async () => {
    const wrong = power({ password: () => 'lantern' }).status()
    await expect(wrong).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('the password is wrong'),
    })
    const nobody = power({ user: 'nobody' }).status()
    await expect(nobody).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('no such user'),
    })
    const silent = power({ port: 9, patience: { answerS: 1, tries: 1 } }).status()
    await expect(silent).rejects.toMatchObject({
      kind: 'unreachable',
      message: expect.stringContaining('no answer'),
    })
    const long = power({ password: () => 'x'.repeat(21) }).status()
    await expect(long).rejects.toMatchObject({ message: expect.stringContaining('longer than 20 bytes') })
  })

  test('the password is in no argument', async () => {
    const seen = join(folder, 'seen')
    const spy = program(
      'ipmitool',
      `echo "$@" > ${seen}; echo "$IPMI_PASSWORD" > ${seen}.env; echo "Chassis Power is on"`,
    )
    await power({ program: spy }).status()
    expect(readFileSync(seen, 'utf8')).not.toContain(sim.password)
    expect(readFileSync(`${seen}.env`, 'utf8').trim()).toBe(sim.password)
    const missing = power({ program: join(folder, 'no-ipmitool') }).status()
    await expect(missing).rejects.toMatchObject({ remedy: 'install ipmitool' })
    expect(existsSync(seen)).toBe(true)
  })
})

describe('Redfish', () => {
  let bmc: FakeBmc
  const power = (more: Partial<Parameters<typeof redfishPower>[0]> = {}) =>
    redfishPower({
      ...{ url: bmc.url, ca: bmc.ca, user: 'olga', password: () => 'Lantern7', system: undefined, ...more },
    })
  beforeAll(async () => {
    bmc = await startBmc()
  })
  afterAll(() => bmc.close())
  beforeEach(() => {
    Object.assign(bmc, { habits: {}, resets: [], asked: [] })
  })
  const types = () => bmc.resets.map(({ type }) => type)

  test('tells and switches, and gives its session back', async () => {
    expect(await power().status()).toBe('on')
    for (const act of ['cycle', 'off', 'on'] as const) await power().act(act)
    expect(types()).toEqual(['PowerCycle', 'ForceOff', 'On'])
    expect(bmc.open.size).toBe(0)
    bmc.habits = { state: 'Off' }
    expect(await power().status()).toBe('off')
    await power().act('cycle')
    expect(types().at(-1)).toBe('On')
  })

  test('asks only for what it knows', async () => {
    bmc.habits = { says: 'info', allowed: ['On', 'ForceRestart'] }
    await power().act('cycle')
    expect(types()).toEqual(['ForceRestart'])
    await expect(power().act('off')).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('no way for power off: On, ForceRestart'),
    })
    expect(bmc.open.size).toBe(0)
    bmc.habits = { says: 'nothing' }
    await power().act('off')
    expect(types().at(-1)).toBe('ForceOff')
  })

  test.each(['full', 'none'] as const)(
    'sessions: %s: the password goes with each request',
    async sessions => {
      bmc.habits = { sessions }
      await power().act('cycle')
      expect(types()).toEqual(['PowerCycle'])
      await expect(power({ password: () => 'wrong' }).status()).rejects.toMatchObject({ kind: 'refused' })
    },
  )

  test('shows the ETag to those that want to see it', async () => {
    bmc.habits = { wantsEtag: true }
    await power().act('cycle')
    await power().act('cycle')
    expect(types()).toEqual(['PowerCycle', 'PowerCycle'])
  })

  test('of several systems one must be named', async () => {
    bmc.habits = { systems: ['blade1', 'blade2'] }
    await expect(power().status()).rejects.toMatchObject({
      remedy: expect.stringContaining('blade1, blade2'),
    })
    await power({ system: 'blade2' }).act('cycle')
    expect(bmc.resets).toEqual([{ system: 'blade2', type: 'PowerCycle' }])
    await expect(power({ system: 'blade3' }).status()).rejects.toMatchObject({
      message: expect.stringContaining('no system blade3'),
    })
  })

  test('says what is wrong', async () => {
    await expect(power({ password: () => 'wrong' }).status()).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringMatching(/status 401: wrong credentials$/),
      remedy: 'check farm.hosts: user and password',
    })
    await expect(power({ ca: undefined }).status()).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('its certificate is not trusted'),
    })
    await expect(power({ url: 'https://localhost:9' }).status()).rejects.toMatchObject({
      kind: 'unreachable',
    })
    bmc.habits = { state: null }
    await expect(power().status()).rejects.toMatchObject({ kind: 'malformed' })
  })

  test('no password goes to another machine', async () => {
    bmc.habits = { target: 'https://elsewhere.example.org/reset' }
    await expect(power().act('off')).rejects.toMatchObject({
      kind: 'malformed',
      message: expect.stringContaining('points to another machine'),
    })
  })
})
