// A digest: one mail a day with what the list would have heard of each series. Lines are kept when they are known; this puts them together.
import type { Instant } from '../../model/instant.ts'
import type { BlobId } from '../../model/job.ts'
import type { Address } from '../../model/mail.ts'
import { isNews } from '../../model/policy.ts'
import type { DigestLine, Reply } from '../../model/reply.ts'
import type { Series } from '../../model/series.ts'
import type { Verdict } from '../../model/verdict.ts'
import { cleanLine, oneLine } from '../../text/clean.ts'
import { headerText } from '../../text/compose.ts'
import { contentId } from '../../text/digest.ts'
import {
  actual,
  commonHeaders,
  intendedHeader,
  messageIdOf,
  sayAddresses,
  sayIntended,
} from '../../text/envelope.ts'
import { mailText, render } from '../../text/render.ts'
import { answered, intended } from './envelope.ts'
import { shortFinding } from './finding.ts'

/** So many are shown, those with news first; a digest is to be read with a cup of tea. */
const maxShown = 60
const maxLinks = 3

/** What a digest says of a verdict. The same verdict gives the same line. */
export const lineOf = (given: {
  id: string
  verdict: Verdict
  series: Series
  logUrl: (blob: BlobId) => string
  now: Instant
}): DigestLine => {
  const { id, verdict, series, logUrl, now } = given
  const tag = `[PATCH${series.version > 1 ? ` v${series.version}` : ''}${series.total > 1 ? ` 0/${series.total}` : ''}]`
  const failing = verdict.images.filter(({ kind }) => kind === 'new-failures')
  const logs = failing.flatMap(({ image, log }) =>
    log === undefined ? [] : [{ name: image, url: logUrl(log) }],
  )
  const build = verdict.buildLog === undefined ? [] : [{ name: 'build', url: logUrl(verdict.buildLog) }]
  return {
    id,
    project: series.project,
    at: now,
    news: isNews(verdict),
    finding: shortFinding(verdict, series),
    title: oneLine(`${tag} ${series.title}`, 200),
    who: oneLine(series.author.name === '' ? series.author.address : series.author.name, 60),
    messageId: answered(series, verdict)?.messageId,
    links: (logs.length > 0 ? logs : build).slice(0, maxLinks),
  }
}

export type DigestInput = {
  project: { name: string; list: Address }
  lines: DigestLine[]
  day: string
  bot: Address
  administrator: Address
  live: boolean
  now: Instant
}

const maxDetails = 6

const lineView = ({ finding, title, details, who, messageId, links }: DigestLine) => ({
  finding: oneLine(finding, 40),
  title: oneLine(title, 140),
  details: (details ?? []).slice(0, maxDetails).map(line => oneLine(line, 300)),
  who: oneLine(who, 60),
  id: oneLine(messageId ?? '', 250),
  links: links
    .slice(0, maxLinks)
    .map(({ name, url }) => ({ name: oneLine(name, 40), url: cleanLine(url, 300) })),
})

/** The digest of a day; `lines` are not empty. Its id says project and day: it leaves once. */
export const composeDigest = (given: DigestInput): Reply => {
  const { project, lines, day, bot, administrator, live, now } = given
  const id = `d${contentId(23, 'digest', project.name, day)}`
  const wanted = intended({ author: undefined, list: project.list })
  const sorted = [...lines.filter(({ news }) => news), ...lines.filter(({ news }) => !news)]
  return {
    id,
    kind: 'digest',
    series: undefined,
    project: project.name,
    thread: undefined,
    mail: {
      messageId: messageIdOf(id, bot),
      from: { ...bot, name: headerText(bot.name) },
      ...actual(wanted, administrator, live),
      subject: headerText(`${project.name}: what was tested, ${day}`),
      inReplyTo: undefined,
      references: [],
      headers: {
        ...commonHeaders({ project: project.name, bot, auto: 'auto-generated' }),
        'X-Grapevine-Digest': day,
        ...intendedHeader(wanted, live),
      },
      text: mailText(
        render('digest', {
          live,
          intended: sayIntended(wanted, administrator),
          administrator: oneLine(sayAddresses([administrator]), 140),
          project: oneLine(project.name, 60),
          day,
          count: lines.length,
          news: lines.filter(({ news }) => news).length,
          lines: sorted.slice(0, maxShown).map(lineView),
          more: Math.max(0, lines.length - maxShown),
        }),
      ),
      date: now,
    },
    state: { at: 'pending', notBefore: now, tries: 0 },
  }
}
