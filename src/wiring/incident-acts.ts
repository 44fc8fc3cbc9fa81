// What operators do with incidents, on the command line or by mail: the same rules, said in the same words. Beside the flow.
import {
  affectsNothing,
  type Incident,
  type IncidentEvent,
  newIncident,
  type Severity,
} from '../model/incident.ts'
import { nextIncident } from '../model/incident-machine.ts'
import { troubleRules } from '../model/trouble.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Store } from '../ports/store.ts'
import { oneLine } from '../text/clean.ts'
import { contentId } from '../text/digest.ts'
import { changeIncident } from './alarm.ts'

export type ActPorts = { store: Store; clock: Clock; log: Log }

export type Amendment = { [Key in AmendField]?: Key extends 'severity' ? Severity : string }
export type AmendField = 'cause' | 'doing' | 'severity' | 'owner' | 'detail'

export type IncidentDecision =
  | ({ do: 'amend' } & Amendment)
  | { do: 'note'; what: string }
  | { do: 'confirm' }
  /** `into`: what the other one's id begins with. */
  | { do: 'merge'; into: string }
  | { do: 'resolve'; how?: string | undefined; real?: boolean }

/** `no` says why not, in a sentence without its full stop. `isNew`: it was not so already. */
export type Decided = { incident: Incident; isNew: boolean } | { no: string; remedy: string }

const seeList = 'See: grapevine incident list'

/** Longest text that a person says at once. */
export const maxWords = 500

const clean = (text: string): string => oneLine(text, maxWords)

/** The one whose id begins so; among those that live first. Throws the store's Faults. */
export const findIncident = async (
  { store }: Pick<ActPorts, 'store'>,
  id: string,
): Promise<{ incident: Incident } | { no: string; remedy: string }> => {
  const wanted = id.trim().toLowerCase()
  const exact = wanted === '' ? undefined : await store.incident(wanted)
  if (exact) return { incident: exact }
  const all = wanted === '' ? [] : (await store.incidents()).filter(one => one.id.startsWith(wanted))
  const live = all.filter(one => !one.resolved)
  const found = live.length > 0 ? live : all
  const [incident, ...more] = found
  if (incident === undefined) return { no: `there is no incident ${oneLine(id, 40)}`, remedy: seeList }
  if (more.length === 0) return { incident }
  const ids = found.slice(0, 5).map(one => one.id)
  return { no: `${found.length} incidents begin with ${wanted}: ${ids.join(', ')}`, remedy: seeList }
}

const amendment = ({ do: _, ...words }: IncidentDecision & { do: 'amend' }): Amendment => ({
  ...Object.fromEntries(
    Object.entries(words).flatMap(([key, text]) => (text === undefined ? [] : [[key, clean(text)]])),
  ),
})

/** Why it cannot be done; undefined: it can. */
const objection = (
  incident: Incident,
  decision: IncidentDecision,
): { no: string; remedy: string } | undefined => {
  const { id, trouble, resolved } = incident
  if (decision.do === 'resolve' && !decision.real && !decision.how?.trim())
    return {
      no: 'say what was done',
      remedy: 'Add: --how "…"; or --real, if the patches do fail alike',
    }
  if (decision.do === 'resolve' && decision.real && trouble !== 'alike-failures')
    return { no: `incident ${id} is no question of what is real`, remedy: 'Leave out --real' }
  if (decision.do === 'amend' && Object.keys(amendment(decision)).length === 0)
    return {
      no: 'say what is to be changed',
      remedy: 'Add --cause, --doing, --severity, --owner or --detail',
    }
  if (decision.do === 'confirm' && resolved)
    return { no: `incident ${id} is over: nobody is told of it any more`, remedy: seeList }
  return undefined
}

const eventOf = (decision: Exclude<IncidentDecision, { do: 'merge' }>, by: string): IncidentEvent => {
  switch (decision.do) {
    case 'amend':
      return { on: 'amended', by, ...amendment(decision) }
    case 'note':
      return { on: 'noted', by, what: clean(decision.what) }
    case 'confirm':
      return { on: 'confirmed', by }
    case 'resolve': {
      const { how, real } = decision
      const words = how === undefined ? 'the patches do it' : clean(how)
      return { on: 'resolved', by, how: words, ...(real ? { real: true as const } : {}) }
    }
  }
}

