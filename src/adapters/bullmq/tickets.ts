// The hosts' end of the `run` queues, one for each image: a due task waits there as a job, and the host that takes the job runs the task.
// The host decides which (by the store, in fair order); Redis sees to it that of several hosts one gets it, and shows what waits and runs.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Queue as BullQueue, Job, Worker } from 'bullmq'
import type { Ticket, Tickets } from '../../ports/queue.ts'
import { closeClient, type RedisConnection } from './connection.ts'
import { jobId, runQueue } from './queue.ts'

type Lane = { queue: BullQueue; worker: Worker }

export type TicketOptions = {
  connection: RedisConnection
  prefix: string
  /** Milliseconds. A ticket whose host died can be taken again after at most lock + 2 × check. */
  timing?: { lock: number; check: number }
}

const defaultTiming = { lock: 20_000, check: 5_000 }

/** So long a host waits for Redis before it goes on without a ticket: the store says as well what is to be run. */
const patienceMs = 2_000

/** A Redis that hangs is not asked again for so long: a host with many slots must not wait for it once for each task. */
const restMs = 30_000

export const openTickets = ({ connection, prefix, timing = defaultTiming }: TicketOptions): Tickets => {
  const client = connection.open('impatient')
  const patient = connection.open('patient')
  const lanes = new Map<string, Lane>()
  let hangsUntil = 0

  const laneOf = (image: string): Lane => {
    const known = lanes.get(image)
    if (known) return known
    const name = runQueue(image)
    const queue = new BullQueue(name, { connection: client, prefix })
    const worker = new Worker(name, null, {
      ...{ connection: patient, prefix, autorun: false, lockDuration: timing.lock },
      ...{ stalledInterval: timing.check, maxStalledCount: 1_000_000 },
    })
    // The clients tell of their troubles themselves.
    queue.on('error', () => {})
    worker.on('error', () => {})
    worker.startStalledCheckTimer().catch(() => {})
    const lane = { queue, worker }
    lanes.set(image, lane)
    return lane
  }

  const hold = (job: Job, token: string): Ticket => {
    const renew = () => {
      // Or they would pile up for as long as Redis is away.
      if (patient.status === 'ready') job.extendLock(token, timing.lock).catch(() => {})
    }
    const timer = setInterval(renew, timing.lock / 2)
    return {
      id: String(job.data.ticket),
      async end() {
        clearInterval(timer)
        // One that Redis lost, or gave to somebody else meanwhile, is not ours to end.
        await soon(job.moveToCompleted('', token, false)).catch(() => {})
      },
    }
  }

  const fetch = async (image: string, id: string): Promise<Ticket | undefined> => {
    if (client.status !== 'ready') return undefined
    const { queue, worker } = laneOf(image)
    const job = await Job.fromId(queue, jobId(queue.name, id))
    const state = await job?.getState()
    if (!job || (state !== 'prioritized' && state !== 'waiting')) return undefined
    await job.changePriority({ priority: 1 })
    const token = randomUUID()
    const taken = await worker.getNextJob(token, { block: false })
    return taken && hold(taken, token)
  }

  return {
    async take(image, id) {
      if (Date.now() < hangsUntil) return undefined
      const fetching = fetch(image, id)
      try {
        return await soon(fetching)
      } catch {
        hangsUntil = Date.now() + restMs
        // Should Redis give it after all, it must not be held for nothing.
        fetching.then(ticket => ticket?.end()).catch(() => {})
        return undefined
      }
    },
    async close() {
      const gone = client.status !== 'ready'
      const closings = [...lanes.values()].flatMap(({ queue, worker }) => [queue.close(), worker.close(gone)])
      if (gone) client.disconnect()
      await soon(Promise.allSettled(closings)).catch(() => {})
      await closeClient(client)
      await closeClient(patient)
    },
  }
}

/** Its value, or an error after a while. */
const soon = async <T>(promise: Promise<T>): Promise<T> => {
  const over = new AbortController()
  const late = sleep(patienceMs, undefined, { signal: over.signal }).then((): never => {
    throw new Error('no answer from Redis')
  })
  late.catch(() => {})
  try {
    return await Promise.race([promise, late])
  } finally {
    over.abort()
  }
}
