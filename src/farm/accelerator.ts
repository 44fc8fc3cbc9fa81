// Which accelerator this host's guests run on. That /dev/kvm opens proves nothing: an accelerator counts when a guest of ours booted with it.
import { constants } from 'node:fs'
import { access, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { release } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { Fault } from '../model/fault.ts'
import { boot } from './boot.ts'
import { type Bootable, layoutOf } from './bootable.ts'
import type { Deadlines } from './deadline.ts'
import { createOverlay } from './disk.ts'
import type { Accelerator, Qemu } from './qemu.ts'

export type Qualification = {
  folder: string
  wanted: 'auto' | Accelerator
  qemu: Qemu
  image: Bootable
  /** Stands on the command line of the boot. */
  name: string
  deadlines: Deadlines
  log: (line: string) => void
}

const answersSchema = z.record(z.string(), z.object({ works: z.boolean(), why: z.string() }))

/** Boots a guest with KVM once for each kernel and QEMU, and remembers the answer. Fault refused (never) if KVM is wanted and does not do. */
export const chooseAccelerator = async (request: Qualification): Promise<Accelerator> => {
  if (request.wanted === 'tcg') return 'tcg'
  const { works, why } = await kvm(request)
  if (works) return 'kvm'
  if (request.wanted === 'kvm')
    throw new Fault('refused', 'never', `farm.accelerator is kvm, but ${why}`, {
      remedy: 'set farm.accelerator to auto or tcg, or use a host with working KVM',
    })
  request.log(`KVM is not used: ${why}; guests are emulated (TCG), which is slower`)
  return 'tcg'
}

const kvm = async (request: Qualification): Promise<{ works: boolean; why: string }> => {
  const opens = await access('/dev/kvm', constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  )
  if (!opens) return { works: false, why: '/dev/kvm cannot be opened' }
  const file = join(request.folder, 'accelerators.json')
  const key = `kvm, Linux ${release()}, QEMU ${request.qemu.version}, ${await processor()}`
  const known = await readFile(file, 'utf8').then(
    text => answersSchema.parse(JSON.parse(text)),
    () => ({}),
  )
  const remembered = (known as z.infer<typeof answersSchema>)[key]
  if (remembered) return remembered
  request.log('trying whether a guest boots with KVM')
  const answer = await tryBoot(request)
  await writeFile(file, `${JSON.stringify({ ...known, [key]: answer }, undefined, 2)}\n`)
  return answer
}

const tryBoot = async ({ folder, qemu, image, name, deadlines }: Qualification) => {
  const own = join(folder, 'clones', `.qualify-${process.pid}`)
  await mkdir(own, { recursive: true })
  try {
    const overlay = join(own, 'disk.qcow2')
    if (image.disk) await createOverlay(overlay, image.disk)
    const disk = image.disk && { overlay, backing: [image.disk] }
    const places = { name, memory: { file: join(own, 'memory'), shared: false }, disk }
    const layout = layoutOf(image, 'kvm')
    const guest = await boot(
      { qemu, layout, places, folder: own, shell: image.shell, deadlines },
      deadlines.qualifyMs,
    )
    await guest.machine.kill()
    return { works: true, why: 'a guest booted' }
  } catch (error) {
    const why = error instanceof Fault ? error.message : String(error)
    return { works: false, why: `no guest gets through its boot with it (${why})` }
  } finally {
    await rm(own, { recursive: true, force: true })
  }
}

/** Model and microcode: another of either is another host. */
const processor = async (): Promise<string> => {
  const text = await readFile('/proc/cpuinfo', 'utf8').catch(() => '')
  const field = (name: string) => text.match(new RegExp(`^${name}\\s*: (.*)$`, 'm'))?.[1] ?? '?'
  return `${field('model name')}, microcode ${field('microcode')}`
}
