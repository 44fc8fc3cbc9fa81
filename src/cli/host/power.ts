// `grapevine host power status|cycle|on|off`: the power switches of hosts, by their BMCs or a command.

import { Command } from 'commander'
import type { Config } from '../../config/config.ts'
import { Fault, UsageError } from '../../model/fault.ts'
import { dayMs } from '../../model/instant.ts'
import type { PowerAct, PowerAction } from '../../model/power.ts'
import type { Power } from '../../ports/power.ts'
import type { Store } from '../../ports/store.ts'
import { writeDown } from '../audited.ts'
import type { CliDeps } from '../deps.ts'
import { exitCode } from '../exit.ts'
import { operator, runningOn } from '../holds.ts'
import { withStore } from '../stored.ts'
import { table } from '../table.ts'

const names = ({ farm }: Config): string[] =>
  farm.hosts.filter(({ power }) => power !== undefined).map(({ name }) => name)

const powerFor = async (config: Config, host: string): Promise<Power> => {
  const { powerOf } = await import('../../wiring/power.ts')
  const power = powerOf(config, host)
  if (power) return power
  const known = names(config)
  const there = known.length === 0 ? 'There is none yet' : `There are ${known.join(', ')}`
  throw new UsageError(
    `the power of host ${host} cannot be switched`,
    `${there}; see farm.hosts in the configuration`,
  )
}

/** What a switch says; a Fault is an answer, too: the others are asked all the same. */
const ask = async (config: Config, host: string): Promise<{ host: string; power: string; ok: boolean }> => {
  const power = await powerFor(config, host)
  try {
    return { host, power: await power.status(), ok: true }
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    return { host, power: error.message, ok: false }
  }
}

const status = async (
  deps: CliDeps,
  host: string | undefined,
  { json = false }: { json?: boolean },
): Promise<void> => {
  const config = await deps.config({ repositories: 'later' })
  const asked = host === undefined ? names(config) : [host]
  const answers = await Promise.all(asked.map(name => ask(config, name)))
  if (answers.some(({ ok }) => !ok)) deps.exitWith(exitCode.unavailable)
  if (json) {
    for (const { host, power, ok } of answers) {
      const said = ok ? { host, power, error: null } : { host, power: null, error: power }
      deps.stdout.write(`${JSON.stringify(said)}\n`)
    }
    return
  }
  if (answers.length === 0)
    return void deps.stdout.write('no host has a power switch; see farm.hosts in the configuration\n')
  const rows = answers.map(answer => [answer.host, answer.power])
  deps.stdout.write(`${table([['host', 'power'], ...rows])}\n`)
}

type Given = { reason?: string; force?: boolean }

const done: Record<PowerAct, string> = {
  on: 'its power is on; when its worker is up, it proves that its guests work, and then takes work',
  off: 'its power is off',
  cycle:
    'its power was switched off and on; when its worker is up, it proves that its guests work, and then takes work',
}

/** What runs there would be cut off. */
const checkIdle = async (store: Store, host: string, { force = false }: Given): Promise<void> => {
  const running = await runningOn(store, { kind: 'host', name: host })
  if (running.length === 0 || force) return
  throw new UsageError(
    `${running.length} ${running.length === 1 ? 'task runs' : 'tasks run'} on ${host}`,
    `Wait for them: grapevine host drain ${host} --reason "…" --wait\nOr add --force: they go back into the queue, and it costs nobody a try`,
  )
}

const recentMs = 60_000

/** Two people at once, or one beside the bot: the second one should look first. */
const mayNow = (host: string, now: number) => (recent: PowerAction[]) =>
  recent.every(action => action.host !== host || action.state.at !== 'begun' || now - action.at > recentMs)

