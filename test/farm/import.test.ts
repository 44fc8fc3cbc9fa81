// Disks that somebody else made: what may come in, what is told of those that may not; booted with BIOS and with UEFI, frozen and forked.
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ImportedImageConfig } from '../../src/config/config.ts'
import { importImage } from '../../src/farm/image/import.ts'
import { loadImage } from '../../src/farm/image/manifest.ts'
import { removeImage } from '../../src/farm/image/remove.ts'
import { tryBoot } from '../../src/farm/image/trial.ts'
import { verifyImage } from '../../src/farm/image/verify.ts'
import { versionsOf } from '../../src/farm/image/versions.ts'
import { Fault } from '../../src/model/fault.ts'
import { makeBiosDisk, makeUefiDisk, write } from './foreign-disks.ts'
import { openFarm, plain, qemusOf, requireImage, say, silent } from './world.ts'

const temporary = mkdtempSync(join(tmpdir(), 'grapevine-import-'))
const folder = join(temporary, 'farm')
const token = 'test-import'
const at = (name: string) => join(temporary, name)
const bios: ImportedImageConfig = {
  ...{ name: 'foreign', kind: 'imported', os: 'linux', firmware: 'bios', disk: 'virtio' },
  ...{ memoryMiB: 256, cpus: 1 },
}
const uefi: ImportedImageConfig = { ...bios, name: 'foreign-uefi', firmware: 'uefi' }
const images = [bios, uefi]
const farm = { data: folder, user: undefined, accelerator: 'tcg' as const, images }

beforeAll(async () => {
  requireImage('busybox')
  for (const part of ['images', 'clones']) mkdirSync(join(folder, part), { recursive: true })
  await makeBiosDisk(at('bios.raw'))
  await makeUefiDisk(at('uefi.qcow2'))
})
afterAll(() => {
  const left = [qemusOf(token), readdirSync(join(folder, 'clones'))]
  rmSync(temporary, { recursive: true, force: true })
  expect(left).toEqual([[], []])
})

const unfinished = () => readdirSync(join(folder, 'images')).filter(name => name.startsWith('.'))

const faultOf = (promise: Promise<unknown>): Promise<Fault> =>
  promise.then(
    () => expect.fail('no fault came'),
    error => {
      expect(error).toBeInstanceOf(Fault)
      return error
    },
  )

const answers = async (image: string): Promise<string> => {
  const guests = await openFarm({ folder, images, token, accelerator: 'tcg', pool: 0 })
  const template = await guests.template(plain(image), silent)
  const clones = [1, 2].map(n => guests.lease({ run: `${image} ${n}`, template }))
  try {
    const said = await Promise.all(
      clones.map(async clone => say(await clone, 'cat /proc/cmdline; echo well')),
    )
    return said.join('\n')
  } finally {
    await Promise.all(clones.map(async clone => (await clone).release()))
  }
}

describe('a BIOS disk', () => {
  test('is imported from a raw file, tried, frozen and forked', async () => {
    const said: string[] = []
    const image = await importImage({
      ...{ config: bios, folder, file: at('bios.raw') },
      progress: line => said.push(line),
      trial: image => tryBoot({ image, config: bios, farm, deadlineMs: 200_000, progress: silent }),
    })
    expect(image).toMatchObject({
      kind: 'imported',
      origin: { file: at('bios.raw'), format: 'raw', bytes: 48 * 2 ** 20, bootMs: expect.any(Number) },
      files: { disk: { format: 'qcow2', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) } },
    })
    expect(statSync(join(image.folder, 'disk.qcow2')).mode & 0o222).toBe(0)
    expect(said.filter(line => /copying the disk \(48 of 48 MiB, \d+ MB\/s\)/.test(line))).not.toEqual([])
    expect(unfinished()).toEqual([])
    expect(await answers('foreign')).toMatch(/BOOT_IMAGE=vmlinuz[^\n]*\nwell\n.*\nwell/)
  })

  test('is not removed while a template lies on it; an older version is, alone', async () => {
    const fault = await faultOf(removeImage({ folder, name: 'foreign', force: false }))
    expect(fault).toMatchObject({ kind: 'refused', remedy: expect.stringContaining('--force') })
    expect(fault.message).toContain('1 template lies on it')
    await importImage({ config: bios, folder, file: at('bios.raw'), progress: silent })
    await importImage({ config: bios, folder, file: at('bios.raw'), progress: silent })
    const versions = await versionsOf(folder, 'foreign')
    expect(versions.map(({ current }) => current)).toEqual([true, false, false])
    const [newest, middle, oldest] = versions.map(({ name }) => name)
    await expect(removeImage({ folder, name: newest ?? '', force: true })).rejects.toThrow('is used')
    await expect(removeImage({ folder, name: oldest ?? '', force: false })).rejects.toThrow('in use')
    const half = middle?.replace(/\.\d+$/, '') ?? ''
    await expect(removeImage({ folder, name: half, force: true })).rejects.toThrow(
      `there is no image ${half}`,
    )
    const removed = await removeImage({ folder, name: middle ?? '', force: false })
    expect(removed).toMatchObject({ versions: [middle], templates: [] })
    expect(removed.bytes).toBeGreaterThan(20 * 2 ** 20)
    expect((await versionsOf(folder, 'foreign')).map(({ name }) => name)).toEqual([newest, oldest])
  })

  test('is removed with its templates if that is asked for', async () => {
    const outside = at('outside')
    mkdirSync(outside)
    writeFileSync(join(outside, 'kept'), '')
    symlinkSync(outside, join(folder, 'images/foreign@000000000000.1'))
    const removed = await removeImage({ folder, name: 'foreign', force: true })
    expect(removed.versions).toHaveLength(2)
    expect(removed.templates).toHaveLength(1)
    expect(readdirSync(join(folder, 'templates')).filter(name => !name.startsWith('.'))).toEqual([])
    expect(existsSync(join(outside, 'kept'))).toBe(true)
    await expect(loadImage(folder, 'foreign', 'imported')).rejects.toMatchObject({
      kind: 'refused',
      remedy: 'grapevine image import foreign FILE',
    })
    await expect(removeImage({ folder, name: 'foreign', force: true })).rejects.toThrow('there is no image')
  })
})

