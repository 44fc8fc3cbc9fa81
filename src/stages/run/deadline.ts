// How a try is told to stop: when its time is up, or from outside. Its clone goes soon after.
import { Interrupt } from '../../model/interrupt.ts'
import { sayDuration } from '../../text/ending.ts'
import type { Running, RunPorts, Try } from './try.ts'

/** Cancel and stop take effect within two seconds, the one that a host may need to hear of them included. */
const stopGraceMs = 800

/** A command ends by itself when it is told to; what brings bytes in or out does not hear of it, and ends with its clone. */
export const releaseSoon = async ({ clock, log }: RunPorts, attempt: Try): Promise<void> => {
  const { clone } = attempt
  await clock.sleep(stopGraceMs)
  if (clone && attempt.clone === clone)
    await clone.release().catch(error => log('error', `a clone could not be released: ${String(error)}`))
}

/** Tells a run to stop when its time is up. */
export const deadline = (ports: RunPorts, running: Running): { signal: AbortSignal; over(): void } => {
  const stop = new AbortController()
  const over = new AbortController()
  const { since, until } = running
  const tell = () =>
    stop.abort(new Interrupt('timeout', `it was not over after ${sayDuration(until - since)}`))
  ports.clock.sleep(until - ports.clock.now(), over.signal).then(tell, () => {})
  return { signal: stop.signal, over: () => over.abort() }
}
