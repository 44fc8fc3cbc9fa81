// How trouble with the infrastructure becomes an incident: kept in the store, once, and told in the log. Beside the flow.
import type { Config } from '../config/config.ts'
import { Fault } from '../model/fault.ts'
import type { Alarm, Incident, IncidentEvent, Trouble } from '../model/incident.ts'
import { begunIncident, endedByHand, nextIncident } from '../model/incident-machine.ts'
import { believedMs } from '../model/trouble.ts'
import type { Clock } from '../ports/clock.ts'
import type { Level, Log } from '../ports/log.ts'
import type { Store } from '../ports/store.ts'
import { contentId } from '../text/digest.ts'
import { hasKept, type Kind, keepAlarm, noteKept, type Said } from './kept-alarms.ts'

/** `config`: how long what is over is watched, if that is configured. */
type AlarmPorts = { store: Store; clock: Pick<Clock, 'now'>; log: Log; config?: Pick<Config, 'watch'> }

const saying = ({ trouble, about }: Kind, what: string): string => `incident ${trouble} (${about})${what}`

/** What the log says of a change. `before`: undefined if it was not there; `after`: if it is gone. */
const wordsOf = (before: Incident | undefined, after: Incident | undefined): [Level, string] => {
  const wasOver = before?.state.at === 'monitoring'
  if (!after) return ['info', ' was nothing: it passed']
  if (after.state.at === 'suspected') return ['warn', ` is suspected: ${after.detail}`]
  if (after.state.at === 'open') return ['error', `${wasOver ? ' is back' : ''}: ${after.detail}`]
  const how = after.state.at === 'monitoring' ? after.state.how : after.resolved?.how
  return ['info', ` ${wasOver ? 'stayed' : 'is'} over: ${how}`]
}

const tell = (log: Log, before: Incident | undefined, after: Incident | undefined): void => {
  const one = after ?? before
  if (!one || before?.state.at === after?.state.at) return
  const [level, what] = wordsOf(before, after)
  log(level, saying(one, what), { host: one.host })
}

/** Lets something happen to an incident that is there, and tells it. Writes only if it changes something. Throws the store's Faults. */
export const changeIncident = async (
  { store, clock, log }: AlarmPorts,
  incident: Incident,
  event: IncidentEvent,
): Promise<Incident | undefined> => {
  const now = clock.now()
  if (nextIncident(incident, event, now) === incident) return incident
  let before = incident
  const after = await store.changeIncident(incident.id, kept => {
    before = kept
    return nextIncident(kept, event, now)
  })
  tell(log, before, after)
  return after
}

const isSame = (a: Kind, b: Kind): boolean =>
  a.trouble === b.trouble && a.host === b.host && a.about === b.about

/** Is it a part of one that is not over? Its trouble is that one's, then. */
const isPartOfLive = async (store: Store, kind: Kind): Promise<boolean> => {
  const live = await store.incidents({ live: true })
  if (live.length === 0) return false
  const since = Math.min(...live.map(one => one.since)) - 1
  const recent = new Map((await store.incidents({ since })).map(one => [one.id, one]))
  const isLive = (one: Incident | undefined, far = 0): boolean => {
    if (!one || far > recent.size) return false
    if (one.mergedInto === undefined) return one.resolved === undefined
    return isLive(recent.get(one.mergedInto), far + 1)
  }
  return [...recent.values()].some(one => isSame(one, kind) && one.mergedInto !== undefined && isLive(one))
}

/** Has an operator just said that it is over? Its detector may need longer to see that. */
const isBelieved = async ({ store, clock }: AlarmPorts, kind: Kind): Promise<boolean> => {
  const spanMs = believedMs[kind.trouble]
  if (spanMs === undefined) return false
  const since = clock.now() - spanMs
  return (await store.incidents({ since })).some(
    one => isSame(one, kind) && (endedByHand(one)?.at ?? Number.NEGATIVE_INFINITY) > since,
  )
}

const raiseIt = async (ports: AlarmPorts, kind: Kind, detail: string): Promise<void> => {
  const { store, clock, log } = ports
  const live = await store.liveIncident(kind)
  if (live) return void (await changeIncident(ports, live, { on: 'raised', detail }))
  if ((await isPartOfLive(store, kind)) || (await isBelieved(ports, kind))) return
  const since = clock.now()
  const id = `i${contentId(15, kind.trouble, kind.host ?? '', kind.about, since)}`
  const begun = begunIncident({ ...kind, id, since, detail }, since)
  if (await store.openIncident(begun)) tell(log, undefined, begun)
}

const clearIt = async (
  ports: AlarmPorts,
  kind: Kind,
  { how, settleMs }: Said & { on: 'cleared' },
): Promise<void> => {
  const live = await ports.store.liveIncident(kind)
  const event = { on: 'cleared', how, ...(settleMs === undefined ? {} : { settleMs }) } as const
  if (live) await changeIncident(ports, live, event)
}

/** As of the moment in which it was said. */
const note = (ports: AlarmPorts, kind: Kind, said: Said): Promise<void> => {
  const then = { ...ports, clock: { now: () => said.at } }
  return said.on === 'raised' ? raiseIt(then, kind, said.detail) : clearIt(then, kind, said)
}

/** Notes the alarms that the database could not take when they were raised. Costs nothing while there are none. Throws the store's Faults. */
export const noteKeptAlarms = (ports: AlarmPorts): Promise<void> =>
  noteKept(ports, (kind, said) => note(ports, kind, said))

/** An alarm of one host; undefined: of none. Never throws a Fault, as whoever raises an alarm has trouble enough: while the database is
 *  away it is told in the log, and kept until that answers. What may pass by itself is only suspected at first, and what is over is watched
 *  for a while, as model/trouble.ts says; back in that time it is the same incident. What an operator said is over is not opened again for a
 *  while where its detector says it again and again. Raising again what is open says and changes nothing, nor does clearing what is over. */
export const openAlarm = (ports: AlarmPorts, host: string | undefined): Alarm => {
  const happen = async (kind: Kind, said: Said, what: string): Promise<void> => {
    try {
      // In the order in which it was said.
      if (hasKept(ports.store)) await noteKeptAlarms(ports)
      await note(ports, kind, said)
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      const words = saying(kind, what)
      if (error.retry !== 'never') keepAlarm(ports, kind, { said, words, why: error })
      else ports.log('error', `${words}; this could not be noted: ${error.message}`, { host })
    }
  }
  return {
    raise: (trouble: Trouble, about, detail) =>
      happen({ trouble, host, about }, { on: 'raised', at: ports.clock.now(), detail }, `: ${detail}`),
    clear: (trouble, about, how) => {
      const settleMs = ports.config?.watch.settleMs
      const said: Said = {
        ...{ on: 'cleared', at: ports.clock.now(), how },
        ...(settleMs === undefined ? {} : { settleMs }),
      }
      return happen({ trouble, host, about }, said, ` may be over: ${how}`)
    },
  }
}
