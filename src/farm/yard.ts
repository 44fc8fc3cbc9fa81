// What the parts of one farm share: its folder, its QEMU, whose it is, and what happens to a template that is found damaged.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { GuestOs, ImageConfig } from '../config/config.ts'
import { Fault } from '../model/fault.ts'
import type { Alarm } from '../model/incident.ts'
import type { Bootable } from './bootable.ts'
import { claim } from './clone.ts'
import type { Deadlines } from './deadline.ts'
import { nameFor, type Owner } from './owner.ts'
import type { Accelerator, Layout, Qemu } from './qemu.ts'
import { condemnTemplate } from './storage/damage.ts'
import type { RoomPlace } from './storage/room.ts'
import { check, findTemplate, type TemplateManifest, templateFolder } from './templates.ts'

export type Yard = {
  folder: string
  owner: Owner
  qemu: Qemu
  images: ImageConfig[]
  deadlines: Deadlines
  log: (line: string) => void
  /** Who hears of damage. */
  alarm: Alarm
  /** What writes much asks here first. */
  room: RoomPlace
  accelerate(image: Bootable): Promise<Accelerator>
  /** Called when a template was put aside: what is made of it must end. */
  condemned(template: string, why: string): Promise<void>
}

export const machineOf = (
  yard: Pick<Yard, 'qemu' | 'deadlines' | 'owner'> & { folder?: string },
  layout: Layout,
  { os, shell, run }: { os?: GuestOs; shell: string; run: string },
) => ({
  ...{ qemu: yard.qemu, layout, os, shell, deadlines: yard.deadlines },
  cache: yard.folder && join(yard.folder, 'cache'),
  name: nameFor(yard.owner, run),
})

/** A folder that the next start removes if we die. `template`: what the machine in it is made of; it must stay as long. */
export const ownFolder = async (
  yard: Pick<Yard, 'owner'>,
  folder: string,
  template?: string,
): Promise<string> => {
  await mkdir(folder, { recursive: true })
  await claim(folder, { ...yard.owner, ...(template && { template }) })
  return folder
}

export const isDamage = (error: unknown): boolean => error instanceof Fault && error.kind === 'damaged'

/** `one`: as it was when it was looked at. Another process may have put it aside or removed it, and frozen it anew under the same id: then
 *  there is no damage any more, and only what runs on the old one ends. */
export const putAside = async (
  yard: Yard,
  one: Pick<TemplateManifest, 'id' | 'createdAt'>,
  error: unknown,
): Promise<void> => {
  const { id } = one
  const why = error instanceof Error ? error.message : String(error)
  const there = await findTemplate(yard.folder, id)
  if (there?.createdAt !== one.createdAt) return
  await condemnTemplate({ ...yard, onDamage: () => yard.condemned(id, why) }, id, why)
}

/** The manifest of a template that is there and was not changed; a damaged one is put aside. */
export const sound = async (yard: Yard, id: string): Promise<TemplateManifest | undefined> => {
  const manifest = await findTemplate(yard.folder, id)
  if (!manifest) return undefined
  try {
    await check(templateFolder(yard.folder, id), manifest)
    return manifest
  } catch (error) {
    await putAside(yard, manifest, error)
    return undefined
  }
}
