// What operators do, from wherever they say it: done in one place by the same rules, and written into the audit log. Beside the flow.
import { randomUUID } from 'node:crypto'
import type { Audit } from '../model/access.ts'
import { Fault } from '../model/fault.ts'
import { type Hold, heldThing } from '../model/host.ts'
import type { Instant } from '../model/instant.ts'
import type { PowerAct } from '../model/power.ts'
import { type Decision, decideKnown } from '../stages/known/decide.ts'
import { oneLine } from '../text/clean.ts'
import {
  type Amendment,
  decideIncident,
  type IncidentDecision,
  maxWords,
  openByHand,
} from './incident-acts.ts'
import { cancelWindow, finishWindow, moveWindow, planWindow } from './maintenance-acts.ts'
import { cancelIt, hold, letGoSeries, resume, retest, switchHost } from './operate-acts.ts'
import type { Wired } from './wire.ts'

/** One thing that an operator does. */
export type Deed =
  /** Take nothing new; stop: what runs goes back into the queue as well. The queue knows only `drain`. */
  | { do: 'drain' | 'stop'; on: Hold['on']; until?: Instant | undefined }
  | { do: 'resume'; on: Hold['on'] }
  /** Of a series, a job or a task. */
  | { do: 'cancel'; id: string }
  | { do: 'retest'; series: string; images?: string[]; against?: string | undefined }
  | { do: 'release'; series: string }
  /** `force`: also while tasks run there. */
  | { do: 'power'; host: string; act: PowerAct; force?: boolean }
  | { do: 'open-incident'; about: string; words?: Amendment; hosts?: string[]; projects?: string[] }
  | { do: 'incident'; id: string; decision: IncidentDecision }
  | { do: 'known'; id: string; decision: Decision }
  /** The reason is the window's. `repeat`: daily, weekly, monthly or an RRULE. No hosts: the whole service. */
  | { do: 'plan-maintenance'; hosts: string[]; from: Instant; to: Instant; repeat?: string | undefined }
  | { do: 'move-maintenance'; id: string; from?: Instant | undefined; to?: Instant | undefined }
  | { do: 'finish-maintenance'; id: string; unproven?: boolean }
  /** `whole`: nor will any later one of its series be. */
  | { do: 'cancel-maintenance'; id: string; whole?: boolean }

export type Operation = {
  /** Who does it, as the audit log says it. */
  who: string
  by: Audit['by']
  deed: Deed
  /** Why; others will read it. Known failures and incidents may do without. */
  reason: string
}

/** `did`: a sentence without its full stop. `no` says why not, likewise; nothing was done then. */
export type Operated = { did: string } | { no: string; remedy: string }

/** What the acts need of everything. */
export type OperatePorts = Pick<
  Wired,
  'store' | 'clock' | 'log' | 'queue' | 'config' | 'mirror' | 'blobs' | 'mailAuth' | 'project' | 'inTurn'
>

/** For the audit log: the verb, and what it is done to. */
export const wordsOf = (deed: Deed): { what: string; about: string } => {
  switch (deed.do) {
    case 'drain':
    case 'stop':
    case 'resume':
      return { what: deed.do, about: heldThing(deed.on) }
    case 'cancel':
      return { what: 'cancel', about: deed.id }
    case 'retest':
    case 'release':
      return { what: deed.do, about: `series ${deed.series}` }
    case 'power':
      return { what: `power ${deed.act}`, about: `host ${deed.host}` }
    case 'open-incident':
      return { what: 'open incident', about: deed.about }
    case 'incident':
      return { what: `${deed.decision.do} incident`, about: `incident ${deed.id}` }
    case 'known':
      return { what: `${deed.decision.do} known failure`, about: `known failure ${deed.id}` }
    case 'plan-maintenance':
      return { what: 'plan maintenance', about: deed.hosts.join(', ') || 'the whole service' }
    case 'move-maintenance':
    case 'finish-maintenance':
    case 'cancel-maintenance':
      return { what: deed.do.replace('-', ' '), about: `maintenance ${deed.id}` }
  }
}

