// What the bot must know when the database is away: notices on their way, incidents that could not be noted, and how things stood last.
import type { Incident } from '../model/incident.ts'
import type { Instant } from '../model/instant.ts'
import type { Maintenance } from '../model/maintenance.ts'
import type { Notice } from '../model/notice.ts'
import type { ReplyState } from '../model/reply.ts'

/** How things stood when the database could last be read; the status page shows it when it cannot. */
export type Standing = {
  at: Instant
  /** Live ones, and those of the last 90 days. */
  incidents: Incident[]
  maintenances: Maintenance[]
  /** For each project: how many series wait, and when the last verdict was. */
  projects: {
    name: string
    waiting: number
    oldestWaiting: Instant | undefined
    lastVerdict: Instant | undefined
  }[]
  hosts: { name: string; works: boolean; why: string }[]
  /** Of the queue, by an operator; missing: it is open. */
  pause?: { since: Instant; until?: Instant; reason: string }
}

/** Durable when it resolves, in the bot's own folder. Faults: exhausted, damaged, refused. */
export type Journal = {
  /** Keeps it, unless one of that id is there. false: there is. */
  addNotice(notice: Notice): Promise<boolean>
  notices(): Promise<Notice[]>
  notice(id: string): Promise<Notice | undefined>
  /** Compare and set by the reply's `at` and tries. */
  moveNotice(id: string, from: ReplyState, to: ReplyState): Promise<boolean>
  /** Reads, changes and saves; undefined from `how`: it stays. */
  changeNotice(id: string, how: (notice: Notice) => Notice | undefined): Promise<Notice | undefined>
  /** Incidents that the database does not know yet. */
  incidents(): Promise<Incident[]>
  saveIncident(incident: Incident): Promise<void>
  dropIncident(id: string): Promise<void>
  saveStanding(standing: Standing): Promise<void>
  standing(): Promise<Standing | undefined>
}
