// A host: a machine with a worker that runs tasks in clones. And what operators say about hosts, images and the queue: drain, stop, pause.
import type { Instant } from './instant.ts'

/** What a worker says of its host, every few seconds: the database knows by it who lives. */
export type Host = {
  name: string
  /** Chosen by each worker process: a restarted worker is another one. */
  worker: string
  startedAt: Instant
  seenAt: Instant
  /** Its worker ended as it should; undefined: it runs, or it died. */
  stoppedAt?: Instant
  slots: number
  busy: number
  /** Guests' memory together, MiB. */
  memoryMiB: number
  /** Images whose tasks it takes. */
  images: string[]
  /** Why it takes no work at all; undefined: it does. */
  unfit: string | undefined
  /** For people: accelerator, QEMU, kernel. */
  facts: Record<string, string>
  /** What is on its farm's disk; undefined: it did not say yet. */
  stock?: HostStock
}

/** The disk of a host's farm, and what takes it. */
export type HostStock = {
  at: Instant
  totalMiB: number
  freeMiB: number
  /** Nothing of the farm's is written below this. */
  reserveMiB: number
  /** The largest first, at most `maxStock`. */
  takes: { kind: string; name: string; note: string; MiB: number }[]
  /** So many more. */
  more: number
  /** Files that were found damaged, in words. */
  damage: string[]
}

export const maxStock = 60

/** A worker that is not heard of for so long is dead; its tasks go on elsewhere. */
export const heartbeatLostMs = 25_000

/** drain: what runs may end, nothing new is taken · stop: what runs goes back into the queue at no cost, nothing new is taken.
 *  The queue knows only `drain`, said `pause`. One for each thing; a later one replaces it. */
export type Hold = {
  on: { kind: 'host' | 'image'; name: string } | { kind: 'queue' }
  how: 'drain' | 'stop'
  reason: string
  /** Who said it. */
  by: string
  since: Instant
  /** It ends by itself then; undefined: until `resume`. */
  until: Instant | undefined
}

/** `the queue`, `host oak`, `image debian`. */
export const heldName = (on: Hold['on']): string =>
  on.kind === 'queue' ? 'the queue' : `${on.kind} ${on.name}`

/** As the audit log has it. */
export const heldThing = (on: Hold['on']): string => (on.kind === 'queue' ? 'queue' : heldName(on))

/** Does it hold now? */
export const holdsNow = (hold: Hold, now: Instant): boolean => hold.until === undefined || now < hold.until
