// Which runs does a case need besides those that it has? Tests that the patches concern once more, rounds of proof, and the search for the
// patch that does it; each from what is there, so that it can be asked again.
import type { Task } from '../../model/job.ts'
import type { Ruled } from '../../model/ruled.ts'
import type { Case } from './case.ts'
import { likelyRuns } from './likely-runs.ts'
import { isEarly, isProving, prove } from './prove.ts'
import { type Trace, trace, walkAhead } from './trace.ts'

export type Extras = {
  /** To be added. */
  tasks: Task[]
  rulings: Ruled[]
  trace: Trace
  /** Nothing more will be found out. */
  settled: boolean
}

/** Pure: the same case gives the same answer. Of a job whose build is over. */
export const extras = (given: Case): Extras => {
  const known = new Set(given.tasks.map(({ id }) => id))
  const fresh = (tasks: Task[]) => tasks.filter(({ id }) => !known.has(id))
  const nothing: Trace = { culprit: undefined, unbuildable: undefined, wanted: [] }
  const { rulings, wanted } = prove(given)
  const early = fresh([...walkAhead(given), ...likelyRuns(given), ...wanted])
  if (early.length > 0 || isEarly(given) || isProving(given.tasks))
    return { tasks: early, rulings, trace: nothing, settled: false }
  const found = trace(given, rulings)
  return { tasks: fresh(found.wanted), rulings, trace: found, settled: found.wanted.length === 0 }
}
