// Work for later, or for another process. The database is the truth: a push or a wake-up only wakes, and a lost one is healed by the
// sweep, or by the next look.
import type { Millis } from '../model/instant.ts'

/** One file in workers/ each. */
export type QueueName = 'assemble' | 'plan' | 'judge' | 'reply'

export type Push = {
  queue: QueueName
  /** Content id: while one of that id waits or runs, a second push is none. No colon. */
  id: string
  data: Record<string, string>
  priority?: number
  delayMs?: Millis
}

export type Queue = {
  push(...pushes: Push[]): Promise<void>
  /** Tells all hosts to look: a task is due or cancelled, a hold was set or ended. */
  wake(): Promise<void>
}
