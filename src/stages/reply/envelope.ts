// Whom a reply goes to, under which mail it stands, and its headers. Nothing in here comes from a verdict's texts.
import type { Address, MessageId } from '../../model/mail.ts'
import type { OutgoingMail } from '../../model/reply.ts'
import { head, ownParts, type Part, type Series } from '../../model/series.ts'
import { type Verdict, verdictKey } from '../../model/verdict.ts'
import { headerText, isMessageId } from '../../text/compose.ts'
import { contentId } from '../../text/digest.ts'

const maxNameLength = 80

const usable = (id: MessageId | undefined): id is MessageId => id !== undefined && isMessageId(id)

/** Only what was found by running the series is one patch's doing. */
const isTraced = ({ kind }: Verdict['finding']): boolean => kind === 'new-failures' || kind === 'build-broken'

/** The part that the reply goes under: the one that it is about, else the head of the series. A part of an older version is not in its thread. */
export const answered = (
  series: Series,
  { finding, culprit }: Pick<Verdict, 'finding' | 'culprit'>,
): Part | undefined => {
  const own = ownParts(series)
  const found =
    'position' in finding && !('before' in finding && finding.before) ? finding.position : undefined
  const about = found ?? (isTraced(finding) ? culprit?.position : undefined)
  return own.find(part => part.position === about) ?? series.cover ?? own[0] ?? head(series)
}

/** What a reply is threaded by: the mail that it answers, and what that one answered, newest first (ParsedMail.ancestors). */
export type Threaded = Pick<OutgoingMail, 'inReplyTo' | 'references'>

/** More than programs look at; what is left out is in the middle, as the first one names the thread (RFC 5322 §3.6.4 sets no limit). */
const maxReferences = 30
const maxIdLength = 250

const shortened = (ids: MessageId[]): MessageId[] =>
  ids.length <= maxReferences ? ids : [...ids.slice(0, 1), ...ids.slice(1 - maxReferences)]

/** In-Reply-To and References, oldest first (RFC 5322 §3.6.4): the answered mail's, and itself. `ancestors`: of that mail; not known: the head of the series. */
export const threading = (
  series: Series,
  verdict: Pick<Verdict, 'finding' | 'culprit'>,
  ancestors: MessageId[] | undefined,
): Threaded => {
  const own = answered(series, verdict)?.messageId
  return threadingBelow(own, ancestors ? [...ancestors].reverse() : [head(series)?.messageId])
}

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

const tagOf = (series: Series, part: Part | undefined): string => {
  const counter = series.total > 1 || series.cover ? ` ${part?.position ?? 0}/${series.total}` : ''
  return `[PATCH${series.version > 1 ? ` v${series.version}` : ''}${counter}]`
}

/** `subject`: of the mail that is answered. Without it, it is put together from what is known of the series. */
export const replySubject = (series: Series, verdict: Verdict, subject: string | undefined): string => {
  const part = answered(series, verdict)
  return reSubject(subject ?? `${tagOf(series, part)} ${part?.title ?? series.title}`)
}

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

/** Author first. Both were found to be reachable (reach.ts). */
export const intended = ({
  author,
  list,
}: {
  author: Address | undefined
  list: Address | undefined
}): Recipients => {
  const to = author ? [tidy(author)] : []
  const cc = list ? [tidy(list)] : []
  return to.length > 0 ? { to, cc } : { to: cc, cc: [] }
}

/** Until the bot is live, it all goes to the administrator. */
export const actual = (wanted: Recipients, administrator: Address, live: boolean): Recipients =>
  live ? wanted : { to: [tidy(administrator)], cc: [] }

/** Stable: the same verdict on the same job is the same reply. */
export const replyId = (verdict: Verdict): string => `r${contentId(23, verdict.series, verdictKey(verdict))}`

export const messageIdOf = (id: string, bot: Address): MessageId =>
  `<grapevine.${id}@${bot.address.split('@').at(-1) ?? 'localhost'}>`

const sayAddress = ({ name, address }: Address): string => (name === '' ? address : `${name} <${address}>`)
export const sayAddresses = (addresses: Address[]): string => addresses.map(sayAddress).join(', ')

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

/** Ours are for filters and for people who search. */
export const replyHeaders = (given: {
  series: Series
  verdict: Verdict
  bot: Address
  wanted: Recipients
  live: boolean
}): Record<string, string> => ({
  ...commonHeaders({ project: given.series.project, bot: given.bot, auto: 'auto-replied' }),
  'X-Grapevine-Series': headerText(given.series.id),
  'X-Grapevine-Verdict': given.verdict.finding.kind,
  ...intendedHeader(given.wanted, given.live),
})
