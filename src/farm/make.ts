// A template's making: found, or frozen from the image, from the image as it boots, or from an older template of the same line; proven by a fork, then published.
import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '../model/fault.ts'
import { PrepareFailed, type Progress, type TemplateSpec } from '../ports/farm.ts'
import { contentId } from '../text/digest.ts'
import type { SavedState } from './boot.ts'
import { type Bootable, bootable, layoutOf } from './bootable.ts'
import { DamagedParent, freeze, parts, prove } from './freeze.ts'
import { systemFor } from './guest/systems.ts'
import { lockUnless, unlock } from './lock.ts'
import { cpuOf, fingerprint, type Layout, type Qemu } from './qemu.ts'
import { locks, making } from './reap.ts'
import { requireRoom } from './storage/room.ts'
import {
  allTemplates,
  check,
  prune,
  publish,
  seal,
  type TemplateManifest,
  templateFolder,
  templatesIn,
  touch,
} from './templates.ts'
import { isDamage, machineOf, ownFolder, putAside, sound, type Yard } from './yard.ts'

/** What a guest may write to its disk before the next is looked at. */
export const spareBytes = 512 * 2 ** 20

/** A template that went on from another so many times over is made from the image again: what was left behind adds up. */
const maxGeneration = 16

export type Plan = {
  id: string
  line: string | undefined
  spec: TemplateSpec
  image: Bootable
  layout: Layout
}

/** What the template would be, and its id: a digest of all that decides what is in it. */
export const planTemplate = async (yard: Yard, spec: TemplateSpec): Promise<Plan> => {
  const image = await bootable(yard.folder, yard.images, spec.image)
  const layout = layoutOf(image, await yard.accelerate(image))
  const print = fingerprint(yard.qemu, layout)
  const { content, prepare, files, line } = spec
  const paths = files.map(({ path, untar }) => [path, untar])
  const machine = [image.identity, print, systemFor(image.os).plumbing]
  return {
    ...{ spec, image, layout },
    id: contentId(32, ...machine, isPlain(spec) ? '' : content, prepare, paths),
    line: line && contentId(32, ...machine, line),
  }
}

const isPlain = ({ files, prepare }: TemplateSpec): boolean => files.length === 0 && prepare.length === 0

type Work = { progress: Progress; signal: AbortSignal; inUse: () => Promise<Set<string>> }

/** Finds it or makes it; one process at a time. Faults; PrepareFailed. */
export const obtain = async (yard: Yard, plan: Plan, work: Work): Promise<string> => {
  const { folder, owner } = yard
  const { id } = plan
  const lock = join(templatesIn(folder), `${locks}${id}`)
  const usable = async () => (await sound(yard, id)) !== undefined
  if (!(await lockUnless(lock, owner, usable, work.signal))) return id
  try {
    if (!(await usable())) await make(yard, plan, work)
    await prune(folder, new Set([...(await work.inUse()), id]))
    return id
  } finally {
    await unlock(lock)
  }
}

type Parent = { id: string; createdAt: string; folder: string; state: SavedState; generation: number }

const make = async (yard: Yard, plan: Plan, work: Work): Promise<void> => {
  const { spec } = plan
  const older = await olderOfLine(yard, plan)
  if (older) {
    try {
      work.progress(`${spec.label}: going on from an older template`)
      return await makeFrom(yard, plan, { ...work, parent: older })
    } catch (error) {
      if (work.signal.aborted || !(error instanceof PrepareFailed || isDamage(error))) throw error
      // What an earlier base left behind may be the reason: only a clean start can blame the base.
      work.progress(`${spec.label}: that failed, so it is made from the image`)
    }
  }
  await makeFrom(yard, plan, { ...work, parent: await bootedBefore(yard, plan, work) })
}

