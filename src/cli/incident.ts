// `grapevine incident`: trouble with hosts, disks, images and templates that somebody should know of. What changes it: incident/change.ts.
import { Command } from 'commander'
import { UsageError } from '../model/fault.ts'
import type { Incident } from '../model/incident.ts'
import type { CliDeps } from './deps.ts'
import { changing } from './incident/change.ts'
import { concerned, describe, sayNow, sayState } from './incident/words.ts'
import { withStore } from './stored.ts'
import { table } from './table.ts'
import { sayInstant } from './when.ts'

const none = {
  ...{ host: null, cause: null, doing: null, owner: null, confirmed: null, mergedInto: null, bug: null },
  resolved: null,
}

const asJson = (one: Incident): string => `${JSON.stringify({ ...none, ...given(one) })}\n`

/** Without what is not known. */
const given = (one: Incident) =>
  Object.fromEntries(Object.entries(one).filter(([, value]) => value !== undefined))

const head = ['incident', 'since', 'state', 'severity', 'trouble', 'host', 'about', 'detail']

const list = (deps: CliDeps, { all = false, json = false }: { all?: boolean; json?: boolean }) =>
  withStore(deps, async store => {
    const incidents = await store.incidents(all ? {} : { live: true })
    if (json) return void deps.stdout.write(incidents.map(asJson).join(''))
    if (incidents.length === 0)
      return void deps.stdout.write(all ? 'there never was one\n' : 'no incident is open\n')
    const rows = incidents.map(one => {
      const { id, since, severity, trouble, host, about } = one
      return [id, sayInstant(since), sayState(one), severity, trouble, host ?? '', about, sayNow(one)]
    })
    deps.stdout.write(`${table([head, ...rows])}\n`)
  })

const show = (deps: CliDeps, id: string, { json = false }: { json?: boolean }) =>
  withStore(deps, async store => {
    const { findIncident } = await import('../wiring/incident-acts.ts')
    const found = await findIncident({ store }, id)
    if ('no' in found) throw new UsageError(found.no, found.remedy)
    const { incident } = found
    if (json) return void deps.stdout.write(asJson(incident))
    deps.stdout.write(`${describe(incident, Date.now()).join('\n')}\n`)
    const rows = await concerned(store, incident)
    if (rows.length === 0) return
    const columns = ['at', 'series', 'author', 'image', 'host', 'what', '']
    deps.stdout.write(`\n${table([columns, ...rows])}\n`)
  })

export const incident = (deps: CliDeps): Command => {
  const command = new Command('incident')
    .description(
      'Looks after trouble with hosts, disks, images, templates and mail. Most of it is noticed and resolved by itself.',
    )
    .addCommand(
      new Command('list')
        .summary('list what is wrong now')
        .description(
          'Lists incidents that are suspected or open, and those that are over but still watched, in order of their beginning.',
        )
        .option('--all', 'resolved ones as well')
        .option('--json', 'JSON lines')
        .addHelpText('after', '\nExample:\n  $ grapevine incident list')
        .action((options: { all?: boolean; json?: boolean }) => list(deps, options)),
    )
    .addCommand(
      new Command('show')
        .summary('show one, its log, and which series it concerns')
        .description(
          'Shows an incident; of failures that are alike, which series fail so, and which of them wait.',
        )
        .argument('<id>', 'what its id begins with; see `grapevine incident list`')
        .option('--json', 'as JSON')
        .addHelpText('after', '\nExample:\n  $ grapevine incident show i3f2a91c07be4d5a')
        .action((id: string, options: { json?: boolean }) => show(deps, id, options)),
    )
  for (const one of changing(deps)) command.addCommand(one)
  return command.addHelpText('after', '\nExample:\n  $ grapevine incident list')
}
