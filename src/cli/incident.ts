// `grapevine incident`: trouble with hosts, disks, images and templates that somebody should know of.
import { Command } from 'commander'
import { UsageError } from '../model/fault.ts'
import type { CliDeps } from './deps.ts'
import { operator } from './holds.ts'
import { withStore } from './stored.ts'
import { table } from './table.ts'
import { sayInstant } from './when.ts'

const list = (deps: CliDeps, { all = false, json = false }: { all?: boolean; json?: boolean }) =>
  withStore(deps, async store => {
    const incidents = await store.incidents(all ? {} : { open: true })
    if (json) {
      for (const one of incidents)
        deps.stdout.write(
          `${JSON.stringify({ ...one, host: one.host ?? null, resolved: one.resolved ?? null })}\n`,
        )
      return
    }
    if (incidents.length === 0)
      return void deps.stdout.write(all ? 'there never was one\n' : 'no incident is open\n')
    const rows = incidents.map(({ id, since, trouble, host, about, detail, resolved }) => [
      id,
      sayInstant(since),
      trouble,
      host ?? '',
      about,
      resolved ? `over since ${sayInstant(resolved.at)}: ${resolved.how}` : detail,
    ])
    deps.stdout.write(`${table([['incident', 'since', 'trouble', 'host', 'about', 'detail'], ...rows])}\n`)
  })

type Resolving = { how?: string; real?: boolean }

const resolve = (deps: CliDeps, id: string, { how, real = false }: Resolving) =>
  withStore(deps, async store => {
    if (how === undefined && !real)
      throw new UsageError('say what was done', 'Add: --how "…"; or --real, if the patches do fail alike')
    const incident = (await store.incidents()).find(one => one.id === id)
    if (!incident) throw new UsageError(`there is no incident ${id}`, 'See: grapevine incident list')
    if (real && incident.trouble !== 'alike-failures')
      throw new UsageError(`incident ${id} is no question of what is real`, 'Leave out --real')
    const said = how ?? 'the patches do it'
    const over = {
      ...{ at: Date.now(), how: `${said} (${operator(deps.env)})` },
      ...(real ? { real: true as const } : {}),
    }
    const count = await store.resolveIncidents(incident, over)
    deps.stdout.write(count > 0 ? `incident ${id} is resolved\n` : `incident ${id} was resolved already\n`)
  })

export const incident = (deps: CliDeps): Command =>
  new Command('incident')
    .description(
      'Lists trouble with hosts, disks, images, templates and mail. Most of it is resolved by itself when it is over.',
    )
    .addCommand(
      new Command('list')
        .summary('list what is wrong now')
        .description('Lists open incidents, in order of their beginning.')
        .option('--all', 'resolved ones as well')
        .option('--json', 'JSON lines')
        .addHelpText('after', '\nExample:\n  $ grapevine incident list')
        .action((options: { all?: boolean; json?: boolean }) => list(deps, options)),
    )
    .addCommand(
      new Command('resolve')
        .summary('say that an incident is over')
        .description('Resolves an incident by hand. If what it tells of is still so, it is opened again.')
        .argument('<id>', 'see `grapevine incident list`')
        .option('--how <text>', 'what was done; others will read it')
        .option(
          '--real',
          'of failures that are alike: the patches do it; what was held back is told as it is',
        )
        .addHelpText('after', '\nExample:\n  $ grapevine incident resolve i3f2a91c07be4d5a --how "new cable"')
        .action((id: string, options: Resolving) => resolve(deps, id, options)),
    )
    .addHelpText('after', '\nExample:\n  $ grapevine incident list')
