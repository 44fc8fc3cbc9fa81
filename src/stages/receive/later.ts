// Which mails say something to the bot itself, or of a series, be they patches or not: they stay `new` until that is noted
// (wiring/mail-in.ts; assemble).
import type { Mail } from '../../model/mail.ts'
import { mayCommand } from '../../text/command.ts'
import { baseCommit, readLinks } from '../../text/trailers.ts'

/** A later word on what a series stands on, or what comes before it. */
const saysBefore = (text: string): boolean => baseCommit(text) !== undefined || readLinks(text) !== undefined

/** A command may be in it (a mail without text may be one of HTML only), or such a word; or it is a report of a mail server. */
const saysMore = ({ parsed }: Mail): boolean =>
  parsed !== undefined &&
  (parsed.auto === 'bounce' ||
    (parsed.auto === undefined &&
      (parsed.text.trim() === '' ||
        mayCommand(parsed.text) ||
        (parsed.ancestors.length > 0 && saysBefore(parsed.text)))))

/** What is decided is kept for later where there is more to it. */
export const forLater = (mail: Mail): Mail =>
  mail.disposition.kind !== 'new' && mail.disposition.kind !== 'own' && saysMore(mail)
    ? { ...mail, disposition: { kind: 'new' }, decided: mail.disposition }
    : mail
