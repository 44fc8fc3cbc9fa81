// A throw-away machine for one run: commands, bytes in and out, evidence, and its end.
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Ending, RunId } from '../model/run.ts'
import type { Clone, Command, RunOptions } from '../ports/farm.ts'
import { exec, type Guest } from './exec.ts'
import { openTransfers } from './stream.ts'

export type CloneFacts = {
  run: RunId
  template: string
  /** What is known of the template, for the evidence. */
  about: Record<string, unknown>
}

type Ran = { name: string; script: string; folder: string; startedAt: string; tookMs: number; ending: Ending }

const screenshotMs = 5_000

/** `released` is called once, when nothing of it is left. */
export const openClone = (guest: Guest, facts: CloneFacts, released: () => void): Clone => {
  const { machine } = guest
  const { write, read } = openTransfers(guest)
  const ran: Ran[] = []
  let release: Promise<void> | undefined
  let kept: Record<string, Buffer> | undefined

  const run = async (command: Command, options?: RunOptions): Promise<Ending> => {
    const startedAt = new Date().toISOString()
    const started = performance.now()
    const ending = release ? { kind: 'cancelled' as const } : await exec(guest, command, options)
    const { name, script, folder } = command
    ran.push({ name, script, folder, startedAt, tookMs: Math.round(performance.now() - started), ending })
    return release ? { kind: 'cancelled' } : ending
  }

  const collect = async (): Promise<Record<string, Buffer>> => {
    const screenshot = await picture(guest)
    const manifest = { ...facts.about, ...facts, about: undefined, args: machine.args, commands: ran }
    const lines = machine.events.map(event => `${JSON.stringify(event)}\n`)
    return {
      console: machine.console(),
      qmp: Buffer.from(lines.join('')),
      manifest: Buffer.from(`${JSON.stringify(manifest, undefined, 2)}\n`),
      ...(screenshot && { screenshot }),
      ...(machine.stderr() && { stderr: Buffer.from(machine.stderr()) }),
    }
  }

  const end = async () => {
    kept = await collect()
    await machine.kill()
    await rm(machine.folder, { recursive: true, force: true, maxRetries: 3 })
    released()
  }

  return {
    run: facts.run,
    exec: run,
    write,
    read,
    evidence: async () => kept ?? (await collect()),
    release: () => {
      release ??= end()
      return release
    },
  }
}

/** A png of the screen; undefined when QEMU is gone. Works while the guest is stopped. */
const picture = async ({ machine }: Guest): Promise<Buffer | undefined> => {
  const file = join(machine.folder, 'screen.png')
  try {
    await machine.qmp.command('screendump', { filename: file, format: 'png' }, screenshotMs)
    return await readFile(file)
  } catch {
    return undefined
  }
}

/** Whose the folder is, for the next start's reaping. */
export const claim = (folder: string, owner: unknown): Promise<void> =>
  writeFile(join(folder, 'owner.json'), JSON.stringify(owner))
