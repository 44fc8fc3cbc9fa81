// What became of a domain, by libvirt's words for its state and by the events before it. Only what the guest did counts against a patch.
import type { Ending } from '../../model/run.ts'
import type { DomainState } from './domain.ts'

export type Seen = DomainState & {
  /** Lines of `virsh event`, from the resume on. */
  events: string[]
  /** What `virsh domblkerror` says, where the domain is paused for it. */
  diskErrors: string
  /** The guest's console, where it can be read. */
  console: string
}

/** undefined: the guest is there. (libvirt, virDomainShutoffReason and its likes; virsh prints them as below.) */
export const fateOf = ({ state, reason, events, diskErrors, console }: Seen): Ending | undefined => {
  const panicked =
    events.some(line => /\bCrashed Panicked\b/.test(line)) || console.includes('Kernel panic - not syncing')
  const crash: Ending = { kind: 'crashed', how: panicked ? 'panic' : 'reset' }
  const said = reason ? `${state} (${reason})` : state
  if (state === 'crashed' || /panicked/.test(reason)) return { kind: 'crashed', how: 'panic' }
  if (state === 'paused' && reason === 'I/O error') {
    const detail = `a disk of the domain: ${diskErrors || 'I/O error'}`
    return /no space/.test(diskErrors) ? { kind: 'out-of-space', detail } : { kind: 'disk-error', detail }
  }
  if (state === 'paused' && reason === 'watchdog') return crash
  if (state === 'paused' && reason === 'crashed') return crash
  if (state === 'pmsuspended') return { kind: 'powered-off' }
  if (state === 'shut off') {
    if (panicked) return crash
    if (reason === 'shutdown') return { kind: 'powered-off' }
    return { kind: 'vm-died', detail: `libvirt says: ${said}` }
  }
  if (state === 'paused' && reason === 'user')
    return { kind: 'vm-died', detail: `somebody paused the domain: ${said}` }
  if (events.some(isReboot)) return crash
  return undefined
}

export const isReboot = (line: string): boolean => /\bevent 'reboot' for domain\b/.test(line)

/** Does a line of `virsh event` say that the state should be looked at? */
export const isTelling = (line: string): boolean =>
  isReboot(line) || /\bevent '(lifecycle|io-error(-reason)?|watchdog)' for domain\b/.test(line)
