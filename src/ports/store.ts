// What is kept, and the truth about all that goes on. One contract suite runs on every implementation.

import type { ApiToken, Audit, HookDelivery, LoginLink, Session } from '../model/access.ts'
import type { KnownAddress, Silence } from '../model/address.ts'
import type { Blame } from '../model/blame.ts'
import type { BugLink, BugUrl, BugWrite, BugWriteState, Track } from '../model/bug.ts'
import type { Command, CommandState } from '../model/command.ts'
import type { ForgeEvent, Pull, PullRef, Shown, ShownPlace } from '../model/forge.ts'
import type { Sample } from '../model/history.ts'
import type { Hold, Host } from '../model/host.ts'
import type { Incident, IncidentId, Resolution } from '../model/incident.ts'
import type { Instant } from '../model/instant.ts'
import type { BlobId, Job, JobId, Outcome, RunRecord, Task, TaskId, TaskState } from '../model/job.ts'
import type { KnownFailure, KnownState } from '../model/known.ts'
import type { Address, Disposition, Mail, MailId, MessageId } from '../model/mail.ts'
import type { HostRequest, Maintenance, MaintenanceId } from '../model/maintenance.ts'
import type { PowerAction } from '../model/power.ts'
import type { DigestLine, Reply, ReplyKind, ReplyState } from '../model/reply.ts'
import type { RunId } from '../model/run.ts'
import type { RunEnd } from '../model/run-end.ts'
import type { Links, Series, SeriesId } from '../model/series.ts'
import type { Verdict } from '../model/verdict.ts'
import type { Cursor } from './mail-source.ts'
import type { Reads } from './reads.ts'

type MailFilter = { project?: string; kind?: Disposition['kind']; limit?: number }

