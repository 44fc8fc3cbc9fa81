// What a detector has found becomes an incident, and what it finds no longer is over. Beside the flow.
import { type Alarm, holds, type Incident, type Trouble } from '../../model/incident.ts'

export type Found = { trouble: Trouble; host: string | undefined; about: string; detail: string }

export type AlarmOf = (host: string | undefined) => Alarm

/** Why one that was open is over; undefined: it is not, or this look cannot tell. */
export type Over = (incident: Incident) => string | undefined

const isSame = (incident: Incident, { trouble, host, about }: Found): boolean =>
  incident.trouble === trouble && incident.host === host && incident.about === about

/** Raises what was found, and clears those of these troubles that hold and are over. `incidents`: all that are live. Repeatable. */
export const tellFound = async (
  alarmOf: AlarmOf,
  given: { troubles: Trouble[]; found: Found[]; incidents: Incident[]; over: Over },
): Promise<void> => {
  const { troubles, found, incidents, over } = given
  for (const { trouble, host, about, detail } of found) await alarmOf(host).raise(trouble, about, detail)
  for (const incident of incidents) {
    if (!troubles.includes(incident.trouble) || !holds(incident)) continue
    if (found.some(one => isSame(incident, one))) continue
    const how = over(incident)
    if (how !== undefined) await alarmOf(incident.host).clear(incident.trouble, incident.about, how)
  }
}
