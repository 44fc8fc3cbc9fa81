// Before a verdict is told: is what it holds against the patches seen in other people's series, too? Then it waits, and an incident is opened.
//
//   verdict ──nothing alike──▶ told
//      └──alike──▶ waits ──resolved, by itself or by an operator──▶ run again on a fresh base line (stages/upkeep/alike.ts) ──▶ judged anew
//                    └──resolved: it is real──▶ told
import { type Alike, alike, confirms, headsOf, heldBy, lastAbout, realMs } from '../../model/alike.ts'
import type { Blame } from '../../model/blame.ts'
import type { Incident } from '../../model/incident.ts'
import { begunIncident } from '../../model/incident-machine.ts'
import type { Instant } from '../../model/instant.ts'
import type { Series, SeriesId } from '../../model/series.ts'
import type { Verdict } from '../../model/verdict.ts'
import type { Log } from '../../ports/log.ts'
import type { Store } from '../../ports/store.ts'
import { oneLine } from '../../text/clean.ts'
import { contentId } from '../../text/digest.ts'
import { blamesOf } from './blames.ts'
import type { Case } from './case.ts'

export type HeldPorts = { store: Store; log?: Log }

const trouble = 'alike-failures'

/** Older versions, the nearest first. */
const olderVersions = async (store: Store, series: Series): Promise<SeriesId[]> => {
  const found = new Set<SeriesId>()
  let look = [series.id]
  while (look.length > 0 && found.size < 20) {
    const older = (await Promise.all(look.map(id => store.seriesReplacedBy(id)))).flat()
    look = older.map(({ id }) => id).filter(id => !found.has(id))
    for (const id of look) found.add(id)
  }
  return [...found]
}

/** Most runs of the time that are counted. */
const maxSamples = 2_000

const sharesOf = async (store: Store, project: string, since: Instant): Promise<Record<string, number>> => {
  const samples = await store.samples({ project, patched: true, since, limit: maxSamples })
  const counts = Map.groupBy(samples, ({ host }) => host)
  return Object.fromEntries([...counts].map(([host, own]) => [host, own.length / samples.length]))
}

const withKin = (
  blame: Blame,
  { older, again }: { older: SeriesId[]; again: Incident | undefined },
): Blame => {
  const kin = [...(blame.kin ?? []), ...older]
  return {
    ...blame,
    ...(kin.length === 0 ? {} : { kin }),
    ...(again && confirms(again, blame) ? { confirmed: headsOf(blame) } : {}),
  }
}

const controls = (blames: Blame[]): string => {
  const runs = blames.reduce((sum, blame) => sum + (blame.without?.runs ?? 0), 0)
  const failed = blames.reduce((sum, blame) => sum + (blame.without?.failed ?? 0), 0)
  if (runs === 0) return 'no runs without the patches were made beside them'
  return failed === 0
    ? `beside them ${runs} runs without the patches were good: it may be real`
    : `${failed} of ${runs} runs without the patches failed, too`
}

/** For operators: what, since when, how sure, what waits, and what to do. */
const sayAlike = ({ about, blames, authors, host }: Alike, id: string): string => {
  const first = new Date(blames[0]?.at ?? 0).toISOString().slice(0, 16).replace('T', ' ')
  const series = [...new Set(blames.map(blame => blame.series))]
  const named = series.slice(0, 5).join(', ')
  return oneLine(
    [
      `${about}: fails alike in series of ${authors} authors since ${first} UTC${host ? `, all on host ${host}` : ''}; ${controls(blames)}`,
      `held back: ${named}${series.length > 5 ? ` and ${series.length - 5} more` : ''}, as far as nobody was told`,
      `look at host and image; then: grapevine incident resolve ${id} --how "…" (they are run again), or, if the patches do it: grapevine incident resolve ${id} --real`,
    ].join('; '),
    1000,
  )
}

const openFor = async ({ store, log }: HeldPorts, found: Alike, since: Instant): Promise<string> => {
  const { about } = found
  const id = `i${contentId(15, trouble, '', about, since)}`
  const detail = sayAlike(found, id)
  const opened = await store.openIncident(
    begunIncident({ id, trouble, host: undefined, about, since, detail }, since),
  )
  if (opened) log?.('error', `incident ${trouble}: ${detail}`)
  return `it fails like the series of others: ${about}`
}

/** An earlier incident makes it wait: it is open, or the series is about to be run again. */
const heldAlready = (blames: Blame[], incidents: Incident[], withinMs: number): string | undefined => {
  for (const blame of blames)
    for (const head of headsOf(blame)) {
      if (blame.confirmed?.includes(head)) continue
      const last = lastAbout(incidents, head)
      if (!last || last.resolved?.real || !heldBy(last, blame, withinMs)) continue
      return last.resolved ? `it is run again after incident ${last.id}` : `incident ${last.id} is open`
    }
  return undefined
}

/**
 * Keeps what the verdict holds against its patches, and says why the verdict has to wait, if it has; undefined: it may be told. Ask it of
 * verdicts that nobody was told, and only of these. Repeatable: what was kept stays, and one incident is opened. Throws the store's Faults.
 */
export const heldBack = async (
  ports: HeldPorts,
  given: Case,
  verdict: Verdict,
): Promise<string | undefined> => {
  const { store } = ports
  const { job, series, policy, now } = given
  const made = blamesOf(given, verdict)
  if (made.length === 0) return undefined
  const incidents = (await store.incidents()).filter(incident => incident.trouble === trouble)
  const again = incidents.find(({ id }) => id === series.again?.incident)
  const older = await olderVersions(store, series)
  await store.addBlames(made.map(blame => withKin(blame, { older, again })))
  const all = await store.blames({ project: job.project, since: now - realMs })
  const ids = new Set(made.map(({ id }) => id))
  const own = all.filter(({ id }) => ids.has(id))
  const { authors, withinMs } = policy.alike
  const before = heldAlready(own, incidents, withinMs)
  if (before !== undefined) return before
  const shares = await sharesOf(store, job.project, now - withinMs)
  const found = alike(own, all, { authors, withinMs, incidents, shares, now })
  return found && openFor(ports, found, now)
}
