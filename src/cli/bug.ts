// `grapevine bug`: what is written to bugs: what waits, what was refused, and what operators do about it.
import { Command } from 'commander'
import type { BugWrite, BugWriteState } from '../model/bug.ts'
import { type BugWriteEvent, nextBugWrite } from '../model/bug-write.ts'
import { UsageError } from '../model/fault.ts'
import type { Store } from '../ports/store.ts'
import { cleanLine, oneLine } from '../text/clean.ts'
import type { CliDeps } from './deps.ts'
import { operator } from './holds.ts'
import { withStore } from './stored.ts'
import { table } from './table.ts'
import { sayInstant } from './when.ts'

const states = ['pending', 'writing', 'failed', 'written'] as const
const open = states.filter(state => state !== 'written')

const sayState = (state: BugWriteState): string => {
  switch (state.at) {
    case 'pending':
      return state.why === undefined
        ? 'waits to be written'
        : `tried again after ${sayInstant(state.notBefore)}: ${oneLine(state.why, 300)}`
    case 'writing':
      return 'is being written'
    case 'failed':
      return state.why.startsWith('not written: ') ? state.why : `not written: ${oneLine(state.why, 400)}`
    case 'written':
      return state.refused === undefined
        ? `written ${sayInstant(state.when)}`
        : `written ${sayInstant(state.when)}, but not changed: ${oneLine(state.refused, 400)}`
  }
}

const bugOf = ({ bug, tracker, state }: BugWrite): string =>
  bug ?? (state.at === 'written' ? state.bug : `a new bug of ${tracker}`)

const kinds: Record<BugWrite['kind'], string> = {
  result: 'the verdict on a series',
  landed: 'that a series landed',
  mirror: 'a mail of the thread',
  incident: 'an incident',
  track: 'that bug and thread are kept in step',
}

const stateOf = (given: string): (typeof states)[number] => {
  const state = states.find(one => one === given)
  if (state === undefined)
    throw new UsageError(`--state: there is no "${given}"`, `It is one of: ${states.join(', ')}`)
  return state
}

type Listing = { state?: string; bug?: string; json?: boolean }

const list = (deps: CliDeps, { state, bug, json = false }: Listing) =>
  withStore(deps, async store => {
    const wanted = state === undefined ? (bug === undefined ? open : states) : [stateOf(state)]
    const of = bug === undefined ? {} : { bug }
    const writes = (await Promise.all(wanted.map(at => store.bugWrites({ at, ...of })))).flat()
    if (json) {
      for (const write of writes) deps.stdout.write(`${JSON.stringify(write)}\n`)
      return
    }
    if (writes.length === 0)
      return void deps.stdout.write(
        state === undefined && bug === undefined
          ? 'nothing waits to be written to a bug\n'
          : 'there is none\n',
      )
    const rows = writes.map(write => [
      write.id,
      write.kind,
      oneLine(bugOf(write), 60),
      oneLine(sayState(write.state), 100),
    ])
    deps.stdout.write(`${table([['write', 'kind', 'bug', 'state'], ...rows])}\n`)
  })

/** By the beginning of its id. */
const found = async (store: Store, id: string): Promise<BugWrite> => {
  const exact = await store.bugWrite(id)
  if (exact) return exact
  const all = (await Promise.all(states.map(at => store.bugWrites({ at })))).flat()
  const [write, ...more] = all.filter(one => one.id.startsWith(id))
  if (!write || id === '') throw new UsageError(`there is no write ${id}`, 'See: grapevine bug list')
  if (more.length > 0) throw new UsageError(`${more.length + 1} writes begin with ${id}`, 'Give more of it')
  return write
}

const changeLines = ({ change }: BugWrite): [string, string | undefined][] => {
  if (change === undefined) return []
  const words = (list: string[] | undefined) =>
    list === undefined || list.length === 0 ? undefined : list.join(', ')
  const status = [change.status, change.resolution].filter(Boolean).join(' ')
  return [
    ['only from', words(change.from)],
    ['status', status === '' ? undefined : status],
    ['keywords +', words(change.addKeywords)],
    ['keywords -', words(change.removeKeywords)],
    ['whiteboard', change.whiteboard],
    ['see also', words(change.addSeeAlso)],
  ]
}

