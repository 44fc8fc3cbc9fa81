// What the API says, described: the same schemas make the OpenAPI document. Times are UTC (RFC 3339); words of mails and guests are untrusted.
import { z } from '@hono/zod-openapi'

export const instant = z.iso.datetime().openapi({ example: '2026-01-05T12:00:00.000Z' })
export const maybeInstant = instant.nullable()
const count = z.int().nonnegative()

export const findingKinds = [
  ...['all-well', 'new-failures', 'does-not-apply', 'damaged', 'unsafe', 'already-applied', 'build-broken'],
  ...['nothing-to-test', 'base-unknown', 'base-broken', 'incomplete', 'ours', 'cancelled'],
] as const

export const stateNames = ['collecting', 'complete', 'held', 'incomplete', 'planned', 'superseded'] as const

const person = z
  .object({
    name: z.string(),
    address: z.string().nullable().openapi({ description: 'Only for who has a token.' }),
  })
  .openapi('Person')

export const seriesRow = z
  .object({
    id: z.string(),
    project: z.string(),
    title: z.string(),
    author: person,
    version: count,
    total: count.openapi({ description: 'How many patches it should have.' }),
    origin: z.enum(['mail', 'forge', 'hand']),
    state: z.enum(stateNames),
    firstAt: instant,
    lastAt: instant,
    verdict: z.object({ kind: z.enum(findingKinds), at: instant }).nullable(),
    url: z.string().openapi({ description: 'Its page.' }),
  })
  .openapi('SeriesRow')

const trials = z.object({ failed: count, runs: count })
const proof = z
  .object({ with: trials, without: trials, history: trials.nullable() })
  .nullable()
  .openapi({ description: 'Runs in fresh clones with and without the patches; history: of the base alone.' })

const failure = z.object({ step: z.string(), test: z.string(), message: z.string(), proof })

export const imageVerdict = z
  .object({
    image: z.string(),
    kind: z.enum(['passed', 'new-failures', 'untested']),
    passed: count,
    known: count.openapi({ description: 'Failing with and without the patches.' }),
    failures: z.object({ new: count, flaky: count, unclear: count, reported: count, mended: count }),
    newFailures: z.array(
      failure.extend({ kind: z.enum(['new', 'worse']), lines: z.tuple([z.int(), z.int()]).nullable() }),
    ),
    flaky: z.array(failure),
    unclear: z.array(failure),
    reported: z.array(failure.extend({ bug: z.string() })),
    mended: z.array(z.string()),
    why: z.string(),
    run: z.string().nullable(),
    command: z.string(),
  })
  .openapi('ImageVerdict', {
    description: 'Each list holds at most 200; `failures` says how many there are.',
  })

export const verdict = z
  .object({
    series: z.string(),
    job: z.string().nullable(),
    at: instant,
    round: count,
    base: z.object({ commit: z.string(), name: z.string() }).nullable(),
    finding: z
      .looseObject({ kind: z.enum(findingKinds) })
      .openapi({ description: 'What was found; further fields depend on the kind.' }),
    culprit: z.object({ position: z.int(), title: z.string() }).nullable(),
    images: z.array(imageVerdict),
  })
  .openapi('Verdict')

const part = z.object({
  position: count,
  title: z.string(),
  messageId: z.string().nullable(),
  filledFrom: count.nullable(),
  unusable: z.string().nullable(),
})

export const series = seriesRow
  .extend({
    cover: part.nullable(),
    parts: z.array(part),
    missing: z.array(count),
    why: z.string().nullable().openapi({ description: 'Of a state that needs a reason.' }),
    supersededBy: z.string().nullable(),
    baseCommit: z.string().nullable(),
    newest: verdict.nullable(),
    versions: z.array(z.object({ id: z.string(), version: count, lastAt: instant })),
  })
  .openapi('Series')

const step = z.object({
  name: z.string(),
  ending: z.looseObject({ kind: z.string() }),
  lines: z.tuple([z.int(), z.int()]).openapi({ description: 'In the log, counted from 1.' }),
  tests: z
    .object({ report: z.string(), all: count, failed: count, skipped: count })
    .nullable()
    .openapi({ description: 'Of a step that tests.' }),
})

