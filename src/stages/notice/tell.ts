// The notice stage: an incident and what was said of it → what is said now, to whom. Decided anew in every sweep, from what is kept.
import type { Incident } from '../../model/incident.ts'
import type { Address } from '../../model/mail.ts'
import type { Notice } from '../../model/notice.ts'
import {
  hearing,
  isOutdated,
  needless,
  newsOf,
  noticeDue,
  operatorsHear,
  outdated,
  rootOf,
} from '../../model/notice-due.ts'
import type { ReplyState } from '../../model/reply.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Journal } from '../../ports/journal.ts'
import { heldNews, type Letterhead, listNotice, operatorsNotice } from './compose.ts'
import type { Progress } from './view.ts'

export type TellPorts = {
  journal: Journal
  clock: Clock
  head: Letterhead
  projects: { name: string; list: Address }[]
  policy: { hold: Incident['severity'][]; everyMs: number; gapMs: number }
}

/** What is known of an incident's reach, as far as the store can be asked. */
export type Reach = {
  /** By project: how many series wait for it. */
  waiting: ReadonlyMap<string, number>
  /** Projects that were told of another incident, by which the same series wait: there is nothing to begin with for them. */
  covered: ReadonlySet<string>
  /** Projects that were told of a part of it, and are owed the rest. */
  owed: ReadonlySet<string>
  progress(project: string): Promise<Progress>
  /** Hosts rest as planned: nobody hears of what comes of that. */
  planned: boolean
  /** Subject of the notices of the incident that it is a part of. */
  into: string
}

const isHeld = ({ severity, confirmed }: Incident, { policy }: TellPorts): boolean =>
  confirmed === undefined && policy.hold.includes(severity)

const isTo = (to: Notice['to'], project: string): boolean => to !== 'operators' && to.list === project

const givenUp = ({ clock }: Pick<TellPorts, 'clock'>): ReplyState => ({
  at: 'failed',
  when: clock.now(),
  why: outdated,
})

const withState = (notice: Notice, state: ReplyState): Notice => ({
  ...notice,
  reply: { ...notice.reply, state },
})

const isHeldBack = (notice: Notice): boolean =>
  notice.held && (notice.reply.state.at === 'pending' || isOutdated(notice))

/** What waits and is over is given up; the others stay as they are. */
const withoutNeedless = async (
  { journal, clock }: TellPorts,
  incident: Incident,
  told: Notice[],
): Promise<Notice[]> => {
  const over = new Set(needless(incident, told).map(({ id }) => id))
  const failed = givenUp({ clock })
  return Promise.all(
    told.map(async one => {
      if (!over.has(one.id) || !(await journal.moveNotice(one.id, one.reply.state, failed))) return one
      return withState(one, failed)
    }),
  )
}

/** An operator let it go: it leaves with today's words, under its own id. If it is over, there is only the end left to tell. */
const released = async (
  ports: TellPorts,
  given: { incident: Incident; project: TellPorts['projects'][number]; told: Notice[]; reach: Reach },
): Promise<Notice[]> => {
  const { incident, told } = given
  const waiting = told.find(isHeldBack)
  if (!waiting || isHeld(incident, ports)) return told
  const before = told.slice(0, told.indexOf(waiting))
  const isOpen = incident.state.at === 'open'
  const fresh = isOpen
    ? await compose(ports, { ...given, told: before, kind: 'first', held: false })
    : withState({ ...waiting, held: false }, givenUp(ports))
  const { id, reply } = waiting
  const mail = { ...fresh.reply.mail, messageId: reply.mail.messageId }
  const changed = await ports.journal.changeNotice(id, one =>
    isHeldBack(one) ? { ...fresh, id, reply: { ...fresh.reply, id, mail } } : undefined,
  )
  return changed ? told.map(one => (one.id === id ? changed : one)) : told
}

const compose = async (
  { head, clock, policy }: TellPorts,
  given: {
    incident: Incident
    project: TellPorts['projects'][number]
    told: Notice[]
    reach: Reach
    kind: 'first' | 'update' | 'resolved'
    held: boolean
  },
): Promise<Notice> => {
  const { incident, project, told, reach, kind, held } = given
  return listNotice({
    ...{ incident, project, told, kind, held, head },
    ...{ root: rootOf(told), now: clock.now(), everyMs: policy.everyMs, into: reach.into },
    progress: await reach.progress(project.name),
  })
}

