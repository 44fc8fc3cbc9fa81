// Series that waited for a missing part until their time was up: they are closed as incomplete, and their author hears which part is
// missing. A part that comes later still completes them.
import type { Instant, Millis } from '../../model/instant.ts'
import { expire, type Series } from '../../model/series.ts'
import type { Verdict } from '../../model/verdict.ts'
import type { Store } from '../../ports/store.ts'

/** Those whose time is up at `now`; none of a project with mails that nobody has looked at yet: the missing part may be among them. */
export const overdue =
  ({ store }: { store: Store }) =>
  async (now: Instant): Promise<Series[]> => {
    const due = await store.seriesDue(now)
    const unread = new Set<string>()
    for (const project of new Set(due.map(series => series.project)))
      if ((await store.mailKeys({ project, kind: 'new', limit: 1 })).length > 0) unread.add(project)
    return due.filter(series => !unread.has(series.project))
  }

/** What becomes of one that nothing completes: it waits on until its deadline, or is over, with the verdict to give before it is saved. */
export type Closed = { series: Series; verdict: Verdict | undefined }

/** @param deadlineMs what a series is given in all, from the arrival of its newest part. */
export const close = (series: Series, now: Instant, deadlineMs: Millis): Closed => {
  const until = series.lastAt + deadlineMs
  // A new version of some parts only was looked at before its deadline.
  if (series.state.at === 'collecting' && series.state.until < until && now < until)
    return { series: { ...series, state: { at: 'collecting', until } }, verdict: undefined }
  const closed = expire(series, now)
  return {
    series: closed,
    verdict:
      closed.state.at === 'incomplete' ? incompleteVerdict(series.id, closed.state.missing, now) : undefined,
  }
}

const incompleteVerdict = (series: string, missing: number[], now: Instant): Verdict => ({
  series,
  job: undefined,
  base: undefined,
  decidedAt: now,
  buildLog: undefined,
  images: [],
  finding: { kind: 'incomplete', missing },
})
