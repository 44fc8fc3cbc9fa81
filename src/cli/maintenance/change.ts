// `grapevine maintenance move|extend|finish|cancel`: what becomes of a window that was planned.
import { Command } from 'commander'
import { UsageError } from '../../model/fault.ts'
import { isLive, type Maintenance, type MaintenanceEvent, nextMaintenance } from '../../model/maintenance.ts'
import type { Store } from '../../ports/store.ts'
import { followingMaintenance } from '../../stages/maintenance/plan.ts'
import { saySpan } from '../../text/span.ts'
import { writeDown } from '../audited.ts'
import type { CliDeps } from '../deps.ts'
import { operator } from '../holds.ts'
import { withStore } from '../stored.ts'
import { parseUntil, parseWhen, sayInstant } from '../when.ts'
import { example, find, idArgument, refuseOverlap, see, spanOf, what, wholeSeconds } from './window.ts'

/** Throws UsageError, with why, if it changes nothing. */
const change = async (
  { deps, store }: { deps: CliDeps; store: Store },
  { id, event, refused }: { id: string; event: MaintenanceEvent; refused: string },
): Promise<Maintenance> => {
  let before: Maintenance | undefined
  const after = await store.changeMaintenance(id, kept => {
    before = kept
    return nextMaintenance(kept, event, Date.now())
  })
  if (!after) throw new UsageError(`there is no maintenance ${id}`, see)
  if (after === before) throw new UsageError(`maintenance ${id}: ${refused}`, see)
  const what = `${verbs[event.on] ?? event.on} maintenance`
  const reason = event.on === 'cancelled' ? event.why : ''
  await writeDown(deps, store, { what, about: `maintenance ${id}`, reason })
  return after
}

/** As the audit log has them. */
const verbs: Partial<Record<MaintenanceEvent['on'], string>> = {
  ...{ moved: 'move', finished: 'finish', cancelled: 'cancel' },
}

type Moving = { from?: string; to?: string; reason?: string }

const move = (deps: CliDeps, begins: string, given: Moving) =>
  withStore(deps, async store => {
    const window = await find(store, begins)
    const { id } = window
    if (window.state.at === 'running')
      throw new UsageError(`maintenance ${id} runs already`, 'Use: grapevine maintenance extend, or finish')
    if (given.from === undefined && given.to === undefined && given.reason === undefined)
      throw new UsageError('say what changes', 'Add --from, --to or --reason')
    const now = Date.now()
    const from = given.from === undefined ? window.from : parseWhen(given.from, '--from', now)
    const to = given.to === undefined ? from + (window.to - window.from) : parseWhen(given.to, '--to', from)
    const text = { from: new Date(from).toISOString(), to: new Date(to).toISOString() }
    const moved = {
      ...spanOf(text, now),
      ...(given.reason === undefined ? {} : { reason: given.reason.trim() }),
    }
    await refuseOverlap(store, { ...window, ...moved })
    const event = { on: 'moved', ...moved } as const
    const after = await change({ deps, store }, { id, event, refused: 'nothing changes, or it is over' })
    deps.stdout.write(
      `maintenance ${id} is moved: ${saySpan(after.from, after.to)}; those who know of it are told\n`,
    )
  })

const extend = (deps: CliDeps, begins: string, given: { to: string }) =>
  withStore(deps, async store => {
    const window = await find(store, begins)
    const { id } = window
    if (window.state.at !== 'running')
      throw new UsageError(`maintenance ${id} is not running`, `Use: grapevine maintenance move ${id} --to …`)
    const to = wholeSeconds(parseUntil(given.to, Date.now(), '--to'))
    if (to <= window.to)
      throw new UsageError(
        `it lasts until ${sayInstant(window.to)} anyway`,
        `To end it earlier: grapevine maintenance finish ${id}`,
      )
    await change({ deps, store }, { id, event: { on: 'moved', to }, refused: 'it is over' })
    deps.stdout.write(`maintenance ${id} lasts until ${sayInstant(to)}; those who know of it are told\n`)
  })

