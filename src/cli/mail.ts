// `grapevine mail`: every mail has a disposition, and this is where one looks it up.
import { Command } from 'commander'
import { UsageError } from '../model/fault.ts'
import type { Disposition, Mail } from '../model/mail.ts'
import type { Series } from '../model/series.ts'
import { isJudged, type Verdict } from '../model/verdict.ts'
import type { Store } from '../ports/store.ts'
import type { CliDeps } from './deps.ts'
import { reparse } from './reparse.ts'
import { bracketed, checkProject, sayDisposition } from './say.ts'
import { withStore } from './stored.ts'
import { table } from './table.ts'

/** A series' state in words. `verdict`: the newest; a series that has the one that it was planned for is finished. */
export const sayState = (series: Pick<Series, 'state' | 'round'>, verdict: Verdict | undefined): string => {
  const { state } = series
  switch (state.at) {
    case 'collecting':
      return `waiting for more parts until ${new Date(state.until).toISOString()}`
    case 'held':
      return `waits for an operator: ${state.why}`
    case 'complete':
      return 'complete, about to be planned'
    case 'incomplete':
      return `incomplete: part ${state.missing.join(', ')} missing`
    case 'planned':
      return isJudged(series, verdict) ? 'finished' : 'planned'
    case 'superseded':
      return `replaced by a newer version (${state.by})`
  }
}

const seriesOf = (store: Store, { disposition }: Mail): Promise<Series | undefined> =>
  'series' in disposition ? store.series(disposition.series) : Promise.resolve(undefined)

/** The mail that had its place first, for one that came again. */
const first = async (store: Store, { disposition }: Mail): Promise<string | undefined> => {
  if (disposition.kind !== 'duplicate' && disposition.kind !== 'conflict') return undefined
  const mail = await store.mail(disposition.of)
  return mail && `${mail.id}  ${new Date(mail.arrivedAt).toISOString()} from ${mail.source}`
}

const describe = async (store: Store, mail: Mail): Promise<string[]> => {
  const series = await seriesOf(store, mail)
  const verdict = series && (await store.verdict(series.id))
  const lines: [string, string | undefined][] = [
    ['message-id', mail.parsed?.messageId ?? '(none)'],
    ['project', mail.project],
    ['from', mail.parsed?.author?.address],
    ['subject', mail.parsed?.subject],
    ['arrived', new Date(mail.arrivedAt).toISOString()],
    ['disposition', sayDisposition(mail.disposition)],
    ['first', await first(store, mail)],
    ['patch-id', mail.patch?.patchId],
    ['series', series && `${series.id}  v${series.version}, ${series.parts.length} of ${series.total} parts`],
    ['state', series && sayState(series, verdict)],
    ['verdict', verdict?.finding.kind],
    ['raw', mail.id],
  ]
  return lines.flatMap(([name, value]) => (value === undefined ? [] : [`${name.padEnd(12)}${value}`]))
}

const json = (deps: CliDeps, values: unknown[]) => {
  for (const value of values) deps.stdout.write(`${JSON.stringify(value)}\n`)
}

const show = (deps: CliDeps): Command =>
  new Command('show')
    .summary('show one mail by its Message-ID')
    .description('Shows what became of the mail with this Message-ID (with or without angle brackets).')
    .argument('<message-id>')
    .option('--json', 'JSON lines')
    .addHelpText('after', "\nExample:\n  $ grapevine mail show '<20260914.1@example.org>'")
    .action((id: string, options: { json?: boolean }) =>
      withStore(deps, async store => {
        const found = await store.mailsByMessageId(bracketed(id))
        if (found.length === 0) {
          throw new UsageError(
            `no mail ${bracketed(id)} has been read`,
            'See what there is: grapevine mail list',
          )
        }
        if (options.json) return json(deps, found)
        for (const mail of found) deps.stdout.write(`${(await describe(store, mail)).join('\n')}\n\n`)
      }),
    )

/** Kinds of dispositions; the type sees to it that none is missing. */
const kinds = Object.keys({
  new: 0,
  patch: 0,
  cover: 0,
  comment: 0,
  duplicate: 0,
  conflict: 0,
  'not-a-patch': 0,
  damaged: 0,
  unsafe: 0,
  unreadable: 0,
  automatic: 0,
  own: 0,
} satisfies Record<Disposition['kind'], 0>)

const kindNamed = (name: string): string => {
  if (kinds.includes(name)) return name
  throw new UsageError(`there is no disposition "${name}"`, `There are ${kinds.join(', ')}`)
}

const list = (deps: CliDeps): Command =>
  new Command('list')
    .summary('list mails and what became of them')
    .description('Lists mails in order of arrival, with what became of each.')
    .option('--project <name>', 'only of this project')
    .option('--kind <kind>', `only of this disposition: ${kinds.join(', ')}`, kindNamed)
    .option('--json', 'JSON lines')
    .addHelpText('after', '\nExample:\n  $ grapevine mail list --kind damaged')
    .action(async (options: { project?: string; kind?: Disposition['kind']; json?: boolean }) => {
      const { project, kind } = options
      if (project !== undefined)
        checkProject(await deps.config({ repositories: 'later', secrets: 'later' }), project)
      await withStore(deps, async store => {
        const mails = await store.mails({ ...(project ? { project } : {}), ...(kind ? { kind } : {}) })
        if (options.json) return json(deps, mails)
        const rows = mails.map(mail => [
          new Date(mail.arrivedAt).toISOString().slice(0, 16),
          sayDisposition(mail.disposition),
          (mail.parsed?.subject ?? '').slice(0, 60),
          mail.parsed?.messageId ?? '',
        ])
        deps.stdout.write(`${table([['arrived', 'disposition', 'subject', 'message-id'], ...rows])}\n`)
      })
    })

export const mail = (deps: CliDeps): Command =>
  new Command('mail')
    .description('Looks up what became of mails.')
    .addCommand(show(deps))
    .addCommand(list(deps))
    .addCommand(reparse(deps))
    .addHelpText('after', '\nExample:\n  $ grapevine mail list')
