// Saving is never trusted: each way in which QEMU would take damaged or foreign state for good is provoked, and found before a clone is given out.
import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bootable, layoutOf } from '../../src/farm/bootable.ts'
import { defaultDeadlines } from '../../src/farm/deadline.ts'
import { thisOwner } from '../../src/farm/owner.ts'
import { fingerprint, type Layout, probeQemu, type Qemu } from '../../src/farm/qemu.ts'
import { type Bench, benchOf, type Frost, type Ground } from '../../src/farm/qualify/canary.ts'
import { type Known, plantingOf } from '../../src/farm/qualify/job.ts'
import { flawOf } from '../../src/farm/save.ts'
import { check, findTemplate, seal, type TemplateManifest } from '../../src/farm/templates.ts'
import type { Farm } from '../../src/ports/farm.ts'
import { images, newFolder, openFarm, plain, qemusOf, requireImage, say, silent } from './world.ts'

const token = `test-save-${process.pid}`
const { folder, remove } = newFolder()
const known: Known = { from: 123_456_789, disk: '/dev/vda' }
/** A boot on a loaded machine. */
const longMs = 400_000

let qemu: Qemu
let bench: Bench
let frost: Frost

beforeAll(async () => {
  requireImage('busybox')
  qemu = await probeQemu()
  const at = join(folder, 'clones', 'bench')
  mkdirSync(at)
  const ground: Ground = {
    ...{ folder, owner: thisOwner(token), qemu },
    deadlines: { ...defaultDeadlines, forkMs: 4_000 },
    signal: new AbortController().signal,
  }
  const image = await bootable(folder, images, 'busybox')
  bench = await benchOf(ground, { folder: at, image, accelerator: 'tcg' })
  frost = await bench.freeze('frozen', { step: plantingOf(known) })
})

afterAll(() => {
  const left = [qemusOf(token), readdirSync(join(folder, 'clones'))]
  remove()
  expect(left).toEqual([[], ['bench']])
})

const fork = (template: Frost = frost) => bench.withFork('fork', template, guest => bench.check(guest, known))

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

describe('the device state', () => {
  const spoilt = (alter: (bytes: Buffer) => Buffer): Frost => {
    const file = join(folder, 'spoilt-state')
    writeFileSync(file, alter(readFileSync(frost.state.file)))
    return { ...frost, state: { ...frost.state, file } }
  }
  const flip = (bytes: Buffer) => {
    const at = Math.floor(bytes.length / 2)
    bytes[at] = (bytes[at] ?? 0) ^ 1
    return bytes
  }

  test('as it was saved, it gives a guest with the right bytes in memory and on the disk', async () => {
    await expect(fork()).resolves.toBeUndefined()
  })

  test.each([
    ['empty', () => spoilt(() => Buffer.alloc(0))],
    ['cut at its end', () => spoilt(bytes => bytes.subarray(0, -60_000))],
    ['with one bit flipped', () => spoilt(flip)],
    ['missing', () => ({ ...frost, state: { ...frost.state, file: join(folder, 'nowhere') } })],
  ])('%s: no clone is given out', async (_, make) => {
    await expect(fork(make())).rejects.toMatchObject({
      kind: 'damaged',
      message: expect.stringContaining('is not what was saved'),
    })
  })

  test('empty from the beginning, so that its digest is right: QEMU would wait for ever, we do not', async () => {
    const empty = spoilt(() => Buffer.alloc(0))
    const state = { ...empty.state, sha256: sha256(Buffer.alloc(0)) }
    await expect(fork({ ...empty, state })).rejects.toMatchObject({
      kind: expect.stringMatching(/^(timeout|damaged)$/),
    })
  })

  test('wherever a stream is cut, it is seen to be cut', () => {
    const whole = readFileSync(frost.state.file)
    expect(flawOf(whole)).toBe(undefined)
    expect(flawOf(Buffer.alloc(0))).toBe('it does not begin like one')
    const cuts = [1, 2, 3, 5, 100, 1_000, 10_000, 60_000, 65_536, whole.length - 4]
    const more = Array.from({ length: 200 }, (_, index) => Math.floor((index * whole.length) / 201) + 1)
    const unseen = [...cuts, ...more].filter(bytes => flawOf(whole.subarray(0, -bytes)) === undefined)
    expect(unseen).toEqual([])
    expect(flawOf(Buffer.concat([whole, Buffer.from('x')]))).toBeDefined()
  })
})

