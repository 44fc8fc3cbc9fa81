// How the queue stands is written down every minute, for the page of figures.
import { dayMs, type Millis } from '../model/instant.ts'
import type { Wired } from './wire.ts'

export const noteEveryMs: Millis = 60_000

const keepMs: Millis = 90 * dayMs

/** Throws the store's Faults. */
export const tendQueueNote = async ({ store, clock }: Pick<Wired, 'store' | 'clock'>): Promise<void> => {
  const [waiting, running] = [await store.tasksAt('queued'), await store.tasksAt('running')]
  await store.reads.noteQueue({ at: clock.now(), waiting: waiting.length, running: running.length }, keepMs)
}
