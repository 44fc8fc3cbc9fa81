// The guest's kernel and the modules that it boots with: the distribution's generic kernel package, unpacked.
import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { Fault } from '../../model/fault.ts'
import type { Archive } from './archive.ts'
import { runCommand } from './command.ts'
import { loadOrder, type WantedModule } from './modules.ts'

export type Kernel = {
  version: string
  /** The file that QEMU boots. */
  image: string
  /** Uncompressed modules in the order in which they are loaded. */
  modules: { name: string; bytes: Buffer }[]
}

/** The generic flavour: the cloud flavours lack VMGENID, and then all clones of a template draw the same random numbers. */
const packageNames = { debian: 'linux-image-amd64', ubuntu: 'linux-image-generic' }

type KernelRequest = {
  archive: Archive
  wanted: WantedModule[]
  folder: string
  signal?: AbortSignal | undefined
}

/** Fetches and unpacks the kernel below `folder`. Throws a Fault, also if it lacks a wanted module. */
export const fetchKernel = async ({ archive, wanted, folder, signal }: KernelRequest): Promise<Kernel> => {
  const name = packageNames[archive.distribution.id]
  const keep = (one: string) => /^linux-(image|modules)/.test(one)
  await archive.unpack({ names: [name], keep, into: folder })
  const boot = await readdir(join(folder, 'boot'))
  const file = boot.find(one => one.startsWith('vmlinuz-'))
  if (!file) throw new Fault('malformed', 'never', `the package ${name} holds no kernel`)
  const version = file.slice('vmlinuz-'.length)
  await runCommand({ command: 'depmod', args: ['-b', folder, version], timeoutMs: 300_000, signal })
  const modules = await readModules(await moduleFolder(folder, version), wanted, signal)
  return { version, image: join(folder, 'boot', file), modules }
}

/** /lib is /usr/lib in newer packages, and depmod may have been told either. */
const moduleFolder = async (folder: string, version: string): Promise<string> => {
  const places = ['lib/modules', 'usr/lib/modules'].map(place => join(folder, place, version))
  for (const place of places) {
    const names: string[] = await readdir(place).catch(() => [])
    if (names.includes('kernel')) return place
  }
  throw new Fault('malformed', 'never', `kernel ${version} has no modules`)
}

const readModules = async (
  folder: string,
  wanted: WantedModule[],
  signal?: AbortSignal,
): Promise<Kernel['modules']> => {
  const text = (file: string) => readFile(join(folder, file), 'utf8').catch(() => '')
  const [dep, softdep, alias, builtin] = await Promise.all(
    ['dep', 'softdep', 'alias', 'builtin'].map(kind => text(`modules.${kind}`)),
  )
  const index = { dep: dep ?? '', softdep: softdep ?? '', alias: alias ?? '', builtin: builtin ?? '' }
  const { paths, missing } = loadOrder(index, wanted)
  if (missing.length > 0) {
    throw new Fault(
      'malformed',
      'never',
      `the kernel in ${folder} lacks what guests need: ${missing.join(', ')}`,
    )
  }
  const modules: Kernel['modules'] = []
  for (const path of paths) {
    const name = path.replace(/^.*\//, '').replace(/\.ko.*$/, '')
    modules.push({ name, bytes: await decompress(join(folder, path), signal) })
  }
  return modules
}

/** busybox's insmod takes plain modules only. */
const decompress = async (file: string, signal?: AbortSignal): Promise<Buffer> => {
  if (file.endsWith('.xz')) {
    await runCommand({
      command: 'xz',
      args: ['--decompress', '--keep', '--force', file],
      timeoutMs: 60_000,
      signal,
    })
    return readFile(file.slice(0, -'.xz'.length))
  }
  const bytes = await readFile(file)
  if (file.endsWith('.zst')) return zstdDecompressSync(bytes)
  return file.endsWith('.gz') ? gunzipSync(bytes) : bytes
}

/** Copies the kernel and numbers its modules, so that a shell's `*` loads them in order. */
export const placeKernel = async (kernel: Kernel, to: { image: string; modules: string }): Promise<void> => {
  await copyFile(kernel.image, to.image)
  for (const [index, { name, bytes }] of kernel.modules.entries()) {
    await writeFile(join(to.modules, `${String(index).padStart(2, '0')}-${name}.ko`), bytes)
  }
}