const makeFrom = async (
  yard: Yard,
  plan: Plan,
  { parent, progress, signal }: Work & { parent: Parent | undefined },
): Promise<void> => {
  const { folder } = yard
  const { id, spec, image, layout } = plan
  const own = await ownFolder(
    yard,
    join(templatesIn(folder), `${making}${id}-${randomBytes(4).toString('hex')}`),
  )
  const trial = join(folder, 'clones', `.trial-${id}`)
  try {
    // It says as well what is gone on from: nobody removes that meanwhile.
    await ownFolder(yard, trial, parent?.id)
    const bytes = layout.memoryMiB * 2 ** 20 + spareBytes
    await requireRoom(yard.room, { what: `freezing ${spec.label}`, bytes, into: own, vital: true })
    const machine = machineOf(yard, layout, { os: image.os, shell: image.shell, run: `freeze-${id}` })
    const frozen = freeze({ spec, image, parent, folder: own, machine, progress, signal })
    const { state, canary } = await frozen.catch(async error => {
      if (parent && error instanceof DamagedParent) await putAside(yard, parent, error)
      if (parent && error instanceof PrepareFailed && !(await sound(yard, parent.id)))
        throw new Fault('damaged', 'soon', `${spec.label}: what it was made from is damaged`, {
          cause: error,
        })
      throw error
    })
    progress(`${spec.label}: proving`)
    const generation = spec.line && parent ? parent.generation + 1 : 0
    const manifest = await seal(own, factsOf(plan, { qemu: yard.qemu, state, canary, generation }))
    const fork = { template: own, own: trial, image, machine, signal }
    await prove({ ...fork, state: { file: join(own, parts.state), sha256: state.sha256 } }, canary)
    // A fork must leave its template as it was.
    await check(own, manifest)
    signal.throwIfAborted()
    await publish(folder, own, id)
    progress(`${spec.label}: frozen`)
  } finally {
    await rm(own, { recursive: true, force: true })
    await rm(trial, { recursive: true, force: true })
  }
}

/** The image as it boots is a template of its own, which others go on from. */
const bootedBefore = async (yard: Yard, { spec }: Plan, work: Work): Promise<Parent | undefined> => {
  if (isPlain(spec)) return undefined
  const plain = { label: `image ${spec.image}`, image: spec.image, content: '', files: [], prepare: [] }
  const plan = await planTemplate(yard, plain)
  const id = await obtain(yard, plan, work)
  const manifest = await sound(yard, id)
  if (!manifest) throw new Fault('damaged', 'soon', `template ${id} is not there any more`)
  await touch(yard.folder, id)
  return parentOf(yard, { ...manifest, generation: 0 })
}

/** The newest template of the same line: the state of an earlier base, say, with all that was built there. */
const olderOfLine = async (yard: Yard, { line }: Plan): Promise<Parent | undefined> => {
  if (line === undefined) return undefined
  const all = await allTemplates(yard.folder)
  const mine = all.filter(one => one.line === line && one.generation < maxGeneration)
  for (const one of mine.sort((a, b) => b.createdAt.localeCompare(a.createdAt))) {
    const manifest = await sound(yard, one.id)
    if (!manifest) continue
    await touch(yard.folder, one.id)
    return parentOf(yard, manifest)
  }
  return undefined
}

const parentOf = (yard: Yard, { id, createdAt, state, generation }: TemplateManifest): Parent => {
  const folder = templateFolder(yard.folder, id)
  return {
    id,
    createdAt,
    folder,
    generation,
    state: { file: join(folder, parts.state), sha256: state.sha256 },
  }
}

type Made = { qemu: Qemu; state: TemplateManifest['state']; canary: string; generation: number }

const factsOf = (
  { id, line, spec, image, layout }: Plan,
  { qemu, state, canary, generation }: Made,
): Omit<TemplateManifest, 'files'> => {
  const { kernel, initrd, ...seen } = layout
  return {
    ...{ id, label: spec.label, image: image.name, content: spec.content, state, canary, generation },
    ...(line && { line }),
    os: image.os,
    shell: image.shell,
    createdAt: new Date().toISOString(),
    ...{ qemu: qemu.version, machine: qemu.machine, cpu: cpuOf(layout.accelerator) },
    accelerator: layout.accelerator,
    fingerprint: fingerprint(qemu, layout),
    layout: { ...seen, ...(kernel && { kernel }), ...(initrd && { initrd }) },
    ...(image.disk && { base: image.disk }),
  }
}
