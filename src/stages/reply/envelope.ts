// Whom a reply goes to, under which mail it stands, and its headers. Nothing in here comes from a verdict's texts.
import type { Address, MessageId } from '../../model/mail.ts'
import { head, ownParts, type Part, type Series } from '../../model/series.ts'
import { type Verdict, verdictKey } from '../../model/verdict.ts'
import { headerText } from '../../text/compose.ts'
import { contentId } from '../../text/digest.ts'
import {
  commonHeaders,
  intendedHeader,
  type Recipients,
  reSubject,
  type Threaded,
  threadingBelow,
  tidy,
} from '../../text/envelope.ts'

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

/** In-Reply-To and References, oldest first (RFC 5322 §3.6.4): the answered mail's, and itself. `ancestors`: of that mail; not known: the head of the series. */
export const threading = (
  series: Series,
  verdict: Pick<Verdict, 'finding' | 'culprit'>,
  ancestors: MessageId[] | undefined,
): Threaded => {
  const own = answered(series, verdict)?.messageId
  return threadingBelow(own, ancestors ? [...ancestors].reverse() : [head(series)?.messageId])
}

const tagOf = (series: Series, part: Part | undefined): string => {
  const counter = series.total > 1 || series.cover ? ` ${part?.position ?? 0}/${series.total}` : ''
  return `[PATCH${series.version > 1 ? ` v${series.version}` : ''}${counter}]`
}

/** `subject`: of the mail that is answered. Without it, it is put together from what is known of the series. */
export const replySubject = (series: Series, verdict: Verdict, subject: string | undefined): string => {
  const part = answered(series, verdict)
  return reSubject(subject ?? `${tagOf(series, part)} ${part?.title ?? series.title}`)
}

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

/** Stable: the same verdict on the same job is the same reply. */
export const replyId = (verdict: Verdict): string => `r${contentId(23, verdict.series, verdictKey(verdict))}`

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