const happen = async (ports: ActPorts, incident: Incident, event: IncidentEvent): Promise<Decided> => {
  const isNew = nextIncident(incident, event, ports.clock.now()) !== incident
  const after = await changeIncident(ports, incident, event)
  return after
    ? { incident: after, isNew }
    : { no: `incident ${incident.id} passed meanwhile`, remedy: seeList }
}

/** The whole says what its part was about, and touches what that touches. */
const merge = async (
  ports: ActPorts,
  part: Incident,
  { into, by }: { into: string; by: string },
): Promise<Decided> => {
  const found = await findIncident(ports, into)
  if ('no' in found) return found
  const whole = found.incident
  if (whole.id === part.id) return { no: 'an incident is no part of itself', remedy: seeList }
  if (part.mergedInto === whole.id) return { incident: part, isNew: false }
  for (const one of [part, whole])
    if (one.resolved) return { no: `incident ${one.id} is over`, remedy: seeList }
  const decided = await happen(ports, part, { on: 'merged', by, into: whole.id })
  if ('no' in decided) return decided
  const what = `${part.id} is a part of it: ${part.trouble} (${part.about}): ${part.detail}`
  await changeIncident(ports, whole, { on: 'affects', affects: part.affects })
  await changeIncident(ports, whole, { on: 'noted', by, what: clean(what) })
  return decided
}

/** Does what an operator decides. Repeatable. `by`: who it is. Throws the store's Faults. */
export const decideIncident =
  (ports: ActPorts) =>
  async (id: string, decision: IncidentDecision, by: string): Promise<Decided> => {
    const found = await findIncident(ports, id)
    if ('no' in found) return found
    const no = objection(found.incident, decision)
    if (no) return no
    if (decision.do === 'merge') return merge(ports, found.incident, { into: decision.into, by })
    return happen(ports, found.incident, eventOf(decision, by))
  }

export type ByHand = {
  /** What is wrong, in a few words. */
  about: string
  words: Amendment
  hosts?: string[]
  images?: string[]
  projects: string[]
}

/** Opens one that no detector saw. Throws the store's Faults. */
export const openByHand =
  ({ store, clock, log }: ActPorts) =>
  async ({ about: said, words, hosts = [], images = [], projects }: ByHand, by: string): Promise<Decided> => {
    const about = oneLine(said, 120)
    if (about === '') return { no: 'say what is wrong', remedy: 'Like: grapevine incident open "no network"' }
    const since = clock.now()
    const { severity, ...more } = amendment({ do: 'amend', ...words })
    const opened: Incident = newIncident({
      ...{ id: `i${contentId(15, 'other', '', about, since)}`, trouble: 'other', host: undefined },
      ...{ about, since, detail: clean(said), severity: severity ?? troubleRules.other.severity },
      ...{ owner: by, ...more },
      affects: {
        ...affectsNothing,
        hosts: sorted(hosts),
        images: sorted(images),
        projects: sorted(projects),
      },
      log: [{ at: since, by, what: `opened: ${more.detail ?? clean(said)}` }],
    })
    if (!(await store.openIncident(opened))) {
      const there = await store.liveIncident(opened)
      return { no: `an incident about that is open: ${there?.id ?? about}`, remedy: seeList }
    }
    log('error', `incident other (${about}), by ${by}: ${opened.detail}`)
    return { incident: opened, isNew: true }
  }

const sorted = (names: string[]): string[] => [...new Set(names)].sort()

const isName = (text: string): text is AmendField => amendFields.some(field => field === text)

export const amendFields: readonly AmendField[] = ['cause', 'doing', 'severity', 'owner', 'detail']

/** A field and its text, as typed; `no` where they do not fit. */
export const amendmentOf = (field: string, text: string): Amendment | { no: string } => {
  if (!isName(field)) return { no: `"${oneLine(field, 40)}" is none of ${amendFields.join(', ')}` }
  if (field !== 'severity') return { [field]: text }
  return text === 'minor' || text === 'major'
    ? { severity: text }
    : { no: `"${oneLine(text, 40)}" is neither minor nor major` }
}
