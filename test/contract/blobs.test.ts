// The blob store on files: what is stored comes back, whole or with a clear no.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { appendFile, chmod, mkdir, readdir, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { describe, expect, it, onTestFinished } from 'vitest'
import { fileBlobs } from '../../src/adapters/blobs/files.ts'
import { temporaryFolder } from './mail-stores.ts'

const store = async () => {
  const folder = join(await temporaryFolder(), 'blobs')
  return { folder, blobs: fileBlobs({ folder }) }
}

const text = Buffer.from('a log\n')
const id = createHash('sha256').update(text).digest('hex')

describe('blobs on files', () => {
  it('names bytes by their digest and gives them back', async () => {
    const { folder, blobs } = await store()
    expect(await blobs.put(text)).toBe(id)
    expect(await blobs.get(id)).toEqual(text)
    expect(await buffer(blobs.stream(id))).toEqual(text)
    expect(await blobs.size(id)).toBe(text.length)
    expect(blobs.where(id)).toBe(join(folder, id.slice(0, 2), id.slice(2)))
  })

  it('drops what is old, and nothing that was put again since', async () => {
    const { blobs } = await store()
    await blobs.put(text)
    const then = new Date(1000)
    await utimes(blobs.where(id), then, then)
    await blobs.put(text)
    expect(await blobs.drop(id, 2000)).toBe(false)
    await utimes(blobs.where(id), then, then)
    expect(await blobs.drop(id, 2000)).toBe(true)
    expect(await blobs.drop(id, 2000)).toBe(false)
    expect(await blobs.size(id)).toBeUndefined()
  })

  it('stores the same bytes once, from a stream as well, also at the same time', async () => {
    const { folder, blobs } = await store()
    const stream = () => Readable.from([text.subarray(0, 2), text.subarray(2)])
    expect(new Set(await Promise.all([blobs.put(text), blobs.put(stream()), blobs.put(stream())]))).toEqual(
      new Set([id]),
    )
    expect((await readdir(folder)).sort()).toEqual([id.slice(0, 2), 'tmp'].sort())
    expect(await readdir(join(folder, 'tmp'))).toEqual([])
  })

  it('keeps empty and large bytes', async () => {
    const { blobs } = await store()
    const large = Buffer.alloc(20 * 2 ** 20, 'x')
    const ids = [
      await blobs.put(Buffer.alloc(0)),
      await blobs.put(large),
      await blobs.put(Readable.from([large])),
    ]
    expect(ids[1]).toBe(ids[2])
    expect(await blobs.size(ids[0] ?? '')).toBe(0)
    expect((await blobs.get(ids[1] ?? '')).equals(large)).toBe(true)
  })

  it('stores nothing when the stream fails', async () => {
    const { folder, blobs } = await store()
    const broken = Readable.from(
      (async function* () {
        yield text
        throw new Error('lost the guest')
      })(),
    )
    await expect(blobs.put(broken)).rejects.toMatchObject({
      name: 'Fault',
      message: expect.stringContaining('lost the guest'),
    })
    expect(await readdir(folder)).toEqual(['tmp'])
    expect(await readdir(join(folder, 'tmp'))).toEqual([])
  })

  it.each<[string, (path: string) => Promise<void>]>([
    ['cut short', path => truncate(path, 2)],
    ['made longer', path => appendFile(path, 'x')],
    ['changed', path => writeFile(path, 'b log\n')],
    ['gone', path => rm(path)],
  ])('says that a blob is damaged that was %s, and mends it by the same bytes', async (_how, damage) => {
    const { blobs } = await store()
    await blobs.put(text)
    await damage(blobs.where(id))
    const fault = {
      kind: 'damaged',
      message: expect.stringContaining(blobs.where(id)),
      remedy: expect.any(String),
    }
    await expect(blobs.get(id)).rejects.toMatchObject(fault)
    await expect(buffer(blobs.stream(id))).rejects.toMatchObject(fault)
    await blobs.put(text)
    expect(await blobs.get(id)).toEqual(text)
  })

  it('knows no size of what it does not have, and takes no other names', async () => {
    const { blobs } = await store()
    expect(await blobs.size(id)).toBeUndefined()
    for (const name of ['', '../../etc/passwd', id.slice(1), id.toUpperCase()])
      expect(() => blobs.where(name)).toThrow(expect.objectContaining({ kind: 'malformed' }))
    await expect(Promise.resolve().then(() => blobs.get('../x'))).rejects.toMatchObject({ kind: 'malformed' })
  })

  it.skipIf(process.getuid?.() !== 0)(
    'names the folder and a remedy when the disk is full (skipped unless root, who can mount a small one)',
    async () => {
      const folder = await temporaryFolder()
      const small = await fullDisk(folder)
      const blobs = fileBlobs({ folder: small })
      const fault = {
        kind: 'exhausted',
        retry: 'later',
        message: expect.stringContaining(small),
        remedy: expect.stringContaining('free space'),
      }
      await expect(blobs.put(Buffer.alloc(2 ** 20))).rejects.toMatchObject(fault)
      await expect(blobs.put(Readable.from([Buffer.alloc(2 ** 20)]))).rejects.toMatchObject(fault)
      expect(await readdir(join(small, 'tmp'))).toEqual([])
      const little = await blobs.put(text)
      expect(await blobs.get(little)).toEqual(text)
    },
  )

  it('names the folder when it cannot be made', async () => {
    const path = join(await temporaryFolder(), 'file')
    await writeFile(path, 'x')
    await expect(fileBlobs({ folder: path }).put(text)).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringContaining(path),
    })
    await chmod(path, 0o600)
  })
})

/** A folder on a disk of 256 KiB. */
const fullDisk = async (folder: string): Promise<string> => {
  const path = join(folder, 'small')
  await mkdir(path)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', path])
  onTestFinished(() => void execFileSync('umount', ['-l', path]))
  expect((await stat(path)).isDirectory()).toBe(true)
  return path
}
