// What the demo shows while it works: every change of a task, a series or a reply, read from the store, one line each.
import type { Task } from '../../model/job.ts'
import type { Series } from '../../model/series.ts'
import type { Store } from '../../ports/store.ts'
import { sayOutcome } from '../../text/outcome.ts'

/** What was put off, as a busy machine is no fault of a patch's: a new line each time, or whoever watches takes it for stuck. */
const isPutOff = ({ state }: Task): boolean => state.at === 'queued' && state.notBefore !== undefined

const sayTask = (task: Task, why: string | undefined): string => {
  const { state } = task
  switch (state.at) {
    case 'queued':
      if (isPutOff(task)) return `waits for a while${why === undefined ? '' : `: ${why}`}`
      return state.attempt > 1 ? `once more (try ${state.attempt})` : 'queued'
    case 'running':
      return `runs in a clone of ${task.image}`
    case 'done':
      return sayOutcome(state.outcome)
    case 'cancelled':
      return `cancelled: ${state.why}`
  }
}

const short = (title: string): string => (title.length > 44 ? `${title.slice(0, 43)}…` : title)

/** Reads the store once; gives the lines for what changed since the last look. */
export const watcher = (store: Store) => {
  const seen = new Map<string, string>()
  const news = (id: string, state: string): boolean => {
    const changed = seen.get(id) !== state
    seen.set(id, state)
    return changed
  }

  const taskLines = async (series: Series | undefined, job: string, lines: string[]): Promise<void> => {
    const name = series === undefined ? 'the unpatched base' : `"${short(series.title)}"`
    for (const task of await store.tasksOf(job)) {
      const isFirst = task.state.at === 'queued' && task.state.attempt === 1 && !isPutOff(task)
      const key = isFirst ? 'queued' : JSON.stringify(task.state)
      if (!news(task.id, key) || key === 'queued') continue
      const what = task.kind === 'build' ? 'build' : task.probe ? 'again' : 'test '
      const last = isPutOff(task) ? (await store.runsOf(task.id)).at(-1)?.outcome : undefined
      const why = last === undefined ? undefined : sayOutcome(last)
      lines.push(`${what} ${name} on ${task.image}: ${sayTask(task, why)}`)
    }
  }

  return async (): Promise<string[]> => {
    const lines: string[] = []
    const all = await store.seriesIn({})
    const bases = new Set<string>()
    for (const series of all) {
      for (const job of await store.jobsOf(series.id)) {
        if (job.baseline !== undefined && !bases.has(job.baseline)) {
          bases.add(job.baseline)
          await taskLines(undefined, job.baseline, lines)
        }
        await taskLines(series, job.id, lines)
      }
      for (const reply of await store.repliesOf(series.id)) {
        if (news(`reply ${reply.id}`, reply.state.at) && reply.state.at === 'sent') {
          lines.push(`reply to "${short(series.title)}": ${reply.mail.text.split('\n', 1)[0]}`)
        }
      }
    }
    return lines
  }
}

/** How many series have been answered, of all that there are, what runs in a VM at this moment, and how many tasks wait as the machine had
 *  no room or time for them. */
export const standing = async (
  store: Store,
): Promise<{ answered: number; all: number; running: string[]; putOff: number }> => {
  const all = await store.seriesIn({})
  const verdicts = await Promise.all(all.map(series => store.verdict(series.id)))
  const running = await store.tasksAt('running')
  return {
    answered: verdicts.filter(verdict => verdict !== undefined).length,
    all: all.length,
    putOff: (await store.tasksAt('queued')).filter(isPutOff).length,
    running: running.map(task => `${task.kind} on ${task.image}`),
  }
}
