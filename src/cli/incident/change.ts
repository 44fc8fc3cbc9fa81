// What operators do with incidents: open, amend, note, confirm, merge, resolve. They only write into the database; the bot tells others.
import { Command } from 'commander'
import { UsageError } from '../../model/fault.ts'
import type { Store } from '../../ports/store.ts'
import type { Amendment, Decided, IncidentDecision } from '../../wiring/incident-acts.ts'
import { writeDown } from '../audited.ts'
import type { CliDeps } from '../deps.ts'
import { operator } from '../holds.ts'
import { withStore } from '../stored.ts'

const acts = async (store: Store) => {
  const { systemClock } = await import('../../adapters/clock/system.ts')
  const { decideIncident, openByHand } = await import('../../wiring/incident-acts.ts')
  const ports = { store, clock: systemClock, log: () => {} }
  return { decide: decideIncident(ports), open: openByHand(ports) }
}

const taken = (decided: Decided): Extract<Decided, { incident: unknown }> => {
  if ('no' in decided) throw new UsageError(decided.no, decided.remedy)
  return decided
}

type Said = { id: string; decision: IncidentDecision; done: string; before: string }

/** `done`, `before`: how it stands then, and if it stood so before; behind `incident ID`. */
const say = (deps: CliDeps, { id, decision, done, before }: Said) =>
  withStore(deps, async store => {
    const { decide } = await acts(store)
    const { incident, isNew } = taken(await decide(id, decision, operator(deps.env)))
    if (isNew)
      await writeDown(deps, store, { what: `${decision.do} incident`, about: `incident ${incident.id}` })
    deps.stdout.write(`incident ${incident.id} ${isNew ? done : before}\n`)
  })

type Words = { cause?: string; doing?: string; severity?: string; owner?: string; detail?: string }

const wordsOf = ({ severity, cause, doing, owner, detail }: Words): Amendment => {
  if (severity !== undefined && severity !== 'minor' && severity !== 'major')
    throw new UsageError(`--severity: "${severity}" is neither minor nor major`)
  return {
    ...(cause === undefined ? {} : { cause }),
    ...(doing === undefined ? {} : { doing }),
    ...(owner === undefined ? {} : { owner }),
    ...(detail === undefined ? {} : { detail }),
    ...(severity === undefined ? {} : { severity }),
  }
}

const withWords = (command: Command): Command =>
  command
    .option('--cause <text>', 'why it happened; contributors read it')
    .option('--doing <text>', 'what is being done, and until when; contributors read it')
    .option('--severity <severity>', 'minor or major; of a major one contributors hear when it is confirmed')
    .option('--owner <name>', 'who looks after it')
    .option('--detail <text>', 'what is wrong, in a line')

const id = ['<id>', 'what its id begins with; see `grapevine incident list`'] as const

const example = (words: string) => `\nExample:\n  $ grapevine incident ${words}`

type Opening = Words & { host?: string[]; image?: string[]; project?: string[] }

const open = async (deps: CliDeps, about: string, options: Opening) => {
  const { projects } = await deps.config({ repositories: 'later', secrets: 'later' })
  const names = projects.map(({ name }) => name)
  const wrong = options.project?.find(name => !names.includes(name))
  if (wrong !== undefined)
    throw new UsageError(
      `there is no project "${wrong}" in the configuration`,
      `There is: ${names.join(', ')}`,
    )
  await withStore(deps, async store => {
    const { open } = await acts(store)
    const { host: hosts = [], image: images = [], project = names } = options
    const given = { about, words: wordsOf(options), hosts, images, projects: project }
    const { incident } = taken(await open(given, operator(deps.env)))
    await writeDown(deps, store, { what: 'open incident', about: `incident ${incident.id}`, reason: about })
    deps.stdout.write(`incident ${incident.id} is open\n`)
  })
}

const openCommand = (deps: CliDeps): Command =>
  withWords(
    new Command('open')
      .summary('say that something is wrong')
      .description(
        'Opens an incident about something that is not noticed by itself. Contributors hear of it: at once, or when it is confirmed if it is major.',
      )
      .argument('<about>', 'what is wrong, in a few words'),
  )
    .option('--host <name...>', 'hosts that are affected')
    .option('--image <name...>', 'images that are affected')
    .option('--project <name...>', 'projects whose lists hear of it; all if none is named')
    .addHelpText('after', example('open "no network in the server room" --doing "the provider is called"'))
    .action((about: string, options: Opening) => open(deps, about, options))

const amendCommand = (deps: CliDeps): Command =>
  withWords(
    new Command('amend')
      .summary('say more about an incident')
      .description('Changes what is said of an incident. The next notice says it.')
      .argument(...id),
  )
    .addHelpText('after', example('amend i3f2a --cause "a full disk" --doing "a larger one comes on Monday"'))
    .action((id: string, options: Words) =>
      say(deps, {
        ...{ id, decision: { do: 'amend', ...wordsOf(options) } },
        ...{ done: 'is changed', before: 'says that already' },
      }),
    )

type Resolving = { how?: string; real?: boolean }

const resolveCommand = (deps: CliDeps): Command =>
  new Command('resolve')
    .summary('say that an incident is over')
    .description('Resolves an incident by hand. If what it tells of is still so, it is opened again.')
    .argument(...id)
    .option('--how <text>', 'what was done; others will read it')
    .option('--real', 'of failures that are alike: the patches do it; what was held back is told as it is')
    .addHelpText('after', example('resolve i3f2a91c07be4d5a --how "new cable"'))
    .action((id: string, { how, real = false }: Resolving) =>
      say(deps, {
        ...{ id, decision: { do: 'resolve', how, real } },
        ...{ done: 'is resolved', before: 'was resolved already' },
      }),
    )

/** All commands that change incidents. */
export const changing = (deps: CliDeps): Command[] => [
  openCommand(deps),
  amendCommand(deps),
  new Command('note')
    .summary('write into the log of an incident')
    .description('Adds what was seen or done to the log of an incident. The status page shows it.')
    .argument(...id)
    .argument('<text>', 'what was seen or done')
    .addHelpText('after', example('note i3f2a "the disk is replaced, the array is rebuilt"'))
    .action((id: string, what: string) =>
      say(deps, { id, decision: { do: 'note', what }, done: 'has it in its log', before: 'has it' }),
    ),
  new Command('confirm')
    .summary('say that contributors may hear of an incident')
    .description('Lets notices to contributors go that wait for an operator’s word; see notices.hold.')
    .argument(...id)
    .addHelpText('after', example('confirm i3f2a'))
    .action((id: string) =>
      say(deps, {
        ...{ id, decision: { do: 'confirm' } },
        ...{ done: 'is confirmed: others may hear of it', before: 'was confirmed already' },
      }),
    ),
  new Command('merge')
    .summary('say that an incident is a part of another')
    .description(
      'Makes an incident a part of another: it ends, sends no notices of its own, and is not opened anew while the other lasts.',
    )
    .argument(...id)
    .argument('<into>', 'the other one')
    .addHelpText('after', example('merge i3f2a i91c0'))
    .action((id: string, into: string) =>
      say(deps, {
        ...{ id, decision: { do: 'merge', into } },
        ...{ done: 'is a part of the other one now', before: 'was a part of it already' },
      }),
    ),
  resolveCommand(deps),
]
