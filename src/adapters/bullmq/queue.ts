// The queue port on BullMQ: pushing is adding jobs with content ids, waking is a message to all hosts.
import { type BulkJobOptions, Queue as BullQueue } from 'bullmq'
import type { Push, Queue, RunQueue } from '../../ports/queue.ts'
import { closeClient, type RedisConnection, redisFault } from './connection.ts'

/** Where hosts are told to look. */
export const wakeChannel = (prefix: string): string => `${prefix}:wake`

/** Where tasks of an image wait for a host. */
export const runQueue = (image: string): RunQueue => `run-${image}`

/** BullMQ takes no job id of digits alone, which a hash can be; nor one with a colon. */
export const jobId = (queue: string, id: string): string => `${queue}-${id}`

/** Tries for faults that ask for `soon`: after 1, 2 and 4 seconds. Whatever is left after that, the sweep pushes again. */
const retries: BulkJobOptions = { attempts: 4, backoff: { type: 'exponential', delay: 1000 } }

const toJob = ({ queue, id, data, priority, delayMs }: Push) => ({
  name: queue,
  data,
  opts: {
    jobId: jobId(queue, id),
    // An id that is kept would swallow the next push of it.
    removeOnComplete: true,
    removeOnFail: true,
    ...retries,
    ...(priority === undefined ? {} : { priority }),
    ...(delayMs === undefined ? {} : { delay: delayMs }),
  },
})

const inChunks = <T>(values: T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(values.length / size) }, (_, i) => values.slice(i * size, (i + 1) * size))

/** The queues of `prefix`. Faults of both methods: unreachable/soon after some seconds without Redis, exhausted, refused. */
export const bullQueue = (options: {
  connection: RedisConnection
  prefix: string
}): Queue & { close(): Promise<void> } => {
  const { connection, prefix } = options
  const client = connection.open('impatient')
  const queues = new Map<string, BullQueue>()

  const queueOf = (name: string): BullQueue => {
    const known = queues.get(name)
    if (known) return known
    const queue = new BullQueue(name, { connection: client, prefix })
    // The client tells of its troubles itself, and those of a push come back from the push.
    queue.on('error', () => {})
    queues.set(name, queue)
    return queue
  }

  const attempt = async (work: () => Promise<unknown>) => {
    try {
      // BullMQ itself would wait for ever for a first connection; a ping gives up like any command.
      if (client.status !== 'ready') await client.ping()
      await work()
    } catch (error) {
      throw redisFault(error, connection.where)
    }
  }

  return {
    async push(...pushes) {
      const colon = pushes.find(push => push.id.includes(':'))
      if (colon) throw new Error(`a colon in the job id ${colon.id}`)
      for (const [name, group] of Map.groupBy(pushes, push => push.queue)) {
        for (const chunk of inChunks(group, 500)) {
          await attempt(() => queueOf(name).addBulk(chunk.map(toJob)))
        }
      }
    },
    wake: () => attempt(() => client.publish(wakeChannel(prefix), 'look')),
    keepTickets: (images, ids) =>
      attempt(async () => {
        for (const name of images.map(runQueue)) {
          const waiting = await queueOf(name).getJobs(['waiting', 'prioritized', 'delayed'])
          const gone = waiting.filter(job => !ids.has(String(job.data.ticket)))
          // Somebody may take one at this moment: then it is ended by who has it.
          await Promise.allSettled(gone.map(job => job.remove()))
        }
      }),
    async close() {
      const closings = [...queues.values()].map(queue => queue.close())
      if (client.status !== 'ready') client.disconnect()
      await Promise.allSettled(closings)
      await closeClient(client)
    },
  }
}
