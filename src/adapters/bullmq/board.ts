// The queues themselves, for people to look into. They only wake: what counts is in the database.
import { Queue } from 'bullmq'
import type { QueueName } from '../../ports/queue.ts'
import { closeClient, type RedisConnection } from './connection.ts'
import { runQueue } from './queue.ts'

const names: QueueName[] = ['assemble', 'command', 'plan', 'judge', 'reply']

export type BoardQueues = { queues: Queue[]; close(): Promise<void> }

/** Connects when somebody looks. */
export const boardQueues = ({
  connection,
  prefix,
  images,
}: {
  connection: RedisConnection
  prefix: string
  images: string[]
}): BoardQueues => {
  const client = connection.open('impatient')
  const queues = [...names, ...images.map(runQueue)].map(name => {
    const queue = new Queue(name, { connection: client, prefix })
    queue.on('error', () => {})
    return queue
  })
  return {
    queues,
    async close() {
      await Promise.allSettled(queues.map(queue => queue.close()))
      await closeClient(client)
    },
  }
}
