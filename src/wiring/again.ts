// Series that waited for trouble to be over, ours or the base's: they are tested by themselves. Part of each round of healing.
import type { Series } from '../model/series.ts'
import { type AlikeWatch, tendAlike } from '../stages/upkeep/alike.ts'
import { type BaseWatch, tendBases } from '../stages/upkeep/base-good.ts'
import { type StrayWatch, tendStrays } from '../stages/upkeep/stray-hosts.ts'
import { pushes } from '../stages/upkeep/sweep.ts'
import { openAlarm } from './alarm.ts'
import type { Wired } from './wire.ts'

export type WaitingWatch = { alike: AlikeWatch; bases: BaseWatch; strays: StrayWatch }

export const newWaitingWatch = (): WaitingWatch => ({
  ...{ alike: { seen: '' }, bases: new Map(), strays: { lookedAt: undefined } },
})

/** Repeatable: what a crash keeps from the queue, the sweep finds. */
export const tendWaiting = async (wired: Wired, watch: WaitingWatch): Promise<void> => {
  const projects = wired.config.projects.map(({ name, proof }) => ({ name, withinMs: proof.alike.withinMs }))
  const again: Series[] = await wired.inTurn(() => tendAlike(wired)(projects, watch.alike))
  for (const { name } of projects)
    again.push(...(await wired.inTurn(() => tendBases(wired)(name, watch.bases))))
  const alarmOf = (host: string) => openAlarm(wired, host)
  await tendStrays({ ...wired, alarmOf })(
    projects.map(({ name }) => name),
    watch.strays,
  )
  await wired.queue.push(...again.map(series => pushes.plan(series.id)))
}
