// Known failures, beside the flow: noted when they are seen, proposed from history, and followed in their trackers; the administrator hears
// what is to be decided. A verdict never waits for any of it.
import { dayMs, type Instant, type Millis } from '../model/instant.ts'
import type { KnownFailure } from '../model/known.ts'
import type { Verdict } from '../model/verdict.ts'
import { changeKnown } from '../stages/known/change.ts'
import { shortIds } from '../stages/known/decide.ts'
import { lookAtBugs, type NextLook, retireFixed } from '../stages/known/follow.ts'
import { proposeFlaky } from '../stages/known/propose.ts'
import { type Reopened, reopenBugs } from '../stages/known/reopen.ts'
import { nameOf } from '../stages/known/say.ts'
import { noteSightings, sightingsIn, sightingsOf } from '../stages/known/seen.ts'
import { oneLine } from '../text/clean.ts'
import { type Alert, alertId, sendAlert } from './alert.ts'
import type { Wired } from './wire.ts'

type Ports = Pick<Wired, 'config' | 'store' | 'clock' | 'queue' | 'bugs' | 'log'>

/** What this process has seen already; lost with it, at no harm. */
export type KnownMemory = {
  lookedAt: Instant | undefined
  /** The newest sample of each project, and when its history was read. */
  projects: Map<string, { newest: string; at: Instant }>
  next: NextLook
}

export const knownMemory = (): KnownMemory => ({ lookedAt: undefined, projects: new Map(), next: new Map() })

const minuteMs: Millis = 60_000

/** History is read again when it has grown, but not more often than this; and once a day in any case. */
const historyMs: Millis = 10 * minuteMs

/** Samples may be kept some time after they were made. */
const lateMs: Millis = 3 * dayMs
const maxSamples = 2000

/** Has the project's history grown? Then it is read, and what follows of it is noted. */
const readHistory = async (
  { store, clock, log }: Ports,
  project: Ports['config']['projects'][number],
  memory: KnownMemory,
): Promise<void> => {
  const now = clock.now()
  const { name, recipe, proof } = project
  const [sample] = await store.samples({ project: name, patched: false, limit: 1 })
  const last = memory.projects.get(name)
  if (sample === undefined) return
  const since = now - (last?.at ?? Number.NEGATIVE_INFINITY)
  if (last && since < (last.newest === sample.id ? dayMs : historyMs)) return
  const late = { project: name, patched: false, since: now - lateMs, limit: maxSamples }
  await noteSightings(store, { project: name, sightings: sightingsIn(await store.samples(late)) })
  for (const known of await retireFixed({ store, clock })({ project: name, bases: proof.bases }))
    log('info', `known failure ${known.id} is retired: ${nameOf(known)}`)
  const of = { project: name, images: recipe.test.images, bases: proof.bases }
  for (const known of await proposeFlaky({ store, clock })(of))
    log('info', `known failure ${known.id} is proposed: ${nameOf(known)}`)
  memory.projects.set(name, { newest: sample.id, at: now })
}

const maxShown = 20

const rowsOf = (known: KnownFailure[], all: KnownFailure[]) => {
  const short = shortIds(all.map(({ id }) => id))
  return known.map(one => ({
    id: short(one.id),
    name: nameOf(one),
    why: one.state.at === 'proposed' ? one.state.why : '',
    message: oneLine(one.message, 100),
  }))
}

const isUntold = ({ state }: KnownFailure): boolean => state.at === 'proposed' && !state.told

const proposedReason = 'known-failures-proposed'

const markTold = async ({ store }: Ports, known: KnownFailure[]): Promise<void> => {
  for (const { id } of known)
    await changeKnown(store, id, one =>
      one.state.at === 'proposed' && !one.state.told
        ? { ...one, state: { ...one.state, told: true } }
        : undefined,
    )
}

/** New proposals, in one mail a day. A crash between mail and note is seen by the mail: all that was proposed before it stood in it. */
const tellProposals = async (ports: Ports): Promise<void> => {
  const { store, clock } = ports
  const all = await store.knownFailures()
  const now = clock.now()
  const said = [
    await store.reply(alertId(proposedReason, now - dayMs)),
    await store.reply(alertId(proposedReason, now)),
  ].map(mail => mail?.mail.date ?? Number.NEGATIVE_INFINITY)
  const told = all.filter(isUntold).filter(({ createdAt }) => createdAt <= Math.max(...said))
  await markTold(ports, told)
  const untold = all.filter(isUntold).filter(one => !told.includes(one))
  if (untold.length === 0 || (said[1] ?? 0) > 0) return
  const [first] = untold
  const count = untold.length
  await sendAlert(ports, {
    reason: proposedReason,
    subject: count === 1 && first ? `a known failure? ${nameOf(first)}` : `${count} known failures?`,
    text: {
      template: 'alert-known',
      variables: {
        what: 'proposed',
        known: rowsOf(untold.slice(0, maxShown), all),
        more: Math.max(0, count - maxShown),
      },
    },
  })
  await markTold(ports, untold)
}

/** About one of them; once, also if the process died before it was noted that it was told. */
const tellOf = async (
  ports: Ports,
  known: KnownFailure,
  said: { what: 'returned' | 'gone'; subject: string; reason: string; more?: object },
): Promise<void> => {
  const { store, clock } = ports
  if (await store.reply(alertId(said.reason, clock.now() - dayMs))) return
  const [one] = rowsOf([known], await store.knownFailures())
  const alert: Alert = {
    reason: said.reason,
    subject: `${said.subject}: ${nameOf(known)}`,
    text: {
      template: 'alert-known',
      variables: { what: said.what, one, bug: known.bug ?? 'none', ...said.more },
    },
  }
  await sendAlert(ports, alert)
}

const tellGone = (ports: Ports) => (known: KnownFailure) =>
  tellOf(ports, known, {
    what: 'gone',
    subject: 'the bug of a known failure is gone',
    reason: `known-failure-gone-${known.id}`,
  })

const tellReturned = (ports: Ports) => (known: KnownFailure, reopened: Reopened) => {
  const returned = known.state.at === 'confirmed' ? known.state.returned : undefined
  const why = typeof reopened === 'string' ? '' : oneLine(reopened.no, 160)
  return tellOf(ports, known, {
    what: 'returned',
    subject: 'a known failure is back',
    reason: `known-failure-back-${known.id}`,
    more: {
      base: returned?.base ?? '',
      reopened: typeof reopened === 'string' ? reopened : 'no',
      why,
    },
  })
}

/** Does all that is due; harmless at any time, and after a crash at any point nothing is said, counted or written twice. Throws the store's Faults. */
export const tendKnown = async (ports: Ports, memory: KnownMemory): Promise<void> => {
  const { config, clock } = ports
  const now = clock.now()
  if (memory.lookedAt !== undefined && now - memory.lookedAt < minuteMs) return
  for (const project of config.projects) await readHistory(ports, project, memory)
  await tellProposals(ports)
  await reopenBugs(ports)(memory.next, { now, tell: tellReturned(ports) })
  await lookAtBugs(ports)(memory.next, tellGone(ports))
  memory.lookedAt = now
}

/** Notes what a verdict calls known. Call it before the verdict is saved; again it counts nothing twice. */
export const noteKnown = (
  store: Wired['store'],
  given: { project: string; verdict: Verdict },
): Promise<void> => noteSightings(store, { project: given.project, sightings: sightingsOf(given.verdict) })
