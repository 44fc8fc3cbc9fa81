// The farm: implements ports/farm.ts with QEMU. Finds or freezes templates, leases clones of them, and clears away what dead processes left.
import { randomBytes } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ImageConfig } from '../config/config.ts'
import { Fault } from '../model/fault.ts'
import type { Alarm } from '../model/incident.ts'
import type { RunId } from '../model/run.ts'
import type { Clone, Farm } from '../ports/farm.ts'
import type { Bootable } from './bootable.ts'
import { openClone } from './clone.ts'
import { openQemu } from './current-qemu.ts'
import { type Deadlines, defaultDeadlines, unlessAborted } from './deadline.ts'
import type { Guest } from './exec.ts'
import { forkInto, parts } from './freeze.ts'
import { confined } from './jail.ts'
import { obtain, planTemplate, spareBytes } from './make.ts'
import { thisOwner, tokenOf } from './owner.ts'
import { openPool, type Ready } from './pool.ts'
import { type Accelerator, fingerprint, type Layout, probeQemu } from './qemu.ts'
import { chooseAccelerator } from './qualify/accelerator.ts'
import { reapFarm, templatesInUse } from './reap.ts'
import { shareWork } from './shared-work.ts'
import { openSlots } from './slots.ts'
import { noAlarm } from './storage/alarm.ts'
import { type RoomPlace, requireRoom } from './storage/room.ts'
import { asFault } from './system-fault.ts'
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
  /** farm.user: who QEMU runs as when we are root. Default: a number that nobody else has. */
  user?: string | undefined
  /** farm.reserve: what nothing may touch on the disk of `folder`. Default: 10 % of it, but at most 5 GiB. */
  reserveMiB?: number | undefined
  /** Who hears that room is missing. */
  alarm?: Alarm
  log?: (line: string) => void
  deadlines?: Partial<Deadlines>
}

