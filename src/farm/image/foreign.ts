// A disk that somebody else made: what it is, and whether it may come in. Its own bytes are looked at before QEMU's programs are let at it.
import { open, stat } from 'node:fs/promises'
import { Fault } from '../../model/fault.ts'
import { type Disk, type DiskFormat, flawOf, neededBytesOf, virtualBytesOf } from './qemu-img.ts'

export type Foreign = Disk & {
  /** Of the file. */
  bytes: number
  /** Of the disk in it. */
  virtualBytes: number
  /** What it takes at most as a qcow2 of ours. */
  neededBytes: number
}

const headBytes = 2048 + 34_816
const sector = 512
/** More than any guest here has, and what qemu-img can still walk through. */
const largestBytes = 16 * 2 ** 40

/** Looks at a file that is to be imported. Fault refused (never) that says what is wrong with it. */
export const inspectDisk = async (file: string, signal?: AbortSignal): Promise<Foreign> => {
  const { head, bytes } = await readHead(file)
  const format = formatOf(head, file)
  if (format === 'qcow2') refuseLinked(head, file)
  const disk: Disk = { file, format }
  const virtualBytes = await virtualBytesOf(disk, { signal })
  if (virtualBytes > largestBytes) throw refused(`${file} is a disk of ${virtualBytes} bytes: too large`)
  const flaw = format === 'qcow2' ? await flawOf(file, { signal }) : undefined
  if (flaw) throw refused(`${file} is damaged or cut off: ${flaw}`, repair(file))
  if (format === 'raw') requirePartitions(head, virtualBytes, file)
  return { ...disk, bytes, virtualBytes, neededBytes: await neededBytesOf(disk, { signal }) }
}

const refused = (message: string, remedy?: string): Fault =>
  new Fault('refused', 'never', message, remedy === undefined ? {} : { remedy })

const repair = (file: string) => `fetch it again, or repair a copy of it: qemu-img check -r all ${file}`

const readHead = async (file: string): Promise<{ head: Buffer; bytes: number }> => {
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => {
    throw refused(
      `${file} cannot be read: ${error.code === 'ENOENT' ? 'there is no such file' : error.message}`,
    )
  })
  if (!found.isFile()) throw refused(`${file} is no file`)
  await using handle = await open(file).catch(error => {
    throw refused(`${file} cannot be read: ${error.message}`)
  })
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(headBytes), 0, headBytes, 0)
  return { head: buffer.subarray(0, bytesRead), bytes: found.size }
}

/** Formats that are told by their first bytes, and that are not taken as they are. */
const others: { name: string; at: number; magic: string; convert?: string }[] = [
  { name: 'a VMware disk (VMDK)', at: 0, magic: 'KDMV', convert: 'vmdk' },
  { name: 'a VMware disk (VMDK)', at: 0, magic: 'COWD', convert: 'vmdk' },
  { name: 'a VMware disk (VMDK)', at: 0, magic: '# Disk Descriptor', convert: 'vmdk' },
  { name: 'a VirtualBox disk (VDI)', at: 0x40, magic: '\x7f\x10\xda\xbe', convert: 'vdi' },
  { name: 'a Hyper-V disk (VHDX)', at: 0, magic: 'vhdxfile', convert: 'vhdx' },
  { name: 'a Hyper-V disk (VHD)', at: 0, magic: 'conectix', convert: 'vpc' },
  { name: 'a QED disk', at: 0, magic: 'QED\0', convert: 'qed' },
  { name: 'encrypted (LUKS)', at: 0, magic: 'LUKS\xba\xbe' },
  { name: 'a CD image (ISO 9660)', at: 0x8001, magic: 'CD001' },
  { name: 'compressed (gzip)', at: 0, magic: '\x1f\x8b' },
  { name: 'compressed (xz)', at: 0, magic: '\xfd7zXZ' },
  { name: 'compressed (zstd)', at: 0, magic: '\x28\xb5\x2f\xfd' },
  { name: 'compressed (bzip2)', at: 0, magic: 'BZh' },
  { name: 'a program', at: 0, magic: 'MZ' },
  { name: 'a zip archive', at: 0, magic: 'PK\x03\x04' },
  { name: 'a 7-Zip archive', at: 0, magic: '7z\xbc\xaf' },
  { name: 'a tar archive', at: 257, magic: 'ustar' },
]

