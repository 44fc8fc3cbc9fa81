// How a template comes about: boot the image, bring in the files, prepare, settle, save, and prove it by a fork that answers rightly.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '../model/fault.ts'
import type { Millis } from '../model/instant.ts'
import type { Ending } from '../model/run.ts'
import type { Progress, TemplateSpec } from '../ports/farm.ts'
import { sha256 } from '../text/digest.ts'
import { boot, fork, type MachineSpec, type SavedState } from './boot.ts'
import { type Bootable, copyWritable, layOut, placesOf } from './bootable.ts'
import { within } from './deadline.ts'
import { createOverlay } from './disk.ts'
import { diskErrorIn } from './disk-words.ts'
import { exec, type Guest } from './exec.ts'
import { faultOf } from './fate.ts'
import { copy, copySparse } from './files.ts'
import { fill } from './fill.ts'
import { haltOf } from './halt.ts'
import type { Layout, Places } from './qemu.ts'
import { saveState } from './save.ts'

/** Names of a template's files in its folder. `seed` is an empty overlay: copying it is cheaper than asking qemu-img for each fork. */
export const parts = {
  memory: 'memory',
  state: 'state',
  disk: 'disk.qcow2',
  seed: 'seed.qcow2',
  vars: 'vars.fd',
} as const

/** `saveMs`: from the guest's stop until its state is in the file. */
export type Frozen = { state: { bytes: number; sha256: string }; canary: string; saveMs: Millis }

export type FreezeRequest = {
  spec: TemplateSpec
  image: Bootable
  /** A template of the image as it boots; undefined: boot it. Going on from one saves the boot. */
  parent: { folder: string; state: SavedState } | undefined
  /** Where the template's files are made, and machines that run meanwhile. */
  folder: string
  machine: Omit<MachineSpec, 'places' | 'folder'> & { name: string }
  progress: Progress
  signal: AbortSignal
}

/** Faults; PrepareFailed if a step of the recipe ends in anything but success. */
export const freeze = async (request: FreezeRequest): Promise<Frozen> => {
  const { spec, image, folder, machine, progress, signal } = request
  const guest = await start(request)
  const stop = () => void guest.machine.kill()
  signal.addEventListener('abort', stop, { once: true })
  try {
    // It may have been given up while the guest was woken.
    signal.throwIfAborted()
    await fillGuest(guest, request)
    progress(`${spec.label}: freezing`)
    await guest.says.settle()
    const canary = await guest.says.plantCanary(machine.layout.disk)
    const began = performance.now()
    const state = await saveState(guest.machine)
    await guest.machine.qmp.command('quit')
    await within(guest.machine.fate.rung, machine.deadlines.qmpMs, 'the end of QEMU after the save')
    await writeFile(join(folder, parts.state), state)
    const saveMs = Math.round(performance.now() - began)
    const disk = join(folder, parts.disk)
    if (image.disk) await createOverlay(join(folder, parts.seed), { file: disk, format: 'qcow2' })
    await machine.qemu.jail?.seal(folder)
    return {
      state: { bytes: state.length, sha256: sha256(state) },
      canary,
      saveMs,
    }
  } catch (error) {
    throw await causeOf(error, guest)
  } finally {
    signal.removeEventListener('abort', stop)
    await guest.machine.kill()
    signal.throwIfAborted()
  }
}

/** The template that this one goes on from does not load: unlike other damage on the way, it is that template's. */
export class DamagedParent extends Fault {
  constructor(fault: Fault) {
    super('damaged', fault.retry, fault.message, { cause: fault })
  }
}

