// The disk: a reserve that nothing touches, damage that is found and mended, back-ups that are proven, and what a kill leaves.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { gitScratch } from '../../src/adapters/git/mail.ts'
import type { ImageConfig } from '../../src/config/config.ts'
import { buildImage } from '../../src/farm/image/build.ts'
import { createBackups } from '../../src/farm/storage/backup/create.ts'
import type { BackupPlace } from '../../src/farm/storage/backup/place.ts'
import {
  type Backup,
  content,
  listBackups,
  titleOf,
  writeRecord,
} from '../../src/farm/storage/backup/record.ts'
import { restoreBackup } from '../../src/farm/storage/backup/restore.ts'
import { pruneBackups, retired } from '../../src/farm/storage/backup/retain.ts'
import { verifyBackups } from '../../src/farm/storage/backup/verify.ts'
import { scrubWhileIdle } from '../../src/farm/storage/idle.ts'
import { mend } from '../../src/farm/storage/mend.ts'
import { findPrunable, removePrunable } from '../../src/farm/storage/prunable.ts'
import { lacksRoom, lookAtRoom, requireRoom, reserveOf, watchRoom } from '../../src/farm/storage/room.ts'
import { scrubNext } from '../../src/farm/storage/scrub.ts'
import { diskUsage } from '../../src/farm/storage/usage.ts'
import type { Alarm } from '../../src/model/incident.ts'
import type { Farm } from '../../src/ports/farm.ts'
import { clearData } from '../../src/wiring/left-overs.ts'
import { command, openFarm, plain, qemusOf, requireImage, say, sharedFolder, silent } from './world.ts'

const token = 'test-storage'
const root = mkdtempSync(join(tmpdir(), 'grapevine-storage-'))
const folder = join(root, 'farm')
/** The image of the other tests, as somebody else's: those are not built again, but restored. */
const foreign = { name: 'busybox', kind: 'imported', os: 'linux', firmware: 'bios', disk: 'virtio' } as const
const busybox: ImageConfig[] = [{ ...foreign, memoryMiB: 256, cpus: 1 }]
const MiB = 2 ** 20

let farm: Farm
let told: string[] = []
const alarm: Alarm = {
  raise: async (trouble, about) => void told.push(`${trouble}: ${about}`),
  clear: async (trouble, about) => void told.push(`over: ${trouble}: ${about}`),
}
const place: BackupPlace = {
  ...{ farm: folder, images: busybox, accelerator: 'tcg', folder: join(root, 'backups'), keep: 2 },
  ...{ reserveMiB: 64, alarm, progress: silent },
}

beforeAll(async () => {
  requireImage('busybox')
  const version = readlinkSync(join(sharedFolder, 'images', 'busybox'))
  const own = join(folder, 'images')
  mkdirSync(own, { recursive: true })
  for (const name of ['busybox', version])
    cpSync(join(sharedFolder, 'images', name), join(own, name), { recursive: true, verbatimSymlinks: true })
  const manifest = join(own, version, 'manifest.json')
  const text = readFileSync(manifest, 'utf8').replace('"kind": "busybox"', '"kind": "imported"')
  chmodSync(manifest, 0o644)
  writeFileSync(manifest, text)
  farm = await openFarm({ token, folder, images: busybox, accelerator: 'tcg' })
})

afterAll(async () => {
  await farm.close()
  const left = [qemusOf(token), readdirSync(join(folder, 'clones'))]
  rmSync(root, { recursive: true, force: true })
  expect(left).toEqual([[], []])
})

beforeEach(() => {
  told = []
})

/** One byte of it is another one; whoever looks at size and time alone sees nothing. */
const damage = (file: string, at = 4096) => {
  const { atime, mtime } = statSync(file)
  const handle = openSync(file, 'r+')
  writeSync(handle, Buffer.from([0x5a]), 0, 1, at)
  closeSync(handle)
  utimesSync(file, atime, mtime)
}

