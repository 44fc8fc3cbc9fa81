// `grapevine image remove`: takes an image off this host.
import type { Config } from '../../config/config.ts'
import { Fault } from '../../model/fault.ts'
import { plural } from '../../model/words.ts'
import type { CliDeps } from '../deps.ts'

export const remove = async (
  deps: CliDeps,
  name: string,
  { force = false }: { force?: boolean },
): Promise<void> => {
  const config = await deps.config({ repositories: 'later', secrets: 'later' })
  const image = config.farm.images.find(one => one.name === name)
  if (image?.kind === 'libvirt')
    throw new Fault('refused', 'never', `image ${name} has no files here: libvirt keeps it`, {
      remedy: `remove it with virsh, and its lines from the configuration`,
    })
  const users = recipesWith(config, name)
  if (users.length > 0 && !force)
    throw new Fault('refused', 'never', `image ${name} is in use: ${users.join(', ')} in the configuration`, {
      remedy: 'take it out of the recipe first; or remove it all the same: --force',
    })
  const { removeImage } = await import('../../farm/image/remove.ts')
  const { sizeText } = await import('../../farm/storage/usage.ts')
  const { versions, templates, bytes } = await removeImage({ folder: config.farm.data, name, force })
  const with_ = templates.length === 0 ? '' : ` and ${plural(templates.length, 'template')}`
  deps.stdout.write(`removed ${versions.join(', ')}${with_}: ${sizeText(bytes)} freed\n`)
}

const recipesWith = ({ projects }: Config, name: string): string[] =>
  projects
    .filter(({ recipe }) => recipe.build.image === name || recipe.test.images.includes(name))
    .map(project => `project ${project.name} uses it`)
