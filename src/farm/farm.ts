// The farm: implements ports/farm.ts with QEMU. Finds or freezes templates, leases clones of them, and clears away what dead processes left.
import { randomBytes } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ImageConfig } from '../config/config.ts'
import { Fault } from '../model/fault.ts'
import type { RunId } from '../model/run.ts'
import type { Clone, Farm } from '../ports/farm.ts'
import type { Bootable } from './bootable.ts'
import { openClone } from './clone.ts'
import { type Deadlines, defaultDeadlines } from './deadline.ts'
import { requireRoom } from './disk.ts'
import type { Guest } from './exec.ts'
import { forkInto, parts } from './freeze.ts'
import { obtain, planTemplate, spareBytes } from './make.ts'
import { thisOwner, tokenOf } from './owner.ts'
import { openPool, type Ready } from './pool.ts'
import { type Accelerator, type Layout, probeQemu } from './qemu.ts'
import { chooseAccelerator } from './qualify/accelerator.ts'
import { reapFarm, templatesInUse } from './reap.ts'
import { shareWork } from './shared-work.ts'
import { openSlots } from './slots.ts'
import {
  check,
  findTemplate,
  type TemplateManifest,
  templateFolder,
  templatesIn,
  touch,
} from './templates.ts'
import { isDamage, machineOf, ownFolder, putAside, type Yard } from './yard.ts'

export type FarmOptions = {
  /** Absolute; holds `images`, `templates` and `clones`. On this host's own disk. */
  folder: string
  /** Clones at once; further leases wait. */
  slots: number
  /** Clones kept ready of each template that was leased lately, beside the slots. Default: none. */
  pool?: number
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
  const owner = thisOwner(options.token ?? tokenOf(folder))
  const qemu = await probeQemu()
  await mkdir(join(folder, 'clones'), { recursive: true })
  await mkdir(templatesIn(folder), { recursive: true })

  const slots = openSlots(options.slots)
  const share = shareWork<string>()
  const running = new Map<string, Set<Guest>>()
  let accelerator: Promise<Accelerator> | undefined

  const accelerate = (image: Bootable): Promise<Accelerator> => {
    const wanted = options.accelerator
    accelerator ??= chooseAccelerator({ folder, wanted, qemu, image, owner, deadlines, log })
    accelerator.catch(() => {
      accelerator = undefined
    })
    return accelerator
  }

  /** What runs on damaged bytes must not be believed any more. */
  const condemned = async (template: string, why: string): Promise<void> => {
    for (const guest of running.get(template) ?? [])
      guest.machine.fate.ring({ kind: 'template-damaged', detail: why })
    await pool.drop(template)
  }
  const yard: Yard = { folder, owner, qemu, images, deadlines, log, accelerate, condemned }

  const inUse = async () => new Set([...running.keys(), ...(await templatesInUse(folder))])

  const template: Farm['template'] = async (spec, progress, signal) => {
    const plan = await planTemplate(yard, spec)
    return await share(plan.id, { progress, signal }, (progress, signal) =>
      obtain(yard, plan, { progress, signal, inUse }),
    )
  }

  const known = async (id: string): Promise<TemplateManifest> => {
    const manifest = await findTemplate(folder, id)
    if (manifest) return manifest
    throw new Fault('damaged', 'soon', `template ${id} is not there`, {
      remedy: 'it is frozen anew when it is asked for',
    })
  }

  /** A clone of it, answering; its clock and its name are still the template's. */
  const forkOf = async (
    manifest: TemplateManifest,
    { run, signal }: { run: string; signal: AbortSignal | undefined },
  ): Promise<Ready> => {
    const { id } = manifest
    await requireRoom(folder, spareBytes)
    const at = templateFolder(folder, id)
    const unique = `${run.replace(/[^\w.-]/g, '_').slice(0, 120)}-${randomBytes(4).toString('hex')}`
    const own = await ownFolder(yard, join(folder, 'clones', unique), id)
    try {
      const guest = await forkInto({
        ...{ template: at, own, image: { disk: manifest.base }, signal },
        state: { file: join(at, parts.state), sha256: manifest.state.sha256 },
        machine: machineOf(yard, layoutIn(manifest), { os: manifest.os, shell: manifest.shell, run }),
      })
      return { guest, own }
    } catch (error) {
      await rm(own, { recursive: true, force: true })
      throw error
    }
  }

  const end = async ({ guest, own }: Ready): Promise<void> => {
    await guest.machine.kill()
    await rm(own, { recursive: true, force: true, maxRetries: 3 })
  }

  const pool = openPool({
    size: options.pool ?? 0,
    fork: async (id, signal) => forkOf(await known(id), { run: 'pool', signal }),
    end,
    isWanted: slots.isFree,
    log,
  })

  /** One that was kept ready, going on; undefined if there is none that does. */
  const fromPool = async (id: string): Promise<Ready | undefined> => {
    const ready = await pool.take(id)
    try {
      await ready?.guest.machine.qmp.command('cont')
      return ready
    } catch {
      if (ready) await end(ready)
      return undefined
    }
  }

  const leaseClone = async (run: RunId, id: string, signal: AbortSignal | undefined): Promise<Clone> => {
    const manifest = await known(id)
    try {
      await check(templateFolder(folder, id), manifest)
      const ready = (await fromPool(id)) ?? (await forkOf(manifest, { run, signal }))
      await awake(ready)
      await touch(folder, id)
      return hand(run, manifest, ready.guest)
    } catch (error) {
      if (isDamage(error)) await putAside(yard, id, error)
      throw error
    }
  }

  const awake = async (ready: Ready): Promise<void> => {
    try {
      const hostname = `clone-${ready.own.slice(-8)}`
      await ready.guest.says.wake(Date.now(), hostname)
    } catch (error) {
      await end(ready)
      throw error
    }
  }

  const hand = (run: RunId, manifest: TemplateManifest, guest: Guest): Clone => {
    const { id } = manifest
    const mine = running.get(id) ?? new Set()
    running.set(id, mine.add(guest))
    return openClone(guest, { run, template: id, about: { template: manifest } }, () => {
      mine.delete(guest)
      if (mine.size === 0 && running.get(id) === mine) running.delete(id)
      slots.give()
      pool.fill()
    })
  }

  const lease: Farm['lease'] = async ({ run, template, signal }) => {
    await slots.take(signal)
    try {
      return await leaseClone(run, template, signal)
    } catch (error) {
      slots.give()
      throw error
    } finally {
      pool.fill()
    }
  }

  return { template, lease, reap: () => reapFarm(folder, owner), close: () => pool.close() }
}

const layoutIn = ({ layout }: TemplateManifest): Layout => ({
  ...layout,
  kernel: layout.kernel,
  initrd: layout.initrd,
})
