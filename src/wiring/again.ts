// Series that waited for trouble to be over, ours or the base's: they are tested by themselves. Part of each round of healing.
import { affectsNothing, type IncidentId } from '../model/incident.ts'
import type { Series } from '../model/series.ts'
import { type AlikeWatch, tendAlike } from '../stages/upkeep/alike.ts'
import { type BaseWatch, tendBases } from '../stages/upkeep/base-good.ts'
import { type ShadowWatch, shadowWatch, tendShadows } from '../stages/upkeep/shadow.ts'
import { type StrayWatch, tendStrays } from '../stages/upkeep/stray-hosts.ts'
import { pushes } from '../stages/upkeep/sweep.ts'
import { changeIncident, openAlarm } from './alarm.ts'
import type { Wired } from './wire.ts'

export type WaitingWatch = {
  alike: AlikeWatch
  shadows: ShadowWatch
  bases: BaseWatch
  strays: StrayWatch
}

export const newWaitingWatch = (): WaitingWatch => ({
  ...{ alike: { seen: '' }, shadows: shadowWatch(), bases: new Map(), strays: { lookedAt: undefined } },
})

/** The incident's people hear which series are run again, and so does who is told of its end. */
const noteAgain =
  (wired: Wired) =>
  async (id: IncidentId, series: Series[]): Promise<void> => {
    const incident = await wired.store.incident(id)
    if (!incident) return
    const projects = [...new Set(series.map(({ project }) => project))].sort()
    const affects = { ...affectsNothing, projects, series: series.map(one => one.id).sort() }
    const count = series.length === 1 ? 'one series is' : `${series.length} series are`
    await changeIncident(wired, incident, { on: 'affects', affects })
    const what = `${count} run again, as what ran then proves nothing`
    await changeIncident(wired, incident, { on: 'noted', by: 'grapevine', what })
  }

/** Repeatable: what a crash keeps from the queue, the sweep finds. */
export const tendWaiting = async (wired: Wired, watch: WaitingWatch): Promise<void> => {
  const projects = wired.config.projects.map(({ name, proof }) => ({ name, withinMs: proof.alike.withinMs }))
  const again: Series[] = await wired.inTurn(() => tendAlike(wired)(projects, watch.alike))
  const shadows = { ...wired, note: noteAgain(wired) }
  again.push(...(await wired.inTurn(() => tendShadows(shadows)(watch.shadows))))
  for (const { name } of projects)
    again.push(...(await wired.inTurn(() => tendBases(wired)(name, watch.bases))))
  const alarmOf = (host: string) => openAlarm(wired, host)
  await tendStrays({ ...wired, alarmOf })(
    projects.map(({ name }) => name),
    watch.strays,
  )
  await wired.queue.push(...again.map(series => pushes.plan(series.id)))
}
