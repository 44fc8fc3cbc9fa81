// `grapevine replay`: an archive, or some series out of it, through the flow; or only sorted, with --dry-run. Never mails anybody:
// its replies go into a folder.
import { join } from 'node:path'
import { Command } from 'commander'
import type { Config, ProjectConfig } from '../config/config.ts'
import { UsageError } from '../model/fault.ts'
import type { Mail } from '../model/mail.ts'
import type { Series } from '../model/series.ts'
import type { DryRun } from '../wiring/dry-run.ts'
import type { CliDeps } from './deps.ts'
import { bracketed } from './say.ts'
import { projectNamed } from './submit.ts'
import { table } from './table.ts'

type Options = { project?: string; messageId?: string[]; dryRun?: boolean; json?: boolean; again?: boolean }

/** What a dry run says of one mail. */
export const mailLine = (mail: Mail, series: Map<string, Series>) => {
  const { disposition } = mail
  const id = 'series' in disposition && disposition.kind !== 'comment' ? disposition.series : undefined
  const its = id === undefined ? undefined : series.get(id)
  const position =
    disposition.kind === 'cover' ? 0 : disposition.kind === 'patch' ? disposition.position : null
  return {
    messageId: mail.parsed?.messageId ?? null,
    disposition: disposition.kind,
    patchId: mail.patch?.patchId ?? null,
    series: its?.id ?? null,
    version: its?.version ?? null,
    position,
    total: its?.total ?? null,
  }
}

const why = (mail: Mail): string => ('why' in mail.disposition ? mail.disposition.why : '')

/** Dispositions and states, counted. */
const summary = ({ mails, series }: DryRun): string => {
  const count = new Map<string, number>()
  for (const mail of mails) {
    const key = `${mail.disposition.kind}\t${why(mail)}`
    count.set(key, (count.get(key) ?? 0) + 1)
  }
  const rows = [...count].sort((a, b) => b[1] - a[1]).map(([key, n]) => [String(n), ...key.split('\t')])
  const states = new Map<string, number>()
  for (const { state } of series.values()) states.set(state.at, (states.get(state.at) ?? 0) + 1)
  const stateRows = [...states].sort((a, b) => b[1] - a[1]).map(([at, n]) => [String(n), at])
  return `${table([['mails', 'disposition', 'because'], ...rows])}\n\n${table([['series', 'state'], ...stateRows])}\n${mails.length} mails, ${series.size} series\n`
}

const sort = async (deps: CliDeps, path: string, config: Config, options: Options): Promise<DryRun> => {
  const { dryRun } = await import('../wiring/dry-run.ts')
  const { sourceAt } = await import('../wiring/sources.ts')
  const project = projectNamed(config, options.project)
  let told = 0
  const result = await dryRun({
    project,
    assemble: config.assemble,
    source: await sourceAt(path, 'replay'),
    onProgress(mails) {
      if (mails - told < 500) return
      told = mails
      deps.stderr.write(`${mails} mails sorted\n`)
    },
  })
  if (result.mails.some(({ parsed }) => parsed !== undefined)) return result
  await result.store.close()
  throw new UsageError(
    `${path} holds no mail that can be read`,
    'It must be an mbox, a Maildir, a public-inbox archive (v2) or a mail.',
  )
}

const dry = async (deps: CliDeps, path: string, config: Config, options: Options): Promise<void> => {
  const result = await sort(deps, path, config, options)
  if (options.json) {
    for (const mail of result.mails) deps.stdout.write(`${JSON.stringify(mailLine(mail, result.series))}\n`)
  } else deps.stdout.write(summary(result))
  await result.store.close()
}

/** Ids of all mails of the series that hold the named ones. */
const chosen = (sorted: DryRun, messageIds: string[]): Set<string> => {
  const ids = new Set<string>()
  for (const messageId of messageIds.map(bracketed)) {
    const mail = sorted.mails.find(one => one.parsed?.messageId === messageId)
    if (!mail) throw new UsageError(`the archive has no mail ${messageId}`)
    const series = 'series' in mail.disposition ? sorted.series.get(mail.disposition.series) : undefined
    if (!series) throw new UsageError(`${messageId} is of no series: ${mail.disposition.kind} ${why(mail)}`)
    for (const part of [...series.parts, ...(series.cover ? [series.cover] : [])]) ids.add(part.mail)
  }
  return ids
}

/** A replay's own data: nothing of it mixes with the list's, and its replies go into a folder. */
const asReplay = (config: Config): Config => {
  const data = join(config.data, 'replay')
  const out = { kind: 'maildir' as const, path: join(data, 'outbox') }
  const mail = { ...config.mail, live: true, out, inbox: [], dkim: undefined }
  return { ...config, data, redisUrl: undefined, databaseUrl: undefined, mail }
}

const full = async (deps: CliDeps, path: string, given: Config, options: Options): Promise<void> => {
  const project: ProjectConfig = projectNamed(given, options.project)
  const config = asReplay(given)
  const only = options.messageId ? await selection(deps, path, given, options) : undefined
  const { playThrough } = await import('./replay/play.ts')
  await playThrough(
    { deps, config, project, path, only, again: options.again === true },
    options.json === true,
  )
}

const selection = async (
  deps: CliDeps,
  path: string,
  config: Config,
  options: Options,
): Promise<Set<string>> => {
  deps.stderr.write('looking for the series in the archive\n')
  const sorted = await sort(deps, path, config, options)
  await sorted.store.close()
  return chosen(sorted, options.messageId ?? [])
}

export const replay = (deps: CliDeps): Command =>
  new Command('replay')
    .description(
      'Plays an archive through the flow: receives, assembles, plans, builds, tests, judges; the replies go into a folder, never to people. Runs on this machine, without a bot or worker beside it.',
    )
    .argument('<archive>', 'an mbox, a Maildir, a public-inbox archive (v2) or a mail')
    .option(
      '--message-id <id>',
      'only the series that hold this mail; may be given several times',
      (id: string, all: string[] = []) => [...all, id],
    )
    .option('--project <name>', 'for which project (not needed if there is only one)')
    .option('--dry-run', 'only sort: what is a patch, of which series; nothing is kept or built')
    .option('--json', 'JSON lines: with --dry-run one a mail, else one a series')
    .option('--again', 'forget what earlier replays found')
    .addHelpText(
      'after',
      "\nExample:\n  $ grapevine replay list.mbox --dry-run\n  $ grapevine replay list.git --message-id '<20260914.1@example.org>'",
    )
    .action(async (path: string, options: Options) => {
      const config = await deps.config({ repositories: options.dryRun ? 'later' : 'now', secrets: 'later' })
      await (options.dryRun ? dry : full)(deps, path, config, options)
    })
