// A worker of one queue: hands each job to its handler, and does with a Fault what its `retry` says.
import { setTimeout as sleep } from 'node:timers/promises'
import { DelayedError, type Job, UnrecoverableError, Worker } from 'bullmq'
import { Fault } from '../../model/fault.ts'
import type { Log } from '../../ports/log.ts'
import type { QueueName } from '../../ports/queue.ts'
import { unrepeated } from '../../text/unrepeated.ts'
import { closeClient, type RedisConnection } from './connection.ts'

type Data = Record<string, string>

export type WorkOptions = {
  connection: RedisConnection
  prefix: string
  /** So many jobs at once. */
  concurrency: number
  /** Must be repeatable: a job can come twice, even at the same time if this process was stopped for seconds. */
  handler: (data: Data) => Promise<void>
  log: Log
  /** In milliseconds. A killed process's job runs again after at most lock + 2 × check; a process that is busy for longer
   *  than half of `lock` may lose its job to another one. */
  timing?: { lock: number; check: number }
}

// 20 to 30 seconds after a kill -9 the job runs again, and a process may be starved of CPU for 10 seconds.
const defaultTiming = { lock: 20_000, check: 5_000 }

const minute = 60_000

/** How long a fault that asks for `later` waits: 1, 2, 4, 8, then always 15 minutes. */
const laterMs = (started: number): number => Math.min(2 ** Math.max(0, started - 1), 15) * minute

const describe = (fault: Fault): string =>
  fault.remedy === undefined ? fault.message : `${fault.message}. Remedy: ${fault.remedy}`

/** What BullMQ is to do about a handler's error, as the error that it wants to be thrown. */
const answer = async (
  error: unknown,
  { job, token, log }: { job: Job<Data>; token: string | undefined; log: Log },
) => {
  const about = { queue: job.name, ...job.data }
  if (!(error instanceof Fault)) {
    const stack = error instanceof Error ? error.stack : String(error)
    log('error', `a bug in the worker of ${job.name}: ${stack}`, about)
    return new UnrecoverableError('bug')
  }
  if (error.retry === 'never') {
    log('error', `${job.name}: ${describe(error)}`, about)
    return new UnrecoverableError(error.message)
  }
  if (error.retry === 'later') {
    const delay = laterMs(job.attemptsStarted)
    log('warn', `${job.name}: ${describe(error)} (again in ${delay / minute} min)`, about)
    await job.moveToDelayed(Date.now() + delay, token)
    return new DelayedError()
  }
  const isLast = job.attemptsMade + 1 >= (job.opts.attempts ?? 1)
  if (isLast) log('error', `${job.name}: ${describe(error)} (given up until the next sweep)`, about)
  else if (job.attemptsMade === 0) log('warn', `${job.name}: ${describe(error)} (trying again)`, about)
  return error
}

const isConnectionTrouble = (error: Error) =>
  /connection is closed|ECONN|ENOENT|EPIPE|ETIMEDOUT|max retries per request|stream isn't writeable/i.test(
    `${error.message} ${'code' in error ? error.code : ''}`,
  )

/** Starts to work on a queue, now or as soon as Redis answers. `close` takes no more jobs and resolves when the running ones are over. */
export const work = async (queue: QueueName, options: WorkOptions): Promise<{ close(): Promise<void> }> => {
  const { connection, prefix, concurrency, handler, log, timing = defaultTiming } = options
  const client = connection.open('patient')
  const running = new Map<string, Promise<unknown>>()

  const handle = async (job: Job<Data>, token: string | undefined) => {
    try {
      await handler(job.data)
    } catch (error) {
      throw await answer(error, { job, token, log })
    }
  }

  const processor = (job: Job<Data>, token: string | undefined) => {
    const id = job.id ?? ''
    const result = handle(job, token)
    const over = result.then(
      () => running.delete(id),
      () => running.delete(id),
    )
    running.set(id, over)
    return result
  }

  const worker = new Worker<Data>(queue, processor, {
    connection: client,
    prefix,
    concurrency,
    lockDuration: timing.lock,
    stalledInterval: timing.check,
    // Whose worker dies is run again, however often: it is not the job's fault.
    maxStalledCount: 1_000_000,
    runRetryDelay: 1000,
  })
  // BullMQ's loop meets some errors thousands of times a second.
  const complain = unrepeated(log, { now: Date.now, level: 'warn' })
  worker.on('error', error => {
    if (!isConnectionTrouble(error)) complain(`queue ${queue}: ${error.message}`)
  })

  const close = async () => {
    await worker.pause(true)
    while (running.size > 0) await Promise.all(running.values())
    // Without Redis BullMQ would wait for ever to say goodbye; jobs that it does not hear about come again.
    const enough = new AbortController()
    const patience = sleep(5000, undefined, { signal: enough.signal }).catch(() => {})
    const lost = new Promise(resolve => client.once('reconnecting', resolve))
    await Promise.race([worker.close(client.status !== 'ready'), lost, patience])
    enough.abort()
    await closeClient(client)
  }
  let closing: Promise<void> | undefined
  return {
    close: () => {
      closing ??= close()
      return closing
    },
  }
}
