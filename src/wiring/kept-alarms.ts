// Alarms that the database could not take: kept in this process, and noted once it answers, as of when they were raised. Beside the flow.
import { Fault } from '../model/fault.ts'
import type { Incident } from '../model/incident.ts'
import type { Instant, Millis } from '../model/instant.ts'
import type { Log } from '../ports/log.ts'
import type { Store } from '../ports/store.ts'

export type Kind = Pick<Incident, 'trouble' | 'host' | 'about'>

/** What a detector said, and when. */
export type Said = { at: Instant } & (
  | { on: 'raised'; detail: string }
  | { on: 'cleared'; how: string; settleMs?: Millis }
)

type Note = (kind: Kind, said: Said) => Promise<void>

type Kept = { kind: Kind; said: Said[] }

/** Of one process; what it keeps is lost with it, and stands in its log. */
type Memory = { kept: Map<string, Kept>; isFull: boolean; noting: Promise<void> | undefined }

/** Of so many things at most. */
const most = 500

/** One for each database. */
const memories = new WeakMap<Store, Memory>()

const memoryOf = (store: Store): Memory => {
  const known = memories.get(store)
  if (known) return known
  const fresh: Memory = { kept: new Map(), isFull: false, noting: undefined }
  memories.set(store, fresh)
  return fresh
}

export const hasKept = (store: Store): boolean => memoryOf(store).kept.size > 0

/** Of what flaps, how it began and how it stands: at most three. */
const joined = (before: readonly Said[], next: Said): Said[] => {
  const last = before.at(-1)
  if (last === undefined) return [next]
  if (last.on === 'raised' && next.on === 'raised') return [...before.slice(0, -1), { ...next, at: last.at }]
  if (last.on === next.on) return [...before]
  const [first] = before
  return before.length < 3 || first === undefined ? [...before, next] : [first, next]
}

/** Keeps it, and tells it at once if it is new. */
export const keepAlarm = (
  { store, log }: { store: Store; log: Log },
  kind: Kind,
  { said, words, why }: { said: Said; words: string; why: Fault },
): void => {
  const memory = memoryOf(store)
  const { kept } = memory
  const key = JSON.stringify([kind.trouble, kind.host, kind.about])
  const before = kept.get(key)?.said ?? []
  const isNew = before.at(-1)?.on !== said.on
  if (before.length === 0 && kept.size >= most) {
    log('error', `${words}; this could not be noted: ${why.message}`, { host: kind.host })
    if (!memory.isFull)
      log('error', `more than ${most} alarms wait for the database: further ones stand here only`)
    memory.isFull = true
    return
  }
  kept.set(key, { kind, said: joined(before, said) })
  if (isNew)
    log('error', `${words}; it is noted when the database answers: ${why.message}`, { host: kind.host })
}

/**
 * Notes what was kept, each in the order in which it was said; nothing while nothing is kept. What the database does not take now stays
 * for the next time, and its Fault is thrown.
 */
export const noteKept = async ({ store, log }: { store: Store; log: Log }, note: Note): Promise<void> => {
  const memory = memoryOf(store)
  if (memory.kept.size === 0) return
  memory.noting ??= noteAll(memory, { log, note }).finally(() => {
    memory.noting = undefined
  })
  await memory.noting
}

const noteAll = async (memory: Memory, { log, note }: { log: Log; note: Note }): Promise<void> => {
  const { kept } = memory
  const count = kept.size
  for (const [key, one] of kept) {
    for (let [next] = one.said; next !== undefined; [next] = kept.get(key)?.said ?? []) {
      try {
        await note(one.kind, next)
      } catch (error) {
        if (!(error instanceof Fault) || error.retry !== 'never') throw error
        log('error', `incident ${one.kind.trouble} (${one.kind.about}) could not be noted: ${error.message}`)
      }
      const rest = (kept.get(key)?.said ?? []).slice(1)
      if (rest.length === 0) kept.delete(key)
      else kept.set(key, { ...one, said: rest })
    }
  }
  memory.isFull = false
  log(
    'info',
    `what happened while the database was away is noted: ${count === 1 ? 'one alarm' : `${count} alarms`}`,
  )
}
