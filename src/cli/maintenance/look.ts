// `grapevine maintenance list|show`: what is planned, what runs, and what hosts answered.
import { Command } from 'commander'
import { sayRepeat } from '../../text/calendar.ts'
import { saySpan } from '../../text/span.ts'
import type { CliDeps } from '../deps.ts'
import { withStore } from '../stored.ts'
import { table } from '../table.ts'
import { sayInstant } from '../when.ts'
import { example, find, idArgument, sayState, what } from './window.ts'

const list = (deps: CliDeps, { all = false, json = false }: { all?: boolean; json?: boolean }) =>
  withStore(deps, async store => {
    const windows = await store.maintenances(all ? {} : { live: true })
    if (json) {
      for (const one of windows)
        deps.stdout.write(`${JSON.stringify({ ...one, repeat: one.repeat ?? null })}\n`)
      return
    }
    if (windows.length === 0)
      return void deps.stdout.write(all ? 'there never was any\n' : 'none is planned or running\n')
    const now = Date.now()
    const rows = windows.map(one => [
      ...[one.id, sayInstant(one.from), sayInstant(one.to), what(one), sayState(one, now), one.reason],
    ])
    const head = ['maintenance', 'from', 'to', 'what', 'state', 'reason']
    deps.stdout.write(`${table([head, ...rows])}\n`)
  })

const show = (deps: CliDeps, begins: string, { json = false }: { json?: boolean }) =>
  withStore(deps, async store => {
    const window = await find(store, begins)
    if (json) return void deps.stdout.write(`${JSON.stringify(window)}\n`)
    const { id, from, to, reason, by, createdAt, repeat, series } = window
    const lines = [
      `${what(window)}: ${reason}`,
      saySpan(from, to),
      sayState(window, Date.now()),
      `planned by ${by}, ${sayInstant(createdAt)}`,
      ...(repeat === undefined ? [] : [`repeated ${sayRepeat(repeat, series?.start ?? from)}`]),
    ]
    deps.stdout.write(`${lines.join('\n')}\n`)
    const asked = (await store.hostRequests({})).filter(({ why }) => why === `maintenance ${id}`)
    const rows = asked.map(({ host, at, state }) => {
      const why = state.at === 'failed' ? `: ${state.why}` : ''
      return [host, `asked to prove itself ${sayInstant(at)}`, `${state.at}${why}`]
    })
    if (rows.length > 0) deps.stdout.write(`${table(rows)}\n`)
  })

export const looking = (deps: CliDeps): Command[] => [
  new Command('list')
    .summary('list what is planned, and what runs')
    .description('Lists windows, in order of their beginning.')
    .option('--all', 'those that are over as well')
    .option('--json', 'JSON lines')
    .addHelpText('after', '\nExample:\n  $ grapevine maintenance list')
    .action((options: { all?: boolean; json?: boolean }) => list(deps, options)),
  new Command('show')
    .summary('show one, and what its hosts answered')
    .description(
      'Shows a window, and whether its hosts have proved themselves. See `grapevine notice list` for what was said of it.',
    )
    .argument(...idArgument)
    .option('--json', 'one JSON line')
    .addHelpText('after', `\nExample:\n  $ grapevine maintenance show ${example}`)
    .action((id: string, options: { json?: boolean }) => show(deps, id, options)),
]
