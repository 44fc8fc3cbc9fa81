// What runs and waits, in words.
import type { Instant } from '../../model/instant.ts'
import type { TaskRow } from '../../ports/reads.ts'
import { oneLine } from '../../text/clean.ts'
import { sayLength } from '../../text/span.ts'
import { hostPath, runPath, seriesPath } from '../links.ts'
import { authorName, titleOf } from '../series/said.ts'

export type RunLine = {
  title: string
  /** undefined: of a base, which has no page. */
  path: string | undefined
  /** Whose, in which version; or of a base, which commit. */
  of: string
  /** `test on win10`. */
  what: string
  why: string
  host: { name: string; path: string } | undefined
  run: string | undefined
  since: Instant | undefined
  /** `3 min`. */
  age: string
}

const whys: Record<TaskRow['why'], string> = {
  first: '',
  likely: 'first the tests that the change concerns',
  screen: 'once more, to see what fails again',
  proof: 'once more, for proof',
  bisect: 'which patch does it',
  baseline: 'to compare with',
}

const subject = ({ series, base }: TaskRow): Pick<RunLine, 'title' | 'path' | 'of'> => {
  if (series === undefined)
    return {
      title: `${oneLine(base.name, 40)} without patches`,
      path: undefined,
      of: base.commit.slice(0, 12),
    }
  const version = series.version > 1 ? `, v${series.version}` : ''
  return { title: titleOf(series), path: seriesPath(series.id), of: `${authorName(series.author)}${version}` }
}

export const runLine = (row: TaskRow, now: Instant): RunLine => ({
  ...subject(row),
  what: `${row.kind} on ${row.image}`,
  why: whys[row.why],
  host: row.host === undefined ? undefined : { name: row.host, path: hostPath(row.host) },
  run: row.run === undefined ? undefined : runPath(row.run),
  since: row.since,
  age: row.since === undefined ? '' : sayLength(Math.max(0, now - row.since)),
})

export type WaitLine = { image: string; tasks: number; age: string; oldest: Instant }

export const waitLine = (
  { image, tasks, oldest }: { image: string; tasks: number; oldest: Instant },
  now: Instant,
): WaitLine => ({ image, tasks, oldest, age: sayLength(Math.max(0, now - oldest)) })

/** `12 tasks wait.` */
export const sayWaiting = (lines: Pick<WaitLine, 'tasks'>[]): string => {
  const sum = lines.reduce((all, { tasks }) => all + tasks, 0)
  if (sum === 0) return 'Nothing waits.'
  return sum === 1 ? 'One task waits.' : `${sum} tasks wait.`
}
