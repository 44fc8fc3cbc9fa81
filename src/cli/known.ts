// `grapevine known`: failures that are known, each with its bug: what the bot proposes, and what people decide.
import { Command } from 'commander'
import { UsageError } from '../model/fault.ts'
import { none } from '../model/history.ts'
import { type KnownFailure, type KnownState, type Pattern, propose, tooWide } from '../model/known.ts'
import type { Store } from '../ports/store.ts'
import { bugAddress, type Decision, decideKnown, findKnown, shortIds } from '../stages/known/decide.ts'
import { knownId } from '../stages/known/propose.ts'
import { nameOf, sayBug } from '../stages/known/say.ts'
import { cleanLine } from '../text/clean.ts'
import { writeDown } from './audited.ts'
import type { CliDeps } from './deps.ts'
import { operator } from './holds.ts'
import { checkProject } from './say.ts'
import { withStore } from './stored.ts'
import { table } from './table.ts'
import { sayInstant } from './when.ts'

const states: KnownState['at'][] = ['proposed', 'confirmed', 'retired', 'rejected']
const seeList = 'See: grapevine known list'

const saySeen = ({ seen }: KnownFailure): string =>
  seen === undefined
    ? 'not yet'
    : `${sayInstant(seen.at)}, ${seen.times} ${seen.times === 1 ? 'time' : 'times'}`

const sayState = ({ state }: KnownFailure): string => {
  switch (state.at) {
    case 'proposed':
      return state.why
    case 'confirmed':
      return `${state.by}, ${sayInstant(state.when)}`
    case 'rejected':
      return `${state.by}, ${sayInstant(state.when)}: ${state.why}`
    case 'retired':
      return `${sayInstant(state.when)}: ${state.why}`
  }
}

/** JSON has no `undefined`. */
const asJson = (known: KnownFailure): string =>
  `${JSON.stringify({ ...known, step: known.step ?? null, bug: known.bug ?? null, seen: known.seen ?? null })}\n`

type ListGiven = { project?: string; state?: string; all?: boolean; json?: boolean }

const list = async (deps: CliDeps, { project, state, all = false, json = false }: ListGiven) => {
  const at = states.find(one => one === state)
  if (state !== undefined && at === undefined)
    throw new UsageError(`--state: there is no state "${state}"`, `There are: ${states.join(', ')}`)
  if (project !== undefined)
    checkProject(await deps.config({ repositories: 'later', secrets: 'later' }), project)
  await withStore(deps, async store => {
    const every = await store.knownFailures()
    const found = every.filter(
      one =>
        (project === undefined || one.project === project) &&
        (at ? one.state.at === at : all || one.state.at === 'proposed' || one.state.at === 'confirmed'),
    )
    if (json) return found.forEach(one => void deps.stdout.write(asJson(one)))
    if (found.length === 0) return void deps.stdout.write('none is known\n')
    const short = shortIds(every.map(({ id }) => id))
    const rows = found.map(one => [
      ...[short(one.id), one.project, one.state.at, cleanLine(nameOf(one), 80), saySeen(one), sayBug(one)],
    ])
    deps.stdout.write(`${table([['id', 'project', 'state', 'failure', 'last seen', 'bug'], ...rows])}\n`)
  })
}

const found = async (store: Store, id: string): Promise<KnownFailure> => {
  const one = findKnown(await store.knownFailures(), id)
  if ('no' in one) throw new UsageError(one.no, seeList)
  return one.known
}

const describe = (known: KnownFailure): string[] => {
  const { rate = known.state.at === 'proposed' ? known.state.rate : undefined } = known
  const rows: [string, string][] = [
    ['known failure', known.id],
    ['project', known.project],
    ['test', known.test === '' ? 'the step itself: a crash, a time-out' : known.test],
    ['step', known.step ?? 'any'],
    ['images', known.images.length === 0 ? 'any' : known.images.join(', ')],
    ['message', known.message === '' ? 'any' : known.message],
    ['bug', known.bug === undefined ? 'none yet' : sayBug(known)],
    [known.state.at, sayState(known)],
    ...(rate && rate.runs > 0
      ? [['rate', `${rate.failed} of ${rate.runs} runs without patches`] satisfies [string, string]]
      : []),
    ...(known.always ? [['always', 'it is let go however often it fails'] satisfies [string, string]] : []),
    ['written down', sayInstant(known.createdAt)],
    ['last seen', known.seen ? `${saySeen(known)}, in run ${known.seen.run}` : 'not yet'],
  ]
  return rows.map(([what, value]) => cleanLine(`${`${what}:`.padEnd(15)} ${value}`))
}