/** A guest whose memory is in the template's own file, answering. */
const start = async ({
  spec,
  image,
  parent,
  folder,
  machine,
  progress,
  signal,
}: FreezeRequest): Promise<Guest> => {
  const memory = join(folder, parts.memory)
  const files = { overlay: join(folder, parts.disk), vars: join(folder, parts.vars) }
  const machineOn = (writable: Pick<Places, 'disk' | 'vars'>) => ({
    ...machine,
    places: { name: machine.name, memory: { file: memory, shared: true }, ...writable },
    folder,
  })
  if (parent) {
    await copySparse(join(parent.folder, parts.memory), memory)
    if (image.disk) await copySparse(join(parent.folder, parts.disk), files.overlay)
    if (image.firmware) await copyWritable(join(parent.folder, parts.vars), files.vars)
    const forked = fork(machineOn(placesOf(image, files)), parent.state, signal)
    const guest = await forked.catch(error => {
      throw error instanceof Fault && error.kind === 'damaged' ? new DamagedParent(error) : error
    })
    try {
      await guest.says.wake(Date.now(), 'template')
      return guest
    } catch (error) {
      await guest.machine.kill()
      throw error
    }
  }
  progress(`${spec.label}: booting`)
  return await boot(
    machineOn(await layOut(image, files)),
    Math.max(machine.deadlines.bootMs, image.bootMs ?? 0),
    signal,
  )
}

/** A full disk ends QEMU while something else is waited for: what that was is not the reason. */
const causeOf = async (error: unknown, { machine, deadlines }: Guest): Promise<unknown> => {
  if (!(error instanceof Fault) || error.kind !== 'unreachable') return error
  const ended = within(machine.fate.rung, deadlines.qmpMs, 'the end of QEMU')
  const fate = await ended.catch(() => undefined)
  return fate?.kind === 'out-of-space' ? faultOf(fate, 'freezing') : error
}

const fillGuest = (guest: Guest, { spec, progress, signal }: FreezeRequest): Promise<void> =>
  fill({
    ...{ spec, progress, signal, write: guest.says.write, faultOf: faultOfStep },
    exec: async (step, options) => {
      const ended = await exec(guest, step, options)
      signal.throwIfAborted()
      // A silence that QEMU shares is not the base's doing.
      const ending = ended.kind === 'hung' ? ((await haltOf(guest)) ?? ended) : ended
      return diskErrorIn(guest.machine.console()) ?? ending
    },
  })

const faultOfStep = (ending: Ending, step: string): Fault =>
  'detail' in ending && ending.kind !== 'host-lost'
    ? faultOf(ending, step)
    : new Fault('unreachable', 'soon', `${step}: ${ending.kind}`)

/** How a template's files become a machine. `own` is the new machine's folder. */
export const forkPlaces = (
  template: string,
  own: string,
  { image, layout }: { image: Pick<Bootable, 'disk'>; layout: Pick<Layout, 'firmware'> },
) => ({
  memory: { file: join(template, parts.memory), shared: false },
  disk: image.disk && {
    overlay: join(own, parts.seed),
    backing: [{ file: join(template, parts.disk), format: 'qcow2' }, image.disk],
  },
  vars: layout.firmware && join(own, parts.vars),
})

export type ForkRequest = {
  template: string
  state: SavedState
  own: string
  image: Pick<Bootable, 'disk'>
  machine: Omit<MachineSpec, 'places' | 'folder'> & { name: string; layout: Layout }
  signal?: AbortSignal | undefined
}

/** A machine of its own out of a template's files, answering. Faults as fork (boot.ts). */
export const forkInto = async (request: ForkRequest): Promise<Guest> => {
  const { template, own, image, machine, state, signal } = request
  const { layout } = machine
  if (image.disk) await copy(join(template, parts.seed), join(own, parts.seed))
  if (layout.firmware) await copyWritable(join(template, parts.vars), join(own, parts.vars))
  const places = { name: machine.name, ...forkPlaces(template, own, { image, layout }) }
  return await fork({ ...machine, places, folder: own }, state, signal)
}

/** Fault damaged if a fork does not answer with the checksums that were taken before the freeze. */
export const prove = async (request: ForkRequest, canary: string): Promise<void> => {
  const guest = await forkInto(request)
  try {
    const answer = await guest.says.readCanary(request.machine.layout.disk)
    if (answer !== canary)
      throw new Fault('damaged', 'soon', 'a trial fork has other bytes than its template had')
  } finally {
    await guest.machine.kill()
  }
}
