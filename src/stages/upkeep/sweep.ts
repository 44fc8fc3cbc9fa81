// The sweep: reads from the store all that is waiting, and pushes it again. Whatever a queue, a process or an event lost comes back here;
// what is queued already is not queued twice, as its id is the same.
import { jobDuty } from '../../model/advance.ts'
import type { Job, Task } from '../../model/job.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Push } from '../../ports/queue.ts'
import type { Store } from '../../ports/store.ts'
import { withheldJobs } from './withheld.ts'

export type SweepPorts = { store: Store; clock: Clock }

/** A task's place in the queue, for one try. */
export const ticketOf = (task: Task): string =>
  `${task.id}-${task.state.at === 'queued' || task.state.at === 'running' ? task.state.attempt : 0}`

/** Job ids of BullMQ: one place, so that a push by an event and one by the sweep are the same. */
export const pushes = {
  assemble: (project: string, mail: string): Push => ({
    queue: 'assemble',
    id: `${project}-${mail}`,
    data: { project, mail },
  }),
  /** The commands of a mail. */
  command: (project: string, mail: string): Push => ({
    queue: 'command',
    id: `${project}-${mail}`,
    data: { project, mail },
  }),
  plan: (series: string): Push => ({ queue: 'plan', id: series, data: { series } }),
  /** The ticket of a task that is due; `data.ticket` is what hosts ask for. */
  run: (task: Task): Push => ({
    queue: `run-${task.image}`,
    id: ticketOf(task),
    data: { ticket: ticketOf(task) },
    // 1 is for the one that a host wants next.
    priority: task.priority + 1,
  }),
  /** `why` makes the id: two different reasons to look must not be taken for one. */
  judge: (job: string, why: string): Push => ({ queue: 'judge', id: `${job}-${why}`, data: { job } }),
  /** `turn` makes the id: the number of tries so far, or `look` for one that a crash left in `sending`, with the number of looks so far. */
  reply: (reply: string, turn: number | `look${number}`, delayMs = 0): Push => ({
    queue: 'reply',
    id: `${reply}-${turn}`,
    data: { reply },
    delayMs,
  }),
}

/** A crash may have come between a series' being superseded and the end of its tasks. */
const isReplaced = async (store: Store, id: string): Promise<boolean> => {
  const job = await store.job(id)
  const series = job?.series === undefined ? undefined : await store.series(job.series)
  if (series?.state.at !== 'superseded') return false
  for (const task of await store.tasksOf(id)) {
    if (task.state.at === 'queued')
      await store.moveTask(task.id, task.state, { at: 'cancelled', why: 'replaced' })
  }
  return true
}

/** Jobs whose tests wait for a build that will never be. */
const pointlessTasks = async (store: Store): Promise<Push[]> => {
  const queued = await store.tasksAt('queued')
  const jobs = new Set(queued.map(task => task.job))
  const found: Push[] = []
  for (const job of jobs) {
    if (await isReplaced(store, job)) continue
    // What is to be run is found by the hosts themselves.
    if (jobDuty(await store.tasksOf(job)).do === 'cancel') found.push(pushes.judge(job, 'sweep'))
  }
  return found
}

const waitingReplies = async ({ store, clock }: SweepPorts): Promise<Push[]> => {
  const found: Push[] = []
  for (const reply of await store.repliesAt('pending')) {
    if (reply.state.at !== 'pending') continue
    found.push(pushes.reply(reply.id, reply.state.tries, Math.max(0, reply.state.notBefore - clock.now())))
  }
  for (const { id, state } of await store.repliesAt('sending')) {
    const look = state.at === 'sending' ? state.look : undefined
    found.push(pushes.reply(id, `look${look?.times ?? 0}`, Math.max(0, (look?.next ?? 0) - clock.now())))
  }
  return found
}

/** Commands that nobody has looked at, and those that nobody confirmed in time. */
const waitingCommands = async ({ store, clock }: SweepPorts): Promise<Push[]> => {
  const waiting = await store.commands({ at: 'waiting' })
  const late = waiting.filter(({ state }) => state.at === 'waiting' && clock.now() >= state.until)
  const fresh = await store.commands({ at: 'received', limit: mailsAtOnce })
  return [...fresh, ...late].map(({ project, mail }) => pushes.command(project, mail))
}

/** The oldest; the next sweep takes the next ones. */
const mailsAtOnce = 500

/** Jobs that somebody waits for: not those of a series that was planned anew, or is about to be. */
export const currentJobs = async (store: Store): Promise<Job[]> => {
  const found: Job[] = []
  for (const job of await store.jobsWithoutVerdict()) {
    const state = job.series === undefined ? undefined : (await store.series(job.series))?.state
    if (state?.at === 'planned' && state.job === job.id) found.push(job)
  }
  return found
}

/** All that waits, as pushes. Repeatable, and harmless at any time. */
export const sweep = (ports: SweepPorts) => async (): Promise<Push[]> => {
  const { store } = ports
  const mails = await store.mailKeys({ kind: 'new', limit: mailsAtOnce })
  const complete = await store.seriesIn({ at: 'complete' })
  const open = await currentJobs(store)
  const held = await withheldJobs(store, ports.clock, open)
  return [
    ...mails.map(mail => pushes.assemble(mail.project, mail.id)),
    ...complete.map(series => pushes.plan(series.id)),
    ...(await waitingCommands(ports)),
    ...(await pointlessTasks(store)),
    ...open.filter(({ id }) => !held.has(id)).map(job => pushes.judge(job.id, 'sweep')),
    ...(await waitingReplies(ports)),
  ]
}
