// `grapevine backup`: images and templates on another disk, proven by running them.
import { Command } from 'commander'
import type { Config } from '../config/config.ts'
import { noAlarm } from '../farm/storage/alarm.ts'
import type { BackupPlace } from '../farm/storage/backup/place.ts'
import type { Backup } from '../farm/storage/backup/record.ts'
import type { CliDeps } from './deps.ts'
import { exitCode } from './exit.ts'
import { table } from './table.ts'

type Json = { json?: boolean }

export const backupPlace = (
  deps: CliDeps,
  { farm }: Config,
  progress: BackupPlace['progress'],
): BackupPlace => ({
  ...{
    farm: farm.data,
    images: farm.images,
    accelerator: farm.accelerator,
    reserveMiB: farm.reserveMiB,
    user: farm.user,
  },
  ...{ folder: farm.backup.folder, keep: farm.backup.keep },
  // The worker tells damage that a command found: it is on record.
  alarm: noAlarm,
  ...{ progress, signal: deps.signal },
})

/** With a last line that moves; lines for programs go to stdout, progress to stderr. */
const withPlace = async <T>(
  deps: CliDeps,
  { json = false }: Json,
  act: (place: BackupPlace, say: (line: string) => void) => Promise<T>,
): Promise<T> => {
  const config = await deps.config({ repositories: 'later', secrets: 'later' })
  const { show: makeShow } = await import('./demo/show.ts')
  const show = makeShow(json ? deps.stderr : deps.stdout)
  try {
    return await act(
      backupPlace(deps, config, line => show.status(line)),
      show.line,
    )
  } finally {
    show.end()
  }
}

const printJson = (deps: CliDeps, values: unknown[]) =>
  deps.stdout.write(values.map(value => `${JSON.stringify(value)}\n`).join(''))

const create = (deps: CliDeps, names: string[], options: Json) =>
  withPlace(deps, options, async (place, say) => {
    const { createBackups } = await import('../farm/storage/backup/create.ts')
    const made = await createBackups(place, names)
    if (options.json) {
      printJson(deps, made)
      return
    }
    if (made.length === 0) say('there is nothing to back up yet: no image is built')
    for (const { folder } of made) say(`backed up: ${folder}`)
    if (made.length > 0) say('a back-up counts when it is proven: grapevine backup verify')
  })

const stateOf = ({ damaged, verified }: Backup): string => {
  if (damaged) return `damaged: ${damaged.why}`
  return verified ? `proven ${verified.at.slice(0, 16).replace('T', ' ')}: ${verified.how}` : 'not proven yet'
}

const list = async (deps: CliDeps, { json = false }: Json): Promise<void> => {
  const { farm } = await deps.config({ repositories: 'later', secrets: 'later' })
  const { listBackups } = await import('../farm/storage/backup/record.ts')
  const { diskUsage, sizeText } = await import('../farm/storage/usage.ts')
  const all = await listBackups(farm.backup.folder)
  if (json) return void printJson(deps, all)
  if (all.length === 0) return void deps.stdout.write('there are no back-ups yet: grapevine backup create\n')
  const rows = await Promise.all(
    all.map(async one => [
      one.kind,
      one.kind === 'image' ? one.name : `${one.name.slice(0, 12)} (${one.label})`,
      one.time,
      sizeText(await diskUsage(one.folder)),
      stateOf(one),
    ]),
  )
  deps.stdout.write(`${table([['what', 'name', 'time (UTC)', 'takes', 'state'], ...rows])}\n`)
}

const verify = (deps: CliDeps, names: string[], options: Json & { all?: boolean }) =>
  withPlace(deps, options, async (place, say) => {
    const { verifyBackups } = await import('../farm/storage/backup/verify.ts')
    const { titleOf } = await import('../farm/storage/backup/record.ts')
    const verdicts = await verifyBackups(place, { names, every: options.all === true })
    if (options.json) printJson(deps, verdicts)
    else
      for (const { backup, sound, says } of verdicts)
        say(`${titleOf(backup)}: ${sound ? '' : 'damaged: '}${says}`)
    if (verdicts.length === 0) say('there are no back-ups yet: grapevine backup create')
    if (verdicts.some(({ sound }) => !sound)) deps.exitWith(exitCode.failed)
  })