describe('a UEFI disk', () => {
  test('is imported from a qcow2 with firmware and variables of its own, frozen and forked', async () => {
    const image = await importImage({ config: uefi, folder, file: at('uefi.qcow2'), progress: silent })
    expect(Object.keys(image.files).sort()).toEqual(['disk', 'firmware', 'vars'])
    const before = readFileSync(join(image.folder, 'vars.fd'))
    expect(await answers('foreign-uefi')).toMatch(/vmlinuz\.efi[^\n]*\nwell\n.*\nwell/)
    expect(readFileSync(join(image.folder, 'vars.fd')).equals(before)).toBe(true)
    const [template] = readdirSync(join(folder, 'templates')).filter(name => !name.startsWith('.'))
    const frozen = readFileSync(join(folder, 'templates', template ?? '', 'vars.fd'))
    // The firmware has written down what it booted from.
    expect(frozen.equals(before)).toBe(false)
  })

  test('that is configured otherwise than it was imported is not booted', async () => {
    const changed = { ...uefi, firmware: 'bios' as const }
    const guests = await openFarm({ folder, images: [changed], token, accelerator: 'tcg', pool: 0 })
    const fault = await faultOf(guests.template(plain('foreign-uefi'), silent))
    expect(fault.message).toContain('imported with firmware uefi, and is configured with bios')
    expect(fault.remedy).toBe('grapevine image import foreign-uefi FILE')
  })

  test('verify finds one byte that changed, and says in which file', async () => {
    const image = await loadImage(folder, 'foreign-uefi')
    expect(await verifyImage(image, { progress: silent })).toEqual([])
    const disk = join(image.folder, 'disk.qcow2')
    chmodSync(disk, 0o644)
    const old = readFileSync(disk)[5_000_000] ?? 0
    write(disk, [old ^ 1], 5_000_000)
    const flaws = await verifyImage(image, { progress: silent })
    expect(flaws).toEqual([{ file: 'disk.qcow2', what: expect.stringMatching(/^its digest is/) }])
    write(disk, [old], 5_000_000)
    truncateSync(join(image.folder, 'vars.fd'), 1000)
    expect(await verifyImage(image, { progress: silent })).toEqual([
      { file: 'vars.fd', what: 'vars.fd has 1000 bytes and should have 540672' },
    ])
  })
})

test('a disk that the firmware finds nothing on is told so, with a picture of its screen; nothing is left', async () => {
  // As disks for UEFI have it: a partition table, and no boot code.
  copyFileSync(at('bios.raw'), at('bootless.raw'))
  write(at('bootless.raw'), Buffer.alloc(446))
  const config = { ...bios, name: 'wrong' }
  const trial = importImage({
    ...{ config, folder, file: at('bootless.raw'), progress: silent },
    trial: image => tryBoot({ image, config, farm, deadlineMs: 4_000, progress: silent }),
  })
  const fault = await faultOf(trial)
  expect(fault.message).toContain('firmware bios found nothing to boot on the disk')
  expect(fault.remedy).toContain('set firmware: uefi')
  const picture = fault.message.match(/its screen: (\S+)/)?.[1] ?? ''
  expect(readFileSync(picture).subarray(1, 4).toString()).toBe('PNG')
  expect(await versionsOf(folder, 'wrong')).toEqual([])
  expect(unfinished()).toEqual([])
})

