// What operators do with maintenance windows from the pages and by the API: the same rules as on the command line.
import type { Instant } from '../model/instant.ts'
import { isLive, type Maintenance, type MaintenanceEvent, nextMaintenance } from '../model/maintenance.ts'
import type { Store } from '../ports/store.ts'
import { followingMaintenance, plannedMaintenance } from '../stages/maintenance/plan.ts'
import { repeatRule } from '../text/calendar.ts'
import { oneLine } from '../text/clean.ts'
import { sayInstant, saySpan } from '../text/span.ts'
import type { Operated, OperatePorts } from './operate.ts'
import type { How } from './operate-acts.ts'

type Ports = Pick<OperatePorts, 'store' | 'clock'>
type No = Extract<Operated, { no: string }>

const look = 'Look at the windows that are planned.'

/** What rests then already, wholly or in part. Throws the store's Faults. */
export const overlapping = async (
  store: Pick<Store, 'maintenances'>,
  window: Maintenance,
): Promise<Maintenance | undefined> =>
  (await store.maintenances({ live: true })).find(
    one =>
      one.id !== window.id &&
      one.from < window.to &&
      window.from < one.to &&
      (one.hosts.length === 0 ||
        window.hosts.length === 0 ||
        one.hosts.some(name => window.hosts.includes(name))),
  )

const refusal = async ({ store }: Ports, window: Maintenance): Promise<No | undefined> => {
  const other = await overlapping(store, window)
  if (!other) return undefined
  const what = other.hosts.length === 0 ? 'the whole service' : other.hosts.join(', ')
  const when = saySpan(other.from, other.to)
  return {
    no: `maintenance ${other.id} of ${what} is planned for ${when}`,
    remedy: 'Move that one, or this one.',
  }
}

const badSpan = (from: Instant, to: Instant, now: Instant): No | undefined => {
  if (from < now - 60_000) return { no: 'its beginning is over already', remedy: 'Name a later one.' }
  return to <= from ? { no: 'it ends before it begins', remedy: 'Name a later end.' } : undefined
}

/** As calendars know no more. */
const wholeSeconds = (when: Instant): Instant => Math.floor(when / 1000) * 1000

const ruleOf = (repeat: string | undefined, from: Instant): { rule: string | undefined } | No => {
  if (repeat === undefined || repeat.trim() === '') return { rule: undefined }
  try {
    return { rule: repeatRule(repeat, from) }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return {
      no: `"${oneLine(repeat, 60)}" cannot be used: ${why}`,
      remedy: 'Write daily, weekly, monthly, or a rule as in calendars: FREQ=MONTHLY;BYDAY=1TU.',
    }
  }
}

type Planning = { hosts: string[]; from: Instant; to: Instant; repeat?: string | undefined }

export const planWindow = async (ports: Ports, given: Planning, { by, why }: How): Promise<Operated> => {
  const { store, clock } = ports
  const now = clock.now()
  const names = (await store.hosts()).map(({ name }) => name)
  const missing = given.hosts.find(name => !names.includes(name))
  if (missing !== undefined)
    return {
      no: `there is no host ${oneLine(missing, 60)}`,
      remedy: `These are known: ${names.join(', ') || 'none'}.`,
    }
  const [from, to] = [wholeSeconds(given.from), wholeSeconds(given.to)]
  const rule = ruleOf(given.repeat, from)
  const bad = badSpan(from, to, now) ?? ('no' in rule ? rule : undefined)
  if (bad || 'no' in rule) return bad ?? { no: 'it cannot be repeated so', remedy: look }
  const window = plannedMaintenance({ hosts: given.hosts, from, to, reason: why, by, repeat: rule.rule }, now)
  const following = followingMaintenance(window, from)
  if (following && following.from <= to)
    return {
      no: 'it would still run when it is repeated',
      remedy: 'Make it shorter, or repeat it less often.',
    }
  const refused = await refusal(ports, window)
  if (refused) return refused
  await store.addMaintenance(window)
  return { did: `maintenance ${window.id} is planned: ${saySpan(from, to)}` }
}

