// Time and chance, so that tests need not wait.
import type { Instant, Millis } from '../model/instant.ts'

export type Clock = {
  now(): Instant
  /** Resolves after the span, or rejects with the signal's reason. */
  sleep(span: Millis, signal?: AbortSignal): Promise<void>
}