/** All that is to be compared, now. */
const scrubAll = async (): Promise<string[]> => {
  const since = Date.now()
  const found: string[] = []
  for (;;) {
    const one = await scrubNext({ folder, alarm }, { since })
    if (one.did === 'damaged') found.push(one.file)
    if (one.did === 'nothing') return found
  }
}

const answers = async (template: string): Promise<string> => {
  const clone = await farm.lease({ run: 'storage', template })
  try {
    return await say(clone, 'echo alive')
  } finally {
    await clone.release()
  }
}

test('the reserve is a tenth of the disk, but not more than 5 GiB, or what the configuration says', () => {
  expect([reserveOf(10 * 1024 * MiB), reserveOf(1024 ** 4), reserveOf(1024 ** 4, 70)]).toEqual([
    1024 * MiB,
    5 * 1024 * MiB,
    70 * MiB,
  ])
})

test('what would touch the reserve is refused, says what is missing, and opens an incident until there is room', async () => {
  const { free } = await lookAtRoom({ folder })
  const full = { folder, reserveMiB: Math.ceil(free / MiB) + 1024, alarm }
  const asked = requireRoom(full, { what: 'freezing busybox', bytes: 100 * MiB, vital: true })
  await expect(asked).rejects.toMatchObject({
    ...{ kind: 'exhausted', retry: 'later' },
    message: expect.stringMatching(
      /^freezing busybox needs 100 MiB on the disk of .* are the reserve; 1\.\d GiB are missing$/,
    ),
    remedy: expect.stringContaining('grapevine farm show'),
  })
  await watchRoom(full)
  expect(told).toEqual([`disk-reserve: ${folder}`, `disk-reserve: ${folder}`])
  expect(lacksRoom(folder)).toBe(true)
  await watchRoom({ ...full, reserveMiB: 64 })
  expect(lacksRoom(folder)).toBe(false)
  expect(told.at(-1)).toBe(`over: disk-reserve: ${folder}`)
})

test('two that begin at once are not given the same room; it comes back with the folder that held it', async () => {
  const into = ['one', 'two'].map(name => join(root, name))
  for (const one of into) mkdirSync(one)
  // Others write to this disk meanwhile.
  const quarter = (await lookAtRoom({ folder })).free / 4
  const tight = { folder, reserveMiB: quarter / MiB }
  const ask = (one: string) => requireRoom(tight, { what: 'a freeze', bytes: 2 * quarter, into: one })
  const both = await Promise.allSettled(into.map(ask))
  expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  for (const one of into) rmSync(one, { recursive: true })
  mkdirSync(into[0] ?? '')
  await ask(into[0] ?? '')
  // What is written is not counted a second time.
  writeFileSync(join(into[0] ?? '', 'bytes'), Buffer.alloc(50 * MiB, 1))
  const { promised } = await lookAtRoom(tight)
  expect(promised).toBeLessThanOrEqual(2 * quarter - 50 * MiB)
  rmSync(into[0] ?? '', { recursive: true })
  expect((await lookAtRoom(tight)).promised).toBe(0)
})

test('a farm without room refuses freezes, and says so before a guest is begun', async () => {
  const { free } = await lookAtRoom({ folder })
  const reserveMiB = Math.ceil(free / MiB) + 1024
  const full = await openFarm({ token, folder, images: busybox, accelerator: 'tcg', reserveMiB, alarm })
  await expect(full.template(plain('busybox'), silent)).rejects.toMatchObject({ kind: 'exhausted' })
  expect(told).toEqual([`disk-reserve: ${folder}`])
  expect(readdirSync(join(folder, 'templates'))).toEqual([])
  await full.close()
})