const finish = (deps: CliDeps, begins: string, { unproven = false }: { unproven?: boolean }) =>
  withStore(deps, async store => {
    const event: MaintenanceEvent = {
      on: 'finished',
      ...(unproven ? { unproven: operator(deps.env) } : {}),
    }
    const { id } = await find(store, begins)
    const window = await change({ deps, store }, { id, event, refused: 'it is not running' })
    deps.stdout.write(
      unproven
        ? `maintenance ${id} ends, and ${what(window)} takes work again without a proof\n`
        : `maintenance ${id} ends: its hosts prove themselves now, and take work again when they have\n`,
    )
  })

const cancel = (deps: CliDeps, begins: string, given: { reason: string; series?: boolean }) =>
  withStore(deps, async store => {
    const window = await find(store, begins)
    const { id } = window
    const why = given.reason.trim()
    if (why === '') throw new UsageError('--reason is empty', 'Say why: others will read it')
    if (window.state.at === 'running')
      throw new UsageError(`maintenance ${id} runs already`, `Use: grapevine maintenance finish ${id}`)
    const following = isLive(window) && !given.series ? followingMaintenance(window, Date.now()) : undefined
    // First: of a series that is cut off here nothing would be planned any more.
    if (following) await store.addMaintenance(following)
    const event: MaintenanceEvent = {
      ...{ on: 'cancelled', by: operator(deps.env), why },
      ...(given.series ? { whole: true } : {}),
    }
    const { state } = await change(
      { deps, store },
      { id, event, refused: 'it is over, or was cancelled already' },
    )
    const told = state.at === 'cancelled' && state.untold ? '; those who know of it are told' : ''
    const next = following ? `\nthe next one is ${saySpan(following.from, following.to)}` : ''
    deps.stdout.write(`maintenance ${id} is cancelled${told}${next}\n`)
  })

export const changing = (deps: CliDeps): Command[] => [
  new Command('move')
    .summary('change one that has not begun')
    .description('Changes a window that has not begun. Those who know of it are told, with a new invitation.')
    .argument(...idArgument)
    .option('--from <when>', 'its beginning; its length stays unless --to is given')
    .option('--to <when>', 'its end: a span after its beginning, or a date and time')
    .option('--reason <text>', 'why; others will read it')
    .addHelpText('after', `\nExample:\n  $ grapevine maintenance move ${example} --from 2026-12-27T18:00Z`)
    .action((id: string, given: Moving) => move(deps, id, given)),
  new Command('extend')
    .summary('let one that runs last longer')
    .description('Lets a window that runs last longer. Those who know of it are told.')
    .argument(...idArgument)
    .requiredOption('--to <when>', 'its end: a span from now, or a date and time')
    .addHelpText('after', `\nExample:\n  $ grapevine maintenance extend ${example} --to "3 h"`)
    .action((id: string, given: { to: string }) => extend(deps, id, given)),
  new Command('finish')
    .summary('end one that runs')
    .description(
      'Ends a window that runs. Its hosts prove themselves, also when one did not before, and take work again when they have.',
    )
    .argument(...idArgument)
    .option('--unproven', 'they take work again at once, without a proof')
    .addHelpText('after', `\nExample:\n  $ grapevine maintenance finish ${example}`)
    .action((id: string, given: { unproven?: boolean }) => finish(deps, id, given)),
  new Command('cancel')
    .summary('call off one that has not begun')
    .description('Calls off a window that has not begun. If it was announced, those who know of it are told.')
    .argument(...idArgument)
    .requiredOption('--reason <text>', 'why; others will read it')
    .option('--series', 'of a repeated one: all that would follow as well')
    .addHelpText(
      'after',
      `\nExample:\n  $ grapevine maintenance cancel ${example} --reason "the disks are late"`,
    )
    .action((id: string, given: { reason: string; series?: boolean }) => cancel(deps, id, given)),
]