/** Fault unreachable (never) if there is no QEMU. */
export const createFarm = async (options: FarmOptions): Promise<Farm> => {
  const { folder, images, log = () => {} } = options
  const deadlines = { ...defaultDeadlines, ...options.deadlines }
  const owner = thisOwner(options.token ?? tokenOf(folder))
  await asFault('the farm', mkdir(join(folder, 'clones'), { recursive: true }))
  await asFault('the farm', mkdir(templatesIn(folder), { recursive: true }))
  const jail = { folder, owner, user: options.user, log }
  const qemu = await openQemu(
    async () => await confined(await probeQemu(), jail),
    async (before, now) => {
      log(
        `QEMU is ${now.version} now and was ${before.version}: templates are frozen anew as they are needed`,
      )
      accelerator = undefined
      for (const id of pool.templates()) await pool.drop(id)
    },
  )

  const slots = openSlots(options.slots)
  const share = shareWork<string>()
  const running = new Map<string, Set<Guest>>()
  let accelerator: Promise<Accelerator> | undefined

  const accelerate = (image: Bootable): Promise<Accelerator> => {
    const wanted = options.accelerator
    accelerator ??= chooseAccelerator({ folder, wanted, qemu: qemu.now(), image, owner, deadlines, log })
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
  const inUse = async () => new Set([...running.keys(), ...(await templatesInUse(folder))])
  const { reserveMiB, alarm } = options
  const room: RoomPlace = { folder, reserveMiB, alarm, log, prune: { farm: folder, inUse } }
  const common = { folder, owner, images, deadlines, log, room, alarm: alarm ?? noAlarm }
  const yard: Yard = {
    ...common,
    ...{ accelerate, condemned },
    get qemu() {
      return qemu.now()
    },
  }

  const template: Farm['template'] = async (spec, progress, signal) => {
    // It may have to try an accelerator first, which takes a while; others may want to know as well.
    const planned = qemu.look().then(() => planTemplate(yard, spec))
    const plan = await unlessAborted(asFault(spec.label, planned), signal)
    return await share(plan.id, { progress, signal }, (progress, signal) =>
      asFault(spec.label, obtain(yard, plan, { progress, signal, inUse })),
    )
  }

  const known = async (id: string): Promise<TemplateManifest> => {
    const manifest = await findTemplate(folder, id)
    const remedy = 'it is frozen anew when it is asked for'
    if (!manifest) throw new Fault('damaged', 'soon', `template ${id} is not there`, { remedy })
    // QEMU itself would not notice some of what may be different.
    await qemu.look()
    const { version, machine } = qemu.now()
    if (manifest.fingerprint !== fingerprint(qemu.now(), layoutIn(manifest)))
      throw new Fault(
        'refused',
        'soon',
        `template ${id} was frozen with QEMU ${manifest.qemu}, ${manifest.machine}, and does not fit QEMU ${version}, ${machine}`,
        { remedy },
      )
    return manifest
  }

  /** A clone of it, answering; its clock and its name are still the template's. */
  const forkOf = async (
    manifest: TemplateManifest,
    { run, signal }: { run: string; signal: AbortSignal | undefined },
  ): Promise<Ready> => {
    const { id } = manifest
    const at = templateFolder(folder, id)
    const unique = `${run.replace(/[^\w.-]/g, '_').slice(0, 120)}-${randomBytes(4).toString('hex')}`
    const own = await ownFolder(yard, join(folder, 'clones', unique), id)
    try {
      const bytes = manifest.layout.disk ? spareBytes : disklessBytes
      await requireRoom(room, { what: 'a clone', bytes, into: own, vital: true })
      const guest = await forkInto({
        ...{ template: at, own, image: { disk: manifest.base }, signal },
        state: { file: join(at, parts.state), sha256: manifest.state.sha256 },
        machine: machineOf(yard, layoutIn(manifest), { os: manifest.os, shell: manifest.shell, run }),
      })
      return { guest, own, createdAt: manifest.createdAt }
    } catch (error) {
      await rm(own, { recursive: true, force: true })
      throw error
    }
  }

  /** Never fails: what stays on the disk goes with the next start. */
  const end = async ({ guest, own }: Ready): Promise<void> => {
    try {
      await guest.machine.kill()
      await rm(own, { recursive: true, force: true, maxRetries: 3 })
    } catch (error) {
      log(`${own} is left: ${error instanceof Error ? error.message : error}`)
    }
  }

  const pool = openPool({
    size: options.pool ?? 0,
    fork: async (id, signal) => forkOf(await known(id), { run: 'pool', signal }),
    end,
    isWanted: slots.isFree,
    log,
  })

  /** One that was kept ready, going on; undefined if there is none that does. One of an earlier template of that id is none. */
  const fromPool = async (
    { id, createdAt }: TemplateManifest,
    signal: AbortSignal | undefined,
  ): Promise<Ready | undefined> => {
    const ready = await pool.take(id, signal)
    if (!ready) return undefined
    try {
      if (ready.createdAt !== createdAt) throw new Error('its template was frozen anew')
      await ready.guest.machine.qmp.command('cont')
      return ready
    } catch {
      await end(ready)
      return undefined
    }
  }

  const leaseClone = async (run: RunId, id: string, signal: AbortSignal | undefined): Promise<Clone> => {
    const manifest = await known(id)
    try {
      await check(templateFolder(folder, id), manifest)
      const ready = (await fromPool(manifest, signal)) ?? (await forkOf(manifest, { run, signal }))
      await awake(ready, manifest, signal)
      return hand(run, manifest, ready.guest)
    } catch (error) {
      if (isDamage(error)) await putAside(yard, manifest, error)
      throw error
    }
  }

  const awake = async (
    ready: Ready,
    manifest: TemplateManifest,
    signal: AbortSignal | undefined,
  ): Promise<void> => {
    const { machine, says } = ready.guest
    const stop = () => void machine.kill()
    signal?.addEventListener('abort', stop, { once: true })
    try {
      signal?.throwIfAborted()
      await says.wake(Date.now(), `clone-${ready.own.slice(-8)}`)
      await touch(folder, manifest.id)
      // It may have been put aside meanwhile: from here on it is known who runs on it.
      await check(templateFolder(folder, manifest.id), manifest)
      signal?.throwIfAborted()
    } catch (error) {
      await end(ready)
      signal?.throwIfAborted()
      throw error
    } finally {
      signal?.removeEventListener('abort', stop)
    }
  }

  /** What became of a run must be told, whatever becomes of its template. */
  const asideQuietly = (manifest: TemplateManifest, why: unknown): Promise<void> =>
    putAside(yard, manifest, why).catch(error =>
      log(`template ${manifest.id} was not put aside: ${error instanceof Error ? error.message : error}`),
    )

  const hand = (run: RunId, manifest: TemplateManifest, guest: Guest): Clone => {
    const { id } = manifest
    const mine = running.get(id) ?? new Set()
    running.set(id, mine.add(guest))
    const released = () => {
      mine.delete(guest)
      if (mine.size === 0 && running.get(id) === mine) running.delete(id)
      slots.give()
      pool.fill()
    }
    /** Looked at after each bad ending. */
    const flaw = async () => {
      try {
        await check(templateFolder(folder, id), manifest)
        return undefined
      } catch (error) {
        if (isDamage(error)) await asideQuietly(manifest, error)
        return error instanceof Error ? error.message : String(error)
      }
    }
    return openClone(guest, { run, template: manifest }, { flaw, released, log })
  }

  const lease: Farm['lease'] = async ({ run, template, signal }) => {
    await slots.take(signal)
    try {
      return await asFault(`a clone for run ${run}`, leaseClone(run, template, signal))
    } catch (error) {
      slots.give()
      throw error
    } finally {
      pool.fill()
    }
  }

  const reap = () => asFault('what dead processes left', reapFarm(folder, owner))
  return { template, lease, reap, condemn: condemned, close: () => pool.close() }
}

const layoutIn = ({ layout }: TemplateManifest): Layout => ({
  ...layout,
  kernel: layout.kernel,
  initrd: layout.initrd,
})

/** A guest without a disk leaves its console and its evidence. */
const disklessBytes = 32 * 2 ** 20
