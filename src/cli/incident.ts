// `grapevine incident`: trouble with hosts, disks, images and templates that somebody should know of.
import { Command } from 'commander'
import { isAbout } from '../model/alike.ts'
import { UsageError } from '../model/fault.ts'
import type { Incident } from '../model/incident.ts'
import type { Store } from '../ports/store.ts'
import { oneLine } from '../text/clean.ts'
import type { CliDeps } from './deps.ts'
import { operator } from './holds.ts'
import { withStore } from './stored.ts'
import { table } from './table.ts'
import { sayInstant } from './when.ts'

/** Failures from so long before an incident may be alike; see proof.alike.within. */
const backMs = 7 * 86_400_000

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

/** What series do that an incident holds back; the newest last. */
const concerned = async (store: Store, incident: Incident): Promise<string[][]> => {
  if (incident.trouble !== 'alike-failures') return []
  const [project = ''] = incident.about.split(': ', 1)
  const blames = await store.blames({ project, since: incident.since - backMs })
  const own = blames.filter(
    blame => isAbout(incident, blame) && blame.at <= (incident.resolved?.at ?? Number.POSITIVE_INFINITY),
  )
  return Promise.all(
    own.map(async ({ at, series, author, host, image, test, step, sign, job }) => {
      const isTold = (await store.verdictsOf(series)).some(verdict => verdict.job === job)
      const what = oneLine(test === '' ? `${step}: ${sign}` : test, 60)
      return [sayInstant(at), series, author, image, host, what, isTold ? 'told' : 'waits']
    }),
  )
}

const show = (deps: CliDeps, id: string) =>
  withStore(deps, async store => {
    const incident = (await store.incidents()).find(one => one.id === id)
    if (!incident) throw new UsageError(`there is no incident ${id}`, 'See: grapevine incident list')
    const { trouble, host, about, since, detail, resolved } = incident
    deps.stdout.write(
      `${trouble}${host === undefined ? '' : ` on ${host}`}: ${about}\nsince ${sayInstant(since)}\n`,
    )
    for (const part of detail.split('; ')) deps.stdout.write(`  ${part}\n`)
    if (resolved) deps.stdout.write(`over since ${sayInstant(resolved.at)}: ${resolved.how}\n`)
    const rows = await concerned(store, incident)
    if (rows.length === 0) return
    const head = ['at', 'series', 'author', 'image', 'host', 'what', '']
    deps.stdout.write(`${table([head, ...rows])}\n`)
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
      new Command('show')
        .summary('show one, and which series it concerns')
        .description(
          'Shows an incident; of failures that are alike, which series fail so, and which of them wait.',
        )
        .argument('<id>', 'see `grapevine incident list`')
        .addHelpText('after', '\nExample:\n  $ grapevine incident show i3f2a91c07be4d5a')
        .action((id: string) => show(deps, id)),
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
