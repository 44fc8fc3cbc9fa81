// Webhooks of ours: what happened is found in the store, kept for each receiver, and posted until it is taken, or for a day. Beside the flow:
// nothing waits for a receiver, and a bot that was away tells what it missed.
import { type HookAnswer, type HookPost, hookPost } from '../adapters/hooks/post.ts'
import type { HookConfig } from '../config/config.ts'
import type { HookDelivery } from '../model/access.ts'
import { Fault } from '../model/fault.ts'
import { dayMs, type Instant } from '../model/instant.ts'
import { type Came, nextDelivery, postponed } from '../stages/hooks/deliver.ts'
import {
  completeNews,
  deliveryOf,
  incidentNews,
  maintenanceNews,
  type News,
  verdictNews,
} from '../stages/hooks/news.ts'
import { type ShownIncident, shownIncidents } from '../web/shown.ts'
import type { Wired } from './wire.ts'

export type HookMemory = {
  post: HookPost['post']
  /** Since when a receiver hears what happens. */
  since: Map<string, Instant>
  /** Found already: by event and key, the newest last. */
  found: Set<string>
}

/** `post`: for tests. */
export const hookMemory = (post: HookPost['post'] = hookPost().post): HookMemory => ({
  ...{ post, since: new Map(), found: new Set() },
})

export type HookParts = Pick<Wired, 'store' | 'clock' | 'config' | 'log'>

/** One round. Throws the store's Faults; a receiver's trouble is kept with what it was to hear. */
export const tendHooks = async (parts: HookParts, memory: HookMemory): Promise<void> => {
  if (parts.config.web.hooks.length > 0) await noteNews(parts, memory)
  await sendDue(parts, memory)
}

/** A receiver hears what happens from when it was first in the configuration. */
const sinceOf = async ({ store, clock }: HookParts, { name }: HookConfig, memory: HookMemory) => {
  const known = memory.since.get(name)
  if (known !== undefined) return known
  const source = `webhook ${name}`
  const kept = await store.cursor(source)
  const since = typeof kept === 'number' ? kept : clock.now()
  if (typeof kept !== 'number') await store.saveMails([], { source, value: since })
  memory.since.set(name, since)
  return since
}

const maxFound = 20_000

const noteNews = async (parts: HookParts, memory: HookMemory): Promise<void> => {
  const { store, clock, config } = parts
  const hooks = config.web.hooks
  const since = new Map<HookConfig, Instant>()
  for (const hook of hooks) since.set(hook, await sinceOf(parts, hook, memory))
  for (const news of await allNews(parts, memory)) {
    for (const [hook, from] of since)
      if (news.at >= from && hook.events.includes(news.event))
        await store.addHookDelivery(deliveryOf(hook.name, news, clock.now()))
    memory.found.add(`${news.event} ${news.key}`)
  }
  if (memory.found.size > maxFound) memory.found = new Set([...memory.found].slice(-maxFound / 2))
}

const maxVerdicts = 200
const lookBackMs = 7 * dayMs

const allNews = async (parts: HookParts, memory: HookMemory): Promise<News[]> => {
  const all = [...(await seriesNews(parts, memory)), ...(await serviceNews(parts))]
  return all.filter(({ event, key }) => !memory.found.has(`${event} ${key}`)).sort((a, b) => a.at - b.at)
}

/** Of what was found already nothing is read again. */
const seriesNews = async ({ store, config }: HookParts, { found }: HookMemory): Promise<News[]> => {
  const base = config.web.url ?? ''
  const news: News[] = []
  for (const job of await store.jobsWithoutVerdict()) {
    const series =
      job.series === undefined || found.has(`job ${job.id}`) ? undefined : await store.series(job.series)
    if (series) news.push(completeNews(series, job.createdAt, base))
    found.add(`job ${job.id}`)
  }
  for (const row of await store.reads.latestVerdicts({ limit: maxVerdicts })) {
    const mark = `row ${row.id} ${row.verdict?.at}`
    if (found.has(mark)) continue
    const series = await store.series(row.id)
    if (series)
      for (const verdict of await store.verdictsOf(row.id)) {
        // Those that could be tested were complete, however quick it was.
        if (verdict.job !== undefined) news.push(completeNews(series, verdict.decidedAt, base))
        news.push(verdictNews(series, verdict, base))
      }
    found.add(mark)
  }
  return news
}

const toldOf = (one: ShownIncident) => ({
  ...{ id: one.id, severity: one.severity, since: one.since, state: one.at, changed: one.changed },
  says: {
    ...{ title: one.title, cause: one.cause, doing: one.doing, hosts: one.hosts, projects: one.projects },
  },
})

/** Only what everybody may read: a receiver may be a public channel. */
const serviceNews = async ({ store, clock, config }: HookParts): Promise<News[]> => {
  const now = clock.now()
  const since = now - lookBackMs
  const maintenances = await store.maintenances({ since })
  const shown = shownIncidents(await store.incidents({ since }), {
    ...{ now, maintenances, series: new Map(), nextWord: new Map(), hold: config.notices.hold },
  })
  const base = config.web.url ?? ''
  return [...shown.map(one => incidentNews(toldOf(one), base)), ...maintenances.map(maintenanceNews)]
}

const maxAtOnce = 200

/** Receivers side by side: one that takes its time holds up no other. */
const sendDue = async (parts: HookParts, memory: HookMemory): Promise<void> => {
  const due = await parts.store.hookDeliveries({ due: parts.clock.now(), limit: maxAtOnce })
  const all = [...Map.groupBy(due, ({ hook }) => hook)]
  await Promise.all(all.map(([hook, deliveries]) => sendAll(parts, { hook, deliveries, memory })))
}

type Sending = { hook: string; deliveries: HookDelivery[]; memory: HookMemory }

const sendAll = async (parts: HookParts, { hook: name, deliveries, memory }: Sending): Promise<void> => {
  const { store, clock, config } = parts
  const hook = config.web.hooks.find(one => one.name === name)
  let isAway = false
  for (const delivery of deliveries) {
    const { id, state } = delivery
    if (state.at !== 'pending') continue
    if (isAway) {
      await store.moveHookDelivery(id, state, postponed(state, clock.now()))
      continue
    }
    const came = hook ? await postOne(parts, { hook, delivery, memory }) : undefined
    const next = came
      ? nextDelivery(state, came, clock.now())
      : ({ at: 'failed', when: clock.now(), why: `there is no webhook "${name}" any more` } as const)
    await store.moveHookDelivery(id, state, next)
    isAway = next.at === 'pending'
    tell(parts, delivery, next)
  }
}

const postOne = async (
  { clock }: HookParts,
  { hook, delivery: { id, body }, memory }: { hook: HookConfig; delivery: HookDelivery; memory: HookMemory },
): Promise<Came> => {
  try {
    const answer: HookAnswer = await memory.post(hook, { id, at: clock.now(), body })
    return { on: 'answered', ...answer }
  } catch (error) {
    if (error instanceof Fault) return { on: 'unreachable', why: error.message }
    throw error
  }
}

const tell = ({ log }: HookParts, { hook, event, id, state }: HookDelivery, next: HookDelivery['state']) => {
  const fields = { hook, delivery: id }
  if (next.at === 'sent') log('info', `webhook ${hook}: ${event} is delivered`, fields)
  if (next.at === 'failed') log('error', `webhook ${hook}: ${event} was not delivered: ${next.why}`, fields)
  if (next.at === 'pending' && state.at === 'pending' && state.tries === 0)
    log('warn', `webhook ${hook}: ${event} waits, and is tried again: ${next.why ?? ''}`, fields)
}
