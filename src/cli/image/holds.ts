// `grapevine image drain|stop|resume`: tasks of one image are held, on every host.
import type { Command } from 'commander'
import { UsageError } from '../../model/fault.ts'
import type { CliDeps } from '../deps.ts'
import { holdCommands } from '../holds.ts'

export const imageHolds = (deps: CliDeps): Command[] =>
  holdCommands(deps, 'image', async (store, name) => {
    const config = await deps.config({ repositories: 'later', secrets: 'later' })
    const images = [
      ...config.farm.images.map(image => image.name),
      ...(await store.hosts()).flatMap(host => host.images),
    ]
    if (images.includes(name)) return
    const known = [...new Set(images)].sort().join(', ')
    throw new UsageError(`no image is called ${name}`, `These are known: ${known}`)
  })
