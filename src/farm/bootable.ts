// What the farm needs to know of an image to boot it, taken from its manifest and from the configuration.
import type { ImageConfig } from '../config/config.ts'
import { Fault } from '../model/fault.ts'
import { imageFile, loadImage } from './image/manifest.ts'
import type { Accelerator, Layout } from './qemu.ts'

export type Bootable = {
  name: string
  shell: string
  kernel: string | undefined
  initrd: string | undefined
  append: string
  disk: { file: string; format: string } | undefined
  memoryMiB: number
  cpus: number
  /** Another image of that name is another identity. */
  identity: string
}

/** Faults: refused (not configured, another processor or system), and those of loadImage. */
export const bootable = async (folder: string, images: ImageConfig[], name: string): Promise<Bootable> => {
  const config = images.find(image => image.name === name)
  const known = images.map(image => image.name).join(', ') || 'none'
  if (!config)
    throw new Fault('refused', 'never', `no image is called ${name}`, {
      remedy: `add it to farm.images in grapevine.yaml (there: ${known})`,
    })
  const image = await loadImage(folder, name)
  if (image.os !== 'linux')
    throw new Fault('refused', 'never', `image ${name}: ${image.os} guests are not supported`)
  const { kernel, initrd, disk } = image.files
  return {
    name,
    shell: image.shell,
    kernel: kernel && imageFile(image, kernel),
    initrd: initrd && imageFile(image, initrd),
    append: image.append,
    disk: disk && { file: imageFile(image, disk), format: disk.format },
    memoryMiB: config.memoryMiB,
    cpus: config.cpus,
    identity: JSON.stringify([image.source, image.files]),
  }
}

export const layoutOf = (image: Bootable, accelerator: Accelerator): Layout => ({
  memoryMiB: image.memoryMiB,
  cpus: image.cpus,
  accelerator,
  kernel: image.kernel,
  initrd: image.initrd,
  append: image.append,
  disk: image.disk !== undefined,
})
