// The power switch of a host: IPMI, Redfish, or a command of one's own.
import type { PowerAct } from '../model/power.ts'

export type Power = {
  /** Throws a Fault: unreachable, timeout, refused, malformed. */
  status(): Promise<'on' | 'off'>
  /** Resolves when the switch has taken it; the host needs its time. */
  act(act: PowerAct): Promise<void>
}