export const run = z
  .object({
    id: z.string(),
    task: z.string(),
    job: z.string(),
    series: z.string().nullable().openapi({ description: 'null: of an unpatched base.' }),
    project: z.string(),
    kind: z.enum(['build', 'test']),
    why: z.string().openapi({ description: 'first, likely, screen, proof, bisect.' }),
    side: z.string().nullable(),
    image: z.string(),
    host: z.string(),
    attempt: count,
    startedAt: instant,
    endedAt: maybeInstant,
    outcome: z.string().nullable(),
    says: z.string(),
    steps: z.array(step),
    evidence: z.array(z.string()).openapi({ description: 'Names of what is kept of it.' }),
    log: z.string().nullable().openapi({ description: 'Where its log is.' }),
    url: z.string(),
  })
  .openapi('Run')

export const task = z
  .object({
    task: z.string(),
    job: z.string(),
    kind: z.enum(['build', 'test']),
    why: z.string(),
    image: z.string(),
    project: z.string(),
    series: z.string().nullable(),
    base: z.object({ commit: z.string(), name: z.string() }),
    run: z.string().nullable(),
    host: z.string().nullable(),
    since: maybeInstant,
  })
  .openapi('Task')

export const host = z
  .object({
    name: z.string(),
    state: z
      .enum(['works', 'paused', 'held', 'unfit', 'lost', 'ended'])
      .openapi({ description: 'works: takes tasks; ended: its worker was stopped.' }),
    why: z.string().openapi({ description: 'Why it takes no work; empty if it does, or if it is not told.' }),
    slots: count,
    busy: count,
    memoryMiB: count,
    images: z.array(z.string()),
    seenAt: instant,
    facts: z.record(z.string(), z.string()),
  })
  .openapi('Host')

export const knownFailure = z
  .object({
    id: z.string(),
    project: z.string(),
    state: z.enum(['proposed', 'confirmed', 'rejected', 'retired']),
    step: z.string().nullable(),
    test: z.string().openapi({ description: 'A pattern; empty: the step itself.' }),
    images: z.array(z.string()),
    message: z.string(),
    bug: z.string().nullable(),
    always: z.boolean(),
    seen: z.object({ at: instant, times: count }).nullable(),
    createdAt: instant,
  })
  .openapi('KnownFailure')

export const incident = z
  .object({
    id: z.string(),
    title: z.string(),
    state: z.enum(['open', 'monitoring', 'resolved']),
    severity: z.enum(['minor', 'major']),
    since: instant,
    until: maybeInstant,
    says: z.array(z.string()),
    cause: z.string(),
    doing: z.string(),
    hosts: z.array(z.string()),
    projects: z.array(z.string()),
    log: z.array(z.object({ at: instant, by: z.string(), what: z.string() })),
    bug: z.string().nullable(),
    url: z.string(),
  })
  .openapi('Incident')

export const maintenance = z
  .object({
    id: z.string(),
    state: z.enum(['planned', 'running', 'done']),
    hosts: z.array(z.string()).openapi({ description: 'Empty: the whole service.' }),
    from: instant,
    to: instant,
    reason: z.string(),
  })
  .openapi('Maintenance')

export const project = z
  .object({
    name: z.string(),
    list: z.string(),
    repository: z.string(),
    branch: z.string(),
    images: z.array(z.string()),
  })
  .openapi('Project')

export const testPoint = z
  .object({
    image: z.string(),
    at: instant,
    base: z.object({ commit: z.string(), name: z.string().nullable() }),
    series: z.string().nullable(),
    run: z.string(),
    host: z.string(),
    failed: z.boolean(),
    message: z.string(),
  })
  .openapi('TestPoint')

export const foundTest = z.object({ step: z.string(), test: z.string(), lastFailed: instant }).openapi('Test')

export const flakyTest = z
  .object({
    ...{ step: z.string(), test: z.string(), image: z.string() },
    ...{ failed: count, runs: count, lastFailed: instant },
  })
  .openapi('FlakyTest')
