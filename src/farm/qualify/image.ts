// Which images qualify a host: the smallest for the canary, the smallest with a disk of its own for the soak.
import { stat } from 'node:fs/promises'
import type { ImageConfig } from '../../config/config.ts'
import { Fault } from '../../model/fault.ts'
import { type Bootable, bootable } from '../bootable.ts'

/** Guests that are not ours to boot tell nothing of this host's QEMU. */
export const isOurs = ({ kind }: ImageConfig): boolean => kind !== 'libvirt'

/** Linux images that are here, the smallest first; busybox guests before all others. */
const candidates = async (folder: string, images: ImageConfig[]): Promise<Bootable[]> => {
  const found: { image: Bootable; bytes: number }[] = []
  for (const config of images.filter(isLinux)) {
    const image = await bootable(folder, images, config.name).catch(passOver)
    if (image) found.push({ image, bytes: config.kind === 'busybox' ? 0 : await bytesOf(image) })
  }
  return found.sort((a, b) => a.bytes - b.bytes).map(({ image }) => image)
}

const isLinux = (image: ImageConfig): boolean => isOurs(image) && (!('os' in image) || image.os === 'linux')

/** What is not built, or damaged, is no candidate; its own check tells of it. */
const passOver = (error: unknown): undefined => {
  if (!(error instanceof Fault)) throw error
  return undefined
}

const bytesOf = async ({ kernel, initrd, disk }: Bootable): Promise<number> => {
  const files = [kernel, initrd, disk?.file].filter(file => file !== undefined)
  const sizes = files.map(file => stat(file).then(({ size }) => size))
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}

const none = (): Fault =>
  new Fault('refused', 'later', 'no Linux image is built here, so that no guest can be tried', {
    remedy: 'grapevine image build busybox',
  })

/** Fault refused (later) if there is none. */
export const canaryImage = async (folder: string, images: ImageConfig[]): Promise<Bootable> => {
  const [smallest] = await candidates(folder, images)
  if (!smallest) throw none()
  return smallest
}

/** `name`: the one that was asked for. Without one with a disk of its own the canary's does. */
export const soakImage = async (folder: string, images: ImageConfig[], name?: string): Promise<Bootable> => {
  if (name !== undefined) return await bootable(folder, images, name)
  const all = await candidates(folder, images)
  const best = all.find(image => image.disk) ?? all[0]
  if (!best) throw none()
  return best
}
