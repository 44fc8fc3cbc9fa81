// Is an image still what it was? Every file by its digest, a qcow2 by its own tables too.
import { basename } from 'node:path'
import { Fault } from '../../model/fault.ts'
import type { Progress } from '../../ports/farm.ts'
import { digestFile, meter } from './digest.ts'
import { filesOf, type Image, imageFile, lengthFlaw } from './manifest.ts'
import { flawOf } from './qemu-img.ts'

export type Flaw = {
  /** Its name in the image's folder. */
  file: string
  what: string
}

/** What is wrong, file by file; empty if nothing is. Reads everything: some seconds for each GiB. */
export const verifyImage = async (
  image: Image,
  { progress, signal }: { progress: Progress; signal?: AbortSignal | undefined },
): Promise<Flaw[]> => {
  const files = filesOf(image)
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0)
  const told = meter(progress, `${basename(image.folder)}: reading`, total)
  const flaws: Flaw[] = []
  let before = 0
  for (const one of files) {
    const path = imageFile(image, one)
    const what =
      (await lengthFlaw(image, one)) ??
      (await digestFlaw(path, one.sha256, { onBytes: done => told(before + done), signal })) ??
      (path.endsWith('.qcow2') ? await tableFlaw(path, signal) : undefined)
    if (what) flaws.push({ file: one.file, what })
    before += one.bytes
  }
  return flaws
}

const digestFlaw = async (
  path: string,
  sha256: string,
  reading: Parameters<typeof digestFile>[1],
): Promise<string | undefined> => {
  try {
    const now = await digestFile(path, reading)
    if (now === sha256) return undefined
    return `its digest is ${now.slice(0, 12)}…, and was ${sha256.slice(0, 12)}…`
  } catch (error) {
    if (error instanceof Fault) return error.message
    throw error
  }
}

const tableFlaw = async (path: string, signal?: AbortSignal): Promise<string | undefined> => {
  try {
    return await flawOf(path, { signal })
  } catch (error) {
    if (error instanceof Fault && error.kind === 'refused') return error.message
    throw error
  }
}
