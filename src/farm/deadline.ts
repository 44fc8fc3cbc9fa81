// Deadlines: nothing in the farm waits for ever. Used by every part that talks to QEMU or to a guest.
import { setTimeout as sleep } from 'node:timers/promises'
import { Fault } from '../model/fault.ts'
import type { Millis } from '../model/instant.ts'

/** How long the farm waits for what. Wide by default: a loaded host must not look like a broken guest. */
export type Deadlines = {
  /** A QMP command's answer. */
  qmpMs: Millis
  /** From power-on to the agent's first answer. */
  bootMs: Millis
  /** The same for the boot that qualifies an accelerator. */
  qualifyMs: Millis
  /** From the start of a fork's QEMU to its guest's answer. */
  forkMs: Millis
  /** An agent that answers nothing for so long is a hung guest. */
  silenceMs: Millis
  /** A guest whose agent went away may be on its way down: only after this it is hung. */
  lingerMs: Millis
  /** The guest's acknowledgement that a command's processes are killed. */
  killMs: Millis
  /** A stream that moves no byte for so long is stuck. */
  streamMs: Millis
}

export const defaultDeadlines: Deadlines = {
  qmpMs: 60_000,
  bootMs: 240_000,
  qualifyMs: 20_000,
  forkMs: 60_000,
  silenceMs: 90_000,
  lingerMs: 15_000,
  killMs: 30_000,
  streamMs: 60_000,
}

/** The promise's value, or Fault `timeout` (retry soon) after the span; `what` says what was waited for. */
export const within = async <T>(promise: Promise<T>, span: Millis, what: string): Promise<T> => {
  const done = new AbortController()
  const late = sleep(span, undefined, { signal: done.signal }).then(() => {
    throw new Fault('timeout', 'soon', `${what}: nothing within ${Math.round(span / 100) / 10} s`)
  })
  late.catch(() => {})
  try {
    return await Promise.race([promise, late])
  } finally {
    done.abort()
  }
}

/** The promise's value, unless the signal comes first: then its reason. */
export const unlessAborted = async <T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> => {
  promise.catch(() => {})
  signal?.throwIfAborted()
  const left = Promise.withResolvers<never>()
  const leave = () => left.reject(signal?.reason)
  signal?.addEventListener('abort', leave, { once: true })
  try {
    return await Promise.race([promise, left.promise])
  } finally {
    signal?.removeEventListener('abort', leave)
  }
}

export type Bell<T> = { readonly rung: Promise<T>; ring(value: T): void; readonly value: T | undefined }

/** A promise that somebody else resolves, once; later rings change nothing. */
export const bell = <T>(): Bell<T> => {
  const { promise, resolve } = Promise.withResolvers<T>()
  let value: T | undefined
  return {
    rung: promise,
    get value() {
      return value
    },
    ring: rung => {
      value ??= rung
      resolve(rung)
    },
  }
}
