// What operators do with incidents by mail: the same rules as at the keyboard (incident-acts.ts).

import type { Request } from '../model/command.ts'
import type { Incident } from '../model/incident.ts'
import { overSince } from '../model/incident-machine.ts'
import type { Instant } from '../model/instant.ts'
import type { Mail } from '../model/mail.ts'
import { sentence } from '../model/words.ts'
import { oneLine } from '../text/clean.ts'
import { sayDuration } from '../text/ending.ts'
import { sayInstant } from '../text/span.ts'
import { type Act, deny, done } from './command-series.ts'
import {
  amendmentOf,
  type Decided,
  decideIncident,
  findIncident,
  type IncidentDecision,
  openByHand,
} from './incident-acts.ts'
import type { Wired } from './wire.ts'

type IncidentRequest = Extract<Request, { do: 'incident' }>

const maxShown = 20
const maxLog = 30

const nameOf = ({ trouble, host, about }: Incident): string =>
  oneLine(`${trouble}${host === undefined || host === about ? '' : ` on ${host}`}: ${about}`, 160)

const stateOf = (incident: Incident, now: Instant): string => {
  const { state, since, severity, resolved } = incident
  const over = overSince(incident)
  const lasted = sayDuration(Math.max((over ?? now) - since, 1000))
  if (over === undefined) return `${state.at}, ${severity}, since ${sayInstant(since)} (${lasted})`
  const how = state.at === 'monitoring' ? state.how : (resolved?.how ?? '')
  return oneLine(`over since ${sayInstant(over)}, after ${lasted}: ${how}`, 300)
}

const list = async ({ store, clock }: Wired): Promise<Act> => {
  const all = await store.incidents({ live: true })
  const rows = all.slice(0, maxShown).map(one => ({
    id: one.id,
    name: nameOf(one),
    state: stateOf(one, clock.now()),
    detail: oneLine(one.detail, 200),
  }))
  return {
    ...{ how: 'done', what: 'was told of incidents', template: 'answer-incidents' },
    variables: { incidents: rows, more: Math.max(0, all.length - maxShown) },
  }
}

const factsOf = (incident: Incident, now: Instant): string[] => {
  const { id, detail, cause, doing, owner, confirmed, flaps, mergedInto, bug, affects } = incident
  const count = affects.series.length
  const facts: [string, string | undefined][] = [
    ['incident', id],
    ['state', stateOf(incident, now)],
    ['what', detail],
    ['cause', cause],
    ['doing', doing],
    ['owner', owner],
    ['confirmed', confirmed && `by ${confirmed.by}`],
    ['came back', flaps === 0 ? undefined : `${flaps} times`],
    ['part of', mergedInto],
    ['bug', bug],
    ['hosts', affects.hosts.join(', ') || undefined],
    ['images', affects.images.join(', ') || undefined],
    ['series', count === 0 ? undefined : `${count}`],
  ]
  return facts.flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${oneLine(value, 500)}`]))
}

const show = (incident: Incident, now: Instant): Act => ({
  ...{ how: 'done', what: `was shown incident ${incident.id}`, template: 'answer-incident' },
  variables: {
    name: nameOf(incident),
    facts: factsOf(incident, now),
    log: incident.log
      .slice(-maxLog)
      .map(({ at, by, what }) => oneLine(`${sayInstant(at)}  ${by}: ${what}`, 600)),
  },
})

const came = (decided: Decided, kind: string, more: object = {}): Act => {
  if ('no' in decided) return deny(sentence(decided.no))
  const { incident } = decided
  const did = { kind: `incident-${kind}`, id: incident.id, name: nameOf(incident), into: '', ...more }
  return done(`incident ${incident.id}: ${kind}`, did)
}

const decisionOf = (
  request: Exclude<IncidentRequest, { what: 'list' | 'show' | 'open' }>,
): IncidentDecision | { no: string } => {
  switch (request.what) {
    case 'confirm':
      return { do: 'confirm' }
    case 'real':
      return { do: 'resolve', real: true }
    case 'note':
      return { do: 'note', what: request.text }
    case 'resolve':
      return { do: 'resolve', how: request.text }
    case 'merge':
      return { do: 'merge', into: request.into }
    case 'amend': {
      const amendment = amendmentOf(request.field, request.text)
      return 'no' in amendment ? amendment : { do: 'amend', ...amendment }
    }
  }
}

/** More of a thread nobody answers. */
const maxAncestors = 50

/** The incident whose notice the mail answers, be it by answers to that. */
const idInThread = async ({ journal }: Wired, { parsed }: Mail): Promise<string | undefined> => {
  const ancestors = (parsed?.ancestors ?? []).slice(0, maxAncestors)
  if (ancestors.length === 0) return undefined
  const notices = await journal.notices()
  for (const id of ancestors) {
    const of = notices.find(({ reply }) => reply.mail.messageId === id)?.of
    if (of && 'incident' in of) return of.incident
  }
  return undefined
}

const whichOne =
  'Which incident? Answer a notice of it, or add its id; "/grapevine incident list" shows those that are open.'

/** Repeatable. Throws Faults of store and journal. */
export const incidents = async (
  wired: Wired,
  request: IncidentRequest,
  { by, mail }: { by: string; mail: Mail },
): Promise<Act> => {
  const id = 'id' in request && request.id !== undefined ? request.id : await idInThread(wired, mail)
  switch (request.what) {
    case 'list':
      return list(wired)
    case 'show': {
      if (id === undefined) return deny(whichOne)
      const found = await findIncident(wired, id)
      return 'no' in found ? deny(sentence(found.no)) : show(found.incident, wired.clock.now())
    }
    case 'open': {
      const projects = wired.config.projects.map(({ name }) => name)
      return came(await openByHand(wired)({ about: request.text, words: {}, projects }, by), 'open')
    }
    default: {
      const decision = decisionOf(request)
      if ('no' in decision) return deny(sentence(decision.no))
      if (id === undefined) return deny(whichOne)
      const more = decision.do === 'merge' ? { into: decision.into } : {}
      return came(await decideIncident(wired)(id, decision, by), decision.do, more)
    }
  }
}