test('a template whose disk somebody still writes to is not forked, and that is the reason given', async () => {
  const holder = spawn('qemu-io', [join(frost.folder, 'disk.qcow2')], { stdio: ['pipe', 'pipe', 'inherit'] })
  try {
    await once(holder.stdout, 'data')
    await expect(fork()).rejects.toThrow(/Failed to get shared "write" lock/)
  } finally {
    holder.kill('SIGKILL')
    await once(holder, 'exit')
  }
  await expect(fork()).resolves.toBeUndefined()
})

describe('a published template', () => {
  let farm: Farm
  let id: string
  let pristine: string
  let manifest: TemplateManifest
  const at = (name: string) => join(folder, 'templates', id, name)

  beforeAll(async () => {
    farm = await openFarm({ token, folder, accelerator: 'tcg' })
    id = await farm.template(plain('busybox'), silent)
    const found = await findTemplate(folder, id)
    if (!found) throw new Error('there is no template')
    manifest = found
    pristine = join(folder, 'pristine')
    execFileSync('cp', ['-a', '--sparse=always', join(folder, 'templates', id), pristine])
  })
  afterAll(() => farm.close())

  /** As it was, published anew. */
  const restore = async () => {
    rmSync(join(folder, 'templates', id), { recursive: true, force: true })
    execFileSync('cp', ['-a', '--sparse=always', pristine, join(folder, 'templates', id)])
    await seal(join(folder, 'templates', id), manifest)
  }

  test.each<[string, () => void]>([
    ['missing', () => rmSync(at('memory'))],
    ['too long', () => truncateSync(at('memory'), statSync(at('memory')).size + 4096)],
    ['too short', () => truncateSync(at('memory'), statSync(at('memory')).size - 4096)],
    [
      'replaced by the same bytes, with the old times',
      () => {
        const { atime, mtime } = statSync(at('memory'))
        execFileSync('cp', ['--sparse=always', at('memory'), at('other')])
        renameSync(at('other'), at('memory'))
        utimesSync(at('memory'), atime, mtime)
      },
    ],
  ])('its memory %s: put aside, and QEMU makes no new one', async (_, damage) => {
    damage()
    const had = readdirSync(join(folder, 'templates', id))
    await expect(farm.lease({ run: 'run', template: id })).rejects.toMatchObject({
      kind: 'damaged',
      message: expect.stringContaining('memory'),
    })
    const aside = readdirSync(join(folder, 'templates')).find(
      name => name.startsWith('damaged-') && name.endsWith(id),
    )
    expect(aside).toBeDefined()
    expect(readdirSync(join(folder, 'templates', aside ?? ''))).toEqual(had)
    rmSync(join(folder, 'templates', aside ?? ''), { recursive: true })
    await restore()
    const clone = await farm.lease({ run: 'run', template: id })
    expect(await say(clone, 'echo well')).toBe('well')
    await clone.release()
  })

  test('a base image that was replaced is noticed, whatever its size and times', async () => {
    const making = join(folder, 'with-base')
    const file = join(folder, 'base.raw')
    writeFileSync(file, Buffer.alloc(4096, 1))
    mkdirSync(making)
    copyFileSync(at('state'), join(making, 'state'))
    const sealed = await seal(making, { ...manifest, base: { file, format: 'raw' } })
    await check(making, sealed)
    const { atime, mtime } = statSync(file)
    writeFileSync(`${file}.new`, Buffer.alloc(4096, 2))
    renameSync(`${file}.new`, file)
    utimesSync(file, atime, mtime)
    await expect(check(making, sealed)).rejects.toMatchObject({
      kind: 'damaged',
      message: expect.stringContaining('base.raw was changed'),
    })
  })

  test(
    'another QEMU makes a template of its own from the image, and does not take this one',
    async () => {
      const path = process.env.PATH
      process.env.PATH = `${otherQemu()}${delimiter}${path}`
      try {
        const later = await openFarm({ token, folder, accelerator: 'tcg' })
        const own = await later.template(plain('busybox'), silent)
        expect(own).not.toBe(id)
        expect((await findTemplate(folder, own))?.qemu).not.toBe(manifest.qemu)
        const clone = await later.lease({ run: 'run', template: own })
        expect(await say(clone, 'echo well')).toBe('well')
        await clone.release()
        await expect(later.lease({ run: 'run', template: id })).rejects.toMatchObject({
          ...{ kind: 'refused', retry: 'soon' },
          message: expect.stringContaining('does not fit QEMU'),
        })
        await later.close()
      } finally {
        process.env.PATH = path
      }
      // The first one is as good as it was for the first QEMU.
      const clone = await farm.lease({ run: 'run', template: id })
      await clone.release()
    },
    longMs,
  )
})

