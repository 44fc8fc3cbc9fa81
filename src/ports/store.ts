// What is kept, and the truth about all that goes on. One contract suite runs on every implementation.
import type { Instant } from '../model/instant.ts'
import type { Job, JobId, Outcome, RunRecord, Task, TaskId, TaskState } from '../model/job.ts'
import type { Disposition, Mail, MailId, MessageId } from '../model/mail.ts'
import type { Reply, ReplyState } from '../model/reply.ts'
import type { RunId } from '../model/run.ts'
import type { Series, SeriesId } from '../model/series.ts'
import type { Verdict } from '../model/verdict.ts'
import type { Cursor } from './mail-source.ts'

/** Everything durable when it resolves. Faults: unreachable, exhausted (disk full). */
export type Store = {
  /** Keeps mails and then the cursor of their source, in one transaction. Mails that are there already (same id and project) stay as they are. Returns the ids that were new. */
  saveMails(mails: Mail[], cursor: { source: string; value: Cursor } | undefined): Promise<MailId[]>
  cursor(source: string): Promise<Cursor>
  mail(id: MailId): Promise<Mail | undefined>
  /** All mails of that Message-ID, in order of arrival. */
  mailsByMessageId(messageId: MessageId, project?: string): Promise<Mail[]>
  /** In order of arrival (then of storing); only disposition `kind` if given. */
  mails(filter: { project?: string; kind?: Disposition['kind']; limit?: number }): Promise<Mail[]>
  setDisposition(project: string, id: MailId, disposition: Disposition): Promise<void>
  dispositions(project?: string): Promise<{ kind: string; count: number }[]>

  series(id: SeriesId): Promise<Series | undefined>
  /** Series of the project that a part could belong to: last heard of after `since`, or holding one of the message ids. */
  seriesNear(filter: { project: string; since: Instant; holding: MessageId[] }): Promise<Series[]>
  /** In order of first arrival. */
  seriesIn(filter: { project?: string; at?: Series['state']['at']; limit?: number }): Promise<Series[]>
  /** Series still collecting whose time is up. */
  seriesDue(now: Instant): Promise<Series[]>
  /** Saves series and dispositions of mails together. */
  saveSeries(
    series: Series[],
    dispositions?: { project: string; id: MailId; disposition: Disposition }[],
  ): Promise<void>

  /** Inserts what is not there yet; jobs and tasks that exist stay as they are. */
  addJob(job: Job, tasks: Task[]): Promise<void>
  job(id: JobId): Promise<Job | undefined>
  jobsOf(series: SeriesId): Promise<Job[]>
  task(id: TaskId): Promise<Task | undefined>
  tasksOf(job: JobId): Promise<Task[]>
  tasksAt(at: TaskState['at']): Promise<Task[]>
  /** Compare and set: changes the task only if its state is still `from` (by `at`, attempt and run). false: it came too late. */
  moveTask(id: TaskId, from: TaskState, to: TaskState): Promise<boolean>

  saveRun(run: RunRecord): Promise<void>
  run(id: RunId): Promise<RunRecord | undefined>
  /** In order of attempt. */
  runsOf(task: TaskId): Promise<RunRecord[]>
  outcome(task: TaskId): Promise<Outcome | undefined>

  /** The first one stays: false if there is one of that series and job already. Keeps the reply with it, in one transaction. */
  addVerdict(verdict: Verdict, reply: Reply | undefined): Promise<boolean>
  /** The newest. */
  verdict(series: SeriesId): Promise<Verdict | undefined>
  /** Jobs of series that have no verdict yet, and whose series is not superseded. */
  jobsWithoutVerdict(): Promise<Job[]>

  reply(id: string): Promise<Reply | undefined>
  repliesAt(at: ReplyState['at']): Promise<Reply[]>
  repliesOf(series: SeriesId): Promise<Reply[]>
  /** Compare and set by `at` and tries. */
  moveReply(id: string, from: ReplyState, to: ReplyState): Promise<boolean>
  /** Is it one of ours? */
  isOurs(messageId: MessageId): Promise<boolean>

  close(): Promise<void>
}
