// How trouble with the infrastructure becomes an incident: kept in the store, once, and told in the log. Beside the flow.
import { Fault } from '../model/fault.ts'
import { type Alarm, newIncident, type Trouble } from '../model/incident.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Store } from '../ports/store.ts'
import { contentId } from '../text/digest.ts'

type AlarmPorts = { store: Store; clock: Clock; log: Log }

/** An alarm of one host; undefined: of none. Never throws a Fault: trouble with the database is logged, as whoever raises an alarm has
 *  trouble enough. Raising again what is open says and changes nothing. */
export const openAlarm = ({ store, clock, log }: AlarmPorts, host: string | undefined): Alarm => {
  const guarded = async (what: string, act: () => Promise<void>) => {
    try {
      await act()
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      log('error', `${what}; this could not be noted: ${error.message}`, { host })
    }
  }
  return {
    raise: (trouble: Trouble, about, detail) =>
      guarded(`incident ${trouble} (${about}): ${detail}`, async () => {
        const since = clock.now()
        const id = `i${contentId(15, trouble, host ?? '', about, since)}`
        if (await store.openIncident(newIncident({ id, trouble, host, about, since, detail })))
          log('error', `incident ${trouble} (${about}): ${detail}`, { host })
      }),
    clear: (trouble, about, how) =>
      guarded(`incident ${trouble} (${about}) is over: ${how}`, async () => {
        const count = await store.resolveIncidents({ trouble, host, about }, { at: clock.now(), how })
        if (count > 0) log('info', `incident ${trouble} (${about}) is over: ${how}`, { host })
      }),
  }
}
