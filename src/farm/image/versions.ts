// The versions of an image that lie on this host, and the templates that lie on them.
import { readdir, readlink, realpath } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { allTemplates } from '../templates.ts'
import { imagesFolder } from './manifest.ts'

export type Version = {
  /** `debian@5a05e596c77d.1795324985190`: what it was made of, and when. */
  name: string
  folder: string
  /** The one that the image's name leads to. */
  current: boolean
}

const pattern = /^[a-z0-9][a-z0-9._-]*@[0-9a-f]{12}\.\d+$/

/** Is it the name of a version, and not of an image? */
export const isVersion = (name: string): boolean => pattern.test(name)

/** Newest first. `name`: an image's. */
export const versionsOf = async (folder: string, name: string): Promise<Version[]> => {
  // As templates name them: their paths have no links.
  const images = await realpath(imagesFolder(folder)).catch(() => imagesFolder(folder))
  const current = await readlink(join(images, name)).catch(() => undefined)
  const entries = await readdir(images, { withFileTypes: true }).catch(() => [])
  const builtAt = (one: string) => Number(one.replace(/^.*\./, ''))
  return entries
    .filter(entry => entry.isDirectory() && isVersion(entry.name) && entry.name.startsWith(`${name}@`))
    .map(entry => ({
      name: entry.name,
      folder: join(images, entry.name),
      current: entry.name === current,
    }))
    .sort((a, b) => builtAt(b.name) - builtAt(a.name))
}

/** Ids of the templates that boot from files in that folder. */
export const templatesOn = async (folder: string, place: string): Promise<string[]> =>
  (await allTemplates(folder))
    .filter(({ files }) => files.some(({ file }) => file.startsWith(place + sep)))
    .map(({ id }) => id)
