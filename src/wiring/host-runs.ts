// The runs of a host: each is started, and stopped when it is held, cancelled or somebody else's by now. Called by the host's rounds.
import { randomUUID } from 'node:crypto'
import { wasRefused } from '../model/attempts.ts'
import { type Hold, heldName, holdsNow } from '../model/host.ts'
import { Interrupt } from '../model/interrupt.ts'
import type { Task, TaskState } from '../model/job.ts'
import type { RunId } from '../model/run.ts'
import type { Ticket } from '../ports/queue.ts'
import { cutOff } from '../stages/upkeep/cut-off.ts'
import { pushes } from '../stages/upkeep/sweep.ts'
import { openAlarm } from './alarm.ts'
import { type AtWork, askAgainMs, concerns, type Held, type Waiting } from './host-state.ts'
import type { Wired } from './wire.ts'

/** The holds of now. Throws the store's Faults. */
export const holdsOf = async ({ store, clock }: Pick<Wired, 'store' | 'clock'>): Promise<Hold[]> =>
  (await store.holds()).filter(hold => holdsNow(hold, clock.now()))

/** Asked when the task is ours: whatever forbids it now puts it back. */
const isWelcome = async ({ wired, state, images }: AtWork, held: Held): Promise<boolean> => {
  const { image } = held.task
  held.isTaken = true
  if (state.isClosing) return false
  if ((await holdsOf(wired)).some(hold => concerns(hold, wired.config.host, image))) return false
  // An image that has gone in these seconds must cost nobody a try.
  const served = await images()
  state.look = { ...state.look, images: served }
  return served.has(image)
}

const runHeld = async (host: AtWork, held: Held): Promise<void> => {
  const { store, clock, config } = host.wired
  const { task, run, stop } = held
  try {
    const by = { host: config.host, run, signal: stop.signal, isWelcome: () => isWelcome(host, held) }
    await host.runTask(task.id, by)
    const mine = (await store.runsOf(task.id)).find(({ id }) => id === run)
    // Another host may have room: this one must not take task after task only to put them off.
    if (wasRefused(mine?.outcome)) host.state.restUntil = clock.now() + askAgainMs
  } catch (error) {
    // What it left is put right by the next round; whatever is wrong should have time to pass.
    host.state.restUntil = clock.now() + host.pauseMs
    throw error
  }
}

/** Returns at once. `ticket` is ended with the run. */
export const startRun = (host: AtWork, { task, need }: Waiting, ticket: Ticket | undefined): void => {
  const { guarded, wake } = host
  const { running } = host.state
  const held: Held = {
    ...{ task, need, run: randomUUID(), stop: new AbortController(), isTaken: false },
    over: Promise.resolve(),
  }
  held.over = guarded('a run', () => runHeld(host, held)).then(async () => {
    await ticket?.end()
    running.delete(task.id)
    void wake.sign()
    void wake.round()
  })
  running.set(task.id, held)
  void wake.sign()
}

const stopHeld = ({ wired, state }: AtWork, holds: Hold[]): void => {
  for (const { task, stop } of state.running.values()) {
    const hold = holds.find(one => one.how === 'stop' && concerns(one, wired.config.host, task.image))
    if (hold) stop.abort(new Interrupt('stopped', `${heldName(hold.on)} is stopped: ${hold.reason}`))
  }
}

/** A task that the store says runs on this host. */
type Mine = { task: Task; run: RunId }

const runningHere = async ({ store, config }: Wired): Promise<Mine[]> =>
  (await store.tasksAt('running')).flatMap(task =>
    task.state.at === 'running' && task.state.host === config.host ? [{ task, run: task.state.run }] : [],
  )

/** Why a run of ours ends whose task is in this state, which is not ours. */
const whyLost = (state: TaskState | undefined): Interrupt =>
  state?.at === 'cancelled'
    ? new Interrupt('cancelled', state.why)
    : new Interrupt('taken', 'it is no longer ours to run')

const stopLost = async ({ store }: Wired, taken: Held[], mine: Mine[]): Promise<void> => {
  for (const { task, run, stop } of taken) {
    if (mine.some(one => one.run === run) || stop.signal.aborted) continue
    stop.abort(whyLost((await store.task(task.id))?.state))
  }
}

/** A run that is ours in the store alone has died. */
const putBackDead = async ({ wired, state }: AtWork, mine: Mine[]): Promise<void> => {
  for (const { task, run } of mine) {
    if (state.running.get(task.id)?.run === run) continue
    const to = await cutOff({ ...wired, alarm: openAlarm(wired, undefined) })(task, 'worker-died')
    if (to)
      wired.log('warn', 'a run failed without a word; it goes back into the queue', { task: task.id, run })
    if (to?.at === 'done') await wired.queue.push(pushes.judge(task.job, task.id))
  }
}

/** Stops what is held, cancelled, or somebody else's by now, and takes up what has died. Throws the store's Faults. */
export const stopRuns = async (host: AtWork, holds: Hold[]): Promise<void> => {
  stopHeld(host, holds)
  // Those that are taken after this are not missed in what is read after it.
  const taken = [...host.state.running.values()].filter(({ isTaken }) => isTaken)
  const mine = await runningHere(host.wired)
  await stopLost(host.wired, taken, mine)
  await putBackDead(host, mine)
}
