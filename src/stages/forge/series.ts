// A pull request and its patches → mails that nobody sent, and the series that they are. Pure.

import type { Instant } from '../../model/instant.ts'
import type { Disposition, Mail } from '../../model/mail.ts'
import type { Part, Series, SeriesId } from '../../model/series.ts'
import type { PullWord } from '../../ports/forge.ts'
import { readBugs } from '../../text/bug-trailers.ts'
import { contentId } from '../../text/digest.ts'

export type PullVersion = { project: string; pull: PullWord; version: number }

/** The same head of the same pull request, as the same version, is the same series on every machine. */
export const pullSeriesId = ({ project, pull, version }: PullVersion): SeriesId => {
  const { repository, number, head, base } = pull
  return `s${contentId(15, project, 'pull', repository, number, head, base.branch, version)}`
}

/** By it the account is known, and nobody can write as it: GitHub says who it is. https://docs.github.com/account-and-profile */
export const authorOf = ({ author }: Pick<PullWord, 'author'>): Series['author'] => ({
  name: author.login,
  address: `${author.id}+${author.login.replace(/[^\w.-]/g, '-')}@users.noreply.github.com`,
})

/** What receive makes of a mail. */
export type Understood = Pick<Mail, 'parsed' | 'tags' | 'patch' | 'disposition'>

type Unusable = NonNullable<Part['unusable']>

const unusableOf = ({ patch, disposition }: Understood): Unusable | undefined =>
  patch?.unusable ??
  (disposition.kind === 'unreadable' ? { kind: 'damaged', why: disposition.why } : undefined)

export type Written = { understood: Understood; blob: string; size: number }

const partOf = (
  { understood, blob }: Written,
  { position, title, bugTrailers }: { position: number; title: string; bugTrailers: readonly string[] },
): Part => {
  const { parsed, tags } = understood
  const unusable = position === 0 ? undefined : unusableOf(understood)
  const bugs = readBugs(parsed?.text ?? '', bugTrailers)
  return {
    ...{ position, mail: blob, messageId: undefined, title: tags?.title || title },
    ...(unusable === undefined ? {} : { unusable }),
    ...(bugs.length === 0 ? {} : { bugs }),
  }
}

const dispositionOf = ({ position, unusable }: Part, series: SeriesId): Disposition => {
  if (position === 0) return { kind: 'cover', series }
  return unusable ? { ...unusable, series, position } : { kind: 'patch', series, position }
}

export type PullSeries = PullVersion & {
  cover: Written
  patches: Written[]
  base: string
  bugTrailers: readonly string[]
  now: Instant
}

/** The series, whole from the start, and its mails, each in its place. */
export const pullSeries = (given: PullSeries): { series: Series; mails: Mail[] } => {
  const { project, pull, version, now, bugTrailers } = given
  const id = pullSeriesId(given)
  const title = pull.title
  const cover = partOf(given.cover, { position: 0, title, bugTrailers })
  const parts = given.patches.map((one, n) => partOf(one, { position: n + 1, title, bugTrailers }))
  const mailOf = ({ understood, blob, size }: Written, part: Part): Mail => ({
    ...{ ...understood, id: blob, project, size, arrivedAt: now },
    source: `${pull.repository}#${pull.number}`,
    disposition: dispositionOf(part, id),
  })
  const { repository, number, head, url, author } = pull
  const series: Series = {
    ...{ id, project, title: cover.title, author: authorOf(pull), version, total: parts.length },
    origin: { from: 'forge', pull: { repository, number, head, url, login: author.login } },
    ...{ cover, parts, firstAt: now, lastAt: now, baseCommit: given.base, state: { at: 'complete' } },
  }
  const mails = given.patches.flatMap((one, n) => {
    const part = parts[n]
    return part ? [mailOf(one, part)] : []
  })
  return { series, mails: [mailOf(given.cover, cover), ...mails] }
}
