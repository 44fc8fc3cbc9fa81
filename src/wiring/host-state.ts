// What a host at work knows of itself, and what follows from it as values. The parts of its loop share it, and nobody else.
import type { Hold, Host } from '../model/host.ts'
import type { Instant, Millis } from '../model/instant.ts'
import type { Task, TaskId } from '../model/job.ts'
import type { PassedOver, Room } from '../model/room.ts'
import type { RunId } from '../model/run.ts'
import type { Tickets } from '../ports/queue.ts'
import type { RunBy } from '../stages/run/try.ts'
import type { Served } from './host-images.ts'
import type { Prove } from './host-requests.ts'
import type { Wired } from './wire.ts'

/** A task that waits, and what its guest takes. */
export type Waiting = { id: TaskId; task: Task; need: Room }

/** A task that this host has, from before it is taken until nothing is left of it. */
export type Held = {
  task: Task
  run: RunId
  need: Room
  stop: AbortController
  isTaken: boolean
  over: Promise<void>
}

export type HostState = {
  running: Map<TaskId, Held>
  /** As it last saw itself; `unfit`: why it takes no work. */
  look: { unfit: string | undefined; images: Served }
  /** When it was last asked whether it is fit. */
  askedAt: Instant
  /** Why it takes no work until it has answered. */
  requested: string | undefined
  isHeld: boolean
  heldImages: ReadonlySet<string>
  /** How many tasks it would take if it had room. */
  waiting: number
  passed: PassedOver
  /** Nothing is taken before. */
  restUntil: Instant
  isClosing: boolean
}

export const atStart = (): HostState => ({
  running: new Map(),
  look: { unfit: 'its worker is just starting', images: new Map() },
  askedAt: Number.NEGATIVE_INFINITY,
  requested: undefined,
  ...{ isHeld: false, heldImages: new Set() },
  ...{ waiting: 0, passed: new Map() },
  restUntil: 0,
  isClosing: false,
})

/** A host, and all that the parts of its loop need to act. */
export type AtWork = {
  wired: Wired
  state: HostState
  /** Of all its guests. */
  room: Room
  runTask: (task: TaskId, by: RunBy) => Promise<void>
  ready: () => Promise<Task[]>
  tickets: Tickets
  images: () => Promise<Served>
  fitness: (signal: AbortSignal) => Promise<string | undefined>
  prove: Prove
  /** After something went wrong nothing is taken for so long. */
  pauseMs: Millis
  /** Aborted when the host ends. */
  signal: AbortSignal
  /** Does it; what goes wrong is said, and not thrown. */
  guarded: (what: string, act: () => Promise<void>) => Promise<void>
  /** Each does its work as soon as it can, and resolves when it is done. */
  wake: { sign(): Promise<void>; round(): Promise<void>; self(): Promise<void> }
}

/** A host that was fit, or that had no room, is asked again after so long. */
export const askAgainMs: Millis = 60_000

/** Does the hold concern this host, or this image? */
export const concerns = ({ on }: Hold, host: string, image: string | undefined): boolean =>
  on.kind === 'queue' || (on.kind === 'host' ? on.name === host : on.name === image)

export const heldImages = (holds: Hold[]): Set<string> =>
  new Set(holds.flatMap(({ on }) => (on.kind === 'image' ? [on.name] : [])))

/** What it says of itself. `self`: what does not follow from its state. */
export const hostSign = (
  { running, look, requested }: HostState,
  self: Omit<Host, 'busy' | 'images' | 'unfit'>,
): Host => ({
  ...self,
  busy: [...running.values()].reduce((sum, { need }) => sum + need.slots, 0),
  images: [...look.images.keys()],
  unfit: look.unfit ?? requested,
})

/** Fit, and nothing runs here or waits for this host. */
export const isIdle = (state: HostState): boolean =>
  !state.isClosing &&
  !state.isHeld &&
  state.running.size === 0 &&
  state.waiting === 0 &&
  (state.look.unfit ?? state.requested) === undefined

/** Images that it serves now, and that nobody holds. */
export const freeImages = ({ look, heldImages }: HostState): string[] =>
  [...look.images.keys()].filter(name => !heldImages.has(name))
