// How a worker of a queue is started: the same options for all, in one place.
import { work } from '../adapters/bullmq/work.ts'
import { Fault } from '../model/fault.ts'
import type { QueueName } from '../ports/queue.ts'
import { traced } from './traced.ts'
import type { Wired } from './wire.ts'
import { queuePrefix } from './wire.ts'

export type Closable = { close(): Promise<void> }

/** Starts handling jobs of a queue, so many at once. `keys`: what a job's data must hold. Handlers are repeatable: a job can come twice. */
export type Start = <Key extends string>(
  queue: QueueName,
  options: { atOnce: number; keys: readonly Key[] },
  handler: (data: Record<Key, string>) => Promise<void>,
) => Promise<Closable>

/** What each file in workers/ exports. */
export type StartWorker = (wired: Wired, start: Start) => Promise<Closable>

const checked = <Key extends string>(keys: readonly Key[], data: unknown): Record<Key, string> => {
  const given = data as Record<Key, unknown>
  const missing = keys.filter(key => typeof given[key] !== 'string')
  if (missing.length > 0) throw new Fault('malformed', 'never', `a queued job lacks ${missing.join(', ')}`)
  return data as Record<Key, string>
}

export const starter =
  (wired: Wired): Start =>
  (queue, { atOnce, keys }, handler) => {
    const { redis: connection, log } = wired
    const act = traced(wired, queue, handler)
    return work(queue, {
      ...{ connection, prefix: queuePrefix, concurrency: atOnce, log },
      handler: data => act(checked(keys, data)),
    })
  }
