// Series that waited for trouble to be over, ours or the base's: they are tested by themselves. Part of each round of healing.
import { affectsNothing, type IncidentId } from '../model/incident.ts'
import type { Instant, Millis } from '../model/instant.ts'
import type { Series } from '../model/series.ts'
import { type AlikeWatch, tendAlike } from '../stages/upkeep/alike.ts'
import { type BaseWatch, tendBases } from '../stages/upkeep/base-good.ts'
import { type ShadowWatch, shadedJobs, shadowWatch, tendShadows } from '../stages/upkeep/shadow.ts'
import { type StrayWatch, tendStrays } from '../stages/upkeep/stray-hosts.ts'
import { currentJobs, pushes } from '../stages/upkeep/sweep.ts'
import { changeIncident, openAlarm } from './alarm.ts'
import type { Wired } from './wire.ts'

export type WaitingWatch = {
  alike: AlikeWatch
  shadows: ShadowWatch
  /** When it was last noted whose verdicts wait. */
  heldAt: Instant | undefined
  bases: BaseWatch
  strays: StrayWatch
}

export const newWaitingWatch = (): WaitingWatch => ({
  ...{
    alike: { seen: '' },
    shadows: shadowWatch(),
    heldAt: undefined,
    bases: new Map(),
    strays: { lookedAt: undefined },
  },
})

type Note = { series: Pick<Series, 'id' | 'project'>[]; what: string | undefined }

/** The incident's people hear which series wait or are run again, and so does who is told of its end. */
const noteIn = async (wired: Wired, id: IncidentId, { series, what }: Note): Promise<void> => {
  const incident = await wired.store.incident(id)
  if (!incident) return
  const projects = [...new Set(series.map(({ project }) => project))].sort()
  const affects = { ...affectsNothing, projects, series: series.map(one => one.id).sort() }
  await changeIncident(wired, incident, { on: 'affects', affects })
  if (what !== undefined) await changeIncident(wired, incident, { on: 'noted', by: 'grapevine', what })
}

const noteAgain =
  (wired: Wired) =>
  (id: IncidentId, series: Series[]): Promise<void> => {
    const count = series.length === 1 ? 'one series is' : `${series.length} series are`
    return noteIn(wired, id, { series, what: `${count} run again, as what ran then proves nothing` })
  }

const minuteMs: Millis = 60_000
const heldEveryMs: Millis = minuteMs / 2

/** Series whose verdict is held back as long as an incident lasts wait for it. */
const noteHeld = async (wired: Wired, watch: WaitingWatch): Promise<void> => {
  const { store, clock } = wired
  const now = clock.now()
  if (watch.heldAt !== undefined && now - watch.heldAt < heldEveryMs) return
  watch.heldAt = now
  if ((await store.incidents({ open: true })).length === 0) return
  const jobs = await currentJobs(store)
  const shaded = await shadedJobs(store, clock, { jobs, settledMs: minuteMs })
  for (const [id, own] of Map.groupBy(jobs, ({ id }) => shaded.get(id))) {
    const series = own.flatMap(one =>
      one.series === undefined ? [] : [{ id: one.series, project: one.project }],
    )
    if (id !== undefined) await noteIn(wired, id, { series, what: undefined })
  }
}

/** Repeatable: what a crash keeps from the queue, the sweep finds. */
export const tendWaiting = async (wired: Wired, watch: WaitingWatch): Promise<void> => {
  const projects = wired.config.projects.map(({ name, proof }) => ({ name, withinMs: proof.alike.withinMs }))
  const again: Series[] = await wired.inTurn(() => tendAlike(wired)(projects, watch.alike))
  const shadows = { ...wired, note: noteAgain(wired) }
  again.push(...(await wired.inTurn(() => tendShadows(shadows)(watch.shadows))))
  await noteHeld(wired, watch)
  for (const { name } of projects)
    again.push(...(await wired.inTurn(() => tendBases(wired)(name, watch.bases))))
  const alarmOf = (host: string) => openAlarm(wired, host)
  await tendStrays({ ...wired, alarmOf })(
    projects.map(({ name }) => name),
    watch.strays,
  )
  await wired.queue.push(...again.map(series => pushes.plan(series.id)))
}
