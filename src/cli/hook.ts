// `grapevine hook`: webhooks of ours on their way to those who hear by them what happens.
import { Command } from 'commander'
import type { HookDelivery } from '../model/access.ts'
import { UsageError } from '../model/fault.ts'
import { cleanLine } from '../text/clean.ts'
import type { CliDeps } from './deps.ts'
import { withStore } from './stored.ts'
import { table } from './table.ts'
import { sayInstant } from './when.ts'

const states: HookDelivery['state']['at'][] = ['pending', 'sent', 'failed']
const most = 1000

const sayState = ({ state }: HookDelivery): string => {
  switch (state.at) {
    case 'pending':
      return state.tries === 0
        ? 'waits to be sent'
        : `tried ${state.tries} times, again after ${sayInstant(state.notBefore)}: ${state.why ?? ''}`
    case 'sent':
      return `taken ${sayInstant(state.when)} (${state.status})`
    case 'failed':
      return `given up ${sayInstant(state.when)}: ${state.why}`
  }
}

type ListGiven = { state?: string; json?: boolean }

const list = (deps: CliDeps, { state, json = false }: ListGiven) =>
  withStore(deps, async store => {
    const at = states.find(one => one === state)
    if (state !== undefined && at === undefined)
      throw new UsageError(`--state: there is no "${state}"`, `It is one of: ${states.join(', ')}`)
    const wanted = at === undefined ? (['pending', 'failed'] as const) : [at]
    const found = (
      await Promise.all(wanted.map(one => store.hookDeliveries({ at: one, limit: most })))
    ).flat()
    if (json) return found.forEach(one => void deps.stdout.write(`${JSON.stringify(one)}\n`))
    if (found.length === 0) return void deps.stdout.write('there is none\n')
    const rows = found.map(one => [
      ...[one.id, cleanLine(one.hook, 40), one.event, sayInstant(one.createdAt)],
      cleanLine(sayState(one), 120),
    ])
    deps.stdout.write(`${table([['delivery', 'webhook', 'event', 'since', 'state'], ...rows])}\n`)
  })

const retry = (deps: CliDeps, id: string | undefined, { all = false }: { all?: boolean }) =>
  withStore(deps, async store => {
    const { again } = await import('../stages/hooks/deliver.ts')
    if (all === (id !== undefined))
      throw new UsageError('name one delivery, or say --all', 'See: grapevine hook list')
    const open = [
      ...(await store.hookDeliveries({ at: 'failed', limit: most })),
      ...(all ? [] : await store.hookDeliveries({ at: 'pending', limit: most })),
    ]
    const found = all ? open : open.filter(one => one.id === id)
    if (found.length === 0)
      throw new UsageError(
        all ? 'no delivery was given up' : `there is no delivery ${id} that is not out`,
        'See: grapevine hook list',
      )
    for (const { id: delivery, state } of found) {
      const next = again(state, Date.now())
      if (next) await store.moveHookDelivery(delivery, state, next)
    }
    deps.stdout.write(
      `${found.length === 1 ? `delivery ${found[0]?.id} is` : `${found.length} deliveries are`} tried again\n`,
    )
  })

export const hook = (deps: CliDeps): Command =>
  new Command('hook')
    .description('Looks after webhooks of ours: what waits, and what nobody took for a day.')
    .addCommand(
      new Command('list')
        .summary('list what waits, and what was given up')
        .description(
          'Lists deliveries in order of their making; those that were taken only with --state sent.',
        )
        .option('--state <state>', `only in this state: ${states.join(', ')}`)
        .option('--json', 'JSON lines')
        .addHelpText('after', '\nExample:\n  $ grapevine hook list --state failed')
        .action((given: ListGiven) => list(deps, given)),
    )
    .addCommand(
      new Command('retry')
        .summary('try one again, from the beginning')
        .description(
          'Tries a delivery again at once, and for another day; its receiver knows twins by the id.',
        )
        .argument('[delivery]', 'its id; see `grapevine hook list`')
        .option('--all', 'all that were given up')
        .addHelpText('after', '\nExample:\n  $ grapevine hook retry --all')
        .action((id: string | undefined, given: { all?: boolean }) => retry(deps, id, given)),
    )
    .addHelpText('after', '\nExample:\n  $ grapevine hook list')
