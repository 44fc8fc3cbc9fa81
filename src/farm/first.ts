// What a running command is waited for with, however its guest is spoken to: its time-out, and somebody's wish that it ends.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Millis } from '../model/instant.ts'

/** An answer to a cancel must not wait for a guest that does not answer. */
export const cancelGraceMs: Millis = 800

export const never = (): Promise<never> => new Promise<never>(() => {})

/** `over`: something else came first. */
export const timeOut = async (span: Millis, over: AbortSignal): Promise<{ on: 'time-out' }> =>
  await sleep(span, { on: 'time-out' as const }, { signal: over }).catch(never)

/** `over`: something else came first. */
export const cancelled = async (
  signal: AbortSignal | undefined,
  over: AbortSignal,
): Promise<{ on: 'cancel' }> =>
  await new Promise(resolve => {
    const options = { once: true, signal: over }
    signal?.addEventListener('abort', () => resolve({ on: 'cancel' }), options)
  })
