// Where our mail goes.
import type { MessageId } from '../model/mail.ts'
import type { OutgoingMail } from '../model/reply.ts'

/** A recipient whom the server did not take, while it took others. */
export type RefusedRecipient = {
  address: string
  /** The server's words. */
  why: string
  /** false: it may take it later (4xx). */
  forGood: boolean
}

export type Taken = {
  /** What the one who took it answered. */
  answer: string
  refused: RefusedRecipient[]
}

export type SendOptions = {
  /** Recipients of the mail who do not get it; its headers stay. */
  /** In lower case. */
  without?: string[]
  /** Others have it already, from an earlier try. */
  again?: boolean
}

export type MailSink = {
  /** Hands a mail over to its recipients. Not repeatable! Faults: refused/never: do not try again; timeout: it may have been taken; others: it
   *  was not taken, later perhaps. A refusal of every single recipient is a Fault. */
  send(mail: OutgoingMail, options?: SendOptions): Promise<Taken>
  /** Did a mail of that id get out? unknown: this sink cannot tell. */
  find(messageId: MessageId): Promise<'here' | 'absent' | 'unknown'>
  /** Can it be reached, and does it let us in? Throws a Fault if not. */
  probe(): Promise<string>
  close?(): Promise<void>
}
