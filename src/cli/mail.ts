// `grapevine mail`: every mail has a disposition, and this is where one looks it up.
import { Command } from 'commander'
import { UsageError } from '../model/fault.ts'
import type { Disposition, Mail } from '../model/mail.ts'
import type { Series } from '../model/series.ts'
import type { Store } from '../ports/store.ts'
import type { CliDeps } from './deps.ts'
import { withStore } from './stored.ts'
import { table } from './table.ts'

/** A disposition in words. */
export const sayDisposition = (disposition: Disposition): string => {
  switch (disposition.kind) {
    case 'new':
      return 'not looked at yet'
    case 'patch':
      return `patch ${disposition.position} of a series`
    case 'cover':
      return 'cover letter of a series'
    case 'comment':
      return 'comment on a series'
    case 'duplicate':
      return 'the same mail came before'
    case 'conflict':
      return `conflict: ${disposition.why}`
    case 'not-a-patch':
      return `not a patch: ${disposition.why}`
    case 'damaged':
      return `damaged: ${disposition.why}`
    case 'unsafe':
      return `not applied, unsafe: ${disposition.why}`
    case 'unreadable':
      return `unreadable: ${disposition.why}`
    case 'automatic':
      return `automatic mail (${disposition.auto})`
    case 'own':
      return 'one of ours'
  }
}

/** A series' state in words. */
export const sayState = (state: Series['state']): string => {
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
      return 'planned'
    case 'superseded':
      return `replaced by a newer version (${state.by})`
  }
}

const seriesOf = (store: Store, { disposition }: Mail): Promise<Series | undefined> =>
  'series' in disposition ? store.series(disposition.series) : Promise.resolve(undefined)

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
    ['patch-id', mail.patch?.patchId],
    ['series', series && `${series.id}  v${series.version}, ${series.parts.length} of ${series.total} parts`],
    ['state', series && sayState(series.state)],
    ['verdict', verdict?.finding.kind],
    ['raw', mail.id],
  ]
  return lines.flatMap(([name, value]) => (value === undefined ? [] : [`${name.padEnd(12)}${value}`]))
}

const json = (deps: CliDeps, values: unknown[]) => {
  for (const value of values) deps.stdout.write(`${JSON.stringify(value)}\n`)
}

/** A Message-ID as people type it, with or without its brackets. */
export const bracketed = (id: string): string => (id.startsWith('<') ? id : `<${id}>`)

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

const list = (deps: CliDeps): Command =>
  new Command('list')
    .summary('list mails and what became of them')
    .description('Lists mails in order of arrival, with what became of each.')
    .option('--project <name>', 'only of this project')
    .option('--kind <kind>', 'only of this disposition (patch, cover, not-a-patch, damaged …)')
    .option('--json', 'JSON lines')
    .addHelpText('after', '\nExample:\n  $ grapevine mail list --kind damaged')
    .action((options: { project?: string; kind?: Disposition['kind']; json?: boolean }) =>
      withStore(deps, async store => {
        const { project, kind } = options
        const mails = await store.mails({ ...(project ? { project } : {}), ...(kind ? { kind } : {}) })
        if (options.json) return json(deps, mails)
        const rows = mails.map(mail => [
          new Date(mail.arrivedAt).toISOString().slice(0, 16),
          sayDisposition(mail.disposition),
          (mail.parsed?.subject ?? '').slice(0, 60),
          mail.parsed?.messageId ?? '',
        ])
        deps.stdout.write(`${table([['arrived', 'disposition', 'subject', 'message-id'], ...rows])}\n`)
      }),
    )

export const mail = (deps: CliDeps): Command =>
  new Command('mail')
    .description('Looks up what became of mails.')
    .addCommand(show(deps))
    .addCommand(list(deps))
    .addHelpText('after', '\nExample:\n  $ grapevine mail list')