/** Everything durable when it resolves. Faults: unreachable, exhausted (disk full). */
export type Store = {
  /** Keeps mails and then the cursor of their source, in one transaction. Mails that are there already (same id and project) stay as they are. Returns the ids that were new. */
  saveMails(mails: Mail[], cursor: { source: string; value: Cursor } | undefined): Promise<MailId[]>
  cursor(source: string): Promise<Cursor>
  /** The same bytes may be kept for several projects; without one, the first. */
  mail(id: MailId, project?: string): Promise<Mail | undefined>
  /** All mails of that Message-ID, in order of arrival. */
  mailsByMessageId(messageId: MessageId, project?: string): Promise<Mail[]>
  /** In order of arrival (then of storing); only disposition `kind` if given. */
  mails(filter: MailFilter): Promise<Mail[]>
  /** Mails of the project that carry a patch of that `git patch-id --stable`, in order of arrival. */
  mailsByPatchId(patchId: string, project: string): Promise<Mail[]>
  /** Those of the project that were stored after that place, in order of storing; the place of each is a number that grows. */
  mailsAfter(filter: {
    project: string
    place: number
    limit: number
  }): Promise<{ place: number; mail: Mail }[]>
  /** Place of the first mail of that Message-ID; without one, of the last mail of all. 0: there is none. */
  mailPlace(project: string, messageId?: MessageId): Promise<number>
  setDisposition(project: string, id: MailId, disposition: Disposition): Promise<void>
  /** Replaces what is known of a mail, if its disposition is still of the kind `from`. false: it came too late, or there is none. */
  updateMail(mail: Mail, from: Disposition['kind']): Promise<boolean>
  /** Names the mails that `mails` gives, without reading them: what they say may be long. */
  mailKeys(filter: MailFilter): Promise<{ project: string; id: MailId }[]>
  dispositions(project?: string): Promise<{ kind: string; count: number }[]>

  series(id: SeriesId): Promise<Series | undefined>
  /** Series of the project that a part could belong to: last heard of after `since` (and by that author, told by address or by name,
   *  if given), or holding one of the message ids. In order of first arrival. */
  seriesNear(filter: {
    project: string
    since: Instant
    holding: MessageId[]
    by?: Address
  }): Promise<Series[]>
  /** Series of the project that say they come after one of these (Links.dependsOn). */
  seriesDependingOn(filter: { project: string } & Links['dependsOn']): Promise<Series[]>
  /** All of the project with that `change-id:`, in order of first arrival. */
  seriesByChangeId(changeId: string, project: string): Promise<Series[]>
  /** The older versions that this one took the place of, in order of version. */
  seriesReplacedBy(id: SeriesId): Promise<Series[]>
  /** Series of the project that name bugs (Part.bugs) and were last heard of after `since`, in order of first arrival. */
  seriesNamingBugs(filter: { project: string; since: Instant }): Promise<Series[]>
  /** In order of first arrival. */
  seriesIn(filter: { project?: string; at?: Series['state']['at']; limit?: number }): Promise<Series[]>
  /** Series still collecting whose time is up. */
  seriesDue(now: Instant): Promise<Series[]>
  /** Saves series and dispositions of mails together. Fault refused, soon: one was touched since it was read (see updateSeries); none is saved. */
  saveSeries(
    series: Series[],
    dispositions?: { project: string; id: MailId; disposition: Disposition }[],
  ): Promise<void>

  /** Inserts what is not there yet; jobs and tasks that exist stay as they are. */
  addJob(job: Job, tasks: Task[]): Promise<void>
  /** More tasks of a job that is there; those that exist stay as they are. */
  addTasks(tasks: Task[]): Promise<void>
  job(id: JobId): Promise<Job | undefined>
  /** Of unpatched bases, the newest first. */
  baselines(filter: { project: string; baseName?: string; limit: number }): Promise<Job[]>
  jobsOf(series: SeriesId): Promise<Job[]>
  task(id: TaskId): Promise<Task | undefined>
  tasksOf(job: JobId): Promise<Task[]>
  /** Of several jobs at once, in order of storing. */
  tasksOfJobs(jobs: JobId[]): Promise<Task[]>
  tasksAt(at: TaskState['at']): Promise<Task[]>
  /** Compare and set: changes the task only if its state is still `from` (by `at`, attempt and run). false: it came too late. */
  moveTask(id: TaskId, from: TaskState, to: TaskState): Promise<boolean>

  saveRun(run: RunRecord): Promise<void>
  run(id: RunId): Promise<RunRecord | undefined>
  /** In order of attempt. */
  runsOf(task: TaskId): Promise<RunRecord[]>
  /** How runs ended that ended after `since`, in short, the newest first; not of runs that an older Grapevine kept. */
  runEnds(filter: { since: Instant; limit: number }): Promise<RunEnd[]>
  outcome(task: TaskId): Promise<Outcome | undefined>
  /** Blobs that only runs left that ended before that moment: evidence, and artifacts of series that nobody is to test any more. No mail is one. */
  expiredBlobs(filter: { before: Instant; limit: number }): Promise<BlobId[]>
  /** Those runs' blobs are named by `expiredBlobs` no more. */
  forgetBlobs(gone: { blobs: BlobId[]; before: Instant }): Promise<void>

  /** What was kept already stays. */
  addSamples(samples: Sample[]): Promise<void>
  /** The newest first. `patched`: only those of series (true), or of unpatched bases (false). */
  samples(filter: {
    project: string
    image?: string
    step?: string
    patched?: boolean
    since?: Instant
    limit: number
  }): Promise<Sample[]>
  /** Those made before that moment go, of that project if one is given; returns how many. */
  pruneSamples(before: Instant, project?: string): Promise<number>

  /** Failures that were proven to be a patch's doing, or would be told as that; what was kept already stays. */
  addBlames(blames: Blame[]): Promise<void>
  /** In order of time. */
  blames(filter: { project: string; since: Instant }): Promise<Blame[]>
  /** Those of that project made before that moment go; returns how many. */
  pruneBlames(before: Instant, project: string): Promise<number>

  /** Inserts; false: one of that id is there, and stays. */
  addKnown(known: KnownFailure): Promise<boolean>
  /** In order of storing. */
  knownFailures(filter?: { project?: string; at?: KnownState['at'] }): Promise<KnownFailure[]>
  /** Compare and set: replaces it, if what is kept is still `from`, as it was read. false: it came too late. */
  updateKnown(known: KnownFailure, from: KnownFailure): Promise<boolean>

  /** The first one stays: false if there is one of that series and key (`verdictKey`) already. Keeps reply and line with it, in one transaction. */
  addVerdict(verdict: Verdict, reply: Reply | undefined, line?: DigestLine): Promise<boolean>
  /** The newest. */
  verdict(series: SeriesId): Promise<Verdict | undefined>
  /** All, the oldest first. */
  verdictsOf(series: SeriesId): Promise<Verdict[]>
  /** When the newest verdict on a series of that project was decided. undefined: there is none. */
  lastVerdictAt(project: string): Promise<Instant | undefined>
  /** Jobs of series that have no verdict yet, and whose series is not superseded. */
  jobsWithoutVerdict(): Promise<Job[]>

  /** Queues a mail that says no verdict. false: one of that id is there already, and stays. */
  addReply(reply: Reply): Promise<boolean>
  reply(id: string): Promise<Reply | undefined>
  repliesAt(at: ReplyState['at']): Promise<Reply[]>
  repliesOf(series: SeriesId): Promise<Reply[]>
  /** How many that were not given up were made after `since`, in all, in one thread or to one address. */
  countReplies(filter: { since: Instant; thread?: MessageId; to?: string; kind?: ReplyKind }): Promise<number>
  /** Compare and set by `at` and tries. */
  moveReply(id: string, from: ReplyState, to: ReplyState): Promise<boolean>
  /** For the project's next digest; a line of that id that is there already stays. */
  addDigestLine(line: DigestLine): Promise<void>
  /** Those that are in no digest yet and were made before that moment, the oldest first. */
  digestLines(filter: { project: string; before: Instant }): Promise<DigestLine[]>
  /** Queues a digest and takes those lines out of the next one, in one transaction. false: it is queued already, and nothing is changed. */
  addDigest(reply: Reply, lines: string[]): Promise<boolean>
  /** What was sent with that Message-ID. */
  replyByMessageId(messageId: MessageId): Promise<Reply | undefined>
  /** Is it one of ours? */
  isOurs(messageId: MessageId): Promise<boolean>

  /** Inserts what is not there yet; returns the ids that were new. */
  addCommands(commands: Command[]): Promise<string[]>
  /** In order of storing. `since`: made after that. */
  commands(filter: {
    at?: CommandState['at']
    project?: string
    mail?: MailId
    sender?: string
    series?: SeriesId
    since?: Instant
    limit?: number
  }): Promise<Command[]>
  /** Saves a command together with what follows of it, if its state is still `from`; false: it came too late, and nothing is saved. */
  moveCommand(
    command: Command,
    from: CommandState['at'],
    also?: { reply?: Reply | undefined; series?: Series | undefined },
  ): Promise<boolean>

  /** Who had a series tested in a project; by address, without regard to case. */
  author(project: string, address: string): Promise<{ firstAt: Instant; signed: boolean } | undefined>
  /** Repeatable: the first time stays; `signed` once said stays said. */
  addAuthor(project: string, author: { address: string; at: Instant; signed: boolean }): Promise<void>
  /** `held` becomes `complete`, touched. false: it is not held. */
  releaseSeries(id: SeriesId): Promise<boolean>
  /** Compare and set: replaces it, if what is kept is still `from`, as it was read. false: it came too late. For whoever cannot speak in turn: it
   *  counts as touched, so that what the bot read before is not saved over it. */
  updateSeries(series: Series, from: Series): Promise<boolean>

  /** What is known of a mail address; case does not matter. undefined: nothing. */
  address(address: string): Promise<KnownAddress | undefined>
  /** All of which something is known, by address. */
  addresses(): Promise<KnownAddress[]>
  /** Reads, changes and saves in one transaction; `how` may be called more than once. Returns what is saved. */
  changeAddress(address: string, how: (known: KnownAddress) => KnownAddress): Promise<KnownAddress>
  /** No mail goes there any more, whatever was known of it. */
  silenceAddress(address: string, silence: Silence): Promise<void>
  /** It gets mail again. false: nothing was known of it. */
  forgetAddress(address: string): Promise<boolean>

  /** The newest word of a host replaces the one before it. */
  saveHost(host: Host): Promise<void>
  /** By name. */
  hosts(): Promise<Host[]>
  /** A host that is gone for good. false: nobody knew it. */
  forgetHost(name: string): Promise<boolean>
  /** Replaces the hold on the same thing. */
  setHold(hold: Hold): Promise<void>
  /** false: there was none. */
  endHold(on: Hold['on']): Promise<boolean>
  /** All that were set and not ended; whether one holds now is told by `holdsNow`. */
  holds(): Promise<Hold[]>

  /** false: one of the same trouble, host and `about` is there and not resolved; it stays as it is. */
  openIncident(incident: Incident): Promise<boolean>
  incident(id: IncidentId): Promise<Incident | undefined>
  /** What is not resolved of that trouble, host and `about`: one at most. */
  liveIncident(of: Pick<Incident, 'trouble' | 'host' | 'about'>): Promise<Incident | undefined>
  /** Reads, changes and saves in one transaction; `how` may be called more than once. 'forgotten': it goes; the same object: nothing is
   *  written. Returns what is kept then; undefined: there is none. */
  changeIncident(
    id: IncidentId,
    how: (incident: Incident) => Incident | 'forgotten',
  ): Promise<Incident | undefined>
  /** One that was suspected, and was nothing. */
  dropIncident(id: IncidentId): Promise<void>
  /** Resolves at once what is not resolved of the same trouble, host and `about`; returns how many. */
  resolveIncidents(of: Pick<Incident, 'trouble' | 'host' | 'about'>, resolved: Resolution): Promise<number>
  /** In order of opening. `open`: only those that hold now (suspected, open), or only resolved ones · `live`: all that are not resolved ·
   *  `since`: live ones, and those that were resolved, or of which something was said, after that. */
  incidents(filter?: { open?: boolean; live?: true; since?: Instant }): Promise<Incident[]>

  /** false: it is there already. */
  addMaintenance(maintenance: Maintenance): Promise<boolean>
  changeMaintenance(
    id: MaintenanceId,
    how: (maintenance: Maintenance) => Maintenance,
  ): Promise<Maintenance | undefined>
  /** By `from`. `live`: neither done nor cancelled · `since`: live ones, and those that ended after that. */
  maintenances(filter?: { live?: true; since?: Instant }): Promise<Maintenance[]>

  /** false: it is there already. */
  addHostRequest(request: HostRequest): Promise<boolean>
  /** In order of storing; `open`: asked or running. */
  hostRequests(filter: { host?: string; open?: true }): Promise<HostRequest[]>
  /** Compare and set by `at`. */
  moveHostRequest(id: string, from: HostRequest['state'], to: HostRequest['state']): Promise<boolean>

  /** Keeps the action, unless `may` says no of those of the last 24 hours (of all hosts), in one transaction that no other can come between. */
  addPowerAction(action: PowerAction, may: (recent: PowerAction[]) => boolean): Promise<boolean>
  endPowerAction(id: string, state: PowerAction['state']): Promise<void>
  /** The newest first. */
  powerActions(filter: { host?: string; since: Instant }): Promise<PowerAction[]>

  /** What is to be written to bugs; one that is there stays. false: it was there. */
  addBugWrite(write: BugWrite): Promise<boolean>
  /** In order of storing. */
  bugWrites(filter: {
    at?: BugWriteState['at']
    bug?: BugUrl
    series?: SeriesId
    kind?: BugWrite['kind']
    limit?: number
  }): Promise<BugWrite[]>
  bugWrite(id: string): Promise<BugWrite | undefined>
  /** Compare and set by `at` and tries. */
  moveBugWrite(id: string, from: BugWriteState, to: BugWriteState): Promise<boolean>
  /** What stays is kept: by tracker, bug and comment, and by Message-ID. Returns how many were new. */
  addBugLinks(links: BugLink[]): Promise<number>
  /** A comment whose text has changed. */
  updateBugLink(link: BugLink): Promise<void>
  bugLinks(bug: BugUrl): Promise<BugLink[]>
  bugLinkOf(messageId: MessageId): Promise<BugLink | undefined>
  /** Replaces that of the same bug and thread. */
  saveTrack(track: Track): Promise<void>
  tracks(filter: { bug?: BugUrl; thread?: MessageId; on?: true }): Promise<Track[]>

  /** Replaces what was known of that pull request. */
  savePull(pull: Pull): Promise<void>
  pull(ref: PullRef): Promise<Pull | undefined>
  /** By repository and number. */
  pulls(filter: { repository?: string; project?: string; state?: Pull['state'] }): Promise<Pull[]>
  /** By series, a mark that is another one once the series, its verdict, its tasks that are not judged yet, or a command about it has changed.
   *  A few queries, however many series are asked for; one that is not there has none. */
  seriesMarks(series: SeriesId[]): Promise<Map<SeriesId, string>>
  /** false: that delivery is known. Those that were done a month ago go. */
  addForgeEvent(event: ForgeEvent): Promise<boolean>
  /** Not done yet, in order of storing. */
  forgeEvents(limit: number): Promise<ForgeEvent[]>
  endForgeEvent(id: string, state: Extract<ForgeEvent['state'], { at: 'done' }>): Promise<void>
  /** Replaces what stands at that place. */
  saveShown(shown: Shown): Promise<void>
  shown(filter: Partial<Pick<Shown, 'series' | 'repository' | 'kind'>> & { trouble?: true }): Promise<Shown[]>
  shownAt(place: ShownPlace): Promise<Shown | undefined>
  dropShown(place: ShownPlace): Promise<void>

  /** Inserts or replaces. Those that are over go. */
  saveSession(session: Session): Promise<void>
  session(id: string): Promise<Session | undefined>
  dropSession(id: string): Promise<void>
  addLoginLink(link: LoginLink): Promise<void>
  /** How many were asked for by that address since. */
  countLoginLinks(address: string, since: Instant): Promise<number>
  /** Uses it up, once. undefined: there is none, it is over, or it was used. */
  takeLoginLink(id: string, now: Instant): Promise<LoginLink | undefined>
  /** Inserts or replaces. */
  saveApiToken(token: ApiToken): Promise<void>
  apiToken(id: string): Promise<ApiToken | undefined>
  /** In order of making. */
  apiTokens(): Promise<ApiToken[]>
  /** Inserts; of one that is there, what came of it is replaced. */
  addAudit(audit: Audit): Promise<void>
  /** The newest first. `before`: older than that. */
  audits(filter: { about?: string; before?: Instant; limit: number }): Promise<Audit[]>
  /** false: one of that id is there, and stays. What is over goes after a month. */
  addHookDelivery(delivery: HookDelivery): Promise<boolean>
  /** In order of storing. `due`: pending, and its time has come. */
  hookDeliveries(filter: {
    due?: Instant
    at?: HookDelivery['state']['at']
    limit: number
  }): Promise<HookDelivery[]>
  /** Compare and set by `at` and tries. */
  moveHookDelivery(id: string, from: HookDelivery['state'], to: HookDelivery['state']): Promise<boolean>

  /** For pages and the API only. */
  reads: Reads
  close(): Promise<void>
}
