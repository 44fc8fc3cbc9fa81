// A mail in the thread of a series that is no patch of it: a comment. One by the author of the series that says what comes before it
// lets the series be tested again.
import { holds, saysNothingNew } from '../../model/assembly.ts'
import type { Disposition, Mail, MessageId } from '../../model/mail.ts'
import { joinLinks, type Links, type Series } from '../../model/series.ts'
import type { Store } from '../../ports/store.ts'

/** How many ancestors are followed; the nearest first. */
const mostAncestors = 40

const seriesAt = ({ disposition }: Mail): string | undefined =>
  'series' in disposition ? disposition.series : undefined

/** A posting that was sent in two runs is one series in the end: the mail's is the one that holds it. */
const current = async (store: Store, id: string, ancestor: MessageId): Promise<Series | undefined> => {
  const series = await store.series(id)
  if (series?.state.at !== 'superseded') return series
  const heir = await store.series(series.state.by)
  return heir !== undefined && heir.version === series.version && holds(heir, [ancestor]) ? heir : series
}

/** The series in whose thread a mail stands: that of its nearest ancestor that is of one, or comments on one. */
export const seriesAbove = async (store: Store, mail: Mail): Promise<Series | undefined> => {
  for (const ancestor of (mail.parsed?.ancestors ?? []).slice(0, mostAncestors)) {
    const mails = await store.mailsByMessageId(ancestor, mail.project)
    // Versions that share ids: the newest one is talked about.
    const id = mails.map(seriesAt).findLast(found => found !== undefined)
    if (id !== undefined) return current(store, id, ancestor)
  }
  return undefined
}

const isAuthor = (series: Series, mail: Mail): boolean =>
  mail.parsed?.author?.address.toLowerCase() === series.author.address.toLowerCase()

/** What a comment may change: which commit the series stands on, and what goes before it. */
export type Said = { baseCommit: string | undefined; links: Links | undefined }

/** The series with what its author said later; as it was if that is nothing new, or somebody else's word. */
const heard = (series: Series, mail: Mail, { baseCommit, links }: Said): Series => {
  if (series.state.at === 'superseded' || !isAuthor(series, mail)) return series
  const only = links && { ...links, supersedes: [], changeId: undefined }
  const joined = joinLinks(series.links, only)
  const told: Series = {
    ...series,
    baseCommit: baseCommit ?? series.baseCommit,
    ...(joined === undefined ? {} : { links: joined }),
  }
  if (saysNothingNew(series, told)) return series
  return told.state.at === 'planned' ? { ...told, state: { at: 'complete' } } : told
}

const mayComment = ({ disposition, decided, tags, parsed }: Mail): boolean =>
  ['new', 'not-a-patch'].includes(
    (disposition.kind === 'new' ? (decided ?? disposition) : disposition).kind,
  ) &&
  parsed !== undefined &&
  parsed.ancestors.length > 0 &&
  (tags === undefined || tags.reply || !tags.patch)

/**
 * Places a mail that is no patch. Each has its say once: a comment is not read again.
 * @returns its series where the comment changed it. Faults: those of the store.
 */
export const placeComment = async (store: Store, mail: Mail, said: Said): Promise<Series[]> => {
  const { project, id } = mail
  const series = mayComment(mail) ? await seriesAbove(store, mail) : undefined
  if (series === undefined) {
    if (mail.disposition.kind === 'new')
      await store.setDisposition(project, id, mail.decided ?? { kind: 'not-a-patch', why: 'discussion' })
    return []
  }
  const disposition: Disposition = { kind: 'comment', series: series.id }
  const changed = heard(series, mail, said)
  if (changed === series) {
    await store.setDisposition(project, id, disposition)
    return []
  }
  await store.saveSeries([changed], [{ project, id, disposition }])
  return [changed]
}
