// What QEMU may do on its host, and what a guest can make the host keep.
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openConsole } from '../../src/farm/console.ts'
import { firstAndLast } from '../../src/farm/first-and-last.ts'
import { openJail } from '../../src/farm/jail.ts'
import { thisOwner } from '../../src/farm/owner.ts'
import { asFault } from '../../src/farm/system-fault.ts'
import { denied, namedFrom } from '../../src/farm/within-farm.ts'
import type { Clone, Farm } from '../../src/ports/farm.ts'
import { asItsUser, isRoot } from './trouble.ts'
import { newFolder, openFarm, plain, qemusOf, requireImage, say, silent } from './world.ts'

const token = 'test-jail'
const { folder, remove } = newFolder('lent')
const room = mkdtempSync(join(tmpdir(), 'grapevine-jail-'))
let farm: Farm
const clones: Clone[] = []

beforeAll(async () => {
  requireImage('busybox')
  farm = await openFarm({ token, folder, accelerator: 'tcg' })
  const template = await farm.template(plain('busybox'), silent)
  for (const run of ['one', 'two']) clones.push(await farm.lease({ run, template }))
})

afterAll(async () => {
  for (const clone of clones) await clone.release()
  remove()
  rmSync(room, { recursive: true })
})

const statusOf = (pid: number) =>
  Object.fromEntries(
    readFileSync(`/proc/${pid}/status`, 'utf8')
      .split('\n')
      .map(line => line.split(/:\s+/)),
  )

test('QEMU has no rights, a system-call filter, and limits', () => {
  const pids = qemusOf(token)
  expect(pids.length).toBe(2)
  for (const pid of pids) {
    const { NoNewPrivs, Seccomp, CapEff } = statusOf(pid)
    expect({ NoNewPrivs, Seccomp, CapEff }).toEqual({ NoNewPrivs: '1', Seccomp: '2', CapEff: '0'.repeat(16) })
    const limits = readFileSync(`/proc/${pid}/limits`, 'utf8')
    expect(limits).toMatch(/^Max core file size +0 /m)
    expect(limits).toMatch(/^Max file size +67108864 /m)
    expect(limits).not.toMatch(/^Max address space +unlimited/m)
  }
})

test('each QEMU has a user of its own if we are root, who may write to nothing but its own files; otherwise it has ours', () => {
  const pids = qemusOf(token)
  const users = pids.map(pid => statusOf(pid).Uid?.split('\t')[0])
  if (!isRoot) return expect(new Set(users)).toEqual(new Set([String(process.getuid?.())]))
  expect(new Set([...users, '0']).size).toBe(3)
  const [pid = 0, other] = pids
  const at = `/proc/${pid}/cwd`
  const image = join(folder, 'images/busybox/vmlinuz')
  const may = (...command: [string, ...string[]]) => {
    try {
      asItsUser(pid, command)
      return true
    } catch {
      return false
    }
  }
  expect(may('test', '-w', `${at}/screen.png`)).toBe(true)
  expect(may('touch', `${at}/more`)).toBe(false)
  expect(may('test', '-w', image)).toBe(false)
  expect(may('test', '-r', image)).toBe(true)
  expect(may('test', '-w', `/proc/${other}/cwd/screen.png`)).toBe(false)
  expect(may('kill', '-0', `${other}`)).toBe(false)
})

test('its command line names files of the farm relative to its machine', () => {
  const [pid] = qemusOf(token)
  const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  expect(line).not.toContain(folder)
  expect(line).toContain('"../../templates/')
})

