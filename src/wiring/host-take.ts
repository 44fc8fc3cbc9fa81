// Which of the tasks that are due a host takes: those that it may run, as there is room. Called by the host's rounds.
import { avoids, isForAnother } from '../model/elsewhere.ts'
import type { Hold, Host } from '../model/host.ts'
import type { Instant } from '../model/instant.ts'
import type { Task } from '../model/job.ts'
import { choose, without } from '../model/room.ts'
import { ticketOf } from '../stages/upkeep/sweep.ts'
import { startRun } from './host-runs.ts'
import { type AtWork, concerns, type HostState, type Waiting } from './host-state.ts'

/** Of the tasks that are due, those that the host `me` may run, in the same order. */
export const waitingFor = (
  me: string,
  due: Task[],
  {
    state,
    ...others
  }: { state: Pick<HostState, 'look' | 'running'>; hosts: Host[]; holds: Hold[]; now: Instant },
): Waiting[] =>
  due.flatMap(task => {
    const need = state.look.images.get(task.image)
    if (!need || state.running.has(task.id)) return []
    if (others.holds.some(hold => concerns(hold, me, task.image))) return []
    return isForAnother(task, me, others) ? [] : [{ id: task.id, task, need }]
  })

const queueOf = async ({ wired, state, ready }: AtWork, holds: Hold[]): Promise<Waiting[]> => {
  const { store, clock, config } = wired
  const due = await ready()
  const now = clock.now()
  const hosts = due.some(task => avoids(task, config.host, now)) ? await store.hosts() : []
  return waitingFor(config.host, due, { state, hosts, holds, now })
}

/** Takes what there is room for. `holds`: those of now. Throws the Faults of the store and of the queue. */
export const takeTasks = async (host: AtWork, holds: Hold[]): Promise<void> => {
  const { state, tickets } = host
  const { clock } = host.wired
  const taken = [...state.running.values()].map(({ need }) => need)
  let free = without(host.room, taken)
  if (state.look.unfit !== undefined || free.slots <= 0 || clock.now() < state.restUntil) return
  const queue = await queueOf(host, holds)
  state.waiting = queue.length
  while (!state.isClosing) {
    const left = queue.filter(({ id }) => !state.running.has(id))
    const chosen = choose(left, free, { passed: state.passed, now: clock.now() })
    state.passed = chosen.passed
    if (!chosen.taken) break
    const { task } = chosen.taken
    const ticket = await tickets.take(task.image, ticketOf(task))
    const mine = ticket ? left.find(one => ticketOf(one.task) === ticket.id) : chosen.taken
    // Of a task that is over, or not yet due again.
    if (!mine || state.isClosing) await ticket?.end()
    if (state.isClosing) return
    if (!mine) continue
    free = without(free, [mine.need])
    startRun(host, mine, ticket)
  }
}
