// Builds a guest image from its configuration and publishes it: unseen until it is whole, and the one before stays until then.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  open,
  readdir,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { BuiltImageConfig } from '../../config/config.ts'
import { Fault } from '../../model/fault.ts'
import type { Progress } from '../../ports/farm.ts'
import { sweepAbandoned } from './abandoned.ts'
import { hostDistribution } from './apt-sources.ts'
import { openArchive } from './archive.ts'
import { furnish } from './busybox.ts'
import { buildDisk } from './debian.ts'
import { layInitramfs, packInitramfs } from './initramfs.ts'
import { fetchKernel, kernelImage, kernelModules } from './kernel.ts'
import { type Image, type ImageManifest, imagesFolder, loadImage, manifestFile } from './manifest.ts'
import { imageSource, kernelArguments } from './source.ts'

export type BuildRequest = {
  config: BuiltImageConfig
  /** The farm's data folder. */
  folder: string
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
  const images = imagesFolder(folder)
  await mkdir(images, { recursive: true })
  const prefix = '.building-'
  await sweepAbandoned({ folder: images, prefix }, path => rm(path, { recursive: true, force: true }))
  const build = await mkdtemp(join(images, `${prefix}${config.name}-`))
  try {
    await chmod(build, 0o755)
    await make(request, { build, progress })
    progress('taking digests…')
    const manifest = await describe(config, build)
    await publish(images, build, manifest)
    progress('built')
  } finally {
    await rm(build, { recursive: true, force: true })
  }
  return loadImage(folder, config.name)
}

const make = async (request: BuildRequest, { build, progress }: { build: string; progress: Progress }) => {
  const { config, folder, signal } = request
  const { kind, packages } = config
  const cache = join(folder, 'cache')
  const work = join(build, 'work')
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
  await rm(work, { recursive: true, force: true })
}

/** /bin is /usr/bin in newer packages. */
const busyboxIn = async (unpacked: string): Promise<string> => {
  for (const place of ['bin/busybox', 'usr/bin/busybox']) {
    const file = join(unpacked, place)
    if (await stat(file).catch(() => undefined)) return file
  }
  throw new Fault('malformed', 'never', 'the package busybox-static holds no busybox')
}

/** Writes the manifest beside the files, makes all of them read-only, and has the disk keep them. */
const describe = async (config: BuiltImageConfig, build: string): Promise<ImageManifest> => {
  const file = async (name: string) => ({
    file: name,
    bytes: (await stat(join(build, name))).size,
    sha256: await digest(join(build, name)),
  })
  const debian = config.kind === 'debian'
  const manifest: ImageManifest = {
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
  await writeFile(join(build, manifestFile), `${JSON.stringify(manifest, null, 2)}\n`)
  for (const name of await readdir(build)) {
    const handle = await open(join(build, name), 'r')
    await handle.sync()
    await handle.close()
    await chmod(join(build, name), 0o444)
  }
  return manifest
}

const digest = async (file: string): Promise<string> => {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash)
  return hash.digest('hex')
}

/** The name becomes a link to the new build by one rename. The build before stays for templates that were frozen from it. */
const publish = async (
  images: string,
  build: string,
  { name, source, builtAt }: ImageManifest,
): Promise<void> => {
  const own = `${name}@${source.slice(0, 12)}.${builtAt}`
  const before = (await readdir(images)).filter(one => one.startsWith(`${name}@`))
  await rename(build, join(images, own))
  const link = join(images, `.link-${own}`)
  await symlink(own, link)
  await rename(link, join(images, name))
  const age = (one: string) => Number(one.replace(/^.*\./, ''))
  for (const old of before.sort((a, b) => age(b) - age(a)).slice(1)) {
    await rm(join(images, old), { recursive: true, force: true })
  }
}
