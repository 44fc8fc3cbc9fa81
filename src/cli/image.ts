// `grapevine image`: the systems that guests boot, built once on each host.
import { Command } from 'commander'
import type { Config, ImageConfig } from '../config/config.ts'
import { isBuilt } from '../config/config.ts'
import { Fault, UsageError } from '../model/fault.ts'
import type { CliDeps } from './deps.ts'
import { imageHolds } from './image/holds.ts'

type State = 'built' | 'outdated' | 'missing' | 'damaged'
type Look = {
  name: string
  kind: string
  state: State
  builtAt: string | null
  bytes: number | null
  folder: string | null
}

const chosen = ({ farm }: Config, names: string[]): ImageConfig[] => {
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

const build = async (deps: CliDeps, names: string[]): Promise<void> => {
  const config = await deps.config({ repositories: 'later' })
  const { buildImage } = await import('../farm/image/build.ts')
  const { show: makeShow } = await import('./demo/show.ts')
  const show = makeShow(deps.stdout)
  let phase = ''
  const progress = (line: string) => {
    const without = line.replace(/ \(\d+(\/\d+)?\)/, '')
    if (without !== phase) show.line(line)
    else show.status(line)
    phase = without
  }
  try {
    for (const image of chosen(config, names)) {
      if (!isBuilt(image)) continue
      const { folder } = await buildImage({
        config: image,
        folder: config.farm.data,
        progress,
        signal: deps.signal,
      })
      show.line(`${image.name}: ready in ${folder}`)
    }
  } finally {
    show.end()
  }
}

const look = async (config: Config, image: ImageConfig): Promise<Look> => {
  const { loadImage } = await import('../farm/image/manifest.ts')
  const { imageSource } = await import('../farm/image/source.ts')
  const { name, kind } = image
  try {
    const { source, builtAt, files, folder } = await loadImage(config.farm.data, name)
    const state = !isBuilt(image) || source === imageSource(image) ? 'built' : 'outdated'
    const bytes = Object.values(files).reduce((sum, file) => sum + (file?.bytes ?? 0), 0)
    return { name, kind, state, builtAt: new Date(builtAt).toISOString(), bytes, folder }
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    const state = error.kind === 'damaged' ? 'damaged' : 'missing'
    return { name, kind, state, builtAt: null, bytes: null, folder: null }
  }
}

const list = async (deps: CliDeps, { json = false }: { json?: boolean }): Promise<void> => {
  const config = await deps.config({ repositories: 'later' })
  const images: Look[] = []
  for (const image of config.farm.images) images.push(await look(config, image))
  if (json) {
    deps.stdout.write(images.map(image => `${JSON.stringify(image)}\n`).join(''))
    return
  }
  const { table } = await import('./table.ts')
  const rows = images.map(({ name, kind, state, builtAt, bytes }) => [
    name,
    kind,
    state,
    builtAt?.slice(0, 16).replace('T', ' ') ?? '',
    bytes === null ? '' : `${Math.ceil(bytes / 1024 / 1024)} MiB`,
  ])
  deps.stdout.write(`${table([['image', 'kind', 'state', 'built (UTC)', 'size'], ...rows])}\n`)
}

const showOne = async (deps: CliDeps, name: string): Promise<void> => {
  const config = await deps.config({ repositories: 'later' })
  chosen(config, [name])
  const { loadImage } = await import('../farm/image/manifest.ts')
  deps.stdout.write(`${JSON.stringify(await loadImage(config.farm.data, name), null, 2)}\n`)
}

const looks = (deps: CliDeps): Command =>
  new Command('image')
    .description('Builds and lists the images of guests: farm.images in the configuration.')
    .addCommand(
      new Command('build')
        .summary('build images that are missing or outdated')
        .description(
          'Builds the images, or those named, from the packages of this host’s distribution. What is built and up to date stays.',
        )
        .argument('[names...]', 'images of the configuration (default: all)')
        .addHelpText('after', '\nExample:\n  $ grapevine image build debian')
        .action((names: string[]) => build(deps, names)),
    )
    .addCommand(
      new Command('list')
        .summary('list the images and whether they are built')
        .description(
          'Lists the images of the configuration: built, outdated (the configuration has changed since), damaged or missing.',
        )
        .option('--json', 'print JSON lines: name, kind, state, builtAt, bytes, folder')
        .addHelpText('after', '\nExample:\n  $ grapevine image list')
        .action((options: { json?: boolean }) => list(deps, options)),
    )
    .addCommand(
      new Command('show')
        .summary('print an image’s manifest')
        .description('Prints what an image was built of, and where its files lie, as JSON.')
        .argument('<name>', 'an image of the configuration')
        .addHelpText('after', '\nExample:\n  $ grapevine image show debian')
        .action((name: string) => showOne(deps, name)),
    )
    .addHelpText('after', '\nExample:\n  $ grapevine image build')

/** With the verbs that hold an image's tasks. */
export const image = (deps: CliDeps): Command =>
  imageHolds(deps).reduce((command, hold) => command.addCommand(hold), looks(deps))
