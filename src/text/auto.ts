// Was a mail written by a program? Part of parsing a mail: such a mail is never answered (RFC 3834 §2).
import type { Address, AutoKind } from '../model/mail.ts'

/** `header` gives all values of a header by its lower-case name. */
export type Signs = {
  header: (name: string) => string[]
  subject: string
  from: Address | undefined
}

const away =
  /^(?:automatic reply|auto[- ]?(?:matic )?(?:reply|response)|autoreply|out of (?:the )?office|abwesenheit|automatische antwort|réponse automatique|respuesta automática|risposta automatica|自动回复|自動応答|(?:i am )?on vacation|vacation (?:reply|response))/i
const undelivered =
  /^(?:undeliver(?:ed|able)|delivery status notification|mail delivery (?:failed|system|failure)|returned mail|failure notice|delivery (?:failure|has failed))/i
const listManager =
  /^(?:confirm [0-9a-f]{20,}|.*mailing list memberships reminder|your message to .* awaits moderator approval|welcome to the .* mailing list|.* subscription (?:results|notification)|the results of your email commands)/i

const bounces = ({ header, subject, from }: Signs): boolean =>
  header('return-path').some(path => /^<\s*>$/.test(path)) ||
  header('x-failed-recipients').length > 0 ||
  /^multipart\/report\b/i.test(header('content-type')[0] ?? '') ||
  (/^(?:mailer-daemon|postmaster)@/i.test(from?.address ?? '') && undelivered.test(subject))

const answers = ({ header, subject }: Signs): boolean =>
  header('precedence').some(value => /^auto[_-]reply$/i.test(value)) ||
  header('x-autoreply').some(value => !/^no$/i.test(value)) ||
  header('x-autorespond').length > 0 ||
  // People's Exchange servers put `DR, RN, NRN, OOF, AutoReply` on what people write; `All` only on what the server writes.
  header('x-auto-response-suppress').some(value => /\ball\b/i.test(value)) ||
  away.test(subject)

const manages = ({ header, subject, from }: Signs): boolean =>
  header('x-list-administrivia').some(value => /^yes$/i.test(value)) ||
  /^(?:mailman|majordomo|listserv|sympa)(?:-owner|-bounces|-request)?@/i.test(from?.address ?? '') ||
  listManager.test(subject)

/**
 * Which kind of program wrote it; undefined for people. `Precedence: bulk` or `list` says nothing: nearly all list mail has it.
 * Sources: RFC 3834 (Auto-Submitted), RFC 5321 §4.5.5 (null return path), RFC 6522 (multipart/report), MS-OXCMAIL.
 */
export const autoKind = (signs: Signs): AutoKind | undefined => {
  if (bounces(signs)) return 'bounce'
  const submitted = signs.header('auto-submitted').map(value => value.toLowerCase().split(/[;\s(]/)[0] ?? '')
  const telling = submitted.find(value => value !== 'no' && value !== '')
  if (telling === 'auto-replied' || answers(signs)) return 'auto-reply'
  if (manages(signs)) return 'list-manager'
  return telling === undefined ? undefined : 'bot'
}
