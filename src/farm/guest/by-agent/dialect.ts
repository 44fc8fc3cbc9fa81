// What differs between guests' systems where only the agent is spoken to: programs, paths, and how a growing output is read.
import type { GuestOs } from '../../../config/config.ts'
import type { Instant, Millis } from '../../../model/instant.ts'
import type { AgentPort, Program } from './port.ts'

/** A command's output while it grows. */
export type Tail = {
  /** What came since the last time; nothing: nothing new. Repeatable after a Fault: no byte is lost by it. */
  pull(): Promise<Buffer>
  close(): Promise<void>
}

export type Launch = { shell: string; script: string; folder: string; output: string }

export type AgentDialect = {
  os: GuestOs
  /** For commands of recipes. */
  shell: string
  /** A path for a file that nobody else has; `nonce`: letters and digits. */
  scratch(nonce: string): string
  /** Makes the folder of scratch files. Run once after a guest came up, before anything else. */
  settleIn(): Program
  /** Opens a command's output before the command is launched. */
  tail(port: AgentPort, output: string, span: Millis): Promise<Tail>
  /** A command, both its outputs into the file `output`; its exit code is the command's. Makes the folder if it is not there. */
  launch(launch: Launch): Program
  /** Ends what a launched command started; `pid`: as the agent gave it. Fails if something is left. */
  kill(pid: number): Program
  /** After a revert: the clock stands at the snapshot's time, random numbers begin where the snapshot's did, and the name is the snapshot's. */
  wake(guest: { now: Instant; name: string; seed: string }): Program
  /** Prints something that is another after each boot. */
  bootMark(): Program
  /** What was written is on the disk. */
  sync(): Program
  /** Makes the folder that the file of this path lies in. */
  makeRoom(path: string): Program
  /** Prints length and SHA-256 (lower-case hex) of a file. */
  measure(path: string): Program
  /** Unpacks a tar archive into a folder and removes the archive. */
  unpack(archive: string, folder: string): Program
  /** Packs named paths below a folder; prints what `measure` prints. */
  pack(folder: string, paths: string[], archive: string): Program
  remove(path: string): Program
}
