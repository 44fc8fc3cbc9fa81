// Bytes in and out of a guest over the raw stream port: length known or trailer at the end, digest taken on both sides. One transfer at a time.
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type Duplex, PassThrough, type Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { Fault } from '../model/fault.ts'
import type { Millis } from '../model/instant.ts'
import { bell, within } from './deadline.ts'
import type { Guest } from './exec.ts'
import { trailerLength } from './linux-guest.ts'
import { runTool } from './tool.ts'

export type Transfers = {
  write(path: string, bytes: { size: number; stream: Readable }, options?: { untar?: boolean }): Promise<void>
  read(path: string, options?: { tar?: string[] }): Promise<Readable>
}

/** Once a transfer broke off, nobody knows what the port still holds: no other may follow it. */
export const openTransfers = (guest: Guest): Transfers => {
  let last: Promise<unknown> = Promise.resolve()
  let broken: Fault | undefined

  const inTurn = async <T>(transfer: () => Promise<{ value: T; over: Promise<unknown> }>): Promise<T> => {
    const turn = last.then(async () => {
      if (broken)
        throw new Fault('refused', 'soon', `no transfer after one that broke off: ${broken.message}`)
      return await transfer()
    })
    last = turn
      .then(({ over }) => over)
      .catch(error => {
        if (error instanceof Fault && error.retry !== 'never') broken ??= error
      })
    return (await turn).value
  }

  return {
    write: (path, bytes, { untar = false } = {}) =>
      inTurn(async () => ({
        value: await send(guest, { path, untar, ...bytes }),
        over: Promise.resolve(),
      })),
    read: (path, { tar } = {}) => inTurn(() => receive(guest, path, tar)),
  }
}

type Parcel = { path: string; untar: boolean; size: number; stream: Readable }

const send = async (guest: Guest, { path, untar, size, stream }: Parcel): Promise<void> => {
  const { machine, says, deadlines } = guest
  const request = untar ? says.receiveTar(path, size) : says.receiveFile(path, size)
  // Slower than 1 MB/s is stuck; unpacking many small files is what takes time.
  const stored = runTool(machine, request, deadlines.streamMs + size / 1000)
  const failed = stored.then(() => new Promise<never>(() => {}))
  failed.catch(() => {})
  try {
    const digest = await Promise.race([
      failed,
      pour(stream, machine.stream, { size, idleMs: deadlines.streamMs }),
    ])
    const answer = (await stored).trim().split(/\s/)[0]
    if (answer !== digest)
      throw new Fault('damaged', 'soon', `${path}: other bytes arrived in the guest than were sent`)
  } catch (error) {
    stream.destroy()
    throw broke(error, `write ${path} into the guest`)
  }
}

/** Writes exactly `size` bytes of the source; gives their SHA-256. Fault malformed if there are fewer or more. */
const pour = async (
  source: Readable,
  port: Duplex,
  limits: { size: number; idleMs: Millis },
): Promise<string> => {
  const hash = createHash('sha256')
  let sent = 0
  for await (const piece of source) {
    const chunk = Buffer.from(piece)
    sent += chunk.length
    if (sent > limits.size) break
    hash.update(chunk)
    if (!port.write(chunk)) await within(once(port, 'drain'), limits.idleMs, 'the stream into the guest')
  }
  if (sent !== limits.size)
    throw new Fault('malformed', 'soon', `${sent} bytes instead of the announced ${limits.size}`)
  return hash.digest('hex')
}

type Trailer = { exitCode: number; digest: string }

const receive = async (guest: Guest, path: string, tar: string[] | undefined) => {
  const { machine, says, deadlines } = guest
  const { stream: port } = machine
  const nonce = randomBytes(16).toString('hex')
  const what = `read ${path} out of the guest`
  const out = new PassThrough({ highWaterMark: 1 << 20 })
  const begun = bell<void>()
  const trailer = bell<Trailer>()
  const hash = createHash('sha256')
  let held: Buffer = Buffer.alloc(0)
  let moved = 0

  const take = (chunk: Buffer) => {
    const bytes = Buffer.concat([held, chunk])
    const found = trailerAt(bytes, nonce)
    const ready = bytes.subarray(0, Math.max(0, bytes.length - trailerLength(nonce)))
    held = bytes.subarray(ready.length)
    moved += chunk.length
    if (ready.length > 0) {
      hash.update(ready)
      // A reader that went away must not leave bytes in the port: they are still taken, and dropped.
      if (!out.destroyed && !out.write(ready)) {
        port.pause()
        const resume = () => port.resume()
        out.once('drain', resume).once('close', resume)
      }
      begun.ring()
    }
    if (found) trailer.ring(found)
  }

  port.on('data', take)
  const sent = runTool(machine, says.send(path, tar, nonce), 24 * 3_600_000)
  const failed = sent.then(() => new Promise<never>(() => {}))
  failed.catch(() => {})

  const ended = new AbortController()
  // While the reader takes its time, standing still is right.
  const count = () => (port.isPaused() ? performance.now() : moved)

  const over = (async () => {
    try {
      const still = standstill(count, deadlines.streamMs, ended.signal)
      const { exitCode, digest } = await Promise.race([trailer.rung, failed, still])
      port.write('taken\n')
      const refused = await within(sent, deadlines.streamMs, what).then(
        () => undefined,
        error => error,
      )
      if (exitCode !== 0) throw new Fault('refused', 'never', refused?.message ?? `exit code ${exitCode}`)
      if (hash.digest('hex') !== digest)
        throw new Fault('damaged', 'soon', 'other bytes came out than were sent')
      out.end()
    } finally {
      ended.abort()
      port.off('data', take)
      port.pause()
    }
  })().catch(error => {
    const fault = broke(error, what)
    out.destroy(fault)
    throw fault
  })
  over.catch(() => {})
  out.on('error', () => {})
  await Promise.race([begun.rung, over])
  return { value: out as Readable, over }
}

/** Fails when the count is the same as one span before. */
const standstill = async (count: () => number, span: Millis, over: AbortSignal): Promise<never> => {
  for (let before = -1; before !== count(); ) {
    before = count()
    await sleep(span, undefined, { signal: over }).catch(() => new Promise(() => {}))
  }
  throw new Fault('timeout', 'soon', `no byte moved for ${span / 1000} s`)
}

const trailerAt = (bytes: Buffer, nonce: string): Trailer | undefined => {
  const tail = bytes.subarray(-trailerLength(nonce)).toString('latin1')
  const [, said, exitCode, digest] = tail.match(/^\x1e(\w+) (\d{3}) ([0-9a-f]{64})\x1e$/) ?? []
  return said === nonce && digest ? { exitCode: Number(exitCode), digest } : undefined
}

const broke = (error: unknown, what: string): Fault => {
  if (error instanceof Fault)
    return new Fault(error.kind, error.retry, `${what}: ${error.message}`, { cause: error })
  return new Fault('malformed', 'soon', `${what}: ${error instanceof Error ? error.message : error}`, {
    cause: error,
  })
}
