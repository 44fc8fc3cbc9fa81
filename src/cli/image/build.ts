// `grapevine image build`: makes images from the distribution's packages.
import type { Config, ImageConfig } from '../../config/config.ts'
import { isBuilt } from '../../config/config.ts'
import type { CliDeps } from '../deps.ts'
import { type Meter, meterOn } from '../progress.ts'
import { chosen, keptByLibvirt } from './chosen.ts'

export const build = async (deps: CliDeps, names: string[]): Promise<void> => {
  const config = await deps.config({ repositories: 'later', secrets: 'later' })
  const images = chosen(config, names)
  const meter = meterOn(deps.stdout)
  try {
    for (const image of images) {
      if (isBuilt(image)) await buildOne(deps, { config, image, meter })
      else if (names.length > 0) meter.line(`${image.name}: not built here, ${whence(image)}`)
    }
  } finally {
    meter.end()
  }
}

type Built = Parameters<typeof import('../../farm/image/build.ts').buildImage>[0]['config']

const buildOne = async (
  { signal }: CliDeps,
  { config, image, meter }: { config: Config; image: Built; meter: Meter },
): Promise<void> => {
  const { buildImage } = await import('../../farm/image/build.ts')
  const { data: folder, reserveMiB } = config.farm
  const request = { config: image, folder, reserveMiB, progress: meter.progress, signal }
  const built = await buildImage(request)
  meter.line(`${image.name}: ready in ${built.folder}`)
}

const whence = ({ kind, name }: ImageConfig): string =>
  kind === 'libvirt' ? keptByLibvirt : `it is brought in by: grapevine image import ${name} FILE`
