// Bytes in and out of a guest by its program: bare on the bulk port, their length and digest on the control port. One transfer at a time.
import { once } from 'node:events'
import { type Duplex, PassThrough, type Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import xxhash, { type XXHash } from 'xxhash-wasm'
import { Fault } from '../../model/fault.ts'
import type { Millis } from '../../model/instant.ts'
import type { Clone } from '../../ports/farm.ts'
import { bell, type Deadlines, within } from '../deadline.ts'
import { faultOf } from '../fate.ts'
import type { Machine } from '../machine.ts'
import { asks, type Done, doneIn, strings, tells, uint64 } from './frames.ts'
import { agreed, type Link } from './link.ts'

export type Haul = { link: Link; machine: Pick<Machine, 'stream' | 'fate'>; deadlines: Deadlines }

const hasher = xxhash()
const defaultLimit = 4 * 2 ** 30
/** What a transfer takes beside its bytes: slower than 1 MB/s is stuck; unpacking many small files is what takes time. */
const spanFor = ({ streamMs }: Deadlines, size: number): Millis => streamMs + size / 1000

/** A transfer under way: what it gives, and when the port is free again. */
type Transfer<T> = { value: T; over: Promise<unknown> }

/** After it nobody knows what the port still holds. */
class OutOfStep extends Error {}

/** A transfer that broke off where its other side goes on lets no other follow. */
export const transfersByProgram = (haul: Haul): Pick<Clone, 'write' | 'read'> => {
  let last: Promise<unknown> = Promise.resolve()
  let broken: Error | undefined

  const inTurn = <T>(what: string, transfer: () => Promise<Transfer<T>>): Promise<T> => {
    const turn = last.then(async () => {
      if (broken)
        throw new Fault('refused', 'soon', `no transfer after one that broke off: ${broken.message}`)
      return await unlessGone(haul, transfer())
    })
    last = turn.then(({ over }) => over).catch(note)
    return turn.then(
      ({ value }) => value,
      error => {
        throw faulted(error, what)
      },
    )
  }
  const note = (error: unknown) => {
    if (error instanceof OutOfStep) broken ??= error
  }

  return {
    write: (path, bytes, { untar = false } = {}) =>
      inTurn(`write ${path} into the guest`, async () => {
        await send(haul, { path, untar, ...bytes }).finally(() => bytes.stream.destroy())
        return { value: undefined, over: Promise.resolve() }
      }),
    read: (path, { tar, limit = defaultLimit } = {}) => {
      const what = `read ${path} out of the guest`
      return inTurn(what, () => receive(haul, { path, tar, limit, what }))
    },
  }
}

type Parcel = { path: string; untar: boolean; size: number; stream: Readable }

const send = async ({ link, machine, deadlines }: Haul, parcel: Parcel): Promise<void> => {
  const { path, size, stream, untar } = parcel
  const { create64 } = await hasher
  const stored = bell<Done | undefined>()
  const talk = link.talk(({ type, payload }) => type === tells.done && stored.ring(doneIn(payload)))
  // A guest that answers before it has everything takes nothing, and what was sent stays in the port. One that has everything may
  // answer before the source says that it ends.
  const early = stored.rung.then(done =>
    done && Number(done.size) === size ? new Promise<never>(() => {}) : outOfStep(done),
  )
  early.catch(() => {})
  try {
    talk.say(asks.put, uint64(size), Buffer.of(Number(untar)), strings(path))
    const idleMs = deadlines.streamMs
    const hash = await Promise.race([early, pour(stream, machine.stream, { size, idleMs, hash: create64() })])
    const answer = within(stored.rung, spanFor(deadlines, size), 'its end')
    const done = agreed(
      await answer.catch(error => {
        throw new OutOfStep(reasonOf(error), { cause: error })
      }),
    )
    if (done.digest !== hash.digest())
      throw new Fault('damaged', 'soon', 'other bytes arrived than were sent')
  } finally {
    talk.end()
  }
}

const outOfStep = (done: Done | undefined): never => {
  const words = done?.words ?? 'the guest did not wait for the end'
  throw new OutOfStep(words, { cause: new Fault('refused', 'soon', `in the guest: ${words}`) })
}

type Pour = { size: number; idleMs: Millis; hash: XXHash<bigint> }

/** Writes exactly `size` bytes of the source. Fewer or more, or a source that fails: the guest waits in vain. */
const pour = async (
  source: Readable,
  port: Duplex,
  { size, idleMs, hash }: Pour,
): Promise<XXHash<bigint>> => {
  let sent = 0
  try {
    for await (const piece of source) {
      const chunk = Buffer.from(piece)
      sent += chunk.length
      if (sent > size) break
      hash.update(chunk)
      if (!port.write(chunk)) await within(once(port, 'drain'), idleMs, 'the stream into the guest')
    }
    if (sent === size) return hash
    throw new Fault('malformed', 'soon', `${sent} bytes instead of the announced ${size}`)
  } catch (error) {
    throw new OutOfStep(reasonOf(error), { cause: error })
  }
}

type Request = { path: string; tar: string[] | undefined; limit: number; what: string }

const receive = async (haul: Haul, { path, tar, limit, what }: Request): Promise<Transfer<Readable>> => {
  const { link, deadlines } = haul
  const { create64 } = await hasher
  const out = new PassThrough({ highWaterMark: 1 << 20 })
  out.on('error', () => {})
  const begun = bell<true>()
  const ended = bell<Done | undefined>()
  const talk = link.talk(({ type, payload }) => {
    if (type === tells.begin) begun.ring(true)
    if (type === tells.done) ended.ring(doneIn(payload))
  })
  const stop = () => talk.say(asks.stop)
  const taking = take(haul.machine.stream, { out, limit, stop, hash: create64() })
  talk.say(asks.get, uint64(0), Buffer.of(Number(tar !== undefined)), strings(path, ...(tar ?? [])))

  const finish = async () => {
    const over = new AbortController()
    try {
      const still = standstill(taking.came, deadlines.streamMs, over.signal)
      const done = await Promise.race([ended.rung, still])
      if (done) await Promise.race([taking.until(Number(done.size)), still])
      judge(done, taking, limit)
      out.end()
    } catch (error) {
      out.destroy(faulted(error, what))
      throw error
    } finally {
      over.abort()
      taking.close()
      talk.end()
    }
  }
  const over = unlessGone(haul, finish())
  over.catch(error => out.destroy(faulted(error, what)))
  // A guest that says no at once has sent nothing: asked again it says the same.
  await Promise.race([begun.rung, over.catch(refusal)])
  return { value: out, over }
}

const refusal = (error: unknown): never => {
  throw error instanceof Fault && error.kind === 'refused'
    ? new Fault('refused', 'never', error.message)
    : error
}

type Taking = ReturnType<typeof take>

const judge = (done: Done | undefined, { count, tooMuch, left, digest }: Taking, limit: number): void => {
  if (!done || count() > Number(done.size)) throw new OutOfStep('the guest sent more than it said')
  if (tooMuch())
    throw new Fault('refused', 'never', `it has more than ${limit} bytes`, {
      remedy: 'let the recipe keep less',
    })
  if (left()) return
  if (agreed(done).digest !== digest())
    throw new Fault('damaged', 'soon', 'other bytes came out than were sent')
}

type Take = { out: PassThrough; limit: number; stop: () => void; hash: XXHash<bigint> }

/** Passes on what comes. When the reader goes away, or it is too much, the guest is told to stop; what is under way is dropped. */
const take = (port: Duplex, { out, limit, stop, hash }: Take) => {
  let count = 0
  let asked = 0
  let slow = false
  let waited = false
  let dropping = false
  let tooMuch = false
  let arrived = () => {}

  const drop = () => {
    if (!dropping) stop()
    dropping = true
  }
  const resume = () => {
    if (!slow) return
    slow = false
    port.resume()
  }
  const data = (chunk: Buffer) => {
    count += chunk.length
    arrived()
    if (count > limit) {
      tooMuch = true
      drop()
    }
    if (dropping || out.destroyed) return drop()
    hash.update(chunk)
    if (out.write(chunk)) return
    slow = true
    waited = true
    port.pause()
  }
  out.on('drain', resume).once('close', () => {
    if (!out.writableEnded) drop()
    resume()
  })
  port.on('data', data).resume()
  return {
    count: () => count,
    tooMuch: () => tooMuch,
    /** Nobody wants it any more. */
    left: () => dropping,
    digest: () => hash.digest(),
    /** How many since it was asked last. While the reader takes its time, standing still is right. */
    came: () => {
      const came = waited ? Number.POSITIVE_INFINITY : count - asked
      waited = slow
      asked = count
      return came
    },
    until: (size: number) =>
      new Promise<void>(resolve => {
        arrived = () => {
          if (count >= size) resolve()
        }
        arrived()
      }),
    close: () => {
      slow = false
      port.off('data', data)
      port.pause()
    },
  }
}

/** A guest that lets a byte drop now and then would hold its clone for ever. */
const leastPerMs = 64

/** Fails when hardly anything came within one span. */
const standstill = async (came: () => number, span: Millis, over: AbortSignal): Promise<never> => {
  do await sleep(span, undefined, { signal: over }).catch(() => new Promise(() => {}))
  while (came() >= leastPerMs * span)
  const message = `hardly a byte moved for ${span / 1000} s`
  throw new OutOfStep(message, { cause: new Fault('timeout', 'soon', message) })
}

const unlessGone = async <T>({ machine }: Haul, promise: Promise<T>): Promise<T> => {
  promise.catch(() => {})
  const gone = machine.fate.rung.then((fate): never => {
    const fault = faultOf(fate, 'the guest is gone')
    throw new OutOfStep(fault.message, { cause: fault })
  })
  gone.catch(() => {})
  return await Promise.race([gone, promise])
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const faulted = (error: unknown, what: string): Fault => {
  const cause = error instanceof OutOfStep ? error.cause : error
  if (!(cause instanceof Fault))
    return new Fault('malformed', 'soon', `${what}: ${reasonOf(error)}`, { cause: error })
  const { kind, retry, message, remedy } = cause
  return new Fault(kind, retry, `${what}: ${message}`, { cause, ...(remedy && { remedy }) })
}
