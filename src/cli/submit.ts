// `grapevine submit`: patches handed in from a file, as if the list had brought them; the answer goes to their author.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { Command } from 'commander'
import type { Config, ProjectConfig } from '../config/config.ts'
import { UsageError } from '../model/fault.ts'
import { handSource, type Mail } from '../model/mail.ts'
import type { CliDeps } from './deps.ts'
import { sayDisposition } from './say.ts'

type Options = { project?: string }

/** The named project, or the only one. */
export const projectNamed = (config: Config, name: string | undefined): ProjectConfig => {
  const names = config.projects.map(project => project.name).join(', ')
  const [first, ...others] = config.projects.filter(project => name === undefined || project.name === name)
  if (first && others.length === 0) return first
  throw new UsageError(
    first ? 'there is more than one project' : `there is no project "${name}"`,
    `Say which: --project NAME; there is ${names}`,
  )
}

/** Says what became of a mail that was handed in. Is it a patch, or a cover letter? */
const say = ({ stdout }: CliDeps, { id, disposition, parsed }: Mail): boolean => {
  const isTaken = disposition.kind === 'new'
  const became = isTaken ? 'taken' : sayDisposition(disposition)
  stdout.write(`${became}: ${parsed?.subject ?? '(no mail)'}\n`)
  if (isTaken) stdout.write(`  grapevine mail show '${parsed?.messageId ?? id}'\n`)
  return isTaken
}

const handInFile = async (deps: CliDeps, file: string, options: Options, name = file): Promise<void> => {
  const config = await deps.config({ secrets: 'later' })
  const project = projectNamed(config, options.project)
  const { wire } = await import('../wiring/wire.ts')
  const { handIn } = await import('../wiring/hand-in.ts')
  const { sourceAt } = await import('../wiring/sources.ts')
  const { quietLog } = await import('../wiring/log.ts')
  const source = await sourceAt(file, handSource(Date.now()))
  const wired = await wire(config, quietLog)
  try {
    const { fresh } = await handIn(wired, { project: project.name, source })
    if (fresh.length === 0)
      throw new UsageError(
        `${name} holds no mail that is new`,
        'What is known already is not tested twice; see: grapevine mail list',
      )
    const taken = fresh.map(mail => say(deps, mail))
    if (!taken.includes(true))
      throw new UsageError(
        `${name} holds nothing that could be tested`,
        'What `git format-patch --stdout` writes is taken.',
      )
  } finally {
    await wired.close()
  }
}

export const submit = (deps: CliDeps): Command =>
  new Command('submit')
    .description(
      'Hands in the patches of a file: one mail, or an mbox, as `git format-patch` writes them. They go through the same flow as mail from the list; the bot and a worker do the rest. Only their author is answered.',
    )
    .argument('<file>', 'a mail or mbox; - for standard input')
    .option('--project <name>', 'for which project (not needed if there is only one)')
    .addHelpText('after', '\nExample:\n  $ git format-patch -1 --stdout | grapevine submit -')
    .action(async (file: string, options: Options) => {
      if (file !== '-') return handInFile(deps, file, options)
      const folder = await mkdtemp(join(tmpdir(), 'grapevine-'))
      try {
        const copy = join(folder, 'standard-input')
        await writeFile(copy, await buffer(deps.stdin))
        await handInFile(deps, copy, options, 'standard input')
      } finally {
        await rm(folder, { recursive: true })
      }
    })
