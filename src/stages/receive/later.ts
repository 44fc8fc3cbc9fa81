// Which mails say something to the bot itself, be they patches or not: they stay `new` until that is noted (wiring/mail-in.ts).
import type { Mail } from '../../model/mail.ts'
import { mayCommand } from '../../text/command.ts'

/** A command may be in it (a mail without text may be one of HTML only), or it is a report of a mail server. */
const saysMore = ({ parsed }: Mail): boolean =>
  parsed !== undefined &&
  (parsed.auto === 'bounce' ||
    (parsed.auto === undefined && (parsed.text.trim() === '' || mayCommand(parsed.text))))

/** What is decided is kept for later where there is more to it. */
export const forLater = (mail: Mail): Mail =>
  mail.disposition.kind !== 'new' && mail.disposition.kind !== 'own' && saysMore(mail)
    ? { ...mail, disposition: { kind: 'new' }, decided: mail.disposition }
    : mail
