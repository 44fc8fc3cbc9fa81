// Takes an image off this host: all its versions, or one of them; and, if so asked, the templates that lie on it.
import { lstat, rename, rm, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { Fault } from '../../model/fault.ts'
import { diskUsage } from '../storage/usage.ts'
import { templateFolder } from '../templates.ts'
import { imagesFolder } from './manifest.ts'
import { isVersion, templatesOn, type Version, versionsOf } from './versions.ts'

export type RemoveRequest = {
  /** The farm's data folder. */
  folder: string
  /** An image's name: all versions; or the name of one version. */
  name: string
  /** Removes the templates that lie on it, too. */
  force: boolean
}

export type Removed = {
  versions: string[]
  templates: string[]
  /** What the disk has again. */
  bytes: number
}

/** Faults: refused if there is nothing of that name, if templates lie on it, or if it is the version that is used. */
export const removeImage = async ({ folder, name, force }: RemoveRequest): Promise<Removed> => {
  const images = imagesFolder(folder)
  const versions = await chosen(folder, name)
  const templates: string[] = []
  for (const one of versions) templates.push(...(await templatesOn(folder, one.folder)))
  if (templates.length > 0 && !force)
    throw new Fault(
      'refused',
      'never',
      `${name} is in use: ${templates.length} ${templates.length === 1 ? 'template lies' : 'templates lie'} on it`,
      { remedy: 'remove them with it: --force. They are made again from the next image of that name.' },
    )
  const link = join(images, name)
  if ((await lstat(link).catch(() => undefined))?.isSymbolicLink()) await unlink(link)
  let bytes = 0
  for (const id of templates) bytes += await removeTree(templateFolder(folder, id))
  for (const one of versions) bytes += await removeTree(one.folder)
  return { versions: versions.map(one => one.name), templates, bytes }
}

const chosen = async (folder: string, name: string): Promise<Version[]> => {
  const all = await versionsOf(folder, name.replace(/@.*$/, ''))
  // Half a version's name is none: it must not be taken for all of them.
  const versions = name.includes('@') ? all.filter(one => one.name === name) : all
  if (versions.length === 0)
    throw new Fault('refused', 'never', `there is no image ${name} in ${imagesFolder(folder)}`, {
      remedy: 'see what is there: grapevine image list',
    })
  const [only] = versions
  if (isVersion(name) && only?.current)
    throw new Fault('refused', 'never', `${name} is the version that is used`, {
      remedy: `remove the whole image, grapevine image remove ${name.replace(/@.*/, '')}, or make a newer one first`,
    })
  return versions
}

/** Out of sight by one rename, then removed; links in it are not followed. */
const removeTree = async (path: string): Promise<number> => {
  const bytes = await diskUsage(path)
  const aside = join(dirname(path), `.removing-${process.pid}-${Date.now()}-${basename(path)}`)
  await rename(path, aside)
  await rm(aside, { recursive: true, force: true })
  return bytes
}
