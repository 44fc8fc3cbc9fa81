// Small complete values of the model for contract tests.
import type { Hold, Host } from '../../src/model/host.ts'
import { type Incident, newIncident } from '../../src/model/incident.ts'
import type { Job, Outcome, RunRecord, Task, TaskState } from '../../src/model/job.ts'
import type { Mail } from '../../src/model/mail.ts'
import type { Reply, ReplyState } from '../../src/model/reply.ts'
import type { Part, Series, SeriesState } from '../../src/model/series.ts'
import type { Verdict } from '../../src/model/verdict.ts'

const sofia = { name: 'Sofia Ödegård', address: 'sofia@example.org' }

export const mail = (id: string, more: Partial<Mail> & { messageId?: string | undefined } = {}): Mail => {
  const { messageId = `<${id}@example.org>`, ...rest } = more
  return {
    id,
    project: 'tally',
    source: 'archive',
    arrivedAt: 1000,
    size: 2345,
    parsed: {
      messageId,
      ancestors: ['<before@example.org>'],
      subject: '[PATCH v2 1/2] tally: “count” to 10',
      from: sofia,
      author: sofia,
      replyTo: [],
      to: [{ name: '', address: 'list@example.org' }],
      cc: [],
      date: 999,
      listId: 'list.example.org',
      auto: undefined,
      text: 'NUL \0, a lone surrogate \uD800, a line\r\nand "quotes"',
      damage: [],
    },
    tags: undefined,
    patch: undefined,
    disposition: { kind: 'new' },
    ...rest,
  }
}

export const part = (position: number, mailId: string): Part => ({
  position,
  mail: mailId,
  messageId: `<${mailId}@example.org>`,
  title: `part ${position}`,
})

export const series = (id: string, more: Partial<Series> = {}): Series => ({
  id,
  project: 'tally',
  origin: { from: 'mail' },
  title: 'tally: count to 10',
  author: sofia,
  version: 2,
  total: 2,
  cover: undefined,
  parts: [part(1, `${id}-1`)],
  firstAt: 1000,
  lastAt: 1000,
  baseCommit: undefined,
  state: { at: 'collecting', until: 5000 },
  ...more,
})

export const planned = (job: string): SeriesState => ({ at: 'planned', job })

export const job = (id: string, more: Partial<Job> = {}): Job => ({
  id,
  project: 'tally',
  series: undefined,
  baseline: undefined,
  base: '0'.repeat(40),
  baseName: 'main',
  recipe: {
    repository: '/srv/tally.git',
    branch: 'main',
    build: { image: 'debian', prepare: [], steps: [], artifacts: [] },
    test: { images: ['debian'], steps: [] },
    ignore: [],
  },
  parts: [],
  priority: 6,
  createdAt: 1000,
  ...more,
})

export const task = (id: string, jobId: string, more: Partial<Task> = {}): Task => ({
  id,
  job: jobId,
  project: 'tally',
  kind: 'test',
  image: 'debian',
  priority: 6,
  state: { at: 'queued', attempt: 1 },
  ...more,
})

export const running = (run: string, attempt = 1): TaskState => ({
  at: 'running',
  attempt,
  run,
  host: 'alpha',
  since: 2000,
  until: 3000,
})

export const builtOutcome: Outcome = {
  kind: 'built',
  artifact: 'blob-1',
  steps: [{ name: 'make', ending: { kind: 'finished', exitCode: 0 }, tail: ['ok'], lines: [1, 2] }],
}

export const run = (id: string, taskId: string, more: Partial<RunRecord> = {}): RunRecord => ({
  id,
  task: taskId,
  attempt: 1,
  host: 'alpha',
  startedAt: 2000,
  endedAt: undefined,
  outcome: undefined,
  evidence: { log: 'blob-2' },
  ...more,
})

export const verdict = (seriesId: string, more: Partial<Verdict> = {}): Verdict => ({
  series: seriesId,
  job: undefined,
  base: { commit: '0'.repeat(40), name: 'main' },
  decidedAt: 4000,
  buildLog: undefined,
  images: [],
  finding: { kind: 'all-well' },
  ...more,
})

export const pending: ReplyState = { at: 'pending', notBefore: 0, tries: 0 }

export const reply = (id: string, seriesId: string, more: Partial<Reply> = {}): Reply => ({
  id,
  kind: 'verdict',
  series: seriesId,
  thread: '<before@example.org>',
  project: 'tally',
  mail: {
    messageId: `<${id}@bot.example.org>`,
    from: { name: 'Grapevine', address: 'bot@example.org' },
    to: [sofia],
    cc: [],
    subject: 'Re: [PATCH v2 1/2] tally: count to 10',
    inReplyTo: '<before@example.org>',
    references: ['<before@example.org>'],
    headers: { 'Auto-Submitted': 'auto-replied' },
    text: 'All well.\n',
    date: 4000,
  },
  state: pending,
  ...more,
})

export const host = (name: string, more: Partial<Host> = {}): Host => ({
  name,
  worker: `worker of ${name}`,
  startedAt: 1000,
  seenAt: 2000,
  slots: 2,
  busy: 0,
  memoryMiB: 4096,
  images: ['debian'],
  unfit: undefined,
  facts: { qemu: '7.2' },
  ...more,
})

export const hold = (on: Hold['on'], more: Partial<Hold> = {}): Hold => ({
  on,
  how: 'drain',
  reason: 'new disk',
  by: 'olga',
  since: 1000,
  until: undefined,
  ...more,
})

export const incident = (id: string, more: Partial<Incident> = {}): Incident =>
  newIncident({
    ...{ id, trouble: 'disk-error', host: 'alpha', about: 'sda', since: 1000, detail: 'it makes noises' },
    ...(more.resolved ? { state: { at: 'resolved' } } : {}),
    ...more,
  })
