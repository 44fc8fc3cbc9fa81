// How long the farm waits for libvirt and for its guests. Wide by default: a loaded host must not look like a broken guest.
import type { Millis } from '../../model/instant.ts'
import type { AgentDeadlines } from '../guest/by-agent/exec.ts'

export type LibvirtDeadlines = AgentDeadlines & {
  /** One virsh command that moves nothing big. */
  callMs: Millis
  /** Reverting to a snapshot, or making one: memory is read or written. */
  revertMs: Millis
  /** From a revert's end to the agent's first answer. */
  wakeMs: Millis
  /** A libvirt that cannot be reached for so long is lost. */
  lostMs: Millis
  /** The domain's state is looked at so often, whatever events say. */
  lookMs: Millis
}

export const defaultLibvirtDeadlines: LibvirtDeadlines = {
  answerMs: 15_000,
  silenceMs: 90_000,
  lingerMs: 15_000,
  killMs: 30_000,
  callMs: 60_000,
  revertMs: 1_800_000,
  wakeMs: 120_000,
  lostMs: 60_000,
  lookMs: 2_000,
}
