// Real guests for the farm's tests: the images that set-up built, and farms on them.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ImageConfig } from '../../src/config/config.ts'
import { createFarm, type FarmOptions } from '../../src/farm/farm.ts'
import { ownerOf } from '../../src/farm/owner.ts'
import type { Clone, Command, Farm, TemplateSpec } from '../../src/ports/farm.ts'

/** Templates in here stay for the next run: freezing is what takes time. */
export const sharedFolder = fileURLToPath(new URL('../../.grapevine/farm', import.meta.url))

export const images: ImageConfig[] = [
  { name: 'busybox', kind: 'busybox', packages: [], memoryMiB: 256, cpus: 1, diskMiB: 0 },
  { name: 'debian', kind: 'debian', packages: [], memoryMiB: 512, cpus: 1, diskMiB: 4096 },
]

export const requireImage = (name: string): void => {
  if (!existsSync(join(sharedFolder, 'images', name)))
    throw new Error(`the image ${name} is missing; build it first: bin/grapevine image build ${name}`)
}

export const openFarm = (options: Partial<FarmOptions> & { token: string }): Promise<Farm> =>
  createFarm({ folder: sharedFolder, slots: 2, accelerator: 'auto', images, ...options })

/** A farm folder of its own, with the built images; `lent`: and with the templates that are there already. */
export const newFolder = (lent?: 'lent'): { folder: string; remove: () => void } => {
  const folder = mkdtempSync(join(tmpdir(), 'grapevine-farm-'))
  mkdirSync(join(folder, 'clones'))
  symlinkSync(join(sharedFolder, 'images'), join(folder, 'images'))
  if (lent) symlinkSync(join(sharedFolder, 'templates'), join(folder, 'templates'))
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

export const plain = (image: string): TemplateSpec => ({
  label: `${image}, as it is`,
  image,
  content: 'nothing',
  files: [],
  prepare: [],
})

export const silent = (): void => {}

export const command = (script: string, timeoutMs = 60_000): Command => ({
  name: 'test',
  script,
  folder: '/root',
  timeoutMs,
})

/** What a command prints. */
export const say = async (clone: Clone, script: string): Promise<string> => {
  let output = ''
  const ending = await clone.exec(command(script), {
    onOutput: chunk => {
      output += chunk
    },
  })
  if (ending.kind !== 'finished' || ending.exitCode !== 0)
    throw new Error(`${script}: ${JSON.stringify(ending)}: ${output}`)
  return output.trim()
}

/** Process ids of running QEMUs with that token. */
export const qemusOf = (token: string): number[] =>
  readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(pid => ownerOf(pid)?.token === token)
