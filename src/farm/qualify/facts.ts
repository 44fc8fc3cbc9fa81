// What a host is, as far as its guests can tell: whatever changes here makes it another host, to be qualified anew.
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { release } from 'node:os'
import { join } from 'node:path'
import { contentId } from '../../text/digest.ts'
import { digestOf } from '../files.ts'
import { processor } from '../processor.ts'
import type { Qemu } from '../qemu.ts'

export type HostFacts = {
  kernel: string
  /** With the distribution's build. */
  qemu: string
  /** Model and microcode. */
  processor: string
  /** The machine's own firmware: vendor, version, date. */
  bios: string
  /** The guests' firmware, SeaBIOS and OVMF: a digest of its files. */
  firmware: string
}

/** Names for people, in the order in which facts are shown. */
export const factNames: Record<keyof HostFacts, string> = {
  kernel: 'kernel',
  qemu: 'QEMU',
  processor: 'processor',
  bios: 'firmware of the machine',
  firmware: 'firmware of the guests',
}

export const hostFacts = async (qemu: Pick<Qemu, 'version'>): Promise<HostFacts> => ({
  kernel: release(),
  qemu: qemu.version,
  processor: processor(),
  bios: await bios(),
  firmware: await guestFirmware(),
})

/** The same for equal facts only. */
export const keyOf = (facts: HostFacts): string => {
  const all = Object.entries(facts).sort(([a], [b]) => a.localeCompare(b))
  return contentId(16, ...all)
}

/** What the machine says of itself (Linux, Documentation/ABI/testing/sysfs-firmware-dmi-tables); virtual machines often say nothing. */
const bios = async (): Promise<string> => {
  const names = ['bios_vendor', 'bios_version', 'bios_date']
  const fields = names.map(name => readFile(join('/sys/class/dmi/id', name), 'utf8').catch(() => ''))
  const said = (await Promise.all(fields)).map(field => field.trim()).filter(Boolean)
  return said.join(' ') || 'not told'
}

/** Where Debian and Ubuntu keep what their QEMU boots guests with. */
const firmwareFolders = ['/usr/share/seabios', '/usr/share/OVMF', '/usr/share/ovmf']
const isFirmware = (name: string): boolean => /^(bios|vgabios-stdvga).*\.bin$|\.fd$/.test(name)

const guestFirmware = async (): Promise<string> => {
  const hash = createHash('sha256')
  let files = 0
  for (const folder of firmwareFolders) {
    const names = await readdir(folder).catch((): string[] => [])
    for (const name of names.filter(isFirmware).sort()) {
      const digest = await digestOf(join(folder, name)).catch(() => 'unreadable')
      hash.update(`${name} ${digest}\n`)
      files++
    }
  }
  return files === 0 ? 'not found' : `${hash.digest('hex').slice(0, 16)} (${files} files)`
}
