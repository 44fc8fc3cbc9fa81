// The farm: implements ports/farm.ts with QEMU. Finds or freezes templates, leases clones of them, and clears away what dead processes left.
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ImageConfig } from '../config/config.ts'
import { Fault } from '../model/fault.ts'
import type { RunId } from '../model/run.ts'
import type { Clone, Farm, Progress, TemplateSpec } from '../ports/farm.ts'
import { chooseAccelerator } from './accelerator.ts'
import { type Bootable, bootable, layoutOf } from './bootable.ts'
import { claim, openClone } from './clone.ts'
import { type Deadlines, defaultDeadlines } from './deadline.ts'
import { requireRoom } from './disk.ts'
import type { Guest } from './exec.ts'
import { type ForkRequest, forkInto, freeze, parts, prove } from './freeze.ts'
import { linuxGuest } from './linux-guest.ts'
import { lockUnless, unlock } from './lock.ts'
import { nameFor, thisOwner } from './owner.ts'
import { type Accelerator, cpuOf, fingerprint, type Layout, probeQemu, type Qemu } from './qemu.ts'
import { making, reapFarm } from './reap.ts'
import { shareWork } from './shared-work.ts'
import { openSlots } from './slots.ts'
import {
  check,
  findTemplate,
  prune,
  publish,
  quarantine,
  seal,
  type TemplateManifest,
  templateFolder,
  templatesIn,
  touch,
} from './templates.ts'
import { runTool } from './tool.ts'

export type FarmOptions = {
  /** Absolute; holds `images`, `templates` and `clones`. On this host's own disk. */
  folder: string
  /** Clones at once; further leases wait. */
  slots: number
  accelerator: 'auto' | Accelerator
  images: ImageConfig[]
  /** This farm's own, the same at every start: it stands on the command line of its QEMUs. Made of the folder's path if none is given. */
  token?: string
  log?: (line: string) => void
  deadlines?: Partial<Deadlines>
}

