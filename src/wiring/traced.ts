// Work of the queues and of hosts as spans of its series' trace, where traces are configured. Beside the flow.
import type { Instant } from '../model/instant.ts'
import type { Task } from '../model/job.ts'
import type { QueueName } from '../ports/queue.ts'
import type { Span, SpanName, Traces } from '../ports/traces.ts'
import type { Wired } from './wire.ts'

type Data = Record<string, string>
export type TraceParts = Pick<Wired, 'store' | 'clock'> & { traces: Traces }

const names: Partial<Record<QueueName, SpanName>> = {
  ...{ assemble: 'mail', plan: 'plan', judge: 'judge', reply: 'reply' },
}

/** Whose work it was, and since when; undefined: of no series. */
const workOf = async (
  { store }: Pick<Wired, 'store'>,
  data: Data,
  begun: Instant,
): Promise<Pick<Span, 'series' | 'from'> | undefined> => {
  const { series, job, reply, mail, project } = data
  if (mail !== undefined) {
    const kept = await store.mail(mail, project)
    const of = kept && 'series' in kept.disposition ? kept.disposition.series : undefined
    return kept && of !== undefined ? { series: of, from: Math.min(kept.arrivedAt, begun) } : undefined
  }
  const found =
    series ??
    (job === undefined ? undefined : (await store.job(job))?.series) ??
    (reply === undefined ? undefined : (await store.reply(reply))?.series)
  return found === undefined ? undefined : { series: found, from: begun }
}

/** The whole of a series, when its verdict was given just now. */
const tellWhole = async ({ store, traces }: TraceParts, id: string, begun: Instant): Promise<void> => {
  const verdict = await store.verdict(id)
  if (!verdict || verdict.decidedAt < begun) return
  const series = await store.series(id)
  if (!series) return
  traces.span({
    ...{ series: id, name: 'series', from: series.firstAt, to: verdict.decidedAt },
    attributes: {
      'grapevine.project': series.project,
      'grapevine.version': series.version,
      'grapevine.verdict': verdict.finding.kind,
    },
  })
}

const tellWork = async (
  parts: TraceParts,
  { name, data, begun, error }: { name: SpanName; data: Data; begun: Instant; error: string | undefined },
): Promise<void> => {
  const work = await workOf(parts, data, begun)
  if (!work) return
  const attributes = Object.fromEntries(
    Object.entries(data).map(([key, value]) => [`grapevine.${key}`, value]),
  )
  const failed = error === undefined ? {} : { error }
  parts.traces.span({ ...work, name, to: parts.clock.now(), attributes, ...failed })
  if (name === 'plan' || name === 'judge') await tellWhole(parts, work.series, begun)
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** The same work, and a span of it; what cannot be told is left out. */
export const traced =
  <D extends Data>(wired: Wired, queue: QueueName, handler: (data: D) => Promise<void>) =>
  async (data: D): Promise<void> => {
    const { traces } = wired
    const name = names[queue]
    if (traces === undefined || name === undefined) return handler(data)
    const begun = wired.clock.now()
    const tell = (error: string | undefined) =>
      tellWork({ ...wired, traces }, { name, data, begun, error }).catch(() => {})
    try {
      await handler(data)
    } catch (error) {
      await tell(messageOf(error))
      throw error
    }
    await tell(undefined)
  }

/** A run of a host. */
export const tracedRun = async <T>(
  wired: Wired,
  { task, run, host }: { task: string; run: string; host: string },
  act: () => Promise<T>,
): Promise<T> => {
  const { traces, store, clock } = wired
  if (traces === undefined) return act()
  const begun = clock.now()
  const tell = async (error?: string) => {
    const kept: Task | undefined = await store.task(task)
    const series = kept && (await store.job(kept.job))?.series
    if (!kept || series === undefined) return
    const outcome = (await store.run(run))?.outcome?.kind ?? 'none'
    traces.span({
      ...{ series, name: 'run', from: begun, to: clock.now(), ...(error === undefined ? {} : { error }) },
      attributes: {
        ...{ 'grapevine.task': task, 'grapevine.run': run, 'grapevine.host': host },
        ...{ 'grapevine.image': kept.image, 'grapevine.kind': kept.kind, 'grapevine.outcome': outcome },
      },
    })
  }
  try {
    const came = await act()
    await tell().catch(() => {})
    return came
  } catch (error) {
    await tell(messageOf(error)).catch(() => {})
    throw error
  }
}
