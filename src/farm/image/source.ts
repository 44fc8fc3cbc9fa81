// The content id of an image: what goes into it, so that the same configuration is built once.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { ImageConfig } from '../../config/config.ts'
import { wantedModules } from './modules.ts'

/** Raised when the builder makes something else of the same configuration. */
export const builderVersion = 1

const script = (name: string): string => readFileSync(new URL(`./guest/${name}`, import.meta.url), 'utf8')

/** What runs in a guest as process 1: `early` in the memory file system, then `init` wherever the guest lives; `finish` makes a
 *  Debian tree such a place, on the host. */
export const guestScripts = {
  early: script('early.sh'),
  init: script('init.sh'),
  finish: script('finish.sh'),
}

/** Digest of the configuration, the builder and the guest's scripts. The order of the packages does not matter. */
export const imageSource = (config: ImageConfig): string => {
  const { name, kind, memoryMiB, cpus, diskMiB } = config
  const packages = [...new Set(config.packages)].sort()
  const modules = wantedModules({ disk: kind === 'debian' })
  const parts = [builderVersion, name, kind, packages, memoryMiB, cpus, diskMiB, modules, guestScripts]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}
