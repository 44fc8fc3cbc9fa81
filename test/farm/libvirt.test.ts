// The farm over libvirt, on a libvirtd of the test's own with a real guest: what every farm promises, and what only libvirt can do to it.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { LibvirtImageConfig } from '../../src/config/config.ts'
import { createLibvirtFarm, type LibvirtFarmOptions } from '../../src/farm/libvirt/farm.ts'
import { lookAtDomain } from '../../src/farm/libvirt/look.ts'
import type { Farm } from '../../src/ports/farm.ts'
import { collect, command, farmContract, parcel, say, silent } from '../contract/farm.ts'
import { startLibvirt, type TestLibvirt } from '../real/libvirt.ts'
import { requireImage, sharedFolder } from './world.ts'

const folder = mkdtempSync(join(tmpdir(), 'grapevine-libvirt-'))
const token = 'test-libvirt'
const children: ChildProcess[] = []
let libvirt: TestLibvirt
let image: LibvirtImageConfig

beforeAll(async () => {
  requireImage('busybox')
  libvirt = await startLibvirt({ image: join(sharedFolder, 'images/busybox'), memoryMiB: 128 })
  const { uri, domain, snapshot } = libvirt
  image = { name: 'virt', kind: 'libvirt', os: 'linux', uri, domain, snapshot, memoryMiB: 128, cpus: 1 }
})

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  await libvirt?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const openFarm = (options: Partial<LibvirtFarmOptions> = {}): Promise<Farm> =>
  createLibvirtFarm({
    ...{ folder, token, images: [image] },
    deadlines: { answerMs: 3_000, silenceMs: 4_000, lingerMs: 3_000, lostMs: 1_500, lookMs: 500 },
    ...options,
  })

const running = () => libvirt.virsh('list', '--name').split('\n').filter(Boolean)
const plain = { label: 'as it is', image: 'virt', content: '', files: [], prepare: [] }

farmContract('libvirt', async () => {
  const farm = await openFarm()
  return { farm, image: 'virt', running, stop: async () => {} }
})

