// What others hear by webhooks, as they read it: one body for each thing that happened. Pure. Beside the flow.
import type { HookDelivery, HookEvent } from '../../model/access.ts'
import type { Incident } from '../../model/incident.ts'
import type { Instant } from '../../model/instant.ts'
import type { Maintenance } from '../../model/maintenance.ts'
import type { Series } from '../../model/series.ts'
import { culpritOf, type ImageVerdict, type Verdict, verdictKey } from '../../model/verdict.ts'
import { contentId } from '../../text/digest.ts'

/** `key`: what makes it another one than those before. */
export type News = { event: HookEvent; key: string; at: Instant; data: object }

/** Where the pages are, without "/" at its end; '' for nowhere. */
type Base = string

const iso = (at: Instant): string => new Date(at).toISOString()

const aboutSeries = ({ id, project, title, author, version, total, origin }: Series, base: Base) => ({
  ...{ id, project, title, version, total, author: { name: author.name }, origin: origin.from },
  ...(base === '' ? {} : { url: `${base}/series/${encodeURIComponent(id)}` }),
})

/** All its patches are here, and they are tested. */
export const completeNews = (series: Series, at: Instant, base: Base): News => ({
  ...{ event: 'series.complete', key: `${series.id} ${series.parts.length}`, at },
  data: { series: aboutSeries(series, base) },
})

const counts = ({ image, kind, passed, newFailures, flaky, unclear, reported }: ImageVerdict) => ({
  ...{ image, kind, passed, new: newFailures.length, flaky: flaky?.length ?? 0 },
  ...{ unclear: unclear?.length ?? 0, reported: reported?.length ?? 0 },
})

export const verdictNews = (series: Series, verdict: Verdict, base: Base): News => {
  const culprit = culpritOf(verdict)
  return {
    ...{ event: 'series.verdict', key: `${series.id} ${verdictKey(verdict)}`, at: verdict.decidedAt },
    data: {
      series: aboutSeries(series, base),
      verdict: {
        ...{ kind: verdict.finding.kind, at: iso(verdict.decidedAt), round: verdict.round ?? 0 },
        base: verdict.base ? { commit: verdict.base.commit, name: verdict.base.name } : null,
        culprit: culprit ? { position: culprit.position, title: culprit.title } : null,
        images: verdict.images.map(counts),
      },
    },
  }
}

/** `says`: what everybody may read of it. */
export type ToldIncident = Pick<Incident, 'id' | 'severity' | 'since'> & {
  state: 'open' | 'monitoring' | 'resolved'
  changed: Instant
  says: { title: string; cause: string; doing: string; hosts: string[]; projects: string[] }
}

export const incidentNews = (one: ToldIncident, base: Base): News => {
  const { id, state, severity, since, changed, says } = one
  return {
    ...{ event: 'incident.changed', at: changed },
    key: `${id} ${contentId(16, state, severity, says)}`,
    data: {
      incident: {
        ...{ id, state, severity, since: iso(since), ...says },
        ...(base === '' ? {} : { url: `${base}/incidents/${encodeURIComponent(id)}` }),
      },
    },
  }
}

const windowStates = {
  ...{ planned: 'planned', announced: 'planned', running: 'running', done: 'done' },
  cancelled: 'cancelled',
} as const

/** When it came into its state, as far as that is known. */
const changedAt = ({ state, createdAt }: Maintenance): Instant => {
  if (state.at === 'planned') return createdAt
  return state.at === 'running' ? state.since : state.when
}

export const maintenanceNews = (one: Maintenance): News => {
  const { id, hosts, from, to, reason, state } = one
  const at = windowStates[state.at]
  const said = { id, state: at, hosts, from: iso(from), to: iso(to), reason }
  return {
    ...{ event: 'maintenance.changed', key: `${id} ${contentId(16, said)}`, at: changedAt(one) },
    data: { maintenance: said },
  }
}

/** The same news to the same receiver is the same delivery, however often it is found. */
export const deliveryOf = (hook: string, { event, key, at, data }: News, now: Instant): HookDelivery => ({
  ...{ id: `msg_${contentId(24, hook, event, key)}`, hook, event, createdAt: now },
  body: JSON.stringify({ type: event, timestamp: iso(at), data }),
  state: { at: 'pending', notBefore: now, tries: 0 },
})
