// `grapevine maintenance plan`: a window to come.
import { Command } from 'commander'
import type { Config } from '../../config/config.ts'
import { UsageError } from '../../model/fault.ts'
import type { Instant } from '../../model/instant.ts'
import { announcedFrom, type Maintenance } from '../../model/maintenance.ts'
import type { Store } from '../../ports/store.ts'
import { followingMaintenance, plannedMaintenance, waitingProjects } from '../../stages/maintenance/plan.ts'
import { repeatRule, sayRepeat } from '../../text/calendar.ts'
import { saySpan } from '../../text/span.ts'
import { writeDown } from '../audited.ts'
import type { CliDeps } from '../deps.ts'
import { operator } from '../holds.ts'
import { knownHost } from '../host/list.ts'
import { withStore } from '../stored.ts'
import { sayInstant } from '../when.ts'
import { refuseOverlap, spanOf, what } from './window.ts'

const ruleOf = (repeat: string, from: Instant): string => {
  try {
    return repeatRule(repeat, from)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new UsageError(
      `--repeat: "${repeat}" cannot be used: ${why}`,
      'Write daily, weekly, monthly, or a rule as in calendars: "FREQ=MONTHLY;BYDAY=1TU"',
    )
  }
}

const sayAudience = async (store: Store, config: Config, window: Maintenance): Promise<string> => {
  const given = { projects: config.projects, hosts: await store.hosts(), now: Date.now() }
  const names = waitingProjects(window, given)
  const lists = config.projects.filter(({ name }) => names.includes(name)).map(({ list }) => list.address)
  return lists.length > 0
    ? lists.join(', ')
    : `${config.administrator.address} alone, as no list waits for it`
}

type Planning = { host?: string[]; all?: boolean; from: string; to: string; reason: string; repeat?: string }

const plan = (deps: CliDeps, given: Planning) =>
  withStore(deps, async store => {
    const now = Date.now()
    const hosts = given.host ?? []
    if ((hosts.length === 0) === !given.all)
      throw new UsageError('say what rests', 'Either --host NAME (once for each), or --all')
    for (const name of hosts) await knownHost(store, name)
    const reason = given.reason.trim()
    if (reason === '') throw new UsageError('--reason is empty', 'Say why: others will read it')
    const { from, to } = spanOf(given, now)
    const repeat = given.repeat === undefined ? undefined : ruleOf(given.repeat, from)
    const by = operator(deps.env)
    const window = plannedMaintenance({ hosts, from, to, reason, by, repeat }, now)
    await refuseOverlap(store, window)
    const following = followingMaintenance(window, from)
    if (following && following.from <= to) throw new UsageError('it would still run when it is repeated')
    const isNew = await store.addMaintenance(window)
    if (isNew) await writeDown(deps, store, { what: 'plan maintenance', about: what(window), reason })
    const config = await deps.config({ repositories: 'later', secrets: 'later' })
    const announced = announcedFrom(window, config.notices.announceMs)
    const again = repeat === undefined ? '' : `, ${sayRepeat(repeat, from)}`
    deps.stdout.write(
      `maintenance ${window.id} of ${what(window)} ${isNew ? 'is planned' : 'was planned already'}: ${saySpan(from, to)}${again}\n` +
        `it is announced ${announced <= now ? 'now' : sayInstant(announced)} to ${await sayAudience(store, config, window)}\n`,
    )
  })

const each = (value: string, all: string[] = []): string[] => [...all, value]
export const planning = (deps: CliDeps): Command =>
  new Command('plan')
    .summary('plan a window')
    .description(
      'Plans a window in which hosts, or the whole service, rest. The bot announces it with an invitation for calendars, to the lists whose results wait for it, else to the administrator; it drains the hosts at the start, and lets each take work again when it has proved that its guests run, as `grapevine host verify` does.',
    )
    .option('--host <name>', 'a host that rests; may be given several times', each)
    .option('--all', 'the whole service rests')
    .requiredOption('--from <when>', 'its beginning: now, a span like "2 d" from now, or a date and time')
    .requiredOption('--to <when>', 'its end: a span like "2 h" after its beginning, or a date and time')
    .requiredOption('--reason <text>', 'why; others will read it')
    .option('--repeat <rule>', 'daily, weekly, monthly, or an RRULE as in calendars, in UTC')
    .addHelpText(
      'after',
      '\nExamples:\n  $ grapevine maintenance plan --host alpha --from 2026-12-24T18:00Z --to "2 h" --reason "new disks"\n  $ grapevine maintenance plan --all --from 2027-01-05T08:00Z --to "1 h" --reason "updates" --repeat "FREQ=MONTHLY;BYDAY=1TU"',
    )
    .action((given: Planning) => plan(deps, given))
