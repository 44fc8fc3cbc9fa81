// What the commands of `grapevine maintenance` have in common: a window as it is found, said, and checked.
import { UsageError } from '../../model/fault.ts'
import type { Instant } from '../../model/instant.ts'
import type { Maintenance } from '../../model/maintenance.ts'
import type { Store } from '../../ports/store.ts'
import { sayLength, saySpan } from '../../text/span.ts'
import { overlapping } from '../../wiring/maintenance-acts.ts'
import { parseWhen, sayInstant } from '../when.ts'

export const see = 'See: grapevine maintenance list --all'

/** By the beginning of its id. Throws UsageError if there is none, or more than one. */
export const find = async (store: Store, id: string): Promise<Maintenance> => {
  const [window, ...more] = (await store.maintenances()).filter(one => one.id.startsWith(id))
  if (!window || id === '') throw new UsageError(`there is no maintenance ${id}`, see)
  if (more.length > 0) throw new UsageError(`${more.length + 1} windows begin with ${id}`, 'Give more of it')
  return window
}

export const what = ({ hosts }: Maintenance): string =>
  hosts.length === 0 ? 'the whole service' : hosts.join(', ')

export const sayState = ({ state, to }: Maintenance, now: Instant): string => {
  switch (state.at) {
    case 'planned':
    case 'announced':
      return state.at
    case 'running':
      if (now < to) return `running since ${sayInstant(state.since)}`
      return state.overrunTold === undefined
        ? 'its hosts prove themselves'
        : `late by ${sayLength(now - to)}: its hosts have not proved themselves`
    case 'done':
      return `over since ${sayInstant(state.when)}: ${state.how}`
    case 'cancelled':
      return `cancelled ${sayInstant(state.when)} (${state.by}): ${state.why}`
  }
}

/** To the second, as calendars know no more. */
export const wholeSeconds = (when: Instant): Instant => Math.floor(when / 1000) * 1000

/** Throws UsageError for what is over, or ends before it begins. */
export const spanOf = (given: { from: string; to: string }, now: Instant): { from: Instant; to: Instant } => {
  const from = wholeSeconds(given.from.trim() === 'now' ? now : parseWhen(given.from, '--from', now))
  if (from < now - 60_000) throw new UsageError(`--from: ${given.from} is over already`)
  const to = wholeSeconds(parseWhen(given.to, '--to', from))
  if (to <= from) throw new UsageError('--to is not after --from')
  return { from, to }
}

/** Throws UsageError if something of it rests then already. */
export const refuseOverlap = async (store: Store, window: Maintenance): Promise<void> => {
  const other = await overlapping(store, window)
  if (!other) return
  const when = saySpan(other.from, other.to)
  throw new UsageError(
    `maintenance ${other.id} of ${what(other)} is planned for ${when}`,
    `Move that one, or this one: grapevine maintenance move ${other.id}`,
  )
}

export const idArgument = ['<id>', 'the beginning is enough; see `grapevine maintenance list`'] as const
export const example = 'm3f2a'