test('an image build without room is refused before it fetches anything, and leaves nothing', async () => {
  const { free } = await lookAtRoom({ folder })
  const elsewhere = join(root, 'elsewhere')
  const config = {
    name: 'new',
    kind: 'debian',
    packages: [],
    memoryMiB: 512,
    cpus: 1,
    diskMiB: 4096,
  } as const
  const reserveMiB = Math.ceil(free / MiB) + 1024
  const asked = buildImage({
    config: { ...config, packages: [] },
    folder: elsewhere,
    reserveMiB,
    progress: silent,
  })
  await expect(asked).rejects.toMatchObject({
    ...{ kind: 'exhausted', message: expect.stringContaining('building image new needs 3.0 GiB') },
  })
  expect(readdirSync(join(elsewhere, 'images'))).toEqual([])
})

test('to make room, useless things go before anything is refused', async () => {
  const debs = join(folder, 'cache', 'debs')
  mkdirSync(debs, { recursive: true })
  const old = join(folder, 'images', '.building-old')
  mkdirSync(old)
  writeFileSync(join(old, 'disk'), Buffer.alloc(8 * MiB, 1))
  utimesSync(old, 1, 1)
  const found = await findPrunable(folder)
  expect(found.map(({ kind, path }) => [kind, path])).toEqual([['left-over', old]])
  expect(found[0]?.bytes).toBeGreaterThanOrEqual(8 * MiB)
  const { free } = await lookAtRoom({ folder })
  const tight = { folder, reserveMiB: Math.ceil(free / MiB) - 1, prune: { farm: folder } }
  await requireRoom(tight, { what: 'a build', bytes: 4 * MiB }).catch(() => {})
  expect(existsSync(old)).toBe(false)
})

test('a flipped byte in a template is found, the template is put aside, and the next request freezes it anew', async () => {
  const id = await farm.template(plain('busybox'), silent)
  const memory = join(folder, 'templates', id, 'memory')
  const clone = await farm.lease({ run: 'damaged', template: id })
  const running = clone.exec(command('sleep 1000'))
  damage(memory)
  const onDamage = async (ids: string[], why: string) => {
    for (const one of ids) await farm.condemn?.(one, why)
  }
  const stop = new AbortController()
  onTestFinished(() => stop.abort())
  const work = { ...place, onDamage, signal: stop.signal, mibPerSecond: 2000, roundMs: 100 }
  let isIdle = false
  const idle = scrubWhileIdle({ ...work, isIdle: () => isIdle })
  isIdle = true
  // What runs on it is not believed any more.
  expect(await running).toMatchObject({ kind: 'template-damaged', detail: expect.stringContaining(memory) })
  await clone.release()
  await expect.poll(() => told, { timeout: 20_000 }).toContain(`template-damaged: ${id}`)
  expect(await farm.template(plain('busybox'), silent)).toBe(id)
  expect(await answers(id)).toBe('alive')
  await expect.poll(() => told, { timeout: 20_000 }).toContain(`over: template-damaged: ${id}`)
  stop.abort()
  await idle
})

test('scrubbing stops in the middle of a file when a task comes, and takes that for no damage', async () => {
  const stop = new AbortController()
  stop.abort(new Error('a task'))
  const found = await scrubNext({ folder, alarm }, { since: Date.now(), signal: stop.signal })
  expect([found.did, told]).toEqual(['stopped', []])
})