/** Told by us and not by QEMU, which would take a raw disk for anything that a guest wrote into its first sector. */
const formatOf = (head: Buffer, file: string): DiskFormat => {
  const has = (at: number, magic: string) =>
    head.subarray(at, at + magic.length).equals(Buffer.from(magic, 'latin1'))
  if (has(0, 'QFI\xfb')) return 'qcow2'
  const other = others.find(({ at, magic }) => has(at, magic))
  if (other?.convert)
    throw refused(
      `${file} is ${other.name}: only qcow2 and raw disks are taken`,
      `qemu-img convert -f ${other.convert} -O qcow2 ${file} disk.qcow2`,
    )
  if (other)
    throw refused(
      `${file} is ${other.name}: only qcow2 and raw disks are taken`,
      'unpack, decrypt or install it first',
    )
  if (has(sector - 2, '\x55\xaa')) return 'raw'
  throw refused(`${file} is no disk that boots: it is no qcow2, and has no boot sector as a raw disk has`)
}

/** Of QEMU, docs/interop/qcow2.txt. */
const header = { version: 4, backingAt: 8, cryptMethod: 32, incompatible: 72 } as const
const bits = { dirty: 1n, corrupt: 2n, dataFile: 4n } as const

/** Some QEMUs open what a header names before anybody could say no (CVE-2024-4467). */
const refuseLinked = (head: Buffer, file: string): void => {
  if (head.length < 104) throw refused(`${file} is a qcow2 that was cut off`)
  const features = head.readUInt32BE(header.version) >= 3 ? head.readBigUInt64BE(header.incompatible) : 0n
  if (head.readBigUInt64BE(header.backingAt) !== 0n)
    throw refused(
      `${file} is only the changes over another disk (it has a backing file)`,
      `make one disk of both: qemu-img convert -O qcow2 ${file} whole.qcow2`,
    )
  if (features & bits.dataFile)
    throw refused(
      `${file} keeps its data in another file`,
      `make one file of both: qemu-img convert -O qcow2 ${file} whole.qcow2`,
    )
  if (head.readUInt32BE(header.cryptMethod) !== 0)
    throw refused(`${file} is encrypted`, 'import a disk that is not')
  if (features & (bits.dirty | bits.corrupt))
    throw refused(`${file} was not closed in order, or is marked as damaged`, repair(file))
}

/** A raw disk does not say how long it is, but its partition table does: most of those that were cut off are found by it. */
const requirePartitions = (head: Buffer, bytes: number, file: string): void => {
  const end = endOfPartitions(head)
  if (end !== undefined && end > bytes)
    throw refused(
      `${file} was cut off: it has ${bytes} bytes, and its partitions go on to ${end}`,
      'fetch it again',
    )
}

/** Last byte of what the partition table speaks of (UEFI specification, 5.2 and 5.3); undefined if there is none. */
const endOfPartitions = (head: Buffer): number | undefined => {
  if (head.subarray(sector, sector + 8).toString('latin1') === 'EFI PART')
    return Number(head.readBigUInt64LE(sector + 32) + 1n) * sector
  // A file system that fills the disk has its boot code where a table would be.
  if (/FAT|NTFS/.test(head.subarray(3, 90).toString('latin1'))) return undefined
  const entries = [446, 462, 478, 494].map(at => ({
    status: head.readUInt8(at),
    type: head.readUInt8(at + 4),
    end: head.readUInt32LE(at + 8) + head.readUInt32LE(at + 12),
  }))
  if (entries.some(({ status }) => status !== 0 && status !== 0x80)) return undefined
  return Math.max(0, ...entries.map(({ type, end }) => (type === 0 ? 0 : end))) * sector
}
