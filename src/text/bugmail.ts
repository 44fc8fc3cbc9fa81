// Mail of a Bugzilla about one bug: it wakes us, and no more. What it says is asked for, as anybody can write such a mail, and its text is wrapped.
import { headerValues } from './header-values.ts'

export type Bugmail = { bug: number; isNew: boolean }

/** Bugzilla's Message-ID: `<bug-BUG-USER@…>` of a new bug, `<bug-BUG-USER-RANDOM@…>` of a change. */
const idPattern = /^<bug-(\d{1,10})-\d{1,10}[-@]/
const subjectPattern = /^\[Bug (\d{1,10})\] /

/** Could it be one, by what is known of it already? */
export const mayBeBugmail = (mail: { auto: string | undefined; messageId: string | undefined }): boolean =>
  mail.auto !== undefined && idPattern.test(mail.messageId ?? '')

/** undefined: it is none. By Message-ID, or the subject where that is not encoded; 5.2 also writes X-Bugzilla-ID. */
export const readBugmail = (raw: Buffer): Bugmail | undefined => {
  const names = ['x-bugzilla-type', 'x-bugzilla-id', 'message-id', 'subject']
  const fields = headerValues(raw, names)
  const value = (name: string): string => fields.get(name)?.[0] ?? ''
  const type = value('x-bugzilla-type')
  if (type !== 'new' && type !== 'changed') return undefined
  const own = /^(\d{1,10})$/.exec(value('x-bugzilla-id'))?.[1]
  const bug = own ?? idPattern.exec(value('message-id'))?.[1] ?? subjectPattern.exec(value('subject'))?.[1]
  return bug === undefined ? undefined : { bug: Number(bug), isNew: type === 'new' }
}