test('back-ups: made, proven, damaged, refused, and a good one put back makes clones that answer', async () => {
  const id = await farm.template(plain('busybox'), silent)
  const made = await createBackups(place, [])
  expect(made.map(({ kind, name }) => [kind, name])).toEqual([
    ['image', 'busybox'],
    ['template', id],
  ])
  const memory = made[1] && join(content(made[1].folder), 'memory')
  // Holes stay holes.
  expect(statSync(memory ?? '').size).toBe(256 * MiB)
  expect(await diskUsage(memory ?? '')).toBeLessThan(200 * MiB)
  const verdicts = await verifyBackups(place, { names: [], every: false })
  expect(verdicts.map(({ sound, says }) => [sound, says])).toEqual([
    [true, 'every byte is as it was, and a clone had the right checksums'],
    [true, 'every byte is as it was, and it booted'],
  ])
  expect((await listBackups(place.folder)).every(({ verified }) => verified)).toBe(true)

  const [good, bad] = [made[1], (await createBackups(place, [id]))[0]]
  damage(join(content(bad?.folder ?? ''), 'state'), 100)
  told = []
  const [verdict] = await verifyBackups(place, { names: [id], every: false })
  expect(verdict).toMatchObject({
    sound: false,
    says: expect.stringMatching(/\/state is not what was backed up$/),
  })
  expect(told).toEqual([`backup-damaged: ${titleOf(bad as Backup)}`])
  await expect(restoreBackup(place, id, bad?.time)).rejects.toMatchObject({
    ...{ kind: 'damaged', message: expect.stringContaining('is not restored') },
  })

  rmSync(join(folder, 'templates', id), { recursive: true })
  await restoreBackup(place, id)
  expect(await answers(id)).toBe('alive')
  expect(good && existsSync(good.folder)).toBe(true)
  // It is the same template: nothing is frozen.
  const lines: string[] = []
  expect(await farm.template(plain('busybox'), line => lines.push(line))).toBe(id)
  expect(lines).toEqual([])
})

test('a damaged image is put aside with the templates on it, comes back from its back-up, and works again', async () => {
  const id = await farm.template(plain('busybox'), silent)
  const version = readlinkSync(join(folder, 'images', 'busybox'))
  damage(join(folder, 'images', version, 'initrd.img'))
  expect(await scrubAll()).toEqual([join(folder, 'images', version, 'initrd.img')])
  expect(existsSync(join(folder, 'templates', id))).toBe(false)
  expect(told).toEqual(['image-damaged: busybox'])
  expect((await mend(place)).map(({ trouble }) => trouble)).toEqual(['backup-damaged'])
  expect(told).toContain('over: image-damaged: busybox')
  expect(readlinkSync(join(folder, 'images', 'busybox'))).toBe(version)
  expect(await answers(await farm.template(plain('busybox'), silent))).toBe('alive')
})

test('a back-up without room is refused before it starts; nothing is left of it', async () => {
  const { free } = await lookAtRoom({ folder })
  const full = { ...place, reserveMiB: Math.ceil(free / MiB) + 1024 }
  const before = await listBackups(place.folder)
  await expect(createBackups(full, ['busybox'])).rejects.toMatchObject({
    ...{ kind: 'exhausted', message: expect.stringContaining('backing up image busybox needs') },
  })
  expect(await listBackups(place.folder)).toEqual(before)
  expect(readdirSync(place.folder).sort()).toEqual(['images', 'templates'])
})

test('a back-up that is killed in the middle is none, and the next command clears it away', async () => {
  const before = (await listBackups(place.folder)).length
  const script = `
    const { createBackups } = await import(${JSON.stringify(fileURLToPath(new URL('../../src/farm/storage/backup/create.ts', import.meta.url)))})
    const alarm = { raise: async () => {}, clear: async () => {} }
    const progress = line => line.includes('copying initrd') && process.kill(process.pid, 'SIGKILL')
    await createBackups({ ...${JSON.stringify({ ...place, alarm: undefined })}, alarm, progress }, ['busybox'])`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' })
  const [, signal] = await once(child, 'close')
  expect(signal).toBe('SIGKILL')
  const left = () => readdirSync(place.folder).filter(name => name.startsWith('.'))
  expect(left().length).toBe(1)
  expect((await listBackups(place.folder)).length).toBe(before)
  await pruneBackups(place)
  expect(left()).toEqual([])
})

const record = (time: string, more: Partial<Backup> = {}): Backup => ({
  ...{ kind: 'image', name: 'debian', label: 'debian', image: 'debian', family: 'debian', host: 'h' },
  ...{ createdAt: time, own: 'debian@1', files: [], needs: [], folder: `/b/${time}`, time },
  ...more,
})
const proven = { verified: { at: 'then', how: 'it booted' } }
const spoilt = { damaged: { at: 'then', why: 'a byte' } }