const act = async (deps: CliDeps, what: PowerAct, { host, given }: { host: string; given: Given }) => {
  const config = await deps.config({ repositories: 'later' })
  const power = await powerFor(config, host)
  const { systemClock: clock } = await import('../../adapters/clock/system.ts')
  const { switchPower } = await import('../../stages/power/switch.ts')
  await withStore(deps, async store => {
    if (what !== 'on') await checkIdle(store, host, given)
    const switched = await switchPower(
      { store, clock },
      {
        ...{ host, power, act: what, by: operator(deps.env), why: given.reason?.trim() || 'by hand' },
        may: mayNow(host, clock.now()),
      },
    )
    if (switched.at !== 'refused')
      await writeDown(deps, store, { what: `power ${what}`, about: `host ${host}`, reason: given.reason })
    if (switched.at === 'failed') throw switched.fault
    if (switched.at === 'refused')
      throw new Fault('refused', 'soon', `the power of ${host} is being switched at this moment`, {
        remedy: `See: grapevine host power log ${host}`,
      })
    deps.stdout.write(`host ${host}: ${done[what]}\n`)
  })
}

const sayState = ({ state }: PowerAction): string =>
  state.at === 'failed' ? `failed: ${state.why}` : { begun: 'begun', done: 'done' }[state.at]

const log = (deps: CliDeps, host: string | undefined, { json = false }: { json?: boolean }) =>
  withStore(deps, async store => {
    const { sayInstant } = await import('../when.ts')
    const since = Date.now() - 90 * dayMs
    const actions = await store.powerActions({ since, ...(host === undefined ? {} : { host }) })
    if (json) return void actions.map(action => deps.stdout.write(`${JSON.stringify(action)}\n`))
    if (actions.length === 0) return void deps.stdout.write('no power was switched in the last 90 days\n')
    const rows = actions.map(action => [
      ...[sayInstant(action.at), action.host, action.act, action.by, action.why, sayState(action)],
    ])
    deps.stdout.write(`${table([['at', 'host', 'what', 'by', 'why', ''], ...rows])}\n`)
  })

const switching: Record<PowerAct, [summary: string, description: string]> = {
  cycle: [
    'switch the power of a host off and on',
    'Switches the power of a host off and on at once, as a long press on its button would; one that is off is switched on.',
  ],
  on: ['switch the power of a host on', 'Switches the power of a host on.'],
  off: [
    'switch the power of a host off',
    'Switches the power of a host off at once. It stays off: Grapevine never switches on by itself what a person has switched off.',
  ],
}

const switchCommand = (deps: CliDeps, what: PowerAct): Command => {
  const [summary, description] = switching[what]
  const command = new Command(what)
    .summary(summary)
    .description(
      `${description}${what === 'off' ? '' : ' When its worker is up again, it proves that its guests work (host verify), and takes work only then.'}`,
    )
    .argument('<name>')
    .option('--reason <text>', 'why; others will read it')
  if (what !== 'on') command.option('--force', 'also while tasks run there; they go back into the queue')
  return command
    .addHelpText('after', `\nExample:\n  $ grapevine host power ${what} alpha --reason "does not answer"`)
    .action((host: string, given: Given) => act(deps, what, { host, given }))
}

export const hostPower = (deps: CliDeps): Command => {
  const command = new Command('power')
    .summary('switch the power of hosts, and see what was done')
    .description(
      'Switches the power of hosts, by IPMI, Redfish or a command of your own: see farm.hosts in the configuration.',
    )
    .addHelpText('after', '\nExample:\n  $ grapevine host power status')
  command.addCommand(
    new Command('status')
      .summary('show whether hosts have power')
      .description(
        'Asks the power switch of a host, or of all that have one. Exit code 69 if one does not answer.',
      )
      .argument('[name]')
      .option('--json', 'JSON lines: host, power, error')
      .addHelpText('after', '\nExample:\n  $ grapevine host power status')
      .action((host: string | undefined, options: { json?: boolean }) => status(deps, host, options)),
  )
  for (const what of ['cycle', 'on', 'off'] as const) command.addCommand(switchCommand(deps, what))
  return command.addCommand(
    new Command('log')
      .summary('show what was switched, by whom and why')
      .description('Shows what was done to the power of hosts in the last 90 days, the newest first.')
      .argument('[name]')
      .option('--json', 'JSON lines')
      .addHelpText('after', '\nExample:\n  $ grapevine host power log')
      .action((host: string | undefined, options: { json?: boolean }) => log(deps, host, options)),
  )
}
