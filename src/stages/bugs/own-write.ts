// What every write to a bug has that tells of a series.
import type { BugChange, BugUrl, BugWrite, BugWriteState } from '../../model/bug.ts'
import type { Instant } from '../../model/instant.ts'
import type { Series } from '../../model/series.ts'
import { contentId } from '../../text/digest.ts'

/** Whose bugs, where their mails are read, and whether the world hears of it yet. */
export type BugProject = {
  name: string
  tracker: string
  /** Address with `{id}` in it, of the list's archive. */
  archive: string | undefined
  /** false: nothing is written, and what would have been is kept to be looked at. */
  live: boolean
}

/** Why nothing is written until then: such writes say nothing to anybody, so that a later verdict is news. */
export const notLive = 'not written: mail.live is false'

const stateOf = (live: boolean, now: Instant): BugWriteState =>
  live ? { at: 'pending', notBefore: now, tries: 0 } : { at: 'failed', when: now, why: notLive }

type Told = {
  /** Content id of what is told. */
  id: string
  kind: 'result' | 'landed'
  bug: BugUrl
  text: string | undefined
  link: string | undefined
  changes: { before: BugChange[]; change: BugChange | undefined; after: BugChange[] }
}

/** In the order in which they are to be stored, as one bug's writes are done in that order; the one with the comment has the id of what it tells. */
export const writesOf = (
  { id, kind, bug, text, link, changes }: Told,
  { project, series, now }: { project: BugProject; series: Series; now: Instant },
): BugWrite[] => {
  const write = (own: string, said: string | undefined, change: BugChange | undefined): BugWrite => ({
    ...{ id: own, tracker: project.tracker, bug, kind, project: project.name, series: series.id },
    ...{ text: said, link, change, create: undefined, createdAt: now, state: stateOf(project.live, now) },
  })
  const { before, change, after } = changes
  return [
    ...before.map((one, n) => write(contentId(24, id, 'before', n), undefined, one)),
    ...(text === undefined && change === undefined ? [] : [write(id, text, change)]),
    ...after.map((one, n) => write(contentId(24, id, 'after', n), undefined, one)),
  ]
}
