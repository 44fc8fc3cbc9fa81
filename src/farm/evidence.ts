// What is kept of a run for people: console, QEMU's events, a picture of the screen, and a manifest of exactly what ran. Bounded, and taken even of a dead guest.
import { open, readFile } from 'node:fs/promises'
import { cpus, hostname, release } from 'node:os'
import { dirname, join } from 'node:path'
import type { Millis } from '../model/instant.ts'
import type { Ending, RunId } from '../model/run.ts'
import { screenFile } from './jail.ts'
import type { Machine } from './machine.ts'
import type { TemplateManifest } from './templates.ts'

export type CloneFacts = {
  run: RunId
  template: TemplateManifest
}

export type Ran = {
  name: string
  script: string
  folder: string
  startedAt: string
  tookMs: Millis
  ending: Ending
}

const screenshotMs: Millis = 5_000
/** A picture of the largest screen that the guest can have is smaller. */
const largestPicture = 24 << 20

/** By name; whatever cannot be had is missing, never an error. */
export const evidenceOf = async (
  machine: Machine,
  facts: CloneFacts,
  ran: Ran[],
): Promise<Record<string, Buffer>> => {
  const screenshot = wentWell(ran) ? undefined : await picture(machine)
  const lines = machine.events().map(event => `${JSON.stringify(event)}\n`)
  const stderr = machine.stderr()
  return {
    console: machine.console(),
    qmp: Buffer.from(lines.join('')),
    manifest: Buffer.from(`${JSON.stringify(await manifestOf(machine, facts, ran), undefined, 2)}\n`),
    ...(screenshot && { screenshot }),
    ...(stderr && { stderr: Buffer.from(stderr) }),
  }
}

const wentWell = (ran: Ran[]): boolean => {
  const ending = ran.at(-1)?.ending
  return ending?.kind === 'finished' && ending.exitCode === 0
}

/** A png of the screen; undefined when QEMU is gone. Works while the guest is stopped. */
export const picture = async ({ qmp, folder, fate }: Machine): Promise<Buffer | undefined> => {
  if (fate.value?.kind === 'vm-died') return undefined
  try {
    await qmp.command('screendump', { filename: screenFile, format: 'png' }, screenshotMs)
    await using file = await open(join(folder, screenFile))
    const { size } = await file.stat()
    return size > 0 && size <= largestPicture ? await file.readFile() : undefined
  } catch {
    return undefined
  }
}

const manifestOf = async (machine: Machine, { run, template }: CloneFacts, ran: Ran[]) => ({
  run,
  template: template.id,
  about: template,
  image: await imageOf(template),
  host: { name: hostname(), kernel: release(), processor: cpus()[0]?.model ?? 'unknown' },
  qemu: template.qemu,
  args: machine.args,
  ...(machine.cell && { user: machine.cell.user ?? 'as the worker', limits: machine.cell.limits }),
  end: machine.fate.value,
  commands: ran,
})

/** Source and digests, from the manifest that lies beside the image's files. */
const imageOf = async ({ layout, base }: TemplateManifest): Promise<unknown> => {
  const file = base?.file ?? layout.kernel
  if (!file) return undefined
  try {
    const { name, source, files } = JSON.parse(await readFile(join(dirname(file), 'manifest.json'), 'utf8'))
    return { name, source, files }
  } catch {
    return undefined
  }
}