const show = (deps: CliDeps, id: string, { json = false }: { json?: boolean }) =>
  withStore(deps, async store => {
    const known = await found(store, id)
    deps.stdout.write(json ? asJson(known) : `${describe(known).join('\n')}\n`)
  })

const bugOf = (text: string): string => {
  const bug = bugAddress(text)
  if (bug === undefined)
    throw new UsageError(`"${text}" is no address of a bug`, 'Write it like https://bugs.example.org/123')
  return bug
}

const done: Record<Decision['do'], string> = {
  confirm: 'is confirmed',
  reject: 'is rejected, and not proposed again',
  retire: 'is retired; it comes back if it is seen again',
  bug: 'has its new bug',
}

const decide = (deps: CliDeps, id: string, decision: Decision) =>
  withStore(deps, async store => {
    const decided = await decideKnown(store)(id, decision, { by: operator(deps.env), when: Date.now() })
    if ('no' in decided)
      throw new UsageError(
        decided.no,
        decided.no.includes('no bug yet') ? `Name it: grapevine known confirm ${id} --bug ADDRESS` : seeList,
      )
    const { known } = decided
    const reason = 'why' in decision ? decision.why : ''
    await writeDown(deps, store, {
      what: `${decision.do} known failure`,
      about: `known failure ${known.id}`,
      reason,
    })
    deps.stdout.write(`${known.id} ${done[decision.do]}: ${nameOf(known)}\n`)
  })

type ProposeGiven = {
  project?: string
  test?: string
  step?: string
  image?: string[]
  message?: string
  bug?: string
  why?: string
}

const projectOf = async (deps: CliDeps, name: string | undefined): Promise<string> => {
  const config = await deps.config({ repositories: 'later', secrets: 'later' })
  const [only, ...more] = config.projects
  if (name !== undefined) checkProject(config, name)
  else if (more.length > 0)
    throw new UsageError(
      '--project is missing',
      `There are ${config.projects.map(one => one.name).join(', ')}`,
    )
  return name ?? only?.name ?? ''
}

const maxText = 500

const patternOf = ({ test, step, image = [], message = '' }: ProposeGiven): Pattern => {
  const pattern = { step, test: test ?? '', images: image, message }
  const wide = tooWide(pattern)
  if (wide !== undefined)
    throw new UsageError(wide, 'Name a test with --test, or a step, or what it says with --message')
  if ([pattern.test, message, ...image].some(text => text.length > maxText))
    throw new UsageError(`a pattern may have ${maxText} characters`)
  return pattern
}

const write = async (deps: CliDeps, given: ProposeGiven) => {
  const project = await projectOf(deps, given.project)
  const pattern = patternOf(given)
  const bug = given.bug === undefined ? undefined : bugOf(given.bug)
  const now = Date.now()
  const why = `${given.why ?? 'written down'} (${operator(deps.env)})`
  const id = knownId(project, pattern, bug)
  const known = propose({ ...pattern, id, project, bug, seen: undefined }, { why, rate: none, now })
  // Who writes it down need not be told.
  const told: KnownFailure = { ...known, state: { at: 'proposed', why, rate: none, told: true } }
  await withStore(deps, async store => {
    const isNew = await store.addKnown(told)
    const words = isNew ? 'is proposed' : 'is there already'
    deps.stdout.write(`${id} ${words}: ${nameOf(known)}\n`)
  })
}

const collect = (value: string, before: string[] = []): string[] => [...before, value]

const listCommand = (deps: CliDeps): Command =>
  new Command('list')
    .summary('list what is known and what is proposed')
    .description(
      'Lists known failures, each with its bug. Those that are retired or rejected only with --all.',
    )
    .option('--project <name>', 'only of this project')
    .option('--state <state>', `only in this state: ${states.join(', ')}`)
    .option('--all', 'retired and rejected ones as well')
    .option('--json', 'JSON lines')
    .addHelpText('after', '\nExample:\n  $ grapevine known list --state proposed')
    .action((given: ListGiven) => list(deps, given))

