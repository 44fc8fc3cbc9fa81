// The guest's kernel and the modules that it boots with: the distribution's generic kernel package, unpacked.
import { existsSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { Fault } from '../../model/fault.ts'
import { contentId } from '../../text/digest.ts'
import type { Archive } from './archive.ts'
import { runCommand } from './command.ts'
import { loadOrder, wantedModules } from './modules.ts'

/** The generic flavour: the cloud flavours lack VMGENID, and then all clones of a template draw the same random numbers. */
const packageNames = { debian: 'linux-image-amd64', ubuntu: 'linux-image-generic' }

/** What is in the folder of a fetched kernel: what QEMU boots, and a folder of modules named in the order in which they are loaded. */
export const kernelImage = 'vmlinuz'
export const kernelModules = 'modules'

type KernelRequest = { archive: Archive; cache: string; work: string; signal?: AbortSignal | undefined }

/** Fetches the kernel, or finds it in the cache, where all images of a host share it; gives its folder. Throws a Fault, also if the
 *  kernel lacks a module that guests need. */
export const fetchKernel = async ({ archive, cache, work, signal }: KernelRequest): Promise<string> => {
  const name = packageNames[archive.distribution.id]
  const packages = await archive.resolve([name], one => /^linux-(image|modules)/.test(one))
  const kernels = join(cache, 'kernels')
  const place = join(kernels, contentId(16, packages, wantedModules))
  if (existsSync(place)) return place

  const unpacked = join(work, 'kernel')
  await archive.unpack(packages, unpacked)
  const file = (await readdir(join(unpacked, 'boot'))).find(one => one.startsWith('vmlinuz-'))
  if (!file) throw new Fault('malformed', 'never', `the package ${name} holds no kernel`)
  const version = file.slice('vmlinuz-'.length)
  await runCommand({ command: 'depmod', args: ['-b', unpacked, version], timeoutMs: 300_000, signal })

  await mkdir(kernels, { recursive: true })
  const fresh = await mkdtemp(join(kernels, '.new-'))
  try {
    await copyFile(join(unpacked, 'boot', file), join(fresh, kernelImage))
    await copyModules(await moduleFolder(unpacked, version), join(fresh, kernelModules), signal)
    await rename(fresh, place)
  } catch (error) {
    await rm(fresh, { recursive: true, force: true })
    // Another build may have been quicker, with the same kernel.
    if (!existsSync(place)) throw error
  }
  await rm(unpacked, { recursive: true })
  return place
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

const copyModules = async (from: string, to: string, signal?: AbortSignal): Promise<void> => {
  const text = (kind: string) => readFile(join(from, `modules.${kind}`), 'utf8').catch(() => '')
  const index = {
    dep: await text('dep'),
    softdep: await text('softdep'),
    alias: await text('alias'),
    builtin: await text('builtin'),
  }
  const { paths, missing } = loadOrder(index, wantedModules)
  if (missing.length > 0) {
    throw new Fault('malformed', 'never', `this distribution's kernel lacks modules: ${missing.join(', ')}`)
  }
  await mkdir(to)
  for (const [position, path] of paths.entries()) {
    const name = path.replace(/^.*\//, '').replace(/\.ko.*$/, '')
    const bytes = await decompress(join(from, path), signal)
    await writeFile(join(to, `${String(position).padStart(2, '0')}-${name}.ko`), bytes)
  }
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