/** Fault unreachable (never) if there is no QEMU. */
export const createFarm = async (options: FarmOptions): Promise<Farm> => {
  const { folder, images, log = () => {} } = options
  const deadlines = { ...defaultDeadlines, ...options.deadlines }
  const owner = thisOwner(options.token ?? createHash('sha256').update(folder).digest('hex').slice(0, 16))
  const qemu = await probeQemu()
  await mkdir(join(folder, 'clones'), { recursive: true })
  await mkdir(templatesIn(folder), { recursive: true })

  const slots = openSlots(options.slots)
  const share = shareWork<string>()
  const inUse = new Map<string, number>()
  let accelerator: Promise<Accelerator> | undefined

  const accelerate = (image: Bootable): Promise<Accelerator> => {
    const wanted = options.accelerator
    const name = nameFor(owner, 'qualify')
    accelerator ??= chooseAccelerator({ folder, wanted, qemu, image, name, deadlines, log })
    accelerator.catch(() => {
      accelerator = undefined
    })
    return accelerator
  }

  const ownFolder = async (folder: string): Promise<string> => {
    await mkdir(folder, { recursive: true })
    await claim(folder, owner)
    return folder
  }

  const machineOf = (layout: Layout, shell: string, run: string) => ({
    ...{ qemu, layout, shell, deadlines },
    name: nameFor(owner, run),
  })

  const make = async (
    id: string,
    { spec, image, layout }: Plan,
    progress: Progress,
    signal: AbortSignal,
  ): Promise<void> => {
    const parent = await bootedBefore(spec, progress, signal)
    await requireRoom(folder, layout.memoryMiB * 2 ** 20 + spareBytes)
    const work = join(templatesIn(folder), `${making}${id}-${randomBytes(4).toString('hex')}`)
    await ownFolder(work)
    const trial = await ownFolder(join(folder, 'clones', `.trial-${id}`))
    try {
      const machine = machineOf(layout, image.shell, `freeze-${id}`)
      const frozen = freeze({ spec, image, parent, folder: work, machine, progress, signal })
      const { state, canary } = await frozen.catch(async error => {
        if (parent && isDamage(error)) await putAside(parent.id, error)
        throw error
      })
      const facts = factsOf({ id, spec, image, layout, qemu, state, canary })
      progress(`${spec.label}: proving`)
      const manifest = await seal(work, facts)
      const fork = { template: work, own: trial, image, machine, signal }
      await prove({ ...fork, state: { file: join(work, parts.state), sha256: state.sha256 } }, canary)
      // A fork must leave its template as it was.
      await check(work, manifest)
      signal.throwIfAborted()
      await publish(folder, work, id)
      progress(`${spec.label}: frozen`)
    } finally {
      await rm(work, { recursive: true, force: true })
      await rm(trial, { recursive: true, force: true })
    }
  }

  /** The image as it boots is a template of its own, which others go on from. */
  const bootedBefore = async (spec: TemplateSpec, progress: Progress, signal: AbortSignal) => {
    if (isPlain(spec)) return undefined
    const plain = { label: `image ${spec.image}`, image: spec.image, content: '', files: [], prepare: [] }
    const id = await template(plain, progress, signal)
    const manifest = await sound(id)
    if (!manifest) throw new Fault('damaged', 'soon', `template ${id} is not there any more`)
    await touch(folder, id)
    const at = templateFolder(folder, id)
    return { id, folder: at, state: { file: join(at, parts.state), sha256: manifest.state.sha256 } }
  }

  const obtain = async (id: string, plan: Plan, progress: Progress, signal: AbortSignal): Promise<string> => {
    const lock = join(templatesIn(folder), `.lock-${id}`)
    const usable = async () => (await sound(id)) !== undefined
    if (!(await lockUnless(lock, owner, usable, signal))) return id
    try {
      if (!(await usable())) await make(id, plan, progress, signal)
      await prune(folder, new Set([...inUse.keys(), id]))
      return id
    } finally {
      await unlock(lock)
    }
  }

  /** A template that is there and was not changed; a damaged one is put aside. */
  const sound = async (id: string): Promise<TemplateManifest | undefined> => {
    const manifest = await findTemplate(folder, id)
    if (!manifest) return undefined
    try {
      await check(templateFolder(folder, id), manifest)
      return manifest
    } catch (error) {
      await putAside(id, error)
      return undefined
    }
  }

  const putAside = async (id: string, error: unknown): Promise<void> => {
    log(`template ${id} is put aside: ${error instanceof Error ? error.message : error}`)
    await quarantine(folder, id)
  }

  const template: Farm['template'] = async (spec, progress, signal) => {
    const image = await bootable(folder, images, spec.image)
    const layout = layoutOf(image, await accelerate(image))
    const id = idOf(spec, image, fingerprint(qemu, layout))
    return await share(id, { progress, signal }, (tell, stop) =>
      obtain(id, { spec, image, layout }, tell, stop),
    )
  }

  const leaseClone = async (run: RunId, id: string, signal: AbortSignal | undefined): Promise<Clone> => {
    const manifest = await findTemplate(folder, id)
    if (!manifest)
      throw new Fault('damaged', 'soon', `template ${id} is not there`, {
        remedy: 'it is frozen anew when it is asked for',
      })
    await requireRoom(folder, spareBytes)
    const at = templateFolder(folder, id)
    const unique = `${run.replace(/[^\w.-]/g, '_').slice(0, 120)}-${randomBytes(4).toString('hex')}`
    const own = await ownFolder(join(folder, 'clones', unique))
    try {
      await check(at, manifest)
      const state = { file: join(at, parts.state), sha256: manifest.state.sha256 }
      const machine = machineOf(layoutIn(manifest), manifest.shell, run)
      const request: ForkRequest = {
        template: at,
        state,
        own,
        image: { disk: manifest.base },
        machine,
        signal,
      }
      const guest = await forkInto(request)
      return await awake(guest, { run, manifest, hostname: `clone-${unique.slice(-8)}` })
    } catch (error) {
      await rm(own, { recursive: true, force: true })
      if (isDamage(error)) await putAside(id, error)
      throw error
    }
  }

  const awake = async (
    guest: Guest,
    { run, manifest, hostname }: { run: RunId; manifest: TemplateManifest; hostname: string },
  ): Promise<Clone> => {
    try {
      await runTool(guest.machine, guest.says.wake(Date.now(), hostname), deadlines.forkMs)
    } catch (error) {
      await guest.machine.kill()
      throw error
    }
    const { id } = manifest
    inUse.set(id, (inUse.get(id) ?? 0) + 1)
    await touch(folder, id)
    return openClone(guest, { run, template: id, about: { template: manifest } }, () => {
      const left = (inUse.get(id) ?? 1) - 1
      if (left > 0) inUse.set(id, left)
      else inUse.delete(id)
      slots.give()
    })
  }

  const lease: Farm['lease'] = async ({ run, template, signal }) => {
    await slots.take(signal)
    try {
      return await leaseClone(run, template, signal)
    } catch (error) {
      slots.give()
      throw error
    }
  }

  return { template, lease, reap: () => reapFarm(folder, owner) }
}

/** What a guest may write to its disk before the next is looked at. */
const spareBytes = 512 * 2 ** 20

type Plan = { spec: TemplateSpec; image: Bootable; layout: Layout }

const isDamage = (error: unknown): boolean => error instanceof Fault && error.kind === 'damaged'

const isPlain = ({ files, prepare }: TemplateSpec): boolean => files.length === 0 && prepare.length === 0

/** All that decides what is in a template. */
const idOf = (spec: TemplateSpec, image: Bootable, print: string): string => {
  const { content, prepare, files } = spec
  const paths = files.map(({ path, untar }) => [path, untar])
  const facts = [image.identity, isPlain(spec) ? '' : content, prepare, paths, print, linuxGuest.plumb()]
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 32)
}

type Facts = Plan & { id: string; qemu: Qemu; state: TemplateManifest['state']; canary: string }

const factsOf = ({ id, spec, image, layout, qemu, state, canary }: Facts) => {
  const { kernel, initrd, ...seen } = layout
  return {
    ...{ id, label: spec.label, image: image.name, content: spec.content, state, canary, shell: image.shell },
    createdAt: new Date().toISOString(),
    ...{ qemu: qemu.version, machine: qemu.machine, cpu: cpuOf(layout.accelerator) },
    accelerator: layout.accelerator,
    fingerprint: fingerprint(qemu, layout),
    layout: { ...seen, ...(kernel && { kernel }), ...(initrd && { initrd }) },
    ...(image.disk && { base: image.disk }),
  }
}

const layoutIn = ({ layout }: TemplateManifest): Layout => ({
  ...layout,
  kernel: layout.kernel,
  initrd: layout.initrd,
})
