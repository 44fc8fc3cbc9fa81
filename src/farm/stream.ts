// Bytes in and out of a guest over the raw stream port: their length is known before, their digest is taken on both sides. One transfer at a time.
import { createHash, type Hash } from 'node:crypto'
import { once } from 'node:events'
import { type Duplex, PassThrough, type Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { Fault } from '../model/fault.ts'
import type { Millis } from '../model/instant.ts'
import type { Clone } from '../ports/farm.ts'
import { bell, within } from './deadline.ts'
import type { Guest } from './exec.ts'
import { streamDigest } from './linux-guest.ts'
import { runTool } from './tool.ts'

/** A transfer under way: what it gives, and when the port is free again. */
type Transfer<T> = { value: T; over: Promise<unknown> }

/** Once a transfer broke off, nobody knows what the port still holds: no other may follow it. */
export const openTransfers = (guest: Guest): Pick<Clone, 'write' | 'read'> => {
  let last: Promise<unknown> = Promise.resolve()
  let broken: Fault | undefined

  const inTurn = async <T>(transfer: () => Promise<Transfer<T>>): Promise<T> => {
    const turn = last.then(async () => {
      if (broken)
        throw new Fault('refused', 'soon', `no transfer after one that broke off: ${broken.message}`)
      return await transfer()
    })
    last = turn.then(({ over }) => over).catch(note)
    return (await turn).value
  }
  // `never` says that the guest refused before a byte moved.
  const note = (error: unknown) => {
    if (error instanceof Fault && error.retry !== 'never') broken ??= error
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

const send = async (guest: Guest, parcel: Parcel): Promise<void> => {
  const { machine, says, deadlines } = guest
  const { path, size, stream } = parcel
  const poured = bell<void>()
  // Slower than 1 MB/s is stuck; unpacking many small files is what takes time.
  const span = deadlines.streamMs + size / 1000
  const stored = runTool(machine, says.receive(parcel), span, poured.rung)
  const failed = stored.then(() => new Promise<never>(() => {}))
  failed.catch(() => {})
  try {
    const limits = { size, idleMs: deadlines.streamMs }
    const digest = await Promise.race([failed, pour(stream, machine.stream, limits)])
    poured.ring()
    const answer = (await stored).trim().split(/\s/)[0]
    if (answer !== digest) throw new Fault('damaged', 'soon', 'other bytes arrived than were sent')
  } catch (error) {
    stream.destroy()
    throw broke(error, `write ${path} into the guest`)
  }
}

/** Writes exactly `size` bytes of the source; gives their digest. Fault malformed if there are fewer or more. */
const pour = async (
  source: Readable,
  port: Duplex,
  limits: { size: number; idleMs: Millis },
): Promise<string> => {
  const hash = createHash(streamDigest)
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

const receive = async (
  guest: Guest,
  path: string,
  tar: string[] | undefined,
): Promise<Transfer<Readable>> => {
  const { machine, says, deadlines } = guest
  const { stream: port } = machine
  const what = `read ${path} out of the guest`
  const out = new PassThrough({ highWaterMark: 1 << 20 })
  out.on('error', () => {})
  const incoming = unwrap(port, out)
  const ended = new AbortController()
  const sent = runTool(machine, says.send(path, tar), deadlines.streamMs * 60, incoming.over)
  const failed = sent.then(() => new Promise<never>(() => {}))
  failed.catch(() => {})

  const finish = async () => {
    try {
      const still = standstill(incoming.moved, deadlines.streamMs, ended.signal)
      const { digest, hash } = await Promise.race([incoming.over, failed, still])
      port.write('taken\n')
      await within(sent, deadlines.streamMs, 'the end')
      if (hash.digest('hex') !== digest)
        throw new Fault('damaged', 'soon', 'other bytes came out than were sent')
      out.end()
    } catch (error) {
      const refused = error instanceof Fault && error.kind === 'refused' && !incoming.begun.value
      const fault = broke(refused ? new Fault('refused', 'never', error.message) : error, what)
      out.destroy(fault)
      throw fault
    } finally {
      ended.abort()
      incoming.close()
    }
  }
  const over = finish()
  over.catch(() => {})
  await Promise.race([incoming.begun.rung, over])
  return { value: out, over }
}

/** Takes `LENGTH\n`, so many bytes, and `DIGEST …\n` off the port. A reader that goes away must not leave bytes in it: they are dropped. */
const unwrap = (port: Duplex, out: PassThrough) => {
  const begun = bell<true>()
  const over = bell<{ digest: string; hash: Hash }>()
  const hash = createHash(streamDigest)
  let line = ''
  let left: number | undefined
  let count = 0
  let slow = false

  const body = (chunk: Buffer) => {
    hash.update(chunk)
    if (out.destroyed || out.write(chunk)) return
    port.pause()
    slow = true
    const resume = () => {
      slow = false
      port.resume()
    }
    out.once('drain', resume).once('close', resume)
  }
  const take = (chunk: Buffer): void => {
    count += chunk.length
    if (left) {
      const mine = chunk.subarray(0, left)
      left -= mine.length
      body(mine)
      if (chunk.length > mine.length) take(chunk.subarray(mine.length))
      return
    }
    const end = chunk.indexOf(10)
    line += chunk.subarray(0, end < 0 ? undefined : end).toString('latin1')
    if (end < 0) return
    const said = line
    line = ''
    if (left === undefined) {
      left = Number(said)
      begun.ring(true)
      if (end + 1 < chunk.length) take(chunk.subarray(end + 1))
    } else over.ring({ digest: said.split(' ')[0] ?? '', hash })
  }

  port.on('data', take).resume()
  return {
    begun,
    over: over.rung,
    // While the reader takes its time, standing still is right.
    moved: () => (slow ? performance.now() : count),
    close: () => {
      port.off('data', take)
      port.pause()
    },
  }
}

/** Fails when the count is the same as one span before. */
const standstill = async (count: () => number, span: Millis, over: AbortSignal): Promise<never> => {
  for (let before = -1; before !== count(); ) {
    before = count()
    await sleep(span, undefined, { signal: over }).catch(() => new Promise(() => {}))
  }
  throw new Fault('timeout', 'soon', `no byte moved for ${span / 1000} s`)
}

const broke = (error: unknown, what: string): Fault => {
  if (error instanceof Fault)
    return new Fault(error.kind, error.retry, `${what}: ${error.message}`, { cause: error })
  const why = error instanceof Error ? error.message : String(error)
  return new Fault('malformed', 'soon', `${what}: ${why}`, { cause: error })
}
