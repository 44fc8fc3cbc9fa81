// What an image is once it is built or imported: a manifest beside the files that QEMU boots. Templates are frozen from loaded images.
import { readFile, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { ImageConfig } from '../../config/config.ts'
import { Fault } from '../../model/fault.ts'

const sha256 = z.string().regex(/^[0-9a-f]{64}$/)

/** `file` is a name in the image's folder. */
const file = z.strictObject({
  file: z.string().regex(/^[\w.-]+$/),
  bytes: z.int().positive(),
  sha256,
})

const manifestSchema = z.strictObject({
  name: z.string().min(1),
  os: z.enum(['linux', 'windows']),
  kind: z.enum(['debian', 'busybox', 'imported']),
  arch: z.literal('x86_64'),
  /** The guest's path of the shell that runs commands: `/bin/sh`. */
  shell: z.string().min(1),
  /** As configured when it was made; what a machine gets is what is configured when it is started. */
  memoryMiB: z.int().positive(),
  cpus: z.int().positive(),
  /** The kernel's command line; empty for a disk that boots by itself. */
  append: z.string(),
  files: z.strictObject({
    kernel: file.optional(),
    initrd: file.optional(),
    disk: file.extend({ format: z.literal('qcow2') }).optional(),
    /** UEFI's code, and its variables as a guest finds them at its first boot. */
    firmware: file.optional(),
    vars: file.optional(),
  }),
  /** What was imported. */
  origin: z
    .strictObject({
      /** Its absolute path then. */
      file: z.string(),
      format: z.enum(['raw', 'qcow2']),
      bytes: z.int().positive(),
      sha256,
      /** From start to answer at the trial; null: it was not tried. */
      bootMs: z.int().nullable(),
    })
    .optional(),
  /** Content id of everything that the image was made of; see imageSource and importSource. */
  source: sha256,
  /** Milliseconds since 1970. */
  builtAt: z.int(),
})

export type ImageFile = z.infer<typeof file>
export type ImageManifest = z.infer<typeof manifestSchema>

/** A manifest and where its files are: the build's own folder, which stays the same when a newer build is published. */
export type Image = ImageManifest & { folder: string }

export const manifestFile = 'manifest.json'

/** `folder`: the farm's data folder. */
export const imagesFolder = (folder: string): string => join(folder, 'images')

/** The command that brings a disk in. */
export const importOf = (name: string): string => `grapevine image import ${name} FILE`

/** The command that makes an image of that kind. */
export const remedyOf = (name: string, kind?: ImageConfig['kind']): string =>
  kind === 'imported' ? importOf(name) : `grapevine image build ${name}`

/** Reads an image's manifest and checks that its files are there with the lengths that they had. `folder`: the farm's data
 *  folder; `kind`: what the configuration says, for the remedy. Throws Fault refused if the image was never built or imported,
 *  damaged if it is not what it was; not their digests: that takes seconds. */
export const loadImage = async (folder: string, name: string, kind?: ImageConfig['kind']): Promise<Image> => {
  const link = join(imagesFolder(folder), name)
  const place = await realpath(link).catch(error => {
    throw new Fault('refused', 'never', `there is no image ${name} in ${imagesFolder(folder)}`, {
      cause: error,
      remedy: remedyOf(name, kind),
    })
  })
  const image = await readImage(place, name, kind)
  for (const one of filesOf(image)) {
    const flaw = await lengthFlaw(image, one)
    if (flaw) throw damage(name, image.kind, flaw)
  }
  return image
}

/** The image in one folder, whatever its files are. Fault damaged if its manifest is not one. */
export const readImage = async (place: string, name: string, kind?: ImageConfig['kind']): Promise<Image> => {
  const damaged = (why: string, cause?: unknown) => damage(name, kind, why, cause)
  const text = await readFile(join(place, manifestFile), 'utf8').catch(error => {
    throw damaged(`its manifest cannot be read: ${error.message}`, error)
  })
  const manifest = parseManifest(text)
  if (manifest instanceof Error) throw damaged(`its manifest is damaged: ${manifest.message}`, manifest)
  if (manifest.name !== name) throw damaged(`its manifest is one of image ${manifest.name}`)
  return { ...manifest, folder: place }
}

const damage = (name: string, kind: ImageConfig['kind'] | undefined, why: string, cause?: unknown): Fault =>
  new Fault('damaged', 'never', `image ${name}: ${why}`, { cause, remedy: remedyOf(name, kind) })

export const filesOf = ({ files }: ImageManifest): ImageFile[] =>
  Object.values(files).filter(one => one !== undefined)

/** What is wrong with a file at first sight; undefined if it is there in its length. */
export const lengthFlaw = async (image: Image, one: ImageFile): Promise<string | undefined> => {
  const bytes = await stat(imageFile(image, one)).then(
    found => found.size,
    () => undefined,
  )
  if (bytes === undefined) return `${one.file} is missing`
  return bytes === one.bytes ? undefined : `${one.file} has ${bytes} bytes and should have ${one.bytes}`
}

const parseManifest = (text: string): ImageManifest | Error => {
  try {
    const { data, error } = manifestSchema.safeParse(JSON.parse(text))
    if (data) return data
    const { path, message } = error.issues[0] ?? { path: [], message: 'not as expected' }
    return new Error(`${path.join('.')}: ${message}`)
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

/** The absolute path of one of an image's files. */
export const imageFile = (image: Image, one: ImageFile): string => join(image.folder, one.file)
