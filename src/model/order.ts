// In which order waiting tasks are taken: by urgency, then so that every author gets a share, then by arrival.
import type { Instant } from './instant.ts'
import { isFirstBuild, type JobId, type Task } from './job.ts'

/** What of a job decides its turn. */
export type JobFacts = {
  id: JobId
  /** Whose job it is; undefined: of a base, which goes with those who wait for it. */
  author: string | undefined
  /** Lower goes first; see `priority` in job.ts. */
  priority: number
  createdAt: Instant
  baseline: JobId | undefined
}

/** When a job came to be the first of its author's that are unfinished; and those that were not yet. What a look at the queue hands to the next one. */
export type Turns = { since: ReadonlyMap<JobId, Instant>; behind: ReadonlySet<JobId> }

export const noTurns: Turns = { since: new Map(), behind: new Set() }

type Turn = { priority: number; rank: number; since: Instant; createdAt: Instant; id: JobId; step: number }

const byTurn = (a: Turn, b: Turn): number =>
  a.priority - b.priority ||
  a.rank - b.rank ||
  a.since - b.since ||
  a.createdAt - b.createdAt ||
  (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)

const turnOf = ({ priority, createdAt, id }: JobFacts): Turn => ({
  ...{ priority, createdAt, id },
  ...{ rank: 0, since: createdAt, step: 1 },
})

/** Each author's jobs in their order. One that was behind another when we last looked is first since now: it stands behind the first
 *  jobs of all others who came meanwhile. */
const ofAuthors = (jobs: JobFacts[], last: Turns, now: Instant): Turn[] =>
  [...Map.groupBy(jobs, job => job.author).values()].flatMap(own => {
    const inTurn = own.map(turnOf).sort(byTurn)
    return inTurn.map((turn, rank) => {
      const moved = last.since.get(turn.id) ?? (last.behind.has(turn.id) ? now : turn.createdAt)
      return { ...turn, rank, since: rank === 0 ? moved : turn.createdAt }
    })
  })

const turnsOf = (jobs: JobFacts[], last: Turns, now: Instant): Map<JobId, Turn> => {
  const authored = jobs.filter(job => job.author !== undefined)
  const found = new Map(ofAuthors(authored, last, now).map(turn => [turn.id, turn]))
  // A base goes with the first of those who wait for it: its build before theirs, then its tests before theirs. If none of them has a
  // task left, it goes by itself.
  for (const base of jobs.filter(job => job.author === undefined)) {
    const waiters = authored.filter(job => job.baseline === base.id).flatMap(job => found.get(job.id) ?? [])
    const [first] = waiters.sort(byTurn)
    found.set(base.id, first ? { ...first, step: 0 } : turnOf(base))
  }
  return found
}

/** Puts tasks in order. `jobs`: all that have a waiting or running task. Urgent classes go first (by hand, mail, nightly). In a class, the
 *  first unfinished jobs of all authors go before all second ones, and so on, whoever has handed in how many; and among first ones, the
 *  one that has been first for longest: whoever had a job finished lines up behind the others. So the tests of a series that was begun
 *  go before the build of a later one, and nobody waits for ever. */
export const inOrder = (
  tasks: Task[],
  jobs: JobFacts[],
  { last = noTurns, now }: { last?: Turns; now: Instant },
): { tasks: Task[]; turns: Turns } => {
  const turns = turnsOf(jobs, last, now)
  const authored = jobs.flatMap(job => (job.author === undefined ? [] : (turns.get(job.id) ?? [])))
  // Everything waits for a job's first build, and who breaks it hears so without any test; the other builds are for a closer look.
  const kind = (task: Task) => (isFirstBuild(task) ? 0 : 1)
  const sorted = tasks
    .flatMap(task => {
      const when = turns.get(task.job)
      return when ? [{ task, when }] : []
    })
    .sort(
      (a, b) =>
        byTurn(a.when, b.when) ||
        kind(a.task) - kind(b.task) ||
        a.when.step - b.when.step ||
        a.task.priority - b.task.priority,
    )
  return {
    tasks: sorted.map(({ task }) => task),
    turns: {
      since: new Map(authored.filter(({ rank }) => rank === 0).map(({ id, since }) => [id, since])),
      behind: new Set(authored.filter(({ rank }) => rank > 0).map(({ id }) => id)),
    },
  }
}
