// What the form says → what is to be handed in, or what is wrong with it. Pure.
import { z } from 'zod'
import type { ProjectConfig } from '../../config/config.ts'
import type { Viewer } from '../../model/access.ts'
import type { Address } from '../../model/mail.ts'
import type { Wish } from '../../model/series.ts'
import { ref } from '../../text/command.ts'

export const submitLimits = { bytes: 8 << 20, mails: 200 } as const

export type Asked = { project: ProjectConfig; bytes: Uint8Array; wish: Wish | undefined }

/** `why`: a sentence for who filled the form. */
export type Wrong = { why: string }

const many = z.union([z.string(), z.array(z.string())]).transform(one => (Array.isArray(one) ? one : [one]))

const fields = z.object({
  project: z.string().default(''),
  text: z.string().default(''),
  file: z.instanceof(File).optional().catch(undefined),
  image: many.default([]),
  base: z.string().trim().default(''),
})

/** Browsers end each line of a form by CR LF (HTML, 4.10.21.8), and people forget the last line's end. */
export const asPasted = (text: string): Uint8Array => {
  const lines = text.replaceAll('\r\n', '\n').replace(/^\n+/, '')
  return Buffer.from(lines === '' || lines.endsWith('\n') ? lines : `${lines}\n`)
}

const wishOf = (
  { image, base }: z.infer<typeof fields>,
  { recipe }: ProjectConfig,
): Wish | undefined | Wrong => {
  const all = recipe.test.images
  const stranger = image.find(name => !all.includes(name))
  if (stranger !== undefined) return { why: 'One of the images is not tested for that project.' }
  if (base !== '' && !ref.test(base))
    return { why: 'The base is the name of a branch or tag, or the id of a commit.' }
  const images = image.length === 0 || image.length === all.length ? {} : { images: image }
  const against = base === '' ? {} : { against: base }
  return Object.keys({ ...images, ...against }).length === 0 ? undefined : { ...images, ...against }
}

/** The fields as a form gives them. */
export const readForm = async (given: unknown, projects: ProjectConfig[]): Promise<Asked | Wrong> => {
  const { data } = fields.safeParse(given)
  if (!data) return { why: 'The form is not one of ours.' }
  const project = projects.find(({ name }) => name === data.project)
  if (!project) return { why: 'Say for which project the patches are.' }
  const file = data.file?.size ? data.file : undefined
  if (file && data.text.trim() !== '') return { why: 'Choose a file, or paste the patches; not both.' }
  const wish = wishOf(data, project)
  if (wish && 'why' in wish) return wish
  const bytes = file ? new Uint8Array(await file.arrayBuffer()) : asPasted(data.text)
  if (bytes.length === 0) return { why: 'There is nothing in it: choose a file, or paste the patches.' }
  if (bytes.length > submitLimits.bytes)
    return { why: `That is too much: up to ${submitLimits.bytes >> 20} MiB are taken.` }
  return { project, bytes, wish }
}

/** Operators hand in anybody's patches, others their own: the author is who is answered. */
export const mayBeOf = ({ role, address }: Viewer, author: Address | undefined): boolean =>
  role === 'operator' || (address !== undefined && author?.address.toLowerCase() === address.toLowerCase())

/** What is wrong with whose the mails are; undefined: nothing. */
export const wrongAuthors = (viewer: Viewer, authors: (Address | undefined)[]): string | undefined => {
  if (authors.length === 0) return 'No mail was found in it. What git format-patch --stdout writes is taken.'
  if (authors.length > submitLimits.mails) return `Up to ${submitLimits.mails} patches are taken at once.`
  if (authors.every(author => author === undefined))
    return 'It holds no mail with a sender. A patch is taken as git format-patch --stdout writes it, with its lines From, Subject and Date.'
  if (authors.every(author => mayBeOf(viewer, author))) return undefined
  return viewer.address === undefined
    ? 'You can hand in your own patches, but your login says no mail address; log in by a link in a mail.'
    : `You can hand in your own patches: those whose line From names ${viewer.address}.`
}