describe('refused, and nothing is left:', () => {
  const make = (name: string, content: string | Buffer): string => {
    writeFileSync(at(name), content)
    return at(name)
  }
  const qemuImg = (...args: string[]) => execFileSync('qemu-img', args, { stdio: 'pipe' })
  const copyOf = (name: string, from: string): string => {
    copyFileSync(at(from), at(name))
    return at(name)
  }

  const cases: [string, () => string, RegExp][] = [
    ['a file that is not there', () => at('nowhere'), /there is no such file/],
    ['a folder', () => temporary, /is no file/],
    ['an empty file', () => make('empty', ''), /no disk that boots/],
    ['garbage', () => make('garbage', Buffer.alloc(1 << 20, 'garbage ')), /no disk that boots/],
    [
      'a VMware disk',
      () => make('disk.vmdk', Buffer.concat([Buffer.from('KDMV'), Buffer.alloc(2000)])),
      /VMDK/,
    ],
    [
      'a compressed disk',
      () => make('disk.gz', Buffer.concat([Buffer.from([31, 139]), Buffer.alloc(999)])),
      /gzip/,
    ],
    [
      'an overlay',
      () => {
        qemuImg('create', '-q', '-f', 'qcow2', '-b', at('bios.raw'), '-F', 'raw', at('overlay.qcow2'))
        return at('overlay.qcow2')
      },
      /has a backing file/,
    ],
    [
      'one that keeps its data elsewhere',
      () => {
        qemuImg('create', '-q', '-f', 'qcow2', '-o', `data_file=${at('data.raw')}`, at('linked.qcow2'), '1M')
        return at('linked.qcow2')
      },
      /keeps its data in another file/,
    ],
    [
      'a raw disk whose guest wrote a qcow2 header that names a file of the host',
      () => {
        qemuImg('create', '-q', '-f', 'qcow2', '-u', '-b', '/etc/passwd', '-F', 'raw', at('trap.qcow2'), '1M')
        const trap = copyOf('trap.raw', 'bios.raw')
        write(trap, readFileSync(at('trap.qcow2')).subarray(0, 512))
        return trap
      },
      /has a backing file/,
    ],
    [
      'an encrypted one',
      () => {
        const file = copyOf('encrypted.qcow2', 'uefi.qcow2')
        write(file, [0, 0, 0, 2], 32)
        return file
      },
      /is encrypted/,
    ],
    [
      'one that is marked as damaged',
      () => {
        const file = copyOf('corrupt.qcow2', 'uefi.qcow2')
        write(file, [2], 79)
        return file
      },
      /marked as damaged/,
    ],
    [
      'one whose tables are damaged',
      () => {
        const file = copyOf('tables.qcow2', 'uefi.qcow2')
        write(file, Buffer.alloc(64, 0xa5), 3 * 65_536)
        return file
      },
      /damaged or cut off/,
    ],
    [
      'a qcow2 that was cut off',
      () => {
        const file = copyOf('cut.qcow2', 'uefi.qcow2')
        truncateSync(file, 10 * 2 ** 20)
        return file
      },
      /damaged or cut off/,
    ],
    [
      'a raw disk that was cut off',
      () => {
        const file = copyOf('cut.raw', 'bios.raw')
        truncateSync(file, 40 * 2 ** 20)
        return file
      },
      /was cut off: it has 41943040 bytes, and its partitions go on to 50331648/,
    ],
  ]
  test.each(cases)('%s', async (_, file, message) => {
    const fault = await faultOf(importImage({ config: bios, folder, file: file(), progress: silent }))
    expect(fault).toMatchObject({ kind: 'refused', retry: 'never' })
    expect(fault.message).toMatch(message)
    expect(await versionsOf(folder, 'foreign')).toEqual([])
    expect(unfinished()).toEqual([])
  })

  test('what the disk has no room for', async () => {
    const reserveMiB = 2 ** 40
    const request = { config: bios, folder, file: at('bios.raw'), reserveMiB, progress: silent }
    expect(await faultOf(importImage(request))).toMatchObject({ kind: 'exhausted' })
    expect(unfinished()).toEqual([])
  })

  test('variables that are none, and variables for a BIOS', async () => {
    const request = { folder, file: at('uefi.qcow2'), vars: at('bios.raw'), progress: silent }
    await expect(importImage({ ...request, config: uefi })).rejects.toThrow('no store of UEFI variables')
    await expect(importImage({ ...request, config: bios })).rejects.toThrow('configured with firmware bios')
  })
})
