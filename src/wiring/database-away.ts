// The database does not answer: an incident like others, but it is kept in the journal until the database can take it.
import type { Fault } from '../model/fault.ts'
import type { Incident } from '../model/incident.ts'
import { begunIncident, nextIncident } from '../model/incident-machine.ts'
import { capital } from '../model/words.ts'
import { contentId } from '../text/digest.ts'
import { sayLength, saySpan } from '../text/span.ts'
import { openAlarm } from './alarm.ts'
import type { Wired } from './wire.ts'

type Ports = Pick<Wired, 'journal' | 'store' | 'clock' | 'log' | 'config'>

const trouble = 'database-unreachable'
const about = 'database'

const isIt = (incident: Incident): boolean => incident.trouble === trouble && incident.about === about

/** It may have been away a moment ago: then it is the same incident. */
const earlier = async ({ journal }: Ports): Promise<Incident | undefined> =>
  (await journal.incidents()).find(isIt) ??
  (await journal.standing())?.incidents.find(one => isIt(one) && one.state.at !== 'resolved')

const wordsOf = ({ message, remedy }: Fault): string =>
  remedy === undefined ? message : `${message}. ${capital(remedy)}`

/** Notes that it is away now, and returns the incident. */
export const noteAway = async (ports: Ports, fault: Fault): Promise<Incident> => {
  const { journal, clock, config, log } = ports
  const now = clock.now()
  const before = await earlier(ports)
  const detail = wordsOf(fault)
  const id = `i${contentId(15, trouble, '', about, now)}`
  const begun = before ?? begunIncident({ id, trouble, host: undefined, about, since: now, detail }, now)
  const projects = config.projects.map(({ name }) => name).sort()
  const touched = nextIncident(begun, { on: 'affects', affects: { ...begun.affects, projects } }, now)
  const next = touched === 'forgotten' ? begun : nextIncident(touched, { on: 'raised', detail }, now)
  if (next === 'forgotten' || (next === before && (await isKept(ports, next)))) return begun
  await journal.saveIncident(next)
  if (next.state.at === 'open' && before?.state.at !== 'open')
    log('error', `the database does not answer, and that is told: ${detail}`)
  return next
}

const isKept = async ({ journal }: Ports, { id }: Incident): Promise<boolean> =>
  (await journal.incidents()).some(one => one.id === id)

/** It answers: what the journal kept is put into it, and watched there. What passed before anybody heard of it is forgotten. */
export const noteBack = async (ports: Ports): Promise<void> => {
  const { journal, store, log, clock } = ports
  for (const incident of await journal.incidents()) {
    if (incident.state.at !== 'suspected') {
      const isNew = await store.openIncident(incident)
      const live = isNew ? undefined : await store.liveIncident(incident)
      if (live)
        await store.changeIncident(live.id, one => ({
          ...incident,
          id: one.id,
          bug: one.bug ?? incident.bug,
        }))
      const how = `it answers again; it was away ${saySpan(incident.since, clock.now())}`
      await openAlarm(ports, incident.host).clear(incident.trouble, incident.about, how)
    }
    const span = sayLength(clock.now() - incident.since)
    const isTold = incident.state.at === 'suspected' ? ', too short a time to be told' : ''
    log('info', `the database answers again; it was away for ${span}${isTold}`)
    await journal.dropIncident(incident.id)
  }
}
