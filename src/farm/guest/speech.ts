// What the farm says to a guest, whatever its system is. systems.ts finds the way for an image's `os`; no other file knows guests' systems.
import type { GuestOs } from '../../config/config.ts'
import type { Instant, Millis } from '../../model/instant.ts'
import type { Ending } from '../../model/run.ts'
import type { Clone, Command, RunOptions } from '../../ports/farm.ts'
import type { Deadlines } from '../deadline.ts'
import type { Machine } from '../machine.ts'

/** All of it throws Faults: refused (the guest says no, with its words), timeout, unreachable (the guest is gone). */
export type Speech = Pick<Clone, 'write' | 'read'> & {
  /** Once after a boot, before anything else: brings in what clones will need. `cache`: a folder of the host that keeps what is made for it. */
  plumb(cache: string): Promise<void>
  /** Is somebody there? */
  hello(span: Millis): Promise<void>
  /** After a fork: the clock stands where the template's stood, random numbers go on from the template's, and the name is the template's. */
  wake(now: Instant, name: string): Promise<void>
  /** Before the freeze: random numbers are there, and the disk has what it should have. */
  settle(): Promise<void>
  /** Leaves random bytes in memory, and on the disk if there is one, and gives their digests. */
  plantCanary(disk: boolean): Promise<string>
  /** The same digests in a fork; the disk's bytes are read from the disk, not from the guest's cache. */
  readCanary(disk: boolean): Promise<string>
  /** Every road ends in an Ending; only a bug throws. */
  exec(command: Command, options: RunOptions): Promise<Ending>
  /** In order, as its user would. The guest's end is told by its machine. */
  powerOff(): Promise<void>
}

export type Listener = {
  machine: Machine
  /** The guest's path of the shell that runs commands; undefined: the system's usual one. */
  shell: string | undefined
  deadlines: Deadlines
}

export type GuestSystem = {
  os: GuestOs
  /** What `plumb` leaves in guests: a template with something else in it must not be used. */
  plumbing: string
  speakTo(listener: Listener): Speech
}