test.each<[string, Backup[], string[]]>([
  ['the newest two stay', [record('1'), record('2'), record('3')], ['1']],
  ['the last proven one stays', [record('1', proven), record('2'), record('3')], []],
  ['an older proven one goes', [record('1', proven), record('2', proven), record('3'), record('4')], ['1']],
  ['a damaged one is not counted', [record('1'), record('2'), record('3', spoilt)], []],
  ['a damaged one goes when a proven one is there', [record('1', proven), record('2', spoilt)], ['2']],
  ['each by itself', [record('1'), record('2', { family: 'busybox' }), record('3')], []],
])('retention: %s', (_, all, gone) => {
  expect(retired(all, 2).map(({ backup }) => backup.time)).toEqual(gone)
})

test('pruning removes what is beyond it, and leaves the rest', async () => {
  const [newest] = await listBackups(place.folder)
  if (!newest) throw new Error('there are back-ups by now')
  const later = '2999-01-01T00-00-00.000Z'
  const folder = join(newest.folder, '..', later)
  cpSync(newest.folder, folder, { recursive: true })
  const { verified: _, ...unproven } = newest
  await writeRecord(folder, unproven)
  const times = async () => (await listBackups(place.folder)).map(({ time }) => time)
  const all = await times()
  // The older one is the last that was proven.
  expect(await pruneBackups({ ...place, keep: 1 })).toEqual([])
  await writeRecord(folder, newest)
  const [gone, ...others] = await pruneBackups({ ...place, keep: 1 })
  expect([gone?.backup.time, others]).toEqual([newest.time, []])
  expect(await times()).toEqual(all.filter(time => time !== newest.time))
})

test('the beginning of several templates’ ids restores none of them', async () => {
  const elsewhere = { ...place, folder: join(root, 'two-alike') }
  for (const id of ['abc1', 'abc2'])
    mkdirSync(join(elsewhere.folder, 'templates', id, '2026-11-03'), { recursive: true })
  await expect(restoreBackup(elsewhere, 'abc')).rejects.toMatchObject({
    kind: 'refused',
    message: '2 templates in the back-ups begin with abc: abc1, abc2',
  })
})

test('an image version that was replaced goes once its successor has a template; the current one never', async () => {
  const id = await farm.template(plain('busybox'), silent)
  const earlier = join(folder, 'images', 'busybox@000000000000.1')
  cpSync(join(folder, 'images', readlinkSync(join(folder, 'images', 'busybox'))), earlier, {
    recursive: true,
  })
  const versions = async () => (await findPrunable(folder)).filter(({ kind }) => kind === 'image version')
  expect((await versions()).map(({ path }) => path)).toEqual([earlier])
  for (const one of await versions()) await removePrunable(one)
  expect([existsSync(earlier), await answers(id)]).toEqual([false, 'alive'])
})

test('what killed processes left is cleared away; what is being written stays', async () => {
  const data = join(root, 'data')
  const [blobs, mirrors] = [join(data, 'blobs', 'tmp'), join(data, 'mirrors')]
  for (const one of [blobs, join(mirrors, 'tmp-old'), join(mirrors, 'tmp-new'), join(mirrors, 'tally.git')])
    mkdirSync(one, { recursive: true })
  for (const name of ['old', 'new']) writeFileSync(join(blobs, name), 'half of it')
  for (const old of [join(blobs, 'old'), join(mirrors, 'tmp-old'), join(mirrors, 'tally.git')])
    utimesSync(old, 1, 1)
  const scratch = gitScratch.places.map(place => mkdtempSync(join(place, gitScratch.prefix)))
  const busy = mkdtempSync(join(tmpdir(), gitScratch.prefix))
  onTestFinished(() => rmSync(busy, { recursive: true }))
  for (const one of scratch) utimesSync(one, 1, 1)
  await clearData({ data })
  expect([...scratch, busy].map(one => existsSync(one))).toEqual([...scratch.map(() => false), true])
  expect([readdirSync(blobs), readdirSync(mirrors).sort()]).toEqual([['new'], ['tally.git', 'tmp-new']])
})
