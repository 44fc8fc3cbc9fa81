// Work for later, or for another process. The database is the truth: a push or a wake-up only wakes, and a lost one is healed by the
// sweep, or by the next look.
import type { Millis } from '../model/instant.ts'

/** One file in workers/ each. */
export type QueueName = 'assemble' | 'command' | 'plan' | 'judge' | 'reply'

/** Tasks that are due, for the hosts: one queue for each image. */
export type RunQueue = `run-${string}`

export type Push = {
  queue: QueueName | RunQueue
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
  /** Takes tickets that are not among these out of the `run` queues of these images: their tasks were cancelled, or are over. */
  keepTickets(images: string[], ids: Set<string>): Promise<void>
}

/** A task's place in the `run` queue, in the hands of one host. */
export type Ticket = {
  /** Names the task and its try. */
  id: string
  /** The run is over, whatever came of it. Repeatable; never throws. */
  end(): Promise<void>
}

export type Tickets = {
  /** That ticket, or another of the same image that somebody put first at the same moment. undefined: it is not waiting there, or the
   *  queue does not answer; then the store alone says what is to be run. Never throws. */
  take(image: string, id: string): Promise<Ticket | undefined>
  close(): Promise<void>
}