/** These have words of their own, or need none. */
const needsReason = ({ do: what }: Deed): boolean =>
  !['resume', 'incident', 'known', 'open-incident', 'move-maintenance', 'finish-maintenance'].includes(what)

const actOn = async (
  ports: OperatePorts,
  deed: Deed,
  how: { by: string; why: string },
): Promise<Operated> => {
  const { store, clock } = ports
  switch (deed.do) {
    case 'drain':
    case 'stop':
      return hold(ports, deed, how)
    case 'resume':
      return resume(ports, deed.on)
    case 'cancel':
      return cancelIt(ports, deed.id, how)
    case 'retest':
      return retest(ports, deed)
    case 'release':
      return letGoSeries(ports, deed.series)
    case 'power':
      return switchHost(ports, deed, how)
    case 'open-incident': {
      const { about, words = {}, hosts = [], projects = [] } = deed
      const said = await openByHand(ports)({ about, words, hosts, projects }, how.by)
      return 'no' in said ? said : { did: `incident ${said.incident.id} is open: ${said.incident.about}` }
    }
    case 'incident': {
      const said = await decideIncident(ports)(deed.id, deed.decision, how.by)
      return 'no' in said ? said : { did: `incident ${said.incident.id}: ${incidentDone[deed.decision.do]}` }
    }
    case 'known': {
      const said = await decideKnown(store)(deed.id, deed.decision, { by: how.by, when: clock.now() })
      return 'no' in said
        ? { no: said.no, remedy: 'See the known failures.' }
        : { did: `known failure ${said.known.id} is ${said.known.state.at}` }
    }
    case 'plan-maintenance':
      return planWindow(ports, deed, how)
    case 'move-maintenance':
      return moveWindow(ports, deed, how.why)
    case 'finish-maintenance':
      return finishWindow(ports, deed, how.by)
    case 'cancel-maintenance':
      return cancelWindow(ports, deed, how)
  }
}

const incidentDone: Record<IncidentDecision['do'], string> = {
  amend: 'its words are changed',
  note: 'it is noted',
  confirm: 'it is confirmed; contributors hear of it',
  merge: 'it is a part of the other one',
  resolve: 'it is resolved',
}

export type Noted = Pick<Audit, 'who' | 'by' | 'what' | 'about' | 'reason'>

/** Writes down that it begins, does it, and writes down what came of it: a crash between leaves `begun`. */
export const audited = async <T extends Operated>(
  { store, clock }: Pick<OperatePorts, 'store' | 'clock'>,
  noted: Noted,
  act: () => Promise<T>,
): Promise<T> => {
  const { what, about, reason, ...who } = noted
  const words = { what: oneLine(what, 60), about: oneLine(about, 200), reason: oneLine(reason, maxWords) }
  const begun: Audit = { id: randomUUID(), at: clock.now(), ...who, ...words, came: 'begun' }
  await store.addAudit(begun)
  try {
    const came = await act()
    await store.addAudit({ ...begun, came: 'no' in came ? `no: ${oneLine(came.no, maxWords)}` : '' })
    return came
  } catch (error) {
    const why = error instanceof Fault ? error.message : 'a fault of ours'
    await store.addAudit({ ...begun, came: `failed: ${oneLine(why, maxWords)}` }).catch(() => {})
    throw error
  }
}

/** Does it, if it can be done, and writes it down with what came of it. Repeatable. Throws the store's Faults, and the power switch's. */
export const operate = async (
  ports: OperatePorts,
  { who, by, deed, reason }: Operation,
): Promise<Operated> => {
  const why = oneLine(reason, maxWords)
  if (why === '' && needsReason(deed))
    return { no: 'a reason is missing', remedy: 'Say why: others will read it.' }
  const operated = await audited(ports, { who, by, ...wordsOf(deed), reason: why }, () =>
    actOn(ports, deed, { by: who, why }),
  )
  const { what, about } = wordsOf(deed)
  const came = 'no' in operated ? `no: ${operated.no}` : 'done'
  ports.log('info', `${oneLine(who, 80)}: ${what} ${oneLine(about, 120)} (${why}): ${came}`)
  return operated
}
