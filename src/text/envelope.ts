// What every mail of ours carries, whatever it says: its id, whom it goes to, under which mail it stands, and its headers.
import type { Address, MessageId } from '../model/mail.ts'
import type { OutgoingMail } from '../model/reply.ts'
import { oneLine } from './clean.ts'
import { headerText, isMessageId } from './compose.ts'
import { isSameMailbox } from './same-address.ts'

const maxNameLength = 80

const usable = (id: MessageId | undefined): id is MessageId => id !== undefined && isMessageId(id)

/** What a reply is threaded by: the mail that it answers, and what that one answered, newest first (ParsedMail.ancestors). */
export type Threaded = Pick<OutgoingMail, 'inReplyTo' | 'references'>

/** More than programs look at; what is left out is in the middle, as the first one names the thread (RFC 5322 §3.6.4 sets no limit). */
const maxReferences = 30
const maxIdLength = 250

const shortened = (ids: MessageId[]): MessageId[] =>
  ids.length <= maxReferences ? ids : [...ids.slice(0, 1), ...ids.slice(1 - maxReferences)]

/** Under the mail `own`; `older`: what is above that, oldest first. */
export const threadingBelow = (
  own: MessageId | undefined,
  older: readonly (MessageId | undefined)[],
): Threaded => {
  if (!usable(own)) return { inReplyTo: undefined, references: [] }
  const chain = [...older, own].filter(usable)
  const once = chain.filter(
    (id, i) => chain.lastIndexOf(id) === i && (id === own || id.length <= maxIdLength),
  )
  return { inReplyTo: own, references: shortened(once) }
}

/** Under a reply of ours. */
export const threadingUnder = ({ messageId, references }: OutgoingMail): Threaded => ({
  inReplyTo: messageId,
  references: shortened([...references, messageId]),
})

/** `Re:` and that, fit for a header. */
export const reSubject = (subject: string): string => {
  const original = undecodable(headerText(subject))
  const shown = original.length > 300 ? `${original.slice(0, 300).toWellFormed()}…` : original
  return /^re\s*:/i.test(shown) ? shown : `Re: ${shown}`
}

/** What a reader's program would decode (RFC 2047) was not written so by its author, who wrote it as it stands there. */
export const undecodable = (text: string): string => text.replaceAll('=?', '= ?')

/** Its name cleaned and of a length. */
export const tidy = ({ name, address }: Address): Address => ({
  name: undecodable(headerText(name)).slice(0, maxNameLength).toWellFormed(),
  address,
})

export type Recipients = Pick<OutgoingMail, 'to' | 'cc'>

/** Until the bot is live, it all goes to the administrator. */
export const actual = (wanted: Recipients, administrator: Address, live: boolean): Recipients =>
  live ? wanted : { to: [tidy(administrator)], cc: [] }

export const messageIdOf = (id: string, bot: Address): MessageId =>
  `<grapevine.${id}@${bot.address.split('@').at(-1) ?? 'localhost'}>`

const sayAddress = ({ name, address }: Address): string => (name === '' ? address : `${name} <${address}>`)
export const sayAddresses = (addresses: Address[]): string => addresses.map(sayAddress).join(', ')

/** Whom it would have gone to before the bot is live, for the mail itself; '': to the administrator alone, who gets it anyway. */
export const sayIntended = ({ to, cc }: Recipients, administrator: Address): string => {
  const all = [...to, ...cc]
  if (all.length === 0) return 'nobody'
  const isOwn = all.every(({ address }) => isSameMailbox(address, administrator.address))
  return isOwn ? '' : oneLine(sayAddresses(all), 300)
}

/**
 * What every mail of ours carries. Auto-Submitted is RFC 3834 §5: programs do not answer. Exchange knows only the second, and `All` would
 * keep its bounces from us. No Precedence: it is no standard, and filters take it for advertising.
 */
export const commonHeaders = (given: {
  project: string | undefined
  bot: Address
  auto: 'auto-replied' | 'auto-generated'
}): Record<string, string> => ({
  'Auto-Submitted': given.auto,
  'X-Auto-Response-Suppress': 'OOF, AutoReply',
  'List-Unsubscribe': unsubscribe(given.bot),
  ...(given.project === undefined ? {} : { 'X-Grapevine-Project': headerText(given.project) }),
})

/** RFC 2369 §3.2, as a mail with a command (RFC 6068 for its form). */
const unsubscribe = ({ address }: Address): string =>
  `<mailto:${encodeURIComponent(address).replace('%40', '@')}?subject=unsubscribe&body=${encodeURIComponent('/grapevine unsubscribe')}>`

/** Whom it would have gone to, until the bot is live. */
export const intendedHeader = (wanted: Recipients, live: boolean): Record<string, string> =>
  live
    ? {}
    : {
        'X-Grapevine-Intended-To': headerText(
          [...wanted.to, ...wanted.cc].map(one => one.address).join(', '),
        ),
      }