/** Returns all that was said, and is said now, to that list. */
const tellList = async (
  ports: TellPorts,
  given: {
    incident: Incident
    project: TellPorts['projects'][number]
    notices: Notice[]
    reach: Reach
    concerned: boolean
  },
): Promise<Notice[]> => {
  const { incident, project, notices, reach, concerned } = given
  const own = notices.filter(({ to }) => isTo(to, project.name))
  const kept = await withoutNeedless(ports, incident, own)
  const told = await released(ports, { incident, project, told: kept, reach })
  const { gapMs } = ports.policy
  const kind = noticeDue(incident, { told, concerned, news: newsOf(incident), gapMs, now: ports.clock.now() })
  if (kind === undefined) return told
  // Who was told the first word is owed the others.
  const held = kind === 'first' && isHeld(incident, ports)
  const notice = await compose(ports, { incident, project, told, reach, kind, held })
  await ports.journal.addNotice(notice)
  return [...told, notice]
}

/** Does its list have it, or get it? */
export const isMeantFor = ({ held, reply: { state } }: Notice): boolean => !held && state.at !== 'failed'

const tellOperators = async (
  ports: TellPorts,
  given: { incident: Incident; notices: Notice[]; toLists: Notice[]; reach: Reach },
): Promise<void> => {
  const { incident, notices, toLists, reach } = given
  const told = await withoutNeedless(
    ports,
    incident,
    notices.filter(({ to }) => to === 'operators'),
  )
  const held = toLists.filter(one => one.held && one.reply.state.at === 'pending')
  const now = ports.clock.now()
  const kind = noticeDue(incident, {
    ...{ told, now, gapMs: ports.policy.gapMs, news: heldNews(held) },
    concerned: operatorsHear(incident) && !reach.planned,
  })
  // They read the lists: one word that it is over is enough.
  if (kind === undefined || (kind === 'resolved' && toLists.some(isMeantFor))) return
  const lists = ports.projects.filter(({ name }) =>
    toLists.some(one => isMeantFor(one) && isTo(one.to, name)),
  )
  await ports.journal.addNotice(
    operatorsNotice({
      ...{ incident, kind, told, held, now, head: ports.head, into: reach.into },
      root: rootOf(told),
      lists: lists.map(({ list }) => list.address),
      addressOf: to => ports.projects.find(({ name }) => isTo(to, name))?.list.address ?? 'a list',
    }),
  )
}

/** Projects to which it has something new to say. */
const concernedIn = (ports: TellPorts, incident: Incident, reach: Reach): Set<string> => {
  const { planned, waiting, covered, owed } = reach
  if (planned) return new Set()
  const names = ports.projects.map(({ name }) => name)
  const hear = hearing(incident, { projects: names, waiting }).filter(name => !covered.has(name))
  return new Set([...hear, ...owed])
}

/** Keeps what is to be said of an incident now. `notices`: all that was said of it. Returns all that is said of it to lists then. Repeatable;
 *  throws the journal's and `reach`'s Faults. */
export const tellOf =
  (ports: TellPorts) =>
  async (incident: Incident, given: { notices: Notice[]; reach: Reach }): Promise<Notice[]> => {
    const { notices, reach } = given
    if (incident.state.at === 'suspected' || (incident.state.at === 'resolved' && notices.length === 0))
      return []
    const hear = concernedIn(ports, incident, reach)
    const toLists: Notice[] = []
    for (const project of ports.projects) {
      const concerned = hear.has(project.name)
      if (!concerned && !notices.some(({ to }) => isTo(to, project.name))) continue
      toLists.push(...(await tellList(ports, { incident, project, notices, reach, concerned })))
    }
    await tellOperators(ports, { incident, notices, toLists, reach })
    return toLists
  }

/** What would be said to those whom it concerns, if it were due now. Keeps nothing. Throws the journal's and `reach`'s Faults. */
export const previewOf =
  (ports: TellPorts) =>
  async (incident: Incident, { notices, reach }: { notices: Notice[]; reach: Reach }): Promise<Notice[]> => {
    const names = ports.projects.map(({ name }) => name)
    const hear = hearing(incident, { projects: names, waiting: reach.waiting })
    const concerned = ports.projects.filter(
      ({ name }) => hear.includes(name) || notices.some(({ to }) => isTo(to, name)),
    )
    return Promise.all(
      concerned.map(project => {
        const told = notices.filter(({ to }) => isTo(to, project.name))
        const isOver = incident.state.at === 'resolved'
        const kind = isOver ? 'resolved' : rootOf(told) ? 'update' : 'first'
        return compose(ports, { incident, project, told, reach, kind, held: isHeld(incident, ports) })
      }),
    )
  }
