// Series that waited for trouble to be over, ours or the base's: they are tested by themselves. Part of each round of healing.
import type { Series } from '../model/series.ts'
import { tendAlike } from '../stages/upkeep/alike.ts'
import { type BaseWatch, tendBases } from '../stages/upkeep/base-good.ts'
import { pushes } from '../stages/upkeep/sweep.ts'
import type { Wired } from './wire.ts'

/** Repeatable: what a crash keeps from the queue, the sweep finds. */
export const tendWaiting = async (wired: Wired, watch: BaseWatch): Promise<void> => {
  const projects = wired.config.projects.map(({ name, proof }) => ({ name, withinMs: proof.alike.withinMs }))
  const again: Series[] = await wired.inTurn(() => tendAlike(wired)(projects))
  for (const { name } of projects) again.push(...(await wired.inTurn(() => tendBases(wired)(name, watch))))
  await wired.queue.push(...again.map(series => pushes.plan(series.id)))
}