const showCommand = (deps: CliDeps): Command =>
  new Command('show')
    .summary('show one: pattern, numbers, bug, when it was seen')
    .description('Shows all that is known of one.')
    .argument('<id>', 'its id, or enough of it')
    .option('--json', 'one JSON line')
    .addHelpText('after', '\nExample:\n  $ grapevine known show k3f2a9')
    .action((id: string, given: { json?: boolean }) => show(deps, id, given))

const proposeCommand = (deps: CliDeps): Command =>
  new Command('propose')
    .summary('write one down')
    .description('Writes a failure down. It counts when it is confirmed.')
    .option('--project <name>', 'whose test it is (default: the only one)')
    .option(
      '--test <glob>',
      'the name of the test; * is any text (default: the step itself, a crash or a time-out)',
    )
    .option('--step <name>', 'the test step (default: any)')
    .option('--image <glob>', 'only on this image; may be repeated (default: any)', collect)
    .option('--message <text>', 'what it says, without regard to numbers and case (default: anything)')
    .option('--bug <address>', 'where its bug is')
    .option('--why <text>', 'others will read it')
    .addHelpText(
      'after',
      '\nExample:\n  $ grapevine known propose --test "net/dns*" --message "timed out" --bug https://bugs.example.org/123',
    )
    .action((given: ProposeGiven) => write(deps, given))

const confirmCommand = (deps: CliDeps): Command =>
  new Command('confirm')
    .summary('say that it is known: it is told with its bug, not as new')
    .description(
      'Confirms one. From now on such a failure is told as known, with its bug, as long as it happens no more often than it does by itself.',
    )
    .argument('<id>', 'see `grapevine known list`')
    .option('--bug <address>', 'where its bug is (default: the one that it has)')
    .option('--always', 'it fails every time: let it go however often it fails')
    .addHelpText('after', '\nExample:\n  $ grapevine known confirm k3f2a9 --bug https://bugs.example.org/123')
    .action((id: string, { bug, always = false }: { bug?: string; always?: boolean }) =>
      decide(deps, id, { do: 'confirm', always, bug: bug === undefined ? undefined : bugOf(bug) }),
    )

const endCommand = (
  deps: CliDeps,
  { name, summary, description }: { name: 'reject' | 'retire'; summary: string; description: string },
) =>
  new Command(name)
    .summary(summary)
    .description(description)
    .argument('<id>', 'see `grapevine known list`')
    .option('--why <text>', 'others will read it', 'by hand')
    .addHelpText('after', `\nExample:\n  $ grapevine known ${name} k3f2a9`)
    .action((id: string, { why }: { why: string }) => decide(deps, id, { do: name, why }))

const bugCommand = (deps: CliDeps): Command =>
  new Command('bug')
    .summary('name another bug of it')
    .description('Says which bug tells of it, in place of the one that it had.')
    .argument('<id>', 'see `grapevine known list`')
    .argument('<address>', 'where its bug is')
    .addHelpText('after', '\nExample:\n  $ grapevine known bug k3f2a9 https://bugs.example.org/124')
    .action((id: string, address: string) => decide(deps, id, { do: 'bug', bug: bugOf(address) }))

export const known = (deps: CliDeps): Command =>
  new Command('known')
    .description(
      'Looks after failures that are known: tests that fail by themselves, each with its bug. The bot proposes them from history; people confirm or reject.',
    )
    .addCommand(listCommand(deps))
    .addCommand(showCommand(deps))
    .addCommand(proposeCommand(deps))
    .addCommand(confirmCommand(deps))
    .addCommand(
      endCommand(deps, {
        name: 'reject',
        summary: 'say that it is none: it is not proposed again',
        description: 'Rejects one, for good: it counts for nothing, and is not proposed again.',
      }),
    )
    .addCommand(
      endCommand(deps, {
        name: 'retire',
        summary: 'say that it is over',
        description:
          'Retires one that is mended. If a run without patches shows it again, it comes back, and its bug is opened again.',
      }),
    )
    .addCommand(bugCommand(deps))
    .addHelpText('after', '\nExample:\n  $ grapevine known list')
