// One farm over two: domains of libvirt for images of that kind, QEMU of our own for all others.
import type { ImageConfig } from '../config/config.ts'
import type { Farm } from '../ports/farm.ts'
import { libvirtPrefix } from './libvirt/farm.ts'

export type MixedFarmOptions = {
  images: ImageConfig[]
  /** Opened as soon as an image needs it: a host may have libvirt alone. */
  qemu: () => Promise<Farm>
  libvirt: () => Promise<Farm>
}

/** Throws the Faults of those that are needed. */
export const mixedFarm = async ({ images, qemu, libvirt }: MixedFarmOptions): Promise<Farm> => {
  const isLibvirt = ({ kind }: ImageConfig) => kind === 'libvirt'
  if (!images.some(isLibvirt)) return await qemu()
  const domains = await libvirt()
  if (images.every(isLibvirt)) return domains
  const own = await qemu()
  const ofImage = (name: string) =>
    images.some(image => image.name === name && isLibvirt(image)) ? domains : own
  return {
    template: (spec, progress, signal) => ofImage(spec.image).template(spec, progress, signal),
    lease: request => (request.template.startsWith(libvirtPrefix) ? domains : own).lease(request),
    ...(own.condemn && { condemn: own.condemn }),
    reap: async () => (await own.reap()) + (await domains.reap()),
    close: async () => {
      try {
        await own.close()
      } finally {
        await domains.close()
      }
    },
  }
}
