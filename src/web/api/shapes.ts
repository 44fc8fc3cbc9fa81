// The model as the API says it: pure. Nothing that is only for operators, and nothing unbounded.
import type { z } from '@hono/zod-openapi'
import type { Host } from '../../model/host.ts'
import type { Instant } from '../../model/instant.ts'
import { type RunRecord, type StepOutcome, stepsOf, type Task, type TestedStep } from '../../model/job.ts'
import type { KnownFailure } from '../../model/known.ts'
import { isFailure } from '../../model/report.ts'
import { missingParts, type Part, type Series } from '../../model/series.ts'
import type { Standing } from '../../model/standing.ts'
import type { ImageVerdict, OtherFailure, Proof, Verdict } from '../../model/verdict.ts'
import type { SeriesRow, TaskRow, TestPoint } from '../../ports/reads.ts'
import { incidentPath, runPath, seriesPath } from '../links.ts'
import type { ShownIncident } from '../shown.ts'
import type { ShownWindow } from '../view.ts'
import type * as schema from './schema.ts'

type Json<Schema extends z.ZodType> = z.infer<Schema>

/** `base`: where the pages are, without "/" at its end. `tellsAddresses`: who asks has a token. */
export type Telling = { base: string; tellsAddresses: boolean }

export const iso = (at: Instant): string => new Date(at).toISOString()
export const maybeIso = (at: Instant | undefined): string | null => (at === undefined ? null : iso(at))

export const rowOf = (row: SeriesRow, { base, tellsAddresses }: Telling): Json<typeof schema.seriesRow> => ({
  ...{ id: row.id, project: row.project, title: row.title, version: row.version, total: row.total },
  author: { name: row.author.name, address: tellsAddresses ? row.author.address : null },
  ...{ origin: row.origin, state: row.at, firstAt: iso(row.firstAt), lastAt: iso(row.lastAt) },
  verdict: row.verdict ? { kind: row.verdict.kind, at: iso(row.verdict.at) } : null,
  url: `${base}${seriesPath(row.id)}`,
})

const partOf = ({ position, title, messageId, filledFrom, unusable }: Part) => ({
  ...{ position, title, messageId: messageId ?? null, filledFrom: filledFrom ?? null },
  unusable: unusable?.why ?? null,
})

/** Parts of a series that are told. */
const maxParts = 500

export const seriesOf = (
  series: Series,
  { newest, versions, telling }: { newest: Verdict | undefined; versions: SeriesRow[]; telling: Telling },
): Json<typeof schema.series> => {
  const { state, cover, origin, ...rest } = series
  const verdict = newest && { kind: newest.finding.kind, at: newest.decidedAt }
  return {
    ...rowOf({ ...rest, origin: origin.from, at: state.at, verdict }, telling),
    cover: cover ? partOf(cover) : null,
    parts: series.parts.slice(0, maxParts).map(partOf),
    missing: missingParts(series).slice(0, maxParts),
    why: ('why' in state ? state.why : undefined) ?? null,
    supersededBy: state.at === 'superseded' ? state.by : null,
    baseCommit: series.baseCommit ?? null,
    newest: newest ? verdictOf(newest) : null,
    versions: versions.map(({ id, version, lastAt }) => ({ id, version, lastAt: iso(lastAt) })),
  }
}

/** Longest list of failures of one kind. */
const maxFailures = 200

const few = <T>(list: readonly T[] | undefined): T[] => (list ?? []).slice(0, maxFailures)

const proofOf = (proof: Proof | undefined) =>
  proof ? { with: proof.with, without: proof.without, history: proof.history ?? null } : null

const failureOf = ({ step, test, message, proof }: OtherFailure) => ({
  ...{ step, test, message, proof: proofOf(proof) },
})

const imageOf = (one: ImageVerdict): Json<typeof schema.imageVerdict> => ({
  ...{ image: one.image, kind: one.kind, passed: one.passed, known: one.known, why: one.why },
  failures: {
    new: one.newFailures.length,
    flaky: one.flaky?.length ?? 0,
    unclear: one.unclear?.length ?? 0,
    reported: one.reported?.length ?? 0,
    mended: one.mended.length,
  },
  newFailures: few(one.newFailures).map(({ kind = 'new', lines, ...failure }) => ({
    ...failureOf(failure as OtherFailure),
    ...{ kind, lines: lines ?? null },
  })),
  flaky: few(one.flaky).map(failureOf),
  unclear: few(one.unclear).map(failureOf),
  reported: few(one.reported).map(({ bug, ...failure }) => ({ ...failureOf(failure), bug })),
  mended: few(one.mended),
  ...{ run: one.run ?? null, command: one.command },
})

