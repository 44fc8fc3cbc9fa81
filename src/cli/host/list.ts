// `grapevine host list|show|forget`: the machines that run tasks, as their workers last told of them.
import { Command } from 'commander'
import { UsageError } from '../../model/fault.ts'
import type { Hold, Host } from '../../model/host.ts'
import type { Instant } from '../../model/instant.ts'
import type { Task } from '../../model/job.ts'
import { holdOn, type Standing, standingOf } from '../../model/standing.ts'
import type { Store } from '../../ports/store.ts'
import type { CliDeps } from '../deps.ts'
import { runningOn, sayHold } from '../holds.ts'
import { withStore } from '../stored.ts'
import { table } from '../table.ts'
import { sayAgo, sayInstant } from '../when.ts'

const sayHeld = (hold: Hold, running: number): string => {
  const still = running === 0 ? '' : `, ${running} still run${running === 1 ? 's' : ''}`
  const how = { drain: ['draining', 'drained'], stop: ['stopping', 'stopped'] }[hold.how]
  return `${how[running === 0 ? 1 : 0]}${still}: ${sayHold(hold)}`
}

/** A host's standing in words. */
export const sayStanding = (standing: Standing, running: number): string => {
  switch (standing.at) {
    case 'ended':
      return `its worker was stopped ${sayInstant(standing.since)}`
    case 'lost':
      return `lost since ${sayInstant(standing.since)}`
    case 'unfit':
      return `takes no work: ${standing.why}`
    case 'held':
      return sayHeld(standing.hold, running)
    case 'paused':
      return `takes nothing new, the queue is paused: ${sayHold(standing.hold)}`
    case 'works':
      return 'takes work'
  }
}

type Look = { host: Host; hold: Hold | undefined; standing: Standing; running: Task[]; state: string }

const lookAt = async (store: Store, host: Host, now: Instant): Promise<Look> => {
  const holds = await store.holds()
  const standing = standingOf(host, holds, now)
  const running = await runningOn(store, { kind: 'host', name: host.name })
  const hold = holdOn(holds, { kind: 'host', name: host.name }, now)
  const state = sayStanding(standing, running.length)
  // A host that is down or unfit may be held besides.
  const besides = hold && standing.at !== 'held' ? `; ${sayHeld(hold, running.length)}` : ''
  return { host, hold, standing, running, state: `${state}${besides}` }
}

const toJson = ({ host, hold, standing, running, state }: Look) => ({
  ...host,
  state: standing.at,
  says: state,
  hold: hold ?? null,
  running: running.map(task => task.id),
})

const list = (deps: CliDeps, { json = false }: { json?: boolean }) =>
  withStore(deps, async store => {
    const now = Date.now()
    const looks: Look[] = []
    for (const host of await store.hosts()) looks.push(await lookAt(store, host, now))
    if (json) return void deps.stdout.write(looks.map(one => `${JSON.stringify(toJson(one))}\n`).join(''))
    if (looks.length === 0)
      return void deps.stdout.write('no worker has been started yet: grapevine worker\n')
    const rows = looks.map(({ host, state, standing }) => [
      host.name,
      // What it last said is not so any more.
      standing.at === 'lost' || standing.at === 'ended' ? '' : `${host.busy}/${host.slots}`,
      sayAgo(host.seenAt, now),
      host.images.join(', '),
      state,
    ])
    deps.stdout.write(`${table([['host', 'busy', 'last seen', 'images', 'state'], ...rows])}\n`)
  })

/** Throws UsageError if no worker of that name was ever started. */
export const knownHost = async (store: Store, name: string): Promise<Host> => {
  const hosts = await store.hosts()
  const host = hosts.find(one => one.name === name)
  if (host) return host
  const known = hosts.map(one => one.name).join(', ') || 'none'
  throw new UsageError(`no host is called ${name}`, `These are known: ${known}`)
}

const show = (deps: CliDeps, name: string, { json = false }: { json?: boolean }) =>
  withStore(deps, async store => {
    const now = Date.now()
    const look = await lookAt(store, await knownHost(store, name), now)
    if (json) return void deps.stdout.write(`${JSON.stringify(toJson(look))}\n`)
    const { host, state, running } = look
    const lines: [string, string][] = [
      ['host', host.name],
      ['state', state],
      ['slots', `${host.busy} of ${host.slots} busy`],
      ['memory', `${host.memoryMiB} MiB for guests`],
      ['images', host.images.join(', ') || 'none'],
      ['last seen', `${sayInstant(host.seenAt)}, ${sayAgo(host.seenAt, now)}`],
      ['started', sayInstant(host.startedAt)],
      ...Object.entries(host.facts),
    ]
    deps.stdout.write(lines.map(([key, value]) => `${key.padEnd(12)}${value}\n`).join(''))
    await showReport(deps, name)
    for (const task of running) deps.stdout.write(`runs        ${task.kind} on ${task.image}: ${task.id}\n`)
    const open = (await store.incidents({ open: true })).filter(one => one.host === name)
    for (const one of open) deps.stdout.write(`incident    ${one.trouble} (${one.about}): ${one.detail}\n`)
  })

/** The report lies where the host's farm does: it is shown on the host itself. */
const showReport = async (deps: CliDeps, name: string): Promise<void> => {
  const config = await deps.config({ repositories: 'later', secrets: 'later' })
  if (config.host !== name) return
  const { lastReportText } = await import('./report.ts')
  const text = await lastReportText(config.farm.data)
  if (text) deps.stdout.write(`\n${text}\n`)
}

const forget = (deps: CliDeps, name: string) =>
  withStore(deps, async store => {
    const host = await knownHost(store, name)
    const { at } = standingOf(host, [], Date.now())
    if (at !== 'lost' && at !== 'ended')
      throw new UsageError(`the worker of ${name} is running`, 'Stop it first')
    await store.forgetHost(name)
    await store.endHold({ kind: 'host', name })
    for (const { trouble, about } of (await store.incidents({ open: true })).filter(one => one.host === name))
      await store.resolveIncidents(
        { trouble, about, host: name },
        { at: Date.now(), how: 'the host is gone for good' },
      )
    deps.stdout.write(`host ${name} is forgotten\n`)
  })

/** The commands that look at hosts. */
export const hostLooks = (deps: CliDeps): Command[] => [
  new Command('list')
    .summary('list the hosts and whether they take work')
    .description(
      'Lists the hosts whose worker was ever started: busy slots, images, and whether they take work.',
    )
    .option('--json', 'JSON lines')
    .addHelpText('after', '\nExample:\n  $ grapevine host list')
    .action((options: { json?: boolean }) => list(deps, options)),
  new Command('show')
    .summary('show one host: state, what runs, incidents')
    .description('Shows a host: its state, what it runs, its open incidents.')
    .argument('<name>')
    .option('--json', 'one JSON line')
    .addHelpText('after', '\nExample:\n  $ grapevine host show alpha')
    .action((name: string, options: { json?: boolean }) => show(deps, name, options)),
  new Command('forget')
    .summary('forget a host that is gone for good')
    .description('Forgets a host that is lost or whose worker was stopped, and resolves its incidents.')
    .argument('<name>')
    .addHelpText('after', '\nExample:\n  $ grapevine host forget alpha')
    .action((name: string) => forget(deps, name)),
]
