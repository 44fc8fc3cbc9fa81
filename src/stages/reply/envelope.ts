// Whom a reply goes to, under which mail it stands, and its headers. Nothing in here comes from a verdict's texts.
import type { Job } from '../../model/job.ts'
import type { Address, MessageId } from '../../model/mail.ts'
import type { OutgoingMail } from '../../model/reply.ts'
import { head, type Part, type Series } from '../../model/series.ts'
import type { Verdict } from '../../model/verdict.ts'
import { headerText, isMailable } from '../../text/compose.ts'
import { contentId } from '../../text/digest.ts'

/** What a series' authors and readers decide by, and what only its author needs to know. */
const listHears: Record<Verdict['finding']['kind'], boolean> = {
  'new-failures': true,
  'build-broken': true,
  'does-not-apply': true,
  'already-applied': false,
  incomplete: false,
  damaged: false,
  unsafe: false,
  'base-unknown': false,
  'all-well': false,
  'nothing-to-test': false,
  'base-broken': false,
  ours: false,
  cancelled: false,
}

const messageId = /^<[^\s\p{C}<>]{1,900}>$/u
const maxNameLength = 80

const usable = (id: MessageId | undefined): id is MessageId => id !== undefined && messageId.test(id)

/** The part that the reply goes under: the one that does not apply, else the head of the series. */
export const answered = (series: Series, { finding }: Pick<Verdict, 'finding'>): Part | undefined => {
  const failing =
    finding.kind === 'does-not-apply' && series.parts.find(part => part.position === finding.position)
  return failing || head(series)
}

/** In-Reply-To and References, oldest first. */
export const threading = (
  series: Series,
  verdict: Verdict,
): Pick<OutgoingMail, 'inReplyTo' | 'references'> => {
  const chain = [head(series)?.messageId, answered(series, verdict)?.messageId].filter(usable)
  return { inReplyTo: chain.at(-1), references: [...new Set(chain)] }
}

const tagOf = (series: Series, part: Part | undefined): string => {
  const counter = series.total > 1 || series.cover ? ` ${part?.position ?? 0}/${series.total}` : ''
  return `[PATCH${series.version > 1 ? ` v${series.version}` : ''}${counter}]`
}

/** `subject`: of the mail that is answered. Without it, it is put together from what is known of the series. */
export const replySubject = (series: Series, verdict: Verdict, subject: string | undefined): string => {
  const part = answered(series, verdict)
  const original = headerText(subject ?? `${tagOf(series, part)} ${part?.title ?? series.title}`)
  const shown = original.length > 300 ? `${original.slice(0, 300).toWellFormed()}…` : original
  return /^re\s*:/i.test(shown) ? shown : `Re: ${shown}`
}

const tidy = ({ name, address }: Address): Address => ({
  name: headerText(name).slice(0, maxNameLength).toWellFormed(),
  address,
})

export type Recipients = Pick<OutgoingMail, 'to' | 'cc'>

const isSame = (a: Address, b: Address): boolean => a.address.toLowerCase() === b.address.toLowerCase()

/** Author first, the list where it concerns it. An author who cannot be reached, or is the bot itself, is not written to. */
export const intended = (given: {
  series: Series
  verdict: Verdict
  list: Address
  bot: Address
}): Recipients => {
  const { series, verdict, list, bot } = given
  const { author } = series
  const to = isMailable(author.address) && !isSame(author, bot) && !isSame(author, list) ? [tidy(author)] : []
  const cc = listHears[verdict.finding.kind] && isMailable(list.address) ? [tidy(list)] : []
  return to.length > 0 ? { to, cc } : { to: cc, cc: [] }
}

/** Until the bot is live, or where nobody else is left, it all goes to the administrator. */
export const actual = (wanted: Recipients, administrator: Address, live: boolean): Recipients =>
  live && wanted.to.length > 0 ? wanted : { to: [tidy(administrator)], cc: [] }

/** Stable: the same verdict on the same job is the same reply. */
export const replyId = (series: Series, job: Pick<Job, 'id'> | undefined, verdict: Verdict): string =>
  `r${contentId(23, series.id, job?.id ?? verdict.finding.kind)}`

export const messageIdOf = (id: string, bot: Address): MessageId =>
  `<grapevine.${id}@${bot.address.split('@').at(-1) ?? 'localhost'}>`

const sayAddress = ({ name, address }: Address): string => (name === '' ? address : `${name} <${address}>`)
export const sayAddresses = (addresses: Address[]): string => addresses.map(sayAddress).join(', ')

/** RFC 3834 §5 for the first; ours for filters and for people who search. */
export const replyHeaders = (given: {
  series: Series
  verdict: Verdict
  wanted: Recipients
  live: boolean
}): Record<string, string> => ({
  'Auto-Submitted': 'auto-replied',
  'X-Grapevine-Project': headerText(given.series.project),
  'X-Grapevine-Series': headerText(given.series.id),
  'X-Grapevine-Verdict': given.verdict.finding.kind,
  ...(given.live
    ? {}
    : {
        'X-Grapevine-Intended-To': headerText(
          [...given.wanted.to, ...given.wanted.cc].map(one => one.address).join(', '),
        ),
      }),
})
