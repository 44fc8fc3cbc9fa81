// Series that waited for a missing part until their deadline: they are closed as incomplete, and their author hears which part is missing.
// A part that comes later still completes them.
import type { Series } from '../../model/series.ts'
import { expire } from '../../model/series.ts'
import type { Verdict } from '../../model/verdict.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Store } from '../../ports/store.ts'

/** What is overdue now: each with the verdict to be given before the state is saved. */
export const overdue =
  ({ store, clock }: { store: Store; clock: Clock }) =>
  async (): Promise<{ series: Series; verdict: Verdict }[]> => {
    const now = clock.now()
    const unread = new Set((await store.mails({ kind: 'new', limit: 10_000 })).map(mail => mail.project))
    // The part that is missing may be among the mails that nobody has looked at yet.
    const quiet = (await store.seriesDue(now)).filter(series => !unread.has(series.project))
    const due = quiet.map(series => expire(series, now))
    return due.flatMap(series =>
      series.state.at === 'incomplete'
        ? [{ series, verdict: incompleteVerdict(series.id, series.state.missing, now) }]
        : [],
    )
  }

const incompleteVerdict = (series: string, missing: number[], now: number): Verdict => ({
  series,
  job: undefined,
  base: undefined,
  decidedAt: now,
  buildLog: undefined,
  images: [],
  finding: { kind: 'incomplete', missing },
})
