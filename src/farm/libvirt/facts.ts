// What the farm needs to know of a domain, from libvirt's XML. libvirt prints it in one form: an element to a line, attributes in single quotes.
import { sha256 } from '../../text/digest.ts'

export type DomainFacts = {
  /** Does it have the guest agent's channel? */
  hasAgent: boolean
  /** A kernel that knows it reseeds its random numbers after a revert by itself. */
  hasGenerationId: boolean
  /** Files that its consoles are logged to, on libvirt's host. */
  consoleFiles: string[]
  /** A reset that turns the guest off looks like a power-off. */
  restartsOnReboot: boolean
  hasPanicDevice: boolean
}

export const factsOf = (xml: string): DomainFacts => ({
  hasAgent: /<target type='virtio' name='org\.qemu\.guest_agent\.0'/.test(xml),
  hasGenerationId: /<genid\b/.test(xml),
  consoleFiles: consoleFiles(xml),
  restartsOnReboot: !/<on_reboot>destroy<\/on_reboot>/.test(xml),
  hasPanicDevice: /<panic\b/.test(xml),
})

/** `<serial type='file'><source path=…>` or `<log file=…>` in any `<serial>` or `<console>`. */
const consoleFiles = (xml: string): string[] => {
  const devices = xml.match(/<(serial|console)\b[\s\S]*?<\/\1>/g) ?? []
  const files = devices.flatMap(device => {
    const source = /^<\w+ type='file'/.test(device) ? /<source path='([^']+)'/.exec(device)?.[1] : undefined
    const log = /<log file='([^']+)'/.exec(device)?.[1]
    return [source, log].filter(file => file !== undefined)
  })
  return [...new Set(files)]
}

/** Digest of what a snapshot is: another of the same name has another. Which snapshot was there before it does not matter. */
export const snapshotIdentity = (xml: string): string =>
  sha256(xml.replace(/\s*<parent>[\s\S]*?<\/parent>/, ''))

/** Does it hold a running guest's memory, inside the disk? Only such can be reverted to by every libvirt. */
export const isLive = (xml: string): boolean =>
  /<state>(running|paused)<\/state>/.test(xml) && !/<memory snapshot='no'/.test(xml)
