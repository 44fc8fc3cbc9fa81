// How a template comes about: boot the image, bring in the files, prepare, settle, save, and prove it by a fork that answers rightly.
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '../model/fault.ts'
import { type Ending, isGuestsDoing } from '../model/run.ts'
import { type Command, PrepareFailed, type Progress, type TemplateSpec } from '../ports/farm.ts'
import { boot, fork, type MachineSpec, type SavedState } from './boot.ts'
import type { Bootable } from './bootable.ts'
import { createOverlay } from './disk.ts'
import { exec, type Guest } from './exec.ts'
import { copy } from './files.ts'
import type { Layout } from './qemu.ts'
import { saveState } from './save.ts'
import { openTransfers } from './stream.ts'
import { runTool } from './tool.ts'

/** Names of a template's files in its folder. `seed` is an empty overlay: copying it is cheaper than asking qemu-img for each fork. */
export const parts = { memory: 'memory', state: 'state', disk: 'disk.qcow2', seed: 'seed.qcow2' } as const

export type Frozen = { state: { bytes: number; sha256: string }; canary: string }

export type FreezeRequest = {
  spec: TemplateSpec
  image: Bootable
  /** Where the template's files are made, and machines that run meanwhile. */
  folder: string
  machine: Omit<MachineSpec, 'places' | 'folder'> & { name: string }
  progress: Progress
  signal: AbortSignal
}

/** Faults; PrepareFailed if a step of the recipe ends in anything but success. */
export const freeze = async (request: FreezeRequest): Promise<Frozen> => {
  const { spec, image, folder, machine, progress, signal } = request
  const disk = image.disk && { overlay: join(folder, parts.disk), backing: [image.disk] }
  if (disk && image.disk) await createOverlay(disk.overlay, image.disk)
  progress(`${spec.label}: booting ${image.name}`)
  const places = { name: machine.name, memory: { file: join(folder, parts.memory), shared: true }, disk }
  const guest = await boot({ ...machine, places, folder }, machine.deadlines.bootMs, signal)
  const stop = () => void guest.machine.kill()
  signal.addEventListener('abort', stop, { once: true })
  try {
    await tool(guest, guest.says.plumb())
    await fill(guest, request)
    progress(`${spec.label}: freezing`)
    await tool(guest, guest.says.settle())
    const canary = await tool(guest, guest.says.plantCanary(machine.layout.disk))
    const state = await saveState(guest.machine)
    await guest.machine.qmp.command('quit')
    await guest.machine.fate.rung
    await writeFile(join(folder, parts.state), state)
    if (disk) await createOverlay(join(folder, parts.seed), { file: disk.overlay, format: 'qcow2' })
    return {
      state: { bytes: state.length, sha256: createHash('sha256').update(state).digest('hex') },
      canary,
    }
  } finally {
    signal.removeEventListener('abort', stop)
    await guest.machine.kill()
    signal.throwIfAborted()
  }
}

const fill = async (guest: Guest, { spec, progress, signal }: FreezeRequest): Promise<void> => {
  const { write } = openTransfers(guest)
  for (const file of spec.files) {
    progress(`${spec.label}: copying ${file.path}`)
    await write(file.path, await file.bytes(), { untar: file.untar })
  }
  for (const [index, step] of spec.prepare.entries()) {
    progress(`${spec.label}: ${step.name}`, index, spec.prepare.length)
    await prepare(guest, step, signal)
  }
}

/** Bytes of a step's output, its last ones, that are kept for people. */
const keptOutput = 4 << 20

const prepare = async (guest: Guest, step: Command, signal: AbortSignal): Promise<void> => {
  const chunks: Buffer[] = []
  let kept = 0
  const onOutput = (chunk: Buffer) => {
    kept += chunk.length
    chunks.push(chunk)
    while (kept > keptOutput) kept -= chunks.shift()?.length ?? 0
  }
  const ending: Ending = await exec(guest, step, { onOutput, signal })
  signal.throwIfAborted()
  if (ending.kind === 'finished' && ending.exitCode === 0) return
  if (isGuestsDoing(ending)) throw new PrepareFailed(step.name, ending, Buffer.concat(chunks))
  const detail = 'detail' in ending ? ending.detail : ending.kind
  throw new Fault(
    ending.kind === 'out-of-space' ? 'exhausted' : 'unreachable',
    'soon',
    `${step.name}: ${detail}`,
  )
}

/** How a template's files become a machine. `own` is the new machine's folder. */
export const forkPlaces = (template: string, own: string, image: Pick<Bootable, 'disk'>) => ({
  memory: { file: join(template, parts.memory), shared: false },
  disk: image.disk && {
    overlay: join(own, parts.seed),
    backing: [{ file: join(template, parts.disk), format: 'qcow2' }, image.disk],
  },
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
  if (image.disk) await copy(join(template, parts.seed), join(own, parts.seed))
  const places = { name: machine.name, ...forkPlaces(template, own, image) }
  return await fork({ ...machine, places, folder: own }, state, signal)
}

/** Fault damaged if a fork does not answer with the checksums that were taken before the freeze. */
export const prove = async (request: ForkRequest, canary: string): Promise<void> => {
  const guest = await forkInto(request)
  try {
    const answer = await tool(guest, guest.says.readCanary(request.machine.layout.disk))
    if (answer !== canary)
      throw new Fault('damaged', 'soon', 'a trial fork has other bytes than its template had')
  } finally {
    await guest.machine.kill()
  }
}

const tool = (guest: Guest, request: Parameters<typeof runTool>[1]): Promise<string> =>
  runTool(guest.machine, request, guest.deadlines.bootMs)
