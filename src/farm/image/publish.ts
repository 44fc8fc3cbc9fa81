// From a folder of finished files to an image that others find: manifest, digests, one rename. Builds and imports end here.
import { chmod, mkdir, mkdtemp, open, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Progress } from '../../ports/farm.ts'
import { sweepAbandoned } from './abandoned.ts'
import { digestFile, meter, type Reading } from './digest.ts'
import { type ImageManifest, imagesFolder, manifestFile } from './manifest.ts'
import { templatesOn, versionsOf } from './versions.ts'

const unfinished = '.building-'

/** Calls `use` with a new folder beside the images; what it leaves there is removed. */
export const withBuildFolder = async (
  { folder, name }: { folder: string; name: string },
  use: (build: string) => Promise<void>,
): Promise<void> => {
  const images = imagesFolder(folder)
  await mkdir(images, { recursive: true })
  const remove = (path: string) => rm(path, { recursive: true, force: true })
  await sweepAbandoned({ folder: images, prefix: unfinished }, remove)
  const build = await mkdtemp(join(images, `${unfinished}${name}-`))
  try {
    await chmod(build, 0o755)
    await use(build)
  } finally {
    await remove(build)
  }
}

/** Name, length and digest of a finished file. */
export const describeFile = async (build: string, name: string, reading: Reading = {}) => ({
  file: name,
  bytes: (await stat(join(build, name))).size,
  sha256: await digestFile(join(build, name), reading),
})

/** The same, with word of how far it is. */
export const measureFile = async (
  build: string,
  name: string,
  { progress, signal }: { progress: Progress; signal?: AbortSignal | undefined },
) => {
  const { size } = await stat(join(build, name))
  return describeFile(build, name, { onBytes: meter(progress, `taking the digest of ${name}`, size), signal })
}

/** Writes the manifest beside the files, makes all of them read-only, and has the disk keep them. */
export const sealBuild = async (build: string, manifest: ImageManifest): Promise<void> => {
  await rm(join(build, manifestFile), { force: true })
  await writeFile(join(build, manifestFile), `${JSON.stringify(manifest, null, 2)}\n`)
  for (const name of await readdir(build)) {
    const handle = await open(join(build, name), 'r')
    await handle.sync()
    await handle.close()
    await chmod(join(build, name), 0o444)
  }
}

/** The name becomes a link to the new build by one rename. The build before stays, and each that a template lies on. */
export const publishBuild = async (
  folder: string,
  build: string,
  { name, source, builtAt }: ImageManifest,
): Promise<void> => {
  const images = imagesFolder(folder)
  const own = `${name}@${source.slice(0, 12)}.${builtAt}`
  const before = await versionsOf(folder, name)
  await rename(build, join(images, own))
  const link = join(images, `.link-${own}`)
  await symlink(own, link)
  await rename(link, join(images, name))
  for (const old of before.slice(1)) {
    if ((await templatesOn(folder, old.folder)).length > 0) continue
    await rm(old.folder, { recursive: true, force: true })
  }
}
