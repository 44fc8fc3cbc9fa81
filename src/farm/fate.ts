// What a machine's end means for whoever was waiting for something of it.
import { Fault } from '../model/fault.ts'
import { type Fate, tell } from './machine.ts'

/** A guest's end that the host's own work ran into (bytes in or out, a freeze): never the doing of a patch. */
export const faultOf = (fate: Fate, what: string): Fault => {
  const message = `${what}: ${tell(fate)}`
  if (fate.kind === 'out-of-space')
    return new Fault('exhausted', 'later', message, {
      remedy: 'make room there, or set farm.data to a larger disk',
    })
  if (fate.kind === 'template-damaged') return new Fault('damaged', 'soon', message)
  if (fate.kind === 'disk-error')
    return new Fault('unreachable', 'later', message, {
      remedy: 'look into the kernel log (dmesg) for errors of the disk of farm.data',
    })
  return new Fault('unreachable', 'soon', message)
}
