// What the farm needs to know of an image to boot it, taken from its manifest and from the configuration.
import { chmod } from 'node:fs/promises'
import type { DiskBus, GuestOs, ImageConfig } from '../config/config.ts'
import { Fault } from '../model/fault.ts'
import { createOverlay } from './disk.ts'
import { copy } from './files.ts'
import { type Image, imageFile, importOf, loadImage } from './image/manifest.ts'
import type { Accelerator, Layout, Places } from './qemu.ts'

export type Bootable = {
  name: string
  os: GuestOs
  shell: string
  kernel: string | undefined
  initrd: string | undefined
  append: string
  disk: { file: string; format: string } | undefined
  bus: DiskBus
  /** UEFI firmware: its code, and the variables that it begins with. undefined: BIOS. */
  firmware: { code: string; vars: string } | undefined
  memoryMiB: number
  cpus: number
  /** How long it may take to boot, where that is known: thrice what it took when it was brought in. */
  bootMs: number | undefined
  /** Another image of that name is another identity. */
  identity: string
}

/** Faults: refused (not configured, not ours to boot, imported as something else), and those of loadImage. */
export const bootable = async (folder: string, images: ImageConfig[], name: string): Promise<Bootable> => {
  const config = images.find(image => image.name === name)
  const known = images.map(image => image.name).join(', ') || 'none'
  if (!config)
    throw new Fault('refused', 'never', `no image is called ${name}`, {
      remedy: `add it to farm.images in grapevine.yaml (there: ${known})`,
    })
  if (config.kind === 'libvirt')
    throw new Fault('refused', 'never', `image ${name} is a domain of libvirt: it is not booted here`)
  return bootableOf(await loadImage(folder, name, config.kind), config)
}

/** Of an image that was read already. Fault refused if it is not what the configuration says. */
export const bootableOf = (image: Image, config: Exclude<ImageConfig, { kind: 'libvirt' }>): Bootable => {
  const { name } = config
  const mismatch = mismatchOf(image, config)
  if (mismatch)
    throw new Fault('refused', 'never', `image ${name} ${mismatch}`, {
      remedy: config.kind === 'imported' ? importOf(name) : `grapevine image build ${name}`,
    })
  const { kernel, initrd, disk, firmware, vars } = image.files
  return {
    name,
    os: image.os,
    shell: image.shell,
    kernel: kernel && imageFile(image, kernel),
    initrd: initrd && imageFile(image, initrd),
    append: image.append,
    disk: disk && { file: imageFile(image, disk), format: disk.format },
    bus: config.kind === 'imported' ? config.disk : 'virtio',
    firmware: firmware && vars && { code: imageFile(image, firmware), vars: imageFile(image, vars) },
    memoryMiB: config.memoryMiB,
    cpus: config.cpus,
    bootMs: image.origin?.bootMs == null ? undefined : image.origin.bootMs * 3,
    identity: JSON.stringify([image.source, image.files]),
  }
}

/** What the configuration says otherwise than the image is; undefined if they agree. */
export const mismatchOf = (image: Image, config: ImageConfig): string | undefined => {
  if ((image.kind === 'imported') !== (config.kind === 'imported'))
    return `is of kind ${image.kind}, and is configured as ${config.kind}`
  if (config.kind !== 'imported') return undefined
  const firmware = image.files.firmware ? 'uefi' : 'bios'
  if (firmware !== config.firmware)
    return `was imported with firmware ${firmware}, and is configured with ${config.firmware}`
  if (image.os !== config.os) return `was imported as ${image.os}, and is configured as ${config.os}`
  return undefined
}

export const layoutOf = (image: Bootable, accelerator: Accelerator): Layout => ({
  memoryMiB: image.memoryMiB,
  cpus: image.cpus,
  accelerator,
  kernel: image.kernel,
  initrd: image.initrd,
  append: image.append,
  disk: image.disk !== undefined,
  bus: image.bus,
  firmware: image.firmware?.code,
})

/** What a boot writes to, made in a folder of the machine's own: an overlay over the disk, a copy of the firmware's variables.
 *  Faults as createOverlay. */
export const layOut = async (
  image: Pick<Bootable, 'disk' | 'firmware'>,
  files: { overlay: string; vars: string },
): Promise<Pick<Places, 'disk' | 'vars'>> => {
  const { disk, firmware } = image
  if (disk) await createOverlay(files.overlay, disk)
  if (firmware) await copyWritable(firmware.vars, files.vars)
  return placesOf(image, files)
}

/** The same, of files that are there already. */
export const placesOf = (
  { disk, firmware }: Pick<Bootable, 'disk' | 'firmware'>,
  { overlay, vars }: { overlay: string; vars: string },
): Pick<Places, 'disk' | 'vars'> => ({
  disk: disk && { overlay, backing: [disk] },
  vars: firmware && vars,
})

/** An image's files are read-only, and a copy has their mode. */
export const copyWritable = async (from: string, to: string): Promise<void> => {
  await copy(from, to)
  await chmod(to, 0o644)
}
