// Builds a guest image from its configuration and publishes it: unseen until it is whole, and the one before stays until then.
import { copyFile, mkdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { BuiltImageConfig } from '../../config/config.ts'
import { Fault } from '../../model/fault.ts'
import type { Progress } from '../../ports/farm.ts'
import { requireRoom } from '../storage/room.ts'
import { hostDistribution } from './apt-sources.ts'
import { openArchive } from './archive.ts'
import { furnish } from './busybox.ts'
import { buildDisk } from './debian.ts'
import { layInitramfs, packInitramfs } from './initramfs.ts'
import { fetchKernel, kernelImage, kernelModules } from './kernel.ts'
import { type Image, type ImageManifest, loadImage } from './manifest.ts'
import { measureFile, publishBuild, sealBuild, withBuildFolder } from './publish.ts'
import { imageSource, kernelArguments } from './source.ts'

export type BuildRequest = {
  config: BuiltImageConfig
  /** The farm's data folder. */
  folder: string
  /** farm.reserve. */
  reserveMiB?: number | undefined
  progress: Progress
  signal?: AbortSignal
}

const names = { kernel: 'vmlinuz', initrd: 'initrd.img', disk: 'disk.qcow2' }

/** Builds the image unless one of the same source is there. Takes one to five minutes; needs the distribution's mirror. Throws a Fault. */
export const buildImage = async (request: BuildRequest): Promise<Image> => {
  const { config, folder } = request
  const progress: Progress = (line, ...counts) => request.progress(`${config.name}: ${line}`, ...counts)
  const there = await loadImage(folder, config.name).catch(() => undefined)
  if (there?.source === imageSource(config)) return there
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Fault(
      'refused',
      'never',
      `guest images are built on Linux on x86-64, and this is ${process.platform} on ${process.arch}`,
    )
  }
  await withBuildFolder({ folder, name: config.name }, async build => {
    const room = { folder, reserveMiB: request.reserveMiB, prune: { farm: folder } }
    await requireRoom(room, {
      what: `building image ${config.name}`,
      bytes: neededBytes[config.kind],
      into: build,
    })
    const work = join(build, 'work')
    await make(request, { build, work, progress })
    await rm(work, { recursive: true, force: true })
    const manifest = await describe(request, { build, progress })
    await sealBuild(build, manifest)
    await publishBuild(folder, build, manifest)
    progress('built')
  })
  return loadImage(folder, config.name)
}

/** Packages, the unpacked system, and the disk that it becomes, together. */
const neededBytes: Record<BuiltImageConfig['kind'], number> = { busybox: 512 * 2 ** 20, debian: 3 * 2 ** 30 }

type Making = { build: string; progress: Progress }

const make = async (request: BuildRequest, { build, work, progress }: Making & { work: string }) => {
  const { config, folder, signal } = request
  const { kind, packages } = config
  const cache = join(folder, 'cache')
  const tree = join(work, 'initramfs')
  await mkdir(tree, { recursive: true })
  const distribution = await hostDistribution()
  const archive = await openArchive({ distribution, cache, progress, signal })
  // A wrong name is told now, not in the middle of an installation.
  if (packages.length > 0) await archive.resolve(packages)
  const kernel = await fetchKernel({ archive, cache, work, signal })
  const onlyIt = (name: string) => name === 'busybox-static'
  await archive.unpack(await archive.resolve(['busybox-static'], onlyIt), join(work, 'busybox'))
  const busybox = await busyboxIn(join(work, 'busybox'))
  await copyFile(join(kernel, kernelImage), join(build, names.kernel))
  await layInitramfs({ tree, busybox, modules: join(kernel, kernelModules) })
  if (kind === 'busybox') await furnish({ tree, archive, packages, work, signal })
  progress('packing the initial memory file system…')
  await packInitramfs(tree, join(build, names.initrd), signal)
  if (kind === 'debian') {
    const file = join(build, names.disk)
    await buildDisk({ distribution, packages, diskMiB: config.diskMiB, cache, file, progress, signal })
  }
}

/** /bin is /usr/bin in newer packages. */
const busyboxIn = async (unpacked: string): Promise<string> => {
  for (const place of ['bin/busybox', 'usr/bin/busybox']) {
    const file = join(unpacked, place)
    if (await stat(file).catch(() => undefined)) return file
  }
  throw new Fault('malformed', 'never', 'the package busybox-static holds no busybox')
}

const describe = async (
  { config, signal }: BuildRequest,
  { build, progress }: Making,
): Promise<ImageManifest> => {
  const file = (name: string) => measureFile(build, name, { progress, signal })
  const debian = config.kind === 'debian'
  return {
    name: config.name,
    os: 'linux',
    kind: config.kind,
    arch: 'x86_64',
    shell: '/bin/sh',
    memoryMiB: config.memoryMiB,
    cpus: config.cpus,
    append: kernelArguments(config.kind),
    files: {
      kernel: await file(names.kernel),
      initrd: await file(names.initrd),
      ...(debian && { disk: { ...(await file(names.disk)), format: 'qcow2' as const } }),
    },
    source: imageSource(config),
    builtAt: Date.now(),
  }
}