describe('a domain', () => {
  test('one run has it at a time; the next one waits, or gives up', async () => {
    const farm = await openFarm()
    const template = await farm.template(plain, silent)
    const first = await farm.lease({ run: 'first', template })
    const stop = new AbortController()
    const given = farm.lease({ run: 'given up', template, signal: stop.signal })
    const other = farm.lease({ run: 'second', template })
    stop.abort(new Error('given up'))
    await expect(given).rejects.toThrow('given up')
    await first.release()
    const second = await other
    expect(await say(second, 'echo mine now')).toBe('mine now')
    await second.release()
    expect(running()).toEqual([])
  })

  test('its QEMU is killed: that is not the guest', async () => {
    const farm = await openFarm()
    const clone = await farm.lease({ run: 'killed', template: await farm.template(plain, silent) })
    const onOutput = () => process.kill(libvirt.qemu(), 'SIGKILL')
    const ending = await clone.exec(command('echo begun; sleep 1000'), { onOutput })
    expect(ending).toEqual({ kind: 'vm-died', detail: 'libvirt says: shut off (crashed)' })
    await clone.release()
  })

  test('libvirt goes away: the host is lost; when it is back, the domain is powered off', async () => {
    const farm = await openFarm({ log: silent })
    const clone = await farm.lease({ run: 'lost', template: await farm.template(plain, silent) })
    let restart: (() => Promise<void>) | undefined
    let killing: Promise<void> | undefined
    const { onOutput, text } = collect()
    const ending = await clone.exec(command('echo begun; sleep 1000'), {
      onOutput: chunk => {
        onOutput(chunk)
        killing ??= libvirt.kill().then(again => {
          restart = again
        })
      },
    })
    expect(ending).toMatchObject({ kind: 'host-lost' })
    expect(text()).toBe('begun\n')
    await killing
    await restart?.()
    await clone.release()
    expect(running()).toEqual([])
  })

  test('that runs for somebody else is left alone', async () => {
    const farm = await openFarm()
    const template = await farm.template(plain, silent)
    libvirt.virsh('snapshot-revert', libvirt.domain, libvirt.snapshot, '--running')
    const no = { kind: 'refused', message: `the domain ${libvirt.domain} is running, and not for this farm` }
    await expect(farm.lease({ run: 'no', template })).rejects.toMatchObject(no)
    expect(await farm.reap()).toBe(0)
    expect(running()).toEqual([libvirt.domain])
    libvirt.virsh('destroy', libvirt.domain)
  })

  test('that a killed worker left running is powered off at the next start, and by its own farm alone', async () => {
    const program = fileURLToPath(new URL('libvirt-holder.ts', import.meta.url))
    const holder = spawn(process.execPath, [program, token, folder, JSON.stringify(image)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    children.push(holder)
    await once(holder.stdout, 'data')
    const farm = await openFarm()
    expect(await farm.reap()).toBe(0)
    expect(running()).toEqual([libvirt.domain])
    holder.kill('SIGKILL')
    await once(holder, 'exit')
    const others = await openFarm({ token: 'another-farm' })
    expect(await others.reap()).toBe(0)
    expect(running()).toEqual([libvirt.domain])
    expect(await farm.reap()).toBe(1)
    expect(running()).toEqual([])
    expect(await farm.reap()).toBe(0)
  })
})

describe('snapshots', () => {
  test('of its own are kept for the newest contents only; another’s is never deleted', async () => {
    const farm = await openFarm()
    // Beside the contract's.
    for (const content of ['two', 'three']) {
      const file = { path: '/root/content', untar: false, bytes: async () => parcel(Buffer.from(content)) }
      await farm.template({ ...plain, label: 'contract', content, files: [file] }, silent)
    }
    const names = libvirt.virsh('snapshot-list', libvirt.domain, '--name').split('\n').filter(Boolean)
    expect(names).toContain(libvirt.snapshot)
    const mine = names.filter(name =>
      libvirt.virsh('snapshot-dumpxml', libvirt.domain, name).includes('Made by Grapevine: contract'),
    )
    expect(mine.length).toBe(2)
  })

  test('one that was replaced is another template, and the old one is not believed any more', async () => {
    const farm = await openFarm()
    const before = await farm.template(plain, silent)
    const { domain, snapshot } = libvirt
    libvirt.virsh('snapshot-revert', domain, snapshot, '--running')
    await libvirt.answering()
    libvirt.virsh('snapshot-delete', domain, snapshot)
    libvirt.virsh('snapshot-create-as', domain, snapshot)
    libvirt.virsh('destroy', domain)
    await expect(farm.lease({ run: 'old', template: before })).rejects.toMatchObject({ kind: 'damaged' })
    expect(await farm.template(plain, silent)).not.toBe(before)
  })

  test('are looked at without starting anything', async () => {
    const says = `${libvirt.uri}, domain ${libvirt.domain} (shut off), snapshot ${libvirt.snapshot}`
    expect(await lookAtDomain(image)).toEqual({ says, advice: undefined })
    await expect(lookAtDomain({ ...image, domain: 'nobody' })).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringContaining("failed to get domain 'nobody'"),
    })
    expect(running()).toEqual([])
  })

  test('one that is not there, or not of a running guest, is refused with what to do', async () => {
    const farm = await openFarm({ images: [{ ...image, snapshot: 'nothing' }] })
    await expect(farm.template(plain, silent)).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringContaining("no domain snapshot with matching name 'nothing'"),
    })
    libvirt.virsh('snapshot-create-as', libvirt.domain, 'cold')
    const cold = await openFarm({ images: [{ ...image, snapshot: 'cold' }] })
    await expect(cold.template(plain, silent)).rejects.toMatchObject({
      kind: 'refused',
      message: `snapshot cold of ${libvirt.domain} is not one of a running guest`,
      remedy: expect.stringContaining('snapshot-create-as'),
    })
  })
})

test('names that virsh could take for options are refused', async () => {
  const farm = await openFarm({ images: [{ ...image, domain: '--all' }] })
  const no = { kind: 'malformed', message: '"--all" cannot be the name of a domain' }
  await expect(farm.template(plain, silent)).rejects.toMatchObject(no)
})

test('no virsh, and no libvirt', async () => {
  const none = await openFarm({ program: 'no-such-virsh' })
  await expect(none.template(plain, silent)).rejects.toMatchObject({
    kind: 'unreachable',
    retry: 'never',
    remedy: 'install it: apt-get install libvirt-clients',
  })
  const away = await openFarm({ images: [{ ...image, uri: 'qemu+unix:///session?socket=/nowhere' }] })
  await expect(away.template(plain, silent)).rejects.toMatchObject({ kind: 'unreachable', retry: 'later' })
})
