// Before a verdict is told: does it stand on runs in the shadow of an incident? Then it waits until that is over, and the series is run again
// (stages/upkeep/shadow.ts). Beside alike.ts.
import type { Incident } from '../../model/incident.ts'
import { gistOf } from '../../model/run-end.ts'
import {
  fateIn,
  isOfBase,
  isShaken,
  makesWait,
  type Shadow,
  type ShadowedRun,
  shadowOf,
} from '../../model/shadow.ts'
import type { Verdict } from '../../model/verdict.ts'
import type { Store } from '../../ports/store.ts'
import type { Case } from './case.ts'

/** Those of the base line matter where the verdict tells of the base: whoever is blamed is blamed by runs of the job's own, with and without. */
const runsIn = ({ runs, tasks, baseline }: Case, verdict: Verdict): ShadowedRun[] => {
  const counted = [...tasks, ...(isOfBase(verdict) ? (baseline?.tasks ?? []) : [])]
  const images = new Map(counted.map(({ id, image }) => [id, image]))
  return runs.flatMap(({ task, host, startedAt, endedAt, outcome }) => {
    const image = images.get(task)
    return endedAt === undefined || outcome === undefined || image === undefined
      ? []
      : [{ image, host, startedAt, endedAt, ...gistOf(outcome) }]
  })
}

const shakes = (shadow: Shadow, runs: ShadowedRun[], verdict: Verdict): boolean =>
  runs.some(run => {
    const fate = fateIn(shadow, run)
    return fate !== undefined && isShaken(verdict, fate)
  })

/** Why the verdict waits; undefined: it may be told. Throws the store's Faults. */
export const heldInShadow = async (
  store: Store,
  given: Case,
  verdict: Verdict,
): Promise<string | undefined> => {
  const { now } = given
  // Those that are over are of interest for as long as a series may not yet be planned again.
  const incidents: Incident[] = await store.incidents({ since: now - 3_600_000 })
  if (incidents.length === 0) return undefined
  const runs = runsIn(given, verdict)
  const shading = incidents.find(incident => {
    const shadow = shadowOf(incident)
    if (shadow === undefined || !makesWait(shadow, incident, now)) return false
    // It was run again for that already: hosts' clocks differ.
    const isAgain = shadow.to !== undefined && given.series.again?.incident === shadow.key
    return !isAgain && shakes(shadow, runs, verdict)
  })
  return shading && `its runs are in doubt: incident ${shading.id} (${shading.trouble} ${shading.about})`
}
