// A patch that was sent in an answer: often a change to the series that it answers, which then goes in first. Its blob ids tell.
import type { FileChange, Mail } from '../../model/mail.ts'
import { head, type Links } from '../../model/series.ts'
import type { Store } from '../../ports/store.ts'
import { seriesAbove } from './comment.ts'

/** Longer ones go in before nobody (stages/plan/before.ts). */
const mostParts = 100

/** What the patches leave behind: the abbreviated blob id of each file. */
const leftBy = (mails: readonly (Mail | undefined)[]): Map<string, string> => {
  const left = new Map<string, string>()
  for (const { after, blobs } of mails.flatMap(mail => mail?.patch?.files ?? []))
    if (after !== undefined && blobs !== undefined) left.set(after, blobs.after)
  return left
}

const isSameBlob = (one: string, other: string): boolean => one.startsWith(other) || other.startsWith(one)

const startsFrom =
  (left: Map<string, string>) =>
  ({ before, blobs }: FileChange): boolean => {
    const blob = before === undefined ? undefined : left.get(before)
    return blob !== undefined && blobs !== undefined && isSameBlob(blob, blobs.before)
  }

/** The series that a patch in an answer builds on, as if its author had named it (`Depends-on:`); undefined: it stands for itself. Faults: those of the store. */
export const groundOfAnswer = async (store: Store, mail: Mail): Promise<Links | undefined> => {
  if (mail.tags?.reply !== true || mail.patch === undefined) return undefined
  const series = await seriesAbove(store, mail)
  const messageId = series && head(series)?.messageId
  if (series === undefined || messageId === undefined || series.parts.length > mostParts) return undefined
  const mails = await Promise.all(series.parts.map(part => store.mail(part.mail)))
  if (!mail.patch.files.some(startsFrom(leftBy(mails)))) return undefined
  const dependsOn = { messageIds: [messageId], changeIds: [], patchIds: [] }
  return { dependsOn, supersedes: [], changeId: undefined }
}
