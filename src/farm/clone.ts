// A throw-away machine for one run: commands, bytes in and out, evidence, and its end.
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { Ending } from '../model/run.ts'
import type { Clone, Command, RunOptions } from '../ports/farm.ts'
import { diskErrorIn } from './disk-words.ts'
import { type CloneFacts, evidenceOf, type Ran } from './evidence.ts'
import { exec, type Guest } from './exec.ts'
import { haltOf } from './halt.ts'
import { asFault } from './system-fault.ts'

export type CloneHooks = {
  /** What is wrong with the template that the clone runs on; undefined: nothing. */
  flaw(): Promise<string | undefined>
  /** Called once, when nothing of it is left. */
  released(): void
  log(line: string): void
}

export const openClone = (guest: Guest, facts: CloneFacts, hooks: CloneHooks): Clone => {
  const { machine } = guest
  const { write, read } = guest.says
  machine.lower()
  const ran: Ran[] = []
  let release: Promise<void> | undefined
  let kept: Record<string, Buffer> | undefined

  const run = async (command: Command, options?: RunOptions): Promise<Ending> => {
    const startedAt = new Date().toISOString()
    const started = performance.now()
    const ended = release ? { kind: 'cancelled' as const } : await exec(guest, command, options)
    const ending = release ? { kind: 'cancelled' as const } : await judged(guest, ended, hooks)
    const { name, script, folder } = command
    ran.push({ name, script, folder, startedAt, tookMs: Math.round(performance.now() - started), ending })
    return ending
  }

  const collect = () => evidenceOf(machine, facts, ran)

  /** Whatever fails, the slot is free afterwards: what stays on the disk goes with the next start. */
  const end = async () => {
    const trouble = (what: string) => (error: unknown) =>
      hooks.log(`clone of run ${facts.run}: ${what}: ${error instanceof Error ? error.message : error}`)
    try {
      kept = await collect().catch(error => {
        trouble('its evidence is lost')(error)
        return {}
      })
      await machine.kill().catch(trouble('its QEMU may still run'))
      await rm(machine.folder, { recursive: true, force: true, maxRetries: 3 }).catch(
        trouble(`${machine.folder} is left`),
      )
    } finally {
      hooks.released()
    }
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

/** A guest on changed bytes may do anything: whatever went wrong in it is then not its program's doing. Nor is a silence that QEMU shares. */
const judged = async (guest: Guest, ending: Ending, { flaw }: CloneHooks): Promise<Ending> => {
  if (ownDoing.includes(ending.kind)) {
    // What it said before may be read after what it did.
    await setImmediate()
    // Also after an exit code of 0: what passed on half a file system proves nothing.
    const error = diskErrorIn(guest.machine.console())
    if (error) return error
  }
  if (!mayBeDamage(ending)) return ending
  const detail = await flaw()
  if (detail !== undefined) return { kind: 'template-damaged', detail }
  return ending.kind === 'hung' ? ((await haltOf(guest)) ?? ending) : ending
}

const ownDoing: Ending['kind'][] = ['finished', 'timed-out', 'powered-off', 'crashed', 'hung']

const mayBeDamage = (ending: Ending): boolean =>
  ending.kind === 'finished'
    ? ending.exitCode !== 0
    : !['cancelled', 'out-of-space', 'template-damaged', 'host-lost'].includes(ending.kind)

/** Whose the folder is, for the next start's reaping. Throws a Fault. */
export const claim = (folder: string, owner: unknown): Promise<void> =>
  asFault('a folder of the farm', writeFile(join(folder, 'owner.json'), JSON.stringify(owner)))