/** This host's QEMU, as the distribution's next build would call itself. Returns its folder. */
const otherQemu = (): string => {
  const place = join(folder, 'other')
  mkdirSync(join(place, 'bin'), { recursive: true })
  // It looks for its firmware and its modules beside itself.
  for (const name of ['share', 'lib']) symlinkSync(`/usr/${name}`, join(place, name))
  const program = execFileSync('which', ['qemu-system-x86_64'], { encoding: 'utf8' }).trim()
  const bytes = readFileSync(program)
  const build = qemu.version.match(/\((.*)\)/)?.[1] ?? qemu.version
  const other = Buffer.from(`${build.slice(0, -1)}~`)
  const found: number[] = []
  for (let at = bytes.indexOf(build); at >= 0; at = bytes.indexOf(build, at + 1)) found.push(at)
  expect(found.length).toBeGreaterThan(0)
  for (const at of found) other.copy(bytes, at)
  writeFileSync(join(place, 'bin', 'qemu-system-x86_64'), bytes, { mode: 0o755 })
  return join(place, 'bin')
}

test('all that makes another machine makes another fingerprint; QEMU itself would not notice some of it', async () => {
  const layout = layoutOf(await bootable(folder, images, 'busybox'), 'tcg')
  const kvm: Layout = { ...layout, accelerator: 'kvm' }
  const machines: [Qemu, Layout][] = [
    [qemu, layout],
    [{ ...qemu, version: 'another' }, layout],
    [{ ...qemu, machine: 'pc-q35-6.0' }, layout],
    [qemu, { ...layout, memoryMiB: layout.memoryMiB + 1 }],
    [qemu, { ...layout, cpus: layout.cpus + 1 }],
    [qemu, { ...layout, append: `${layout.append} quiet` }],
    [qemu, { ...layout, initrd: undefined }],
    // An extra device.
    [qemu, { ...layout, disk: true }],
    // Another model of processor, and with KVM another processor of the host.
    [qemu, kvm],
    [{ ...qemu, processor: 'another' }, kvm],
  ]
  const prints = machines.map(([qemu, layout]) => fingerprint(qemu, layout))
  expect(new Set(prints).size).toBe(machines.length)
  expect(fingerprint({ ...qemu, processor: 'another' }, layout)).toBe(prints[0])
})

test(
  'a disk that gets full while a template is made: no room is the reason, and nothing is left',
  () => {
    const program = fileURLToPath(new URL('full-disk.ts', import.meta.url))
    const place = mkdtempSync(join(tmpdir(), 'grapevine-full-'))
    chmodSync(place, 0o755)
    try {
      // A file system of its own, which nobody else sees, and which goes with the process.
      const user = process.getuid?.() === 0 ? [] : ['--map-root-user']
      const mount = 'mount -t tmpfs -o size=1000m,mode=755 tmpfs "$1" && exec "$2" "$3" "$1" "$4"'
      const script = ['sh', '-c', mount, 'sh', place, process.execPath, program, token]
      const said = execFileSync('unshare', ['--mount', ...user, ...script], { encoding: 'utf8' })
      expect(JSON.parse(said)).toEqual({
        ...{ kind: 'exhausted', retry: 'later', filled: true },
        message: expect.stringMatching(/full|no room|No space/i),
        ...{ templates: [], clones: [], qemus: [] },
      })
    } finally {
      rmSync(place, { recursive: true })
    }
  },
  longMs,
)