test("a control group is removed with its guest, where this host's kernel lets us make one", async () => {
  const groups = () =>
    execFileSync('find', ['/sys/fs/cgroup', '-maxdepth', '4', '-name', `grapevine-${token}-*`], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
      .toString()
      .split('\n')
      .filter(Boolean)
  const [pid] = qemusOf(token)
  const held = readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(`grapevine-${token}-`)
  expect(groups().length > 0).toBe(held)
  for (const clone of clones.splice(0)) await clone.release()
  await expect.poll(groups).toEqual([])
})

test('a control group whose maker was killed is removed by the next start of the same farm', async () => {
  const made = makeGroup({ token: `${token}-other`, start: '1' }) ?? ''
  const left = makeGroup({ token, start: '1' }) ?? ''
  await openJail({ folder, owner: thisOwner(token), user: undefined, log: () => {} })
  expect([existsSync(left), existsSync(made)]).toEqual([false, made !== ''])
  if (made) rmdirSync(made)
})

test('farm.user: one that is not there, or root, is refused with a remedy', async () => {
  if (!isRoot) {
    const log: string[] = []
    await openJail({ folder, owner: thisOwner(token), user: 'nobody', log: line => log.push(line) })
    return expect(log.join()).toContain('farm.user is not used')
  }
  const jail = (user: string) => openJail({ folder, owner: thisOwner(token), user, log: () => {} })
  await expect(jail('no-such-user')).rejects.toMatchObject({
    kind: 'refused',
    retry: 'never',
    remedy: expect.stringContaining('adduser'),
  })
  await expect(jail('root')).rejects.toMatchObject({ kind: 'refused', retry: 'never' })
  const fixed = await openFarm({ token, folder, accelerator: 'tcg', user: 'nobody' })
  const clone = await fixed.lease({ run: 'fixed', template: await fixed.template(plain('busybox'), silent) })
  try {
    expect(await say(clone, 'echo well')).toBe('well')
    const [pid = 0] = qemusOf(token)
    expect(statusOf(pid).Uid).toMatch(
      new RegExp(`^${execFileSync('id', ['-u', 'nobody']).toString().trim()}\t`),
    )
  } finally {
    await clone.release()
  }
})

test('files of the farm are named relative to the machine, by whatever way the farm is reached', async () => {
  const real = join(room, 'real')
  const link = join(room, 'link')
  await mkdir(join(real, 'clones/one'), { recursive: true })
  symlinkSync(real, link)
  for (const way of [real, link]) {
    const paths = {
      memory: `${way}/templates/t/memory`,
      own: `${way}/clones/one/disk`,
      other: '/usr/share/x',
      n: 1,
    }
    expect(await namedFrom({ paths }, { folder: `${way}/clones/one`, farm: real })).toEqual({
      paths: { memory: '../../templates/t/memory', own: 'disk', other: '/usr/share/x', n: 1 },
    })
  }
  const elsewhere = join(room, 'elsewhere')
  await mkdir(elsewhere)
  const kept = [`${real}/templates/t/memory`]
  expect(await namedFrom(kept, { folder: elsewhere, farm: real })).toEqual(kept)
})

test('what the user of QEMU may not open is named, with a remedy', async () => {
  const user = { uid: 54_321, gid: 54_321 }
  const closed = join(room, 'closed')
  const machine = join(closed, 'farm/clones/one')
  mkdirSync(machine, { recursive: true })
  chmodSync(room, 0o755)
  const file = join(closed, 'farm/image')
  writeFileSync(file, '', { mode: 0o644 })
  chmodSync(closed, 0o700)
  const ask = (path: string) => denied(user, { folder: machine, read: [path], write: [] })
  expect(await ask('../../image')).toBe(undefined)
  expect(await ask(file)).toMatchObject({
    kind: 'refused',
    message: expect.stringMatching(/closed$/),
    remedy: expect.stringContaining('chmod o+x'),
  })
  chmodSync(file, 0o600)
  expect(await ask('../../image')).toMatchObject({ remedy: expect.stringContaining('chmod o+r') })
  expect(await denied(user, { folder: machine, read: [], write: ['../../image'] })).toMatchObject({
    remedy: expect.stringContaining('chmod o+rw'),
  })
})

test('a console: its beginning and its end are kept, and how much is missing', async () => {
  const port = new PassThrough()
  const console = openConsole(port, { first: 10, last: 100 })
  for (let n = 0; n < 10_000; n++) port.write(`line ${n}\n`)
  await new Promise(resolve => port.end(resolve))
  await expect.poll(() => console.bytes).toBe(98_890)
  const text = console.text().toString()
  expect(text.startsWith('line 0\nlin\n[… 98780 bytes are not kept …]\n')).toBe(true)
  expect(text.endsWith('line 9998\nline 9999\n')).toBe(true)
  expect(text.length).toBeLessThan(200)
})

test('events: the first and the last', () => {
  const events = firstAndLast<number>({ first: 3, last: 2 })
  for (let n = 0; n < 100; n++) events.add(n)
  expect(events.list()).toEqual([0, 1, 2, 98, 99])
  expect(events.missing()).toBe(95)
})

test('errors of the operating system are Faults, with a remedy', async () => {
  await expect(asFault('the farm', writeFile('/dev/full', 'x'))).rejects.toMatchObject({
    ...{ name: 'Fault', kind: 'exhausted', retry: 'later' },
    message: expect.stringContaining('no space left'),
    remedy: expect.stringContaining('farm.data'),
  })
  await expect(asFault('the farm', mkdir('/proc/nothing'))).rejects.toMatchObject({ name: 'Fault' })
  await expect(asFault('the farm', Promise.reject(new TypeError('a bug')))).rejects.toThrow(TypeError)
})

/** As a dead process would have left it; undefined where this host lets us make none. */
const makeGroup = ({ token, start }: { token: string; start: string }): string | undefined => {
  const own = readFileSync('/proc/self/cgroup', 'utf8').match(/^\d+:memory:(.*)$/m)?.[1]
  const parent = own === undefined ? '/sys/fs/cgroup' : join('/sys/fs/cgroup/memory', own)
  const group = join(parent, `grapevine-${token}-${process.pid}.${start}-1`)
  try {
    mkdirSync(group)
    if (own !== undefined || existsSync(join(group, 'memory.max'))) return group
    rmdirSync(group)
    return undefined
  } catch {
    return undefined
  }
}
