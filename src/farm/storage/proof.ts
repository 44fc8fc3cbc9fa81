// Whether stored bytes still make a guest: an image boots until its agent answers, a clone of a template has the right checksums.
import { randomBytes } from 'node:crypto'
import { mkdir, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { ImageConfig } from '../../config/config.ts'
import { boot } from '../boot.ts'
import { bootable, layOut, layoutOf } from '../bootable.ts'
import { defaultDeadlines } from '../deadline.ts'
import { parts, prove } from '../freeze.ts'
import { imagesFolder } from '../image/manifest.ts'
import { confined } from '../jail.ts'
import { thisOwner, tokenOf } from '../owner.ts'
import { type Accelerator, type Layout, probeQemu } from '../qemu.ts'
import { chooseAccelerator } from '../qualify/accelerator.ts'
import { canaryImage } from '../qualify/image.ts'
import type { TemplateManifest } from '../templates.ts'
import { machineOf, ownFolder } from '../yard.ts'
import { type RoomPlace, requireRoom } from './room.ts'

export type ProofPlace = {
  farm: string
  images: ImageConfig[]
  accelerator: 'auto' | Accelerator
  /** farm.user. */
  user?: string | undefined
  room: RoomPlace
  log: (line: string) => void
  signal?: AbortSignal | undefined
}

/** What a guest that only boots writes. */
const bootBytes = 256 * 2 ** 20

/** A farm folder's clone that the next worker removes if we die. */
const trial = async <T>(place: ProofPlace, act: (machine: Trial) => Promise<T>): Promise<T> => {
  const owner = thisOwner(tokenOf(place.farm))
  const own = await ownFolder(
    { owner },
    join(place.farm, 'clones', `.proof-${randomBytes(6).toString('hex')}`),
  )
  try {
    await requireRoom(place.room, { what: 'a trial guest', bytes: bootBytes, into: own })
    const { farm: folder, user, log } = place
    const qemu = await confined(await probeQemu(), { folder, owner, user, log })
    return await act({ own, yard: { folder, owner, qemu, deadlines: defaultDeadlines } })
  } finally {
    await rm(own, { recursive: true, force: true, maxRetries: 3 })
  }
}

type Trial = { own: string; yard: Parameters<typeof machineOf>[0] }

/** Boots the image whose files are in `files`, under the name that the configuration gives it. Faults as boot and bootable. */
export const proveImage = (
  place: ProofPlace,
  { name, files }: { name: string; files: string },
): Promise<void> =>
  trial(place, async ({ own, yard }) => {
    const { images, signal } = place
    // A farm with that one image.
    const elsewhere = join(own, 'farm')
    await mkdir(imagesFolder(elsewhere), { recursive: true })
    await symlink(files, join(imagesFolder(elsewhere), name))
    const image = await bootable(elsewhere, images, name)
    const layout = layoutOf(image, await accelerate(place, yard))
    const machine = machineOf(yard, layout, { os: image.os, shell: image.shell, run: 'proof' })
    const laid = await layOut(image, { overlay: join(own, 'disk.qcow2'), vars: join(own, 'vars.fd') })
    const places = { name: machine.name, memory: { file: join(own, 'memory'), shared: false }, ...laid }
    const guest = await boot({ ...machine, places, folder: own }, yard.deadlines.bootMs, signal)
    await guest.machine.kill()
  })

/** The host is judged by an image of the farm, not by one that is in doubt. */
const accelerate = async (place: ProofPlace, yard: Trial['yard']): Promise<Accelerator> => {
  const { farm: folder, accelerator: wanted, images, log } = place
  if (wanted === 'tcg') return 'tcg'
  const image = await canaryImage(folder, images).catch(() => undefined)
  if (!image) return wanted === 'kvm' ? 'kvm' : 'tcg'
  return await chooseAccelerator({ ...yard, folder, wanted, image, log })
}

/** Forks the template whose files are in `files` and compares its clone's checksums. Faults as prove. */
export const proveTemplate = (
  place: ProofPlace,
  { manifest, files }: { manifest: TemplateManifest; files: string },
): Promise<void> =>
  trial(place, async ({ own, yard }) => {
    const { state, os, shell, canary, base } = manifest
    const { kernel, initrd, ...seen } = manifest.layout
    const layout: Layout = { ...seen, kernel, initrd }
    const machine = machineOf(yard, layout, { os, shell, run: 'proof' })
    const saved = { file: join(files, parts.state), sha256: state.sha256 }
    const fork = { template: files, own, image: { disk: base }, machine, state: saved, signal: place.signal }
    await prove(fork, canary)
  })
