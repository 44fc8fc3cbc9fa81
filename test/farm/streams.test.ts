// Bytes into a guest and out of it: all of them, or a Fault.
import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Clone } from '../../src/ports/farm.ts'
import { openFarm, plain, requireImage, say, silent } from './world.ts'

let clone: Clone
let lease: () => Promise<Clone>

beforeAll(async () => {
  requireImage('busybox')
  const farm = await openFarm({ token: 'test-streams', deadlines: { streamMs: 5_000 } })
  await farm.reap()
  const template = await farm.template(plain('busybox'), silent)
  lease = () => farm.lease({ run: 'test-streams', template })
  clone = await lease()
})

afterAll(() => clone?.release())

const parcel = (bytes: Buffer) => ({ size: bytes.length, stream: Readable.from(pieces(bytes)) })

function* pieces(bytes: Buffer) {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536)
}

test.each([0, 1, 65_535, 65_536, 20_000_003])('%i bytes in and out', async size => {
  const bytes = randomBytes(size)
  await clone.write('/tmp/some folder/blob', parcel(bytes))
  expect(await say(clone, "sha256sum < '/tmp/some folder/blob'")).toContain(
    createHash('sha256').update(bytes).digest('hex'),
  )
  const back = await buffer(await clone.read('/tmp/some folder/blob'))
  expect(back.equals(bytes)).toBe(true)
})

test('a tar stream is unpacked, and named paths come back as one', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'grapevine-tar-'))
  try {
    writeFileSync(join(folder, 'one'), 'first')
    writeFileSync(join(folder, 'two words'), 'second', { mode: 0o755 })
    await clone.write('/tmp/tree', parcel(execFileSync('tar', ['-cf', '-', '-C', folder, '.'])), {
      untar: true,
    })
    expect(await say(clone, 'cd /tmp/tree; ls -A; test -x "two words" && rm one && echo new > three')).toBe(
      'one\ntwo words',
    )
    const back = await buffer(await clone.read('/tmp/tree', { tar: ['two words', 'three'] }))
    execFileSync('tar', ['-xf', '-', '-C', folder], { input: back })
    expect(readFileSync(join(folder, 'three'), 'utf8')).toBe('new\n')
    expect(readFileSync(join(folder, 'two words'), 'utf8')).toBe('second')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('what is not there is refused, and the next transfer goes on', async () => {
  await expect(clone.read('/tmp/nothing')).rejects.toMatchObject({ kind: 'refused', retry: 'never' })
  await expect(clone.read('/tmp', { tar: ['nothing'] })).rejects.toMatchObject({ kind: 'refused' })
  await clone.write('/tmp/next', parcel(Buffer.from('next')))
  expect(String(await buffer(await clone.read('/tmp/next')))).toBe('next')
})

test('transfers asked for at once do not mix', async () => {
  const all = [1, 2, 3].map(n => randomBytes(n * 100_000))
  await Promise.all(all.map((bytes, at) => clone.write(`/tmp/at-once-${at}`, parcel(bytes))))
  const back = await Promise.all(all.map(async (_, at) => buffer(await clone.read(`/tmp/at-once-${at}`))))
  expect(back.map((bytes, at) => bytes.equals(all[at] ?? Buffer.alloc(0)))).toEqual([true, true, true])
})

test('a reader that goes away leaves the port clean', async () => {
  await clone.write('/tmp/big', parcel(randomBytes(5_000_000)))
  const stream = await clone.read('/tmp/big')
  for await (const chunk of stream) if (chunk.length > 0) break
  await clone.write('/tmp/next', parcel(Buffer.from('after')))
  expect(String(await buffer(await clone.read('/tmp/next')))).toBe('after')
})

test('a source that says its end late is waited for', async () => {
  const late = async function* () {
    yield Buffer.from('all of it')
    await expect.poll(() => say(clone, 'cat /tmp/late 2> /dev/null || :')).toBe('all of it')
  }
  await clone.write('/tmp/late', { size: 9, stream: Readable.from(late()) })
  await clone.write('/tmp/next', parcel(Buffer.from('next')))
  expect(String(await buffer(await clone.read('/tmp/next')))).toBe('next')
})

test('a source that ends early is a Fault, and the port is not used again', async () => {
  const other = await lease()
  try {
    const short = { size: 10, stream: Readable.from([Buffer.from('short')]) }
    await expect(other.write('/tmp/x', short)).rejects.toMatchObject({ kind: 'malformed' })
    await expect(other.read('/tmp/x')).rejects.toThrow('no transfer after one that broke off')
    expect(await say(other, 'echo still here')).toBe('still here')
  } finally {
    await other.release()
  }
})

test('a guest that goes away in the middle is a Fault', async () => {
  const other = await lease()
  try {
    const source = async function* () {
      yield Buffer.alloc(100_000)
      await other.exec({ name: 'off', script: 'poweroff -f; sleep 1000', folder: '/', timeoutMs: 60_000 })
      yield Buffer.alloc(100_000)
    }
    const parcel = { size: 200_000, stream: Readable.from(source()) }
    await expect(other.write('/tmp/x', parcel)).rejects.toMatchObject({ kind: 'unreachable' })
  } finally {
    await other.release()
  }
})
