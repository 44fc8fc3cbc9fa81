// Looking for damage in a disk that was bad from the first day: its digest says nothing.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, it } from 'vitest'
import { scrubNext } from '../../src/farm/storage/scrub.ts'
import { readScrubState, scrubSoon } from '../../src/farm/storage/scrub-state.ts'
import type { Alarm } from '../../src/model/incident.ts'

let folder: string
let told: string[]
const alarm: Alarm = {
  raise: async (trouble, about, detail) => void told.push(`${trouble} ${about}: ${detail}`),
  clear: async () => {},
}
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'grapevine-scrub-'))
  told = []
  return () => rmSync(folder, { recursive: true, force: true })
})

/** An image of one qcow2, its digest as it lies there. */
const addImage = (spoil: (disk: Buffer) => void): void => {
  const own = join(folder, 'images', 'tiny@5a05e596c77d.1')
  mkdirSync(own, { recursive: true })
  const disk = join(own, 'disk.qcow2')
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', disk, '1M'])
  execFileSync('qemu-io', ['-f', 'qcow2', '-c', 'write 0 64k', disk])
  const bytes = readFileSync(disk)
  spoil(bytes)
  writeFileSync(disk, bytes)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  writeFileSync(
    join(own, 'manifest.json'),
    JSON.stringify({ files: { disk: { file: 'disk.qcow2', sha256 } } }),
  )
  symlinkSync('tiny@5a05e596c77d.1', join(folder, 'images', 'tiny'))
}

it('tells of errors in its tables, and puts it aside', async () => {
  // The first entry of the refcount block that the table names: a cluster in use is counted as free.
  addImage(disk => disk.writeUInt16BE(0, Number(disk.readBigUInt64BE(Number(disk.readBigUInt64BE(48)))) + 10))
  const found = await scrubNext({ folder, alarm })
  expect(found).toMatchObject({
    did: 'damaged',
    why: expect.stringMatching(/qemu-img check finds \d+ errors/),
  })
  expect(told).toEqual([expect.stringMatching(/^image-damaged tiny: .*disk\.qcow2: qemu-img check finds/)])
  expect((await readScrubState(folder)).open).toMatchObject([{ trouble: 'image-damaged', about: 'tiny' }])
  expect(readdirSync(join(folder, 'images')).filter(name => name.startsWith('tiny'))).toEqual([])
})

it('leaves a sound one where it is', async () => {
  addImage(() => {})
  expect(await scrubNext({ folder, alarm })).toMatchObject({ did: 'sound' })
  expect(told).toEqual([])
})

it('looks again at once at what somebody found bad', async () => {
  addImage(() => {})
  await scrubNext({ folder, alarm })
  expect(await scrubNext({ folder, alarm })).toEqual({ did: 'nothing' })
  await scrubSoon(folder, { of: 'tiny@5a05e596c77d.1', files: ['disk.qcow2'] })
  expect(await scrubNext({ folder, alarm })).toMatchObject({ did: 'sound' })
})