const restore = (deps: CliDeps, name: string, { at }: { at?: string }) =>
  withPlace(deps, {}, async (place, say) => {
    const { restoreBackup } = await import('../farm/storage/backup/restore.ts')
    say(await restoreBackup(place, name, at))
  })

const prune = async (deps: CliDeps, options: Json & { dryRun?: boolean }): Promise<void> => {
  const { farm } = await deps.config({ repositories: 'later', secrets: 'later' })
  const { pruneBackups } = await import('../farm/storage/backup/retain.ts')
  const { titleOf } = await import('../farm/storage/backup/record.ts')
  const gone = await pruneBackups({ ...farm.backup, dryRun: options.dryRun === true })
  if (options.json) return void printJson(deps, gone)
  const says = gone.map(
    ({ backup, why }) => `${titleOf(backup)}: ${options.dryRun ? 'would go' : 'removed'}, ${why}\n`,
  )
  deps.stdout.write(says.length > 0 ? says.join('') : 'nothing to remove\n')
}

const named = '[names...]'
const namesHelp = 'images, or the beginning of templates’ ids'

export const backup = (deps: CliDeps): Command =>
  new Command('backup')
    .description('Backs up images and templates, proves the back-ups by running them, and puts them back.')
    .addCommand(
      new Command('create')
        .summary('back up images and templates')
        .description(
          'Copies images and templates to farm.backup.folder, and keeps the newest farm.backup.keep of each. Refused before it starts if there is no room.',
        )
        .argument(named, `${namesHelp} (default: all images, and the newest of each kind of template)`)
        .option('--json', 'print JSON lines')
        .addHelpText('after', '\nExample:\n  $ grapevine backup create debian')
        .action((names: string[], options: Json) => create(deps, names, options)),
    )
    .addCommand(
      new Command('list')
        .summary('list back-ups and whether they are proven')
        .description(
          'Lists the back-ups, newest first: proven (when, how), not proven yet, or damaged (why).',
        )
        .option('--json', 'print JSON lines')
        .addHelpText('after', '\nExample:\n  $ grapevine backup list')
        .action((options: Json) => list(deps, options)),
    )
    .addCommand(
      new Command('verify')
        .summary('prove back-ups by running them')
        .description(
          'Compares every byte of the back-ups with their digests, then boots a guest from each image, and makes a clone of each template and compares its checksums. Exit code 1 if one is damaged.',
        )
        .argument(named, `${namesHelp} (default: everything)`)
        .option('--all', 'every back-up, not only the newest of each name')
        .option('--json', 'print JSON lines')
        .addHelpText('after', '\nExample:\n  $ grapevine backup verify')
        .action((names: string[], options: Json & { all?: boolean }) => verify(deps, names, options)),
    )
    .addCommand(
      new Command('restore')
        .summary('put a back-up back')
        .description(
          'Makes a back-up the current image or template again, after it has run. What is there stays until then. A damaged back-up is refused.',
        )
        .argument('<name>', 'an image, or the beginning of a template’s id')
        .option('--at <time>', 'the back-up of this time, or the beginning of it (default: the newest)')
        .addHelpText('after', '\nExample:\n  $ grapevine backup restore debian --at 2026-11-03')
        .action((name: string, options: { at?: string }) => restore(deps, name, options)),
    )
    .addCommand(
      new Command('prune')
        .summary('remove back-ups beyond farm.backup.keep')
        .description(
          'Removes back-ups beyond farm.backup.keep, and damaged ones if a proven one is there. The last proven one of each stays.',
        )
        .option('-n, --dry-run', 'only show what would go')
        .option('--json', 'print JSON lines')
        .addHelpText('after', '\nExample:\n  $ grapevine backup prune --dry-run')
        .action((options: Json & { dryRun?: boolean }) => prune(deps, options)),
    )
    .addHelpText('after', '\nExample:\n  $ grapevine backup create')
