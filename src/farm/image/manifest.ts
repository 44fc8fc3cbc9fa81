// What an image is once it is built: a manifest beside the files that QEMU boots. Templates are frozen from loaded images.
import { readFile, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
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
  kind: z.enum(['debian', 'busybox']),
  arch: z.literal('x86_64'),
  /** The guest's path of the shell that runs commands: `SHELL -c SCRIPT`. */
  shell: z.string().startsWith('/'),
  memoryMiB: z.int().positive(),
  cpus: z.int().positive(),
  /** The kernel's command line. */
  append: z.string(),
  files: z.strictObject({
    kernel: file.optional(),
    initrd: file.optional(),
    disk: file.extend({ format: z.literal('qcow2') }).optional(),
  }),
  /** Content id of everything that the image was made of; see imageSource. */
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

/** Reads an image's manifest and checks that its files are there with the lengths that they had. `folder`: the farm's data
 *  folder. Throws Fault refused if the image was never built, damaged if it is not what was built; not their digests: that takes seconds. */
export const loadImage = async (folder: string, name: string): Promise<Image> => {
  const remedy = `grapevine image build ${name}`
  const damaged = (why: string, cause?: unknown) =>
    new Fault('damaged', 'never', `image ${name}: ${why}`, { cause, remedy })
  const link = join(imagesFolder(folder), name)
  const place = await realpath(link).catch(error => {
    throw new Fault('refused', 'never', `there is no image ${name} in ${imagesFolder(folder)}`, {
      cause: error,
      remedy,
    })
  })
  const text = await readFile(join(place, manifestFile), 'utf8').catch(error => {
    throw damaged(`its manifest cannot be read: ${error.message}`, error)
  })
  const manifest = parseManifest(text)
  if (manifest instanceof Error) throw damaged(`its manifest is damaged: ${manifest.message}`, manifest)
  if (manifest.name !== name) throw damaged(`its manifest is one of image ${manifest.name}`)
  for (const one of Object.values(manifest.files)) {
    if (!one) continue
    const bytes = await stat(join(place, one.file)).then(
      found => found.size,
      () => undefined,
    )
    if (bytes === undefined) throw damaged(`${one.file} is missing`)
    if (bytes !== one.bytes) throw damaged(`${one.file} has ${bytes} bytes and should have ${one.bytes}`)
  }
  return { ...manifest, folder: place }
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
