// What people hear of an incident or of a maintenance window: a first word, what changed, and the end; all in one thread.
import type { IncidentId } from './incident.ts'
import type { Instant } from './instant.ts'
import type { MaintenanceId } from './maintenance.ts'
import type { Reply } from './reply.ts'

/** first, update, resolved: of an incident · announced, reminder, begun, overrun, done, cancelled: of a maintenance window */
export type NoticeKind =
  | 'first'
  | 'update'
  | 'resolved'
  | 'announced'
  | 'reminder'
  | 'begun'
  | 'overrun'
  | 'done'
  | 'cancelled'

/** What a notice is about. */
export type NoticeSubject = { incident: IncidentId } | { maintenance: MaintenanceId }

/** Kept in the bot's own folder, not in the database: it leaves while that is away. */
export type Notice = {
  /** Content id of subject, kind, audience and what it says: said twice, it is one. Also the mail's. */
  id: string
  of: NoticeSubject
  kind: NoticeKind
  /** A project's name: its list · 'operators': the administrator. */
  to: { list: string } | 'operators'
  at: Instant
  /** Until when there will be another word; undefined: it was the last one. */
  nextWord: Instant | undefined
  /** What it says, so that it can be told whether something has changed. */
  said: Record<string, string>
  /** Waits for an operator's word before it leaves. */
  held: boolean
  /** The mail on its way; model/reply.ts. */
  reply: Reply
}