const textOf = ({ text, create }: BugWrite): string | undefined =>
  create === undefined ? text : `${create.summary}\n\n${create.text}`

const show = (deps: CliDeps, id: string, { json = false }: { json?: boolean }) =>
  withStore(deps, async store => {
    const write = await found(store, id)
    if (json) return void deps.stdout.write(`${JSON.stringify(write)}\n`)
    const lines: [string, string | undefined][] = [
      ['write', write.id],
      ['bug', bugOf(write)],
      ['tells', kinds[write.kind]],
      ['project', write.project === '' ? undefined : write.project],
      ['series', write.series],
      ['since', sayInstant(write.createdAt)],
      ['state', sayState(write.state)],
      ...changeLines(write),
      ['all of it', write.link],
    ]
    const shown = lines.flatMap(([name, value]) =>
      value === undefined ? [] : [`${name.padEnd(12)}${oneLine(value, 600)}`],
    )
    const text = textOf(write)
    const clean = text?.split('\n').map(line => cleanLine(line, 2000))
    deps.stdout.write(`${shown.join('\n')}\n${clean === undefined ? '' : `\n${clean.join('\n')}\n`}`)
  })

/** Moves it by hand. The bot sees it at its next look, within seconds. */
const move = async (store: Store, write: BugWrite, event: BugWriteEvent) => {
  const next = nextBugWrite(write.state, event, Date.now())
  if (next === write.state)
    throw new UsageError(`there is nothing to decide about write ${write.id}: ${sayState(write.state)}`)
  if (!(await store.moveBugWrite(write.id, write.state, next)))
    throw new UsageError(`write ${write.id} has changed meanwhile`, `See: grapevine bug show ${write.id}`)
}

const retry = (deps: CliDeps, id: string) =>
  withStore(deps, async store => {
    const write = await found(store, id)
    await move(store, write, { on: 'retried' })
    deps.stdout.write(`write ${write.id} is tried again; what stands there already is not written twice\n`)
  })

const drop = (deps: CliDeps, id: string) =>
  withStore(deps, async store => {
    const write = await found(store, id)
    await move(store, write, { on: 'dropped', why: `not written: dropped by ${operator(deps.env)}` })
    deps.stdout.write(`write ${write.id} will not be written\n`)
  })

const example = (words: string) => `\nExample:\n  $ grapevine bug ${words}`

export const bug = (deps: CliDeps): Command =>
  new Command('bug')
    .description(
      'Looks after what is written to bugs: comments and changes that wait, and what trackers have refused.',
    )
    .addCommand(
      new Command('list')
        .summary('list what is not written')
        .description('Lists what waits to be written to bugs, and what was refused; of one bug, all of it.')
        .option('--state <state>', `only those: ${states.join(', ')}`)
        .option('--bug <address>', 'only of that bug')
        .option('--json', 'JSON lines')
        .addHelpText('after', example('list --state failed'))
        .action((options: Listing) => list(deps, options)),
    )
    .addCommand(
      new Command('show')
        .summary('show one, with its text')
        .description('Shows what became of a write, what it changes, and its text.')
        .argument('<id>', 'the beginning is enough; see `grapevine bug list`')
        .option('--json', 'one JSON line')
        .addHelpText('after', example('show 3f2a91'))
        .action((id: string, options: { json?: boolean }) => show(deps, id, options)),
    )
    .addCommand(
      new Command('retry')
        .summary('write what was refused')
        .description(
          'Tries again at once what waits or was refused. A comment that is there already is not written twice.',
        )
        .argument('<id>', 'the beginning is enough; see `grapevine bug list`')
        .addHelpText('after', example('retry 3f2a91'))
        .action((id: string) => retry(deps, id)),
    )
    .addCommand(
      new Command('drop')
        .summary('do not write it')
        .description('Gives up what waits to be written.')
        .argument('<id>', 'the beginning is enough; see `grapevine bug list`')
        .addHelpText('after', example('drop 3f2a91'))
        .action((id: string) => drop(deps, id)),
    )
    .addHelpText('after', example('list'))
