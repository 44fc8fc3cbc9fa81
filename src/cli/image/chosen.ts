// Which images of the configuration a command is about.
import type { Config, ImageConfig } from '../../config/config.ts'
import { UsageError } from '../../model/fault.ts'

/** Those that are named, or all. UsageError if one is not in the configuration. */
export const chosen = ({ farm }: Config, names: string[]): ImageConfig[] => {
  const known = farm.images.map(image => image.name)
  const unknown = names.find(name => !known.includes(name))
  if (unknown !== undefined) {
    throw new UsageError(
      `no image is called ${unknown}`,
      `These are in the configuration: ${known.join(', ')}`,
    )
  }
  return farm.images.filter(({ name }) => names.length === 0 || names.includes(name))
}

export const keptByLibvirt = 'libvirt keeps it'

/** The one image of that name. */
export const theOne = (config: Config, name: string): ImageConfig => {
  const [image] = chosen(config, [name])
  if (!image) throw new UsageError(`no image is called ${name}`)
  return image
}