const found = async ({ store }: Ports, id: string): Promise<{ window: Maintenance } | No> => {
  const wanted = id.trim().toLowerCase()
  const all = wanted === '' ? [] : (await store.maintenances()).filter(one => one.id.startsWith(wanted))
  const [window, ...more] = all
  if (!window) return { no: `there is no maintenance ${oneLine(id, 40)}`, remedy: look }
  return more.length === 0 ? { window } : { no: `${all.length} windows begin with ${wanted}`, remedy: look }
}

/** `no`: why nothing changes. */
const change = async (
  { store, clock }: Ports,
  { id }: Maintenance,
  { event, refused }: { event: MaintenanceEvent; refused: string },
): Promise<{ window: Maintenance } | No> => {
  let before: Maintenance | undefined
  const window = await store.changeMaintenance(id, kept => {
    before = kept
    return nextMaintenance(kept, event, clock.now())
  })
  if (!window) return { no: `there is no maintenance ${id}`, remedy: look }
  return window === before ? { no: `maintenance ${id}: ${refused}`, remedy: look } : { window }
}

type Moving = { id: string; from?: Instant | undefined; to?: Instant | undefined }

/** Of one that runs, only its end. */
export const moveWindow = async (ports: Ports, given: Moving, why: string): Promise<Operated> => {
  const one = await found(ports, given.id)
  if ('no' in one) return one
  const { window } = one
  const isRunning = window.state.at === 'running'
  const from = isRunning ? window.from : wholeSeconds(given.from ?? window.from)
  const to = wholeSeconds(given.to ?? from + (window.to - window.from))
  const now = ports.clock.now()
  const bad = isRunning ? (to <= now ? badSpan(now, to, now) : undefined) : badSpan(from, to, now)
  const refused = bad ?? (await refusal(ports, { ...window, from, to }))
  if (refused) return refused
  const reason = why === '' ? {} : { reason: why }
  const event: MaintenanceEvent = isRunning ? { on: 'moved', to } : { on: 'moved', from, to, ...reason }
  const moved = await change(ports, window, { event, refused: 'nothing changes, or it is over' })
  if ('no' in moved) return moved
  const { id } = window
  return isRunning
    ? { did: `maintenance ${id} lasts until ${sayInstant(moved.window.to)}; those who know of it are told` }
    : {
        did: `maintenance ${id} is moved: ${saySpan(moved.window.from, moved.window.to)}; those who know of it are told`,
      }
}

export const finishWindow = async (
  ports: Ports,
  { id, unproven = false }: { id: string; unproven?: boolean },
  by: string,
): Promise<Operated> => {
  const one = await found(ports, id)
  if ('no' in one) return one
  const event: MaintenanceEvent = { on: 'finished', ...(unproven ? { unproven: by } : {}) }
  const after = await change(ports, one.window, { event, refused: 'it is not running' })
  if ('no' in after) return after
  const then = unproven
    ? 'its hosts take work again without a proof'
    : 'its hosts prove themselves now, and take work again when they have'
  return { did: `maintenance ${one.window.id} ends: ${then}` }
}

export const cancelWindow = async (
  ports: Ports,
  { id, whole = false }: { id: string; whole?: boolean },
  { by, why }: How,
): Promise<Operated> => {
  const one = await found(ports, id)
  if ('no' in one) return one
  const { window } = one
  if (window.state.at === 'running')
    return { no: `maintenance ${window.id} runs already`, remedy: 'End it instead.' }
  const following = isLive(window) && !whole ? followingMaintenance(window, ports.clock.now()) : undefined
  // First: of a series that is cut off here nothing would be planned any more.
  if (following) await ports.store.addMaintenance(following)
  const event: MaintenanceEvent = { on: 'cancelled', by, why, ...(whole ? { whole: true } : {}) }
  const after = await change(ports, window, { event, refused: 'it is over, or was cancelled already' })
  if ('no' in after) return after
  const { state } = after.window
  const told = state.at === 'cancelled' && state.untold ? '; those who know of it are told' : ''
  return { did: `maintenance ${window.id} is cancelled${told}` }
}
