// `grapevine image list` and `show`: what images there are on this host, and what they were made of.
import type { Config, ImageConfig } from '../../config/config.ts'
import { isBuilt } from '../../config/config.ts'
import { Fault, UsageError } from '../../model/fault.ts'
import type { CliDeps } from '../deps.ts'
import { theOne } from './chosen.ts'

type State = 'built' | 'imported' | 'outdated' | 'missing' | 'damaged' | 'in libvirt'
type Look = {
  name: string
  kind: string
  state: State
  builtAt: string | null
  bytes: number | null
  folder: string | null
  /** Names of versions that were replaced and are still there. */
  older: string[]
  /** The command that mends it. */
  remedy: string | null
}

const look = async (config: Config, image: ImageConfig): Promise<Look> => {
  const { loadImage } = await import('../../farm/image/manifest.ts')
  const { versionsOf } = await import('../../farm/image/versions.ts')
  const { name, kind } = image
  const nothing = { builtAt: null, bytes: null, folder: null, older: [], remedy: null }
  if (kind === 'libvirt') return { ...nothing, name, kind, state: 'in libvirt' }
  const versions = await versionsOf(config.farm.data, name)
  const older = versions.filter(({ current }) => !current).map(one => one.name)
  try {
    const there = await loadImage(config.farm.data, name, kind)
    const { builtAt, files, folder } = there
    const remedy = await outdated(there, image)
    const state = remedy !== null ? 'outdated' : kind === 'imported' ? 'imported' : 'built'
    const bytes = Object.values(files).reduce((sum, file) => sum + (file?.bytes ?? 0), 0)
    return { name, kind, state, builtAt: new Date(builtAt).toISOString(), bytes, folder, older, remedy }
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    const state = error.kind === 'damaged' ? 'damaged' : 'missing'
    return { ...nothing, name, kind, state, older, remedy: error.remedy ?? null }
  }
}

type Image = Awaited<ReturnType<typeof import('../../farm/image/manifest.ts').loadImage>>

/** The command that makes it what the configuration says; null if it is that. */
const outdated = async (there: Image, image: ImageConfig): Promise<string | null> => {
  const { imageSource } = await import('../../farm/image/source.ts')
  const { mismatchOf } = await import('../../farm/bootable.ts')
  const { importOf } = await import('../../farm/image/manifest.ts')
  const same = !mismatchOf(there, image) && (!isBuilt(image) || there.source === imageSource(image))
  if (same) return null
  return isBuilt(image) ? `grapevine image build ${image.name}` : importOf(image.name)
}

export const list = async (deps: CliDeps, { json = false }: { json?: boolean }): Promise<void> => {
  const config = await deps.config({ repositories: 'later', secrets: 'later' })
  const images: Look[] = []
  for (const image of config.farm.images) images.push(await look(config, image))
  if (json) {
    deps.stdout.write(images.map(image => `${JSON.stringify(image)}\n`).join(''))
    return
  }
  const { table } = await import('../table.ts')
  const rows = images.map(({ name, kind, state, builtAt, bytes, older }) => [
    name,
    kind,
    state,
    builtAt?.slice(0, 16).replace('T', ' ') ?? '',
    bytes === null ? '' : `${Math.ceil(bytes / 1024 / 1024)} MiB`,
    older.length === 0 ? '' : String(older.length),
  ])
  deps.stdout.write(`${table([['image', 'kind', 'state', 'made (UTC)', 'size', 'older'], ...rows])}\n`)
  const remedies = images.filter(({ remedy }) => remedy !== null)
  if (remedies.length === 0) return
  const lines = remedies.map(({ name, state, remedy }) => `${name} is ${state}: ${remedy}\n`)
  deps.stdout.write(`\n${lines.join('')}`)
}

export const showOne = async (deps: CliDeps, name: string): Promise<void> => {
  const config = await deps.config({ repositories: 'later', secrets: 'later' })
  const image = theOne(config, name)
  if (image.kind === 'libvirt')
    throw new UsageError(
      `image ${name} has no files here: libvirt keeps it`,
      `See: virsh -c ${image.uri} dominfo ${image.domain}`,
    )
  const { loadImage } = await import('../../farm/image/manifest.ts')
  deps.stdout.write(`${JSON.stringify(await loadImage(config.farm.data, name, image.kind), null, 2)}\n`)
}
