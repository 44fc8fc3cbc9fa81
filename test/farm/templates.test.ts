// Templates: frozen once, proven, published, looked at before each fork; and clones of one that know nothing of each other.
import { randomUUID } from 'node:crypto'
import { closeSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { digestOf } from '../../src/farm/files.ts'
import { Fault } from '../../src/model/fault.ts'
import type { Clone, Farm, TemplateSpec } from '../../src/ports/farm.ts'
import {
  command,
  newFolder,
  openFarm,
  plain,
  qemusOf,
  requireImage,
  say,
  sharedFolder,
  silent,
} from './world.ts'

const token = 'test-templates'
const { folder, remove } = newFolder()
let farm: Farm

beforeAll(async () => {
  requireImage('busybox')
  requireImage('debian')
  farm = await openFarm({ token, folder, accelerator: 'tcg' })
})

afterAll(() => {
  const left = [qemusOf(token), readdirSync(join(folder, 'clones')), making()]
  remove()
  expect(left).toEqual([[], [], []])
})

const templates = () => readdirSync(join(folder, 'templates'))
const making = () => templates().filter(name => name.startsWith('.'))
const inTemplate = (id: string, file: string) => join(folder, 'templates', id, file)

const withClones = async (template: string, count: number, use: (...clones: Clone[]) => Promise<void>) => {
  const clones: Clone[] = []
  try {
    while (clones.length < count) clones.push(await farm.lease({ run: `run ${clones.length}`, template }))
    await use(...clones)
  } finally {
    for (const clone of clones) await clone.release()
  }
}

const prepared: TemplateSpec = {
  label: 'prepared',
  image: 'busybox',
  content: 'one file and two steps',
  files: [
    {
      path: '/srv/words',
      untar: false,
      bytes: async () => ({ size: 5, stream: Readable.from([Buffer.from('words')]) }),
    },
  ],
  prepare: [
    command('wc -c < /srv/words > /srv/count'),
    command('cat /srv/count >> /srv/words; sleep 1000 &'),
  ],
}

test('an image that nobody configured is refused, with a remedy', async () => {
  const asked = farm.template(plain('plan9'), silent)
  await expect(asked).rejects.toMatchObject({
    kind: 'refused',
    retry: 'never',
    remedy: expect.stringContaining('farm.images'),
  })
})

test('several that ask at once, in two farms, get one template; its steps have run', async () => {
  const boots = [0, 0, 0]
  const ask = (by: Farm, caller: number) =>
    by.template(prepared, line => {
      if (line.includes('booting')) boots[caller] = (boots[caller] ?? 0) + 1
    })
  const other = await openFarm({ token, folder, accelerator: 'tcg' })
  const ids = await Promise.all([ask(farm, 0), ask(farm, 1), ask(other, 2)])
  expect(new Set(ids).size).toBe(1)
  // The image's own template, and the one that goes on from it.
  expect(templates().length).toBe(2)
  // One boot in all: the two callers of one farm share it, the other farm waits for it.
  const [first = 0, second = 0, third = 0] = boots
  expect(Math.max(first, second) + third).toBe(1)
  await withClones(ids[0] ?? '', 1, async clone => {
    expect(await say(clone, 'cat /srv/words')).toBe('words5')
    expect(await say(clone, 'pidof sleep | wc -w')).toBe('1')
  })
})

test('clones of one template are told apart, and do not see each other', async () => {
  const id = await farm.template(prepared, silent)
  await withClones(id, 2, async (one, two) => {
    if (!one || !two) throw new Error('no clones')
    await say(one, 'echo mine > /srv/mine')
    expect(await say(two, 'ls /srv')).toBe('count\nwords')
    for (const script of ['head -c 32 /dev/urandom | sha256sum', 'hostname', 'mktemp -u'])
      expect(await say(one, script)).not.toBe(await say(two, script))
    const clock = Number(await say(one, 'date +%s')) * 1000
    expect(Math.abs(clock - Date.now())).toBeLessThan(60_000)
  })
})

test('twenty forks in a row, half of them killed, leave the template as it was', async () => {
  const id = await farm.template(prepared, silent)
  const files = readdirSync(join(folder, 'templates', id)).filter(name => name !== 'used')
  const digests = () => Promise.all(files.map(name => digestOf(inTemplate(id, name))))
  const before = await digests()
  for (let round = 0; round < 20; round++)
    await withClones(id, 1, async clone => {
      if (round % 2 === 0) expect(await say(clone, 'cat /srv/words')).toBe('words5')
      else await clone.exec(command('dd if=/dev/zero of=/srv/words bs=1M count=20; poweroff -f'))
    })
  expect(await digests()).toEqual(before)
})

test.each(['memory', 'state'])('a template whose %s was changed is put aside and frozen anew', async file => {
  const id = await farm.template(prepared, silent)
  const handle = openSync(inTemplate(id, file), 'r+')
  writeSync(handle, Buffer.from([0x5a]), 0, 1, 4096)
  closeSync(handle)
  await expect(farm.lease({ run: 'run', template: id })).rejects.toMatchObject({
    kind: 'damaged',
    message: expect.stringContaining(file),
  })
  expect(templates().some(name => name.startsWith('damaged-') && name.endsWith(id))).toBe(true)
  expect(await farm.template(prepared, silent)).toBe(id)
  await withClones(id, 1, async clone => expect(await say(clone, 'cat /srv/words')).toBe('words5'))
})

test('a step that fails says which, how and with what output', async () => {
  const failing = { ...prepared, content: 'fails', prepare: [command('echo broken; exit 4')] }
  await expect(farm.template(failing, silent)).rejects.toMatchObject({
    step: 'test',
    ending: { kind: 'finished', exitCode: 4 },
    output: Buffer.from('broken\n'),
  })
})

test('a freeze that is given up leaves nothing', async () => {
  const stop = new AbortController()
  const progress = (line: string) => line.includes('test') && stop.abort(new Error('given up'))
  const endless = { ...prepared, content: 'endless', prepare: [command('sleep 1000')] }
  await expect(farm.template(endless, progress, stop.signal)).rejects.toThrow('given up')
  await expect.poll(making).toEqual([])
})

test('a template that is not there is a Fault', async () => {
  await expect(farm.lease({ run: 'run', template: '0123' })).rejects.toThrow(Fault)
})

test('a guest with a disk: bytes on it are frozen, and each clone has its own', async () => {
  const shared = await openFarm({ token })
  const prepare = [command('echo kept > /srv/kept')]
  const id = await shared.template({ ...plain('debian'), content: randomUUID(), prepare }, silent)
  const at = join(sharedFolder, 'templates', id)
  const [one, two] = await Promise.all(['1', '2'].map(run => shared.lease({ run, template: id })))
  try {
    if (!one || !two) throw new Error('no clones')
    await say(one, 'dd if=/dev/urandom of=/srv/mine bs=1M count=5 2>/dev/null; sync')
    expect(await say(two, 'echo 3 > /proc/sys/vm/drop_caches; ls /srv; cat /srv/kept')).toBe('kept\nkept')
    const random = 'head -c 32 /dev/urandom | sha256sum'
    expect(await say(one, random)).not.toBe(await say(two, random))
  } finally {
    await one?.release()
    await two?.release()
  }
  const manifest = JSON.parse(readFileSync(join(at, 'manifest.json'), 'utf8'))
  expect(manifest).toMatchObject({ machine: expect.stringMatching(/^pc-q35-\d/), image: 'debian' })
  const disk = manifest.files.find((mark: { file: string }) => mark.file === 'disk.qcow2')
  expect(await digestOf(join(at, 'disk.qcow2'))).toBe(disk.sha256)
  rmSync(at, { recursive: true })
})
