// What one QEMU may use of its host, whatever its guest or a hole in QEMU itself would like.
import { open } from 'node:fs/promises'
import type { Layout, Places } from './qemu.ts'

export type Limits = {
  /** The largest file that QEMU may make or grow: what a full disk of the guest needs. */
  fileBytes: number
  /** All of its address space. */
  addressBytes: number
  /** Its resident memory, where a control group can hold it to that. */
  memoryBytes: number
  /** Processors' worth of time, where a control group can hold it to that. */
  cpus: number
  /** Threads; only where QEMU has a user of its own. */
  threads: number
}

const mib = 2 ** 20

/** A picture of the screen, at worst. */
const leastFile = 64 * mib
/** QEMU's own: code, translated code (up to 1 GiB), video memory, threads' stacks. */
const ownMemory = 2048 * mib
const ownAddresses = 8192 * mib
/** QEMU's pool for disk operations has up to 64 threads. */
const ownThreads = 128

/** Errors of the file system as they are. */
export const limitsFor = async (layout: Layout, places: Places, folder: string): Promise<Limits> => {
  const memoryBytes = layout.memoryMiB * mib
  const growsMemory = places.memory.shared || places.memory.file.startsWith(`${folder}/`)
  const disk = places.disk ? await fullOverlay(places.disk.overlay) : 0
  return {
    fileBytes: Math.max(leastFile, disk, growsMemory ? memoryBytes : 0),
    addressBytes: memoryBytes + ownAddresses,
    memoryBytes: memoryBytes + ownMemory,
    cpus: layout.cpus + 1,
    threads: layout.cpus + ownThreads,
  }
}

/** How large an overlay gets when the guest has written to all of its disk: the disk's size is in bytes 24 to 31 of a qcow2
 *  (QEMU, docs/interop/qcow2.txt), and its tables add less than a hundredth. */
const fullOverlay = async (overlay: string): Promise<number> => {
  await using handle = await open(overlay)
  const header = Buffer.alloc(32)
  await handle.read(header, 0, header.length, 0)
  const isQcow2 = header.readUInt32BE(0) === 0x51_46_49_fb
  const size = isQcow2 ? Number(header.readBigUInt64BE(24)) : (await handle.stat()).size
  return Math.ceil(size * 1.01) + 64 * mib
}
