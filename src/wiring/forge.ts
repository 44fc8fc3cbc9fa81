// Pull requests come in: by what webhooks told, and by a sweep that finds what they did not. One that fails does not hold up the others.

import { Fault } from '../model/fault.ts'
import type { ForgeEvent, Repository } from '../model/forge.ts'
import type { Instant, Millis } from '../model/instant.ts'
import { usesOf } from './forge-of.ts'
import { projectOf, takePull } from './forge-pull.ts'
import type { Wired } from './wire.ts'

/** What this process has seen; lost with it, at no harm. */
export type ForgeMemory = {
  /** When each repository was looked through. */
  swept: Map<Repository, Instant>
  /** Something failed: nothing is asked before then. */
  paused: { until: Instant; error: Fault } | undefined
}

export const forgeMemory = (): ForgeMemory => ({ swept: new Map(), paused: undefined })

const minute: Millis = 60_000
/** Without webhooks it takes so long until a pull request is seen. */
const sweepEveryMs = 5 * minute
const eventsAtOnce = 1_000
/** What is older when a repository is looked at first is noted only: nobody waits for an answer to it. */
const oldMs = 24 * 60 * minute

const cursorOf = (repository: Repository): string => `forge ${repository}`

type Failed = (error: unknown) => void

/** Those of one pull request are one look. */
const byPull = (events: ForgeEvent[]): Map<string, ForgeEvent[]> => {
  const found = new Map<string, ForgeEvent[]>()
  for (const event of events) {
    if (event.what.kind !== 'pull') continue
    const key = `${event.repository} ${event.what.number}`
    found.set(key, [...(found.get(key) ?? []), event])
  }
  return found
}

const hear = async (wired: Wired, memory: ForgeMemory, failed: Failed): Promise<void> => {
  const { store, clock } = wired
  const end = async (events: ForgeEvent[], how: string) => {
    for (const { id } of events) await store.endForgeEvent(id, { at: 'done', when: clock.now(), how })
  }
  const events = await store.forgeEvents(eventsAtOnce)
  const installed = events.filter(({ what }) => what.kind === 'installation')
  if (installed.length > 0) memory.swept.clear()
  await end(installed, 'all repositories are looked through')
  for (const some of byPull(events).values()) {
    const [event] = some
    if (event?.what.kind !== 'pull') continue
    const ref = { repository: event.repository, number: event.what.number }
    await takePull(wired, ref)
      .then(({ what, why }) => end(some, why ?? what))
      .catch(async error => {
        if (error instanceof Fault && error.retry === 'never') await end(some, error.message)
        failed(error)
      })
  }
}

const cursorIn = (value: unknown): Instant | undefined => (typeof value === 'number' ? value : undefined)

/** The cursor stays before what could not be looked at. */
const sweepOne = async (wired: Wired, repository: Repository, failed: Failed): Promise<void> => {
  const { store, forge, clock } = wired
  if (!forge || !projectOf(wired, repository)) return
  const source = cursorOf(repository)
  const since = cursorIn(await store.cursor(source))
  const began = clock.now()
  const words = await forge.pullsSince(repository, since)
  let until = since
  let isBroken = false
  for (const word of words) {
    const isOld = since === undefined && word.changedAt < began - oldMs
    await takePull(wired, word, { word, isOld }).catch(error => {
      isBroken ||= !(error instanceof Fault && error.retry === 'never')
      failed(error)
    })
    if (isBroken) continue
    until = Math.max(until ?? 0, word.changedAt)
  }
  // An empty repository is looked at as a whole once more.
  if (until !== undefined && until !== since) await store.saveMails([], { source, value: until })
}

const sweepAll = async (wired: Wired, memory: ForgeMemory, failed: Failed): Promise<void> => {
  const { config, clock } = wired
  for (const { repository, use } of usesOf(config)) {
    const last = memory.swept.get(repository)
    if (use !== 'pulls' || (last !== undefined && clock.now() < last + sweepEveryMs)) continue
    memory.swept.set(repository, clock.now())
    await sweepOne(wired, repository, failed).catch(failed)
  }
}

/** One round, cheap if nothing happened. Repeatable. Throws the first Fault there was, after all else was done. */
export const tendForge = async (wired: Wired, memory: ForgeMemory): Promise<void> => {
  const { forge, clock } = wired
  if (!forge) return
  // Said again, as it is not over.
  if (memory.paused && clock.now() < memory.paused.until) throw memory.paused.error
  memory.paused = undefined
  const errors: unknown[] = []
  const failed: Failed = error => {
    // A bug of ours is told at once.
    if (!(error instanceof Fault)) throw error
    if (error.retry !== 'never') memory.paused ??= { until: clock.now() + minute, error }
    errors.push(error)
  }
  await hear(wired, memory, failed)
  await sweepAll(wired, memory, failed)
  if (errors.length > 0) throw errors[0]
}
