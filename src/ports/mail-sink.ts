// Where our mail goes.
import type { MessageId } from '../model/mail.ts'
import type { OutgoingMail } from '../model/reply.ts'

export type MailSink = {
  /** Resolves with the answer of who took it. Not repeatable! Fault refused/never: do not try again; others: later. */
  send(mail: OutgoingMail): Promise<string>
  /** Did a mail of that id get out? unknown: this sink cannot tell. */
  find(messageId: MessageId): Promise<'here' | 'absent' | 'unknown'>
  /** Can it be reached, and does it let us in? Throws a Fault if not. */
  probe(): Promise<string>
}
