// Incidents in the bot's sweep: time passes for them, and what each touches is kept up to date while it holds. Beside the flow.
import { holds, type Incident, type IncidentId } from '../model/incident.ts'
import type { Instant, Millis } from '../model/instant.ts'
import { affectsOf, type World } from '../stages/incident/affects.ts'
import { requestsAfter } from '../stages/incident/requalify.ts'
import { endsLagMs, type JobMemory, worldOf } from '../stages/incident/world.ts'
import { changeIncident, noteKeptAlarms } from './alarm.ts'
import type { Wired } from './wire.ts'

export type IncidentMemory = {
  /** What an earlier process suspected is not opened before that: whoever has recovered meanwhile must have a chance to say so. */
  listenUntil: Instant
  /** When it was last looked at what each touches. */
  looked: Map<IncidentId, Instant>
  jobs: JobMemory
}

/** So long a process that has just begun listens. */
export const listenMs: Millis = 60_000

export const incidentMemory = (listenUntil: Instant = 0): IncidentMemory => ({
  ...{ listenUntil, looked: new Map(), jobs: new Map() },
})

/** So often it is looked at what an incident touches, besides once when it begins. */
const lookEveryMs: Millis = 30_000

type Ports = Pick<Wired, 'store' | 'clock' | 'log' | 'config'>

/** Suspected before this process began. */
const isOld = (one: Incident, { listenUntil }: IncidentMemory): boolean =>
  one.state.at === 'suspected' && one.since < listenUntil - listenMs

const pass = async (ports: Ports, live: Incident[], memory: IncidentMemory): Promise<Incident[]> => {
  const now = ports.clock.now()
  const left: Incident[] = []
  for (const one of live) {
    if (isOld(one, memory) && now < memory.listenUntil) continue
    const after = await changeIncident(ports, one, { on: 'looked' })
    if (after && after.state.at !== 'resolved') left.push(after)
  }
  return left
}

const projectsOf = ({ config }: Ports): World['projects'] =>
  config.projects.map(({ name, sources, proof }) => ({
    name,
    sources: sources.map(source => source.name),
    alikeWithinMs: proof.alike.withinMs,
  }))

/** Once nobody has looked at one for a while all are looked at: what one touches may be another's doing, as hosts stand in for each other. */
const look = async (ports: Ports, live: Incident[], { looked, jobs }: IncidentMemory): Promise<void> => {
  const now = ports.clock.now()
  for (const id of looked.keys()) if (!live.some(one => one.id === id)) looked.delete(id)
  const due = live.filter(holds)
  if (!due.some(({ id }) => now - (looked.get(id) ?? Number.NEGATIVE_INFINITY) >= lookEveryMs)) return
  const since = Math.min(...due.map(one => Math.max(one.since, looked.get(one.id) ?? one.since))) - endsLagMs
  const world = await worldOf(ports.store, { live, projects: projectsOf(ports), jobs, since, now })
  for (const one of due) {
    await changeIncident(ports, one, { on: 'affects', affects: affectsOf(one, world) })
    looked.set(one.id, now)
  }
}

/** One round: what was suspected long enough is open, what stayed quiet is resolved; what the others touch is noted. Costs one small query
 *  while there is no incident. Repeatable. Throws the store's Faults. */
export const tendIncidents = async (ports: Ports, memory = incidentMemory()): Promise<void> => {
  await noteKeptAlarms(ports)
  const live = await ports.store.incidents({ live: true })
  if (live.length === 0) return void memory.jobs.clear()
  for (const request of requestsAfter(live, ports.clock.now())) await ports.store.addHostRequest(request)
  await look(ports, await pass(ports, live, memory), memory)
}
