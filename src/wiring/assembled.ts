// After assembly: what follows from series that changed, and what becomes of those that waited too long. A crash before it loses nothing:
// the sweep pushes complete series again and ends the tasks of replaced ones.
import type { Instant } from '../model/instant.ts'
import type { Series } from '../model/series.ts'
import { fill } from '../stages/assemble/fill.ts'
import { withdraw } from '../stages/plan/withdraw.ts'
import { close, overdue } from '../stages/upkeep/overdue.ts'
import { pushes } from '../stages/upkeep/sweep.ts'
import { conclude } from './conclude.ts'
import type { Wired } from './wire.ts'

/** Complete series go to be planned, replaced ones are withdrawn. Repeatable. */
export const afterAssembly = async (wired: Wired, touched: readonly Series[]): Promise<void> => {
  for (const series of touched) {
    if (series.state.at === 'complete') await wired.queue.push(pushes.plan(series.id))
    if (series.state.at !== 'superseded') continue
    const gone = await withdraw(wired)(series.id, `replaced by ${series.state.by}`)
    if (gone.length > 0) await wired.queue.wake()
  }
}

/** A new version of some parts only is filled from the one before; what cannot be is waited for, and then closed. */
const closeOne = async (wired: Wired, series: Series, at: Instant): Promise<void> => {
  const touched = await fill(wired)(series)
  if (touched.length > 0) return afterAssembly(wired, touched)
  const { series: closed, verdict } = close(series, at, wired.config.assemble.deadlineMs)
  if (verdict !== undefined) await conclude(wired, { ...verdict, decidedAt: wired.clock.now() })
  await wired.store.saveSeries([closed])
}

/**
 * Closes the series whose time is up at `at`. Call it in turn.
 * @param guard is given each one's work, so that trouble with one does not keep the others.
 */
export const closeOverdue = async (
  wired: Wired,
  at: Instant,
  guard: (series: Series, act: () => Promise<void>) => Promise<void>,
): Promise<void> => {
  for (const series of await overdue(wired)(at)) await guard(series, () => closeOne(wired, series, at))
}