export const verdictOf = (verdict: Verdict): Json<typeof schema.verdict> => {
  const { series, job, decidedAt, round = 0, base, finding, culprit, images } = verdict
  // Who cancelled it is an operator's business.
  const told =
    finding.kind === 'cancelled'
      ? { kind: finding.kind, why: finding.why }
      : { ...finding, kind: finding.kind }
  return {
    ...{ series, job: job ?? null, at: iso(decidedAt), round, finding: told },
    base: base ? { commit: base.commit, name: base.name } : null,
    culprit: culprit ? { position: culprit.position, title: culprit.title } : null,
    images: images.map(imageOf),
  }
}

const stepOf = (step: StepOutcome | TestedStep) => ({
  ...{ name: step.name, ending: { ...step.ending }, lines: step.lines },
  tests: 'report' in step ? countsOf(step.report) : null,
})

const countsOf = ({ state, tests }: TestedStep['report']) => ({
  report: state,
  all: tests.length,
  failed: tests.filter(({ outcome }) => isFailure(outcome)).length,
  skipped: tests.filter(({ outcome }) => outcome === 'skipped').length,
})

export const runOf = (
  record: RunRecord,
  { task, series, base }: { task: Task; series: string | undefined; base: string },
): Json<typeof schema.run> => {
  const { outcome, evidence } = record
  return {
    ...{ id: record.id, task: task.id, job: task.job, project: task.project, series: series ?? null },
    ...{ kind: task.kind, why: task.probe?.why ?? 'first', side: sideOf(task), image: task.image },
    ...{ host: record.host, attempt: record.attempt, startedAt: iso(record.startedAt) },
    ...{ endedAt: maybeIso(record.endedAt), outcome: outcome?.kind ?? null },
    says: outcome?.kind === 'ours' ? outcome.what : '',
    steps: stepsOf(record.outcome).map(stepOf),
    evidence: Object.keys(evidence).sort(),
    log: evidence.log === undefined ? null : `${base}/api/v1/runs/${encodeURIComponent(record.id)}/log`,
    url: `${base}${runPath(record.id)}`,
  }
}

const sideOf = ({ probe }: Task): string | null => (probe ? String(probe.side) : null)

export const taskOf = (row: TaskRow): Json<typeof schema.task> => ({
  ...{ task: row.task, job: row.job, kind: row.kind, why: row.why, image: row.image, project: row.project },
  ...{ series: row.series?.id ?? null, base: row.base, run: row.run ?? null, host: row.host ?? null },
  since: maybeIso(row.since),
})

/** What a worker says of its trouble may hold paths: only operators read that. What an operator says others read, as on the status page. */
const whyOf = (standing: Standing, tellsWhy: boolean): string => {
  if (standing.at === 'unfit') return tellsWhy ? standing.why : ''
  return 'hold' in standing ? standing.hold.reason : ''
}

export const hostOf = (
  host: Host,
  { standing, tellsWhy }: { standing: Standing; tellsWhy: boolean },
): Json<typeof schema.host> => ({
  ...{ name: host.name, state: standing.at, why: whyOf(standing, tellsWhy) },
  ...{ slots: host.slots, busy: host.busy, memoryMiB: host.memoryMiB, images: host.images },
  ...{ seenAt: iso(host.seenAt), facts: tellsWhy ? host.facts : {} },
})

export const knownOf = (known: KnownFailure): Json<typeof schema.knownFailure> => ({
  ...{ id: known.id, project: known.project, state: known.state.at, step: known.step ?? null },
  ...{ test: known.test, images: known.images, message: known.message, bug: known.bug ?? null },
  ...{ always: known.always === true, createdAt: iso(known.createdAt) },
  seen: known.seen ? { at: iso(known.seen.at), times: known.seen.times } : null,
})

export const incidentOf = (one: ShownIncident, base: string): Json<typeof schema.incident> => ({
  ...{ id: one.id, title: one.title, state: one.at, severity: one.severity, since: iso(one.since) },
  ...{ until: maybeIso(one.until), says: one.paragraphs, cause: one.cause, doing: one.doing },
  ...{ hosts: one.hosts, projects: one.projects, bug: one.bug ?? null },
  log: one.log.map(({ at, by, what }) => ({ at: iso(at), by, what })),
  url: `${base}${incidentPath(one.id)}`,
})

export const windowOf = (one: ShownWindow): Json<typeof schema.maintenance> => ({
  ...{ id: one.id, state: one.at, hosts: one.hosts, reason: one.reason },
  ...{ from: iso(one.from), to: iso(one.to) },
})

export const pointOf = (point: TestPoint): Json<typeof schema.testPoint> => ({
  ...{
    image: point.image,
    at: iso(point.at),
    series: point.series ?? null,
    run: point.run,
    host: point.host,
  },
  base: { commit: point.base.commit, name: point.base.name ?? null },
  ...{ failed: point.failed, message: point.message },
})
