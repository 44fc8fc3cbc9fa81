// A worker's loop: what may run here now is taken from the store, as there is room; what must not go on is stopped; and every few
// seconds the host gives a sign of life. Redis only wakes it: without it, it looks once a second.
import { release } from 'node:os'
import { Fault } from '../model/fault.ts'
import type { Host, HostStock } from '../model/host.ts'
import type { Alarm } from '../model/incident.ts'
import type { Millis } from '../model/instant.ts'
import { Interrupt } from '../model/interrupt.ts'
import type { LoadMeter } from '../model/overload.ts'
import { readyTasks } from '../stages/run/ready.ts'
import { unrepeated } from '../text/unrepeated.ts'
import { noteKeptAlarms, openAlarm } from './alarm.ts'
import { imageWatch, roomOf, type Served } from './host-images.ts'
import { refuseNamesake, thisWorker } from './host-namesake.ts'
import { openRequests, type Prove, sayRequested } from './host-requests.ts'
import { holdsOf, stopRuns } from './host-runs.ts'
import { lookAtItself } from './host-self.ts'
import { type AtWork, atStart, concerns, freeImages, heldImages, hostSign, isIdle } from './host-state.ts'
import { takeTasks } from './host-take.ts'
import type { Closable } from './queues.ts'
import { waker } from './waker.ts'
import type { Wired } from './wire.ts'

/** For work that may go on only while no task runs here or waits for this host. It ends by itself at the signal. */
export type Idle = {
  isIdle: () => boolean
  /** Images that this host serves now, and that nobody holds. */
  images: () => string[]
  signal: AbortSignal
  /** Of this host. */
  alarm: Alarm
}

type Timing = { lookMs: Millis; beatMs: Millis }

export type HostParts = {
  /** Why this host takes no work; undefined: it does. Asked once a minute; nothing is taken before its first answer, which may take long. */
  fitness?: (signal: AbortSignal) => Promise<string | undefined>
  /** What it does when it is asked to prove itself. Default: `fitness`. */
  prove?: Prove
  /** Asked every few seconds. Default: the images of the configuration that are built here. */
  images?: () => Promise<Served>
  idle?: ((idle: Idle) => Promise<void>)[]
  /** How busy the host is: what is out of time while it is overloaded is run again. */
  load?: LoadMeter
  /** For people. */
  facts?: () => Record<string, string>
  /** What is on its disk, as far as it is known. */
  stock?: () => HostStock | undefined
  /** How often it looks for tasks, and how often it gives a sign of life and looks at itself. */
  timing?: Timing
}

const guardedBy = ({ log, clock }: Wired): AtWork['guarded'] => {
  const complain = unrepeated(log, { now: () => clock.now() })
  return async (what, act) => {
    try {
      await act()
    } catch (error) {
      complain(`${what}: ${error instanceof Fault ? error.message : ((error as Error)?.stack ?? error)}`)
    }
  }
}

/** Says how the host is, each time that it is asked. */
const signs = (
  { clock, config }: Wired,
  { state, room }: Pick<AtWork, 'state' | 'room'>,
  parts: Pick<HostParts, 'facts' | 'stock'>,
): (() => Host) => {
  const [worker, startedAt] = [thisWorker(), clock.now()]
  return () => {
    const stock = parts.stock?.()
    return hostSign(state, {
      ...{ name: config.host, worker, startedAt, seenAt: clock.now(), ...room },
      facts: { kernel: release(), ...parts.facts?.() },
      ...(stock === undefined ? {} : { stock }),
    })
  }
}

const lookForTasks = async (host: AtWork): Promise<void> => {
  const { wired, state } = host
  if (state.isClosing) return
  const holds = await holdsOf(wired)
  state.isHeld = holds.some(hold => concerns(hold, wired.config.host, undefined))
  state.heldImages = heldImages(holds)
  await stopRuns(host, holds)
  state.requested = sayRequested(await openRequests(wired))
  if (state.requested !== undefined && state.running.size === 0) void host.wake.self()
  if (!state.isClosing && !state.isHeld && state.requested === undefined) await takeTasks(host, holds)
}

const idleOf = ({ wired, state, signal }: AtWork): Idle => ({
  isIdle: () => isIdle(state),
  images: () => freeImages(state),
  signal,
  alarm: openAlarm(wired, wired.config.host),
})

const stopAll = async ({ wired, state }: AtWork): Promise<void> => {
  state.isClosing = true
  for (const { stop } of state.running.values())
    stop.abort(new Interrupt('stopped', `the worker of ${wired.config.host} ends`))
  await Promise.all([...state.running.values()].map(({ over }) => over))
}

/** All of a host, before anything of it moves. */
const hostOf = (
  wired: Wired,
  given: Pick<AtWork, 'runTask' | 'pauseMs' | 'signal'>,
  parts: HostParts,
): { host: AtWork; sign: () => Host } => {
  const { fitness = async () => undefined, images = imageWatch(wired.config, wired.log) } = parts
  const [state, room, guarded] = [atStart(), roomOf(wired.config), guardedBy(wired)]
  const sign = signs(wired, { state, room }, parts)
  const giveSign = async () => {
    await wired.store.saveHost(sign())
    await noteKeptAlarms(wired)
  }
  const host: AtWork = {
    ...{ ...given, wired, state, room, guarded, images, fitness, prove: parts.prove ?? fitness },
    ...{ ready: readyTasks(wired), tickets: wired.tickets() },
    wake: {
      sign: waker(() => guarded('sign of life', giveSign)),
      round: waker(() => guarded('looking for tasks', () => lookForTasks(host))),
      self: waker(() => guarded('looking at this host', () => lookAtItself(host))),
    },
  }
  return { host, sign }
}

const loopsOf = (host: AtWork, { idle = [] }: HostParts, { lookMs, beatMs }: Timing): Promise<void>[] => {
  const { wake, signal, guarded } = host
  const every = async (span: Millis, act: () => unknown) => {
    while (!signal.aborted) {
      await act()
      await host.wired.clock.sleep(span, signal).catch(() => {})
    }
  }
  return [
    every(lookMs, wake.round),
    every(beatMs, wake.sign),
    every(beatMs, () => void wake.self()),
    ...idle.map(work => guarded('idle work', () => work(idleOf(host)))),
  ]
}

/** Works until it is closed. Throws a Fault if another machine has the same name. */
export const runHost = async (
  wired: Wired,
  runTask: AtWork['runTask'],
  parts: HostParts = {},
): Promise<Closable> => {
  const { store, clock } = wired
  const timing = parts.timing ?? { lookMs: 1_000, beatMs: 5_000 }
  await refuseNamesake(wired)
  const ended = new AbortController()
  const given = { runTask, pauseMs: timing.beatMs, signal: ended.signal }
  const { host, sign } = hostOf(wired, given, parts)
  const { wake, guarded, tickets } = host
  const listener = wired.listen(() => void wake.round())
  await wake.sign()
  const loops = loopsOf(host, parts, timing)

  const close = async () => {
    await stopAll(host)
    ended.abort()
    await Promise.all([...loops, wake.sign(), wake.round(), wake.self()])
    await guarded('farewell', () => store.saveHost({ ...sign(), stoppedAt: clock.now() }))
    await tickets.close()
    await listener.close()
  }
  let closing: Promise<void> | undefined
  return {
    close: () => {
      closing ??= close()
      return closing
    },
  }
}
