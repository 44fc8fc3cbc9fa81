// drain, stop and resume: the same words for a host, an image and the queue. They only write into the database: every host looks there
// once a second, so that nothing else has to be up.
import { hostname, userInfo } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { Command } from 'commander'
import { UsageError } from '../model/fault.ts'
import { type Hold, heldName, heldThing } from '../model/host.ts'
import type { Task } from '../model/job.ts'
import { holdOn } from '../model/standing.ts'
import type { Store } from '../ports/store.ts'
import { writeDown } from './audited.ts'
import type { CliDeps } from './deps.ts'
import { exitCode } from './exit.ts'
import { withStore } from './stored.ts'
import { parseUntil, sayInstant } from './when.ts'

export type On = Hold['on']

/** Who is at the keyboard. */
export const operator = (env: NodeJS.ProcessEnv): string => {
  const name = () => {
    try {
      return userInfo().username
    } catch {
      return 'somebody'
    }
  }
  return `${env.SUDO_USER || name()}@${hostname()}`
}

/** `new disk (olga@alpha, until 2026-12-24 18:00 UTC)`. */
export const sayHold = ({ reason, by, until }: Hold): string =>
  `${reason} (${by}${until === undefined ? '' : `, until ${sayInstant(until)}`})`

/** What runs of it now. */
export const runningOn = async (store: Store, on: On): Promise<Task[]> =>
  (await store.tasksAt('running')).filter(
    task =>
      task.state.at === 'running' &&
      (on.kind === 'queue' || on.name === (on.kind === 'host' ? task.state.host : task.image)),
  )

const lookEveryMs = 250

/** Until nothing of it runs any more, with progress. */
const waitFor = async (deps: CliDeps, store: Store, on: On): Promise<void> => {
  const { show: makeShow } = await import('./demo/show.ts')
  const show = makeShow(deps.stdout)
  let last = -1
  try {
    for (;;) {
      const running = await runningOn(store, on)
      if (!holdOn(await store.holds(), on, Date.now())) {
        show.line(`${heldName(on)} is not held any more`)
        return deps.exitWith(exitCode.failed)
      }
      if (running.length === 0) return show.line(`nothing of ${heldName(on)} runs any more`)
      const names = running.map(task => `${task.kind} on ${task.image}`).join(', ')
      if (running.length !== last) show.line(`${running.length} still running: ${names}`)
      show.status(`${running.length} still running: ${names}`)
      last = running.length
      await sleep(lookEveryMs, undefined, { signal: deps.signal })
    }
  } finally {
    show.end()
  }
}

type Given = { reason?: string; until?: string; wait?: boolean }

/** Sets a hold; `done` is what is said then. Throws UsageError for a bad `until`. */
export const setHold = async (
  deps: CliDeps,
  store: Store,
  { on, how, given, done }: { on: On; how: Hold['how']; given: Given; done: string },
): Promise<void> => {
  const now = Date.now()
  const until = given.until === undefined ? undefined : parseUntil(given.until, now)
  const reason = given.reason?.trim() ?? ''
  if (reason === '') throw new UsageError('--reason is missing', 'Say why: others will read it')
  const hold: Hold = { on, how, reason, by: operator(deps.env), since: now, until }
  await store.setHold(hold)
  await writeDown(deps, store, { what: how, about: heldThing(on), reason })
  const end = until === undefined ? '' : `, until ${sayInstant(until)}`
  deps.stdout.write(`${heldName(on)} ${done}${end}\n`)
  if (given.wait) await waitFor(deps, store, on)
}

/** Says so when nothing was held: it is what was wanted. */
export const endHold = async (deps: CliDeps, store: Store, on: On): Promise<void> => {
  const was = await store.endHold(on)
  if (was) await writeDown(deps, store, { what: 'resume', about: heldThing(on) })
  const [again, never] =
    on.kind === 'queue' ? ['is open again', 'was not paused'] : ['takes work again', 'was not held']
  deps.stdout.write(`${heldName(on)} ${was ? again : never}\n`)
}

const reason = ['--reason <text>', 'why; others will read it'] as const
const until = [
  '--until <when>',
  'until then: a span like "2 h", or a date and time (default: until resume)',
] as const
const wait = ['--wait', 'return when nothing of it runs any more'] as const

type Check = (store: Store, name: string) => Promise<void>

/** The commands drain, stop and resume of hosts or images. `check` throws UsageError for a name that nothing has. */
export const holdCommands = (deps: CliDeps, kind: 'host' | 'image', check: Check): Command[] => {
  const of = kind === 'host' ? 'a host' : 'an image, on every host'
  const hold = (how: Hold['how'], done: string) => (name: string, given: Given) =>
    withStore(deps, async store => {
      await check(store, name)
      await setHold(deps, store, { on: { kind, name }, how, given, done })
    })
  const example = (verb: string, rest: string) =>
    `\nExample:\n  $ grapevine ${kind} ${verb} ${kind === 'host' ? 'alpha' : 'debian'}${rest}`
  const why =
    kind === 'host' ? ['new disk', 'the fan is loud'] : ['is being rebuilt', 'its compiler is broken']
  return [
    new Command('drain')
      .summary(`take no new tasks of ${of}; what runs may end`)
      .description(
        `Takes no new tasks of ${of}. What runs goes on to its end. Takes effect within 2 seconds, also while tasks run, and outlives every restart.`,
      )
      .argument('<name>')
      .requiredOption(...reason)
      .option(...until)
      .option(...wait)
      .addHelpText('after', example('drain', ` --reason "${why[0]}" --until "2 h" --wait`))
      .action(hold('drain', 'takes no new tasks; what runs may end')),
    new Command('stop')
      .summary(`stop what runs of ${of}; it goes back into the queue`)
      .description(
        `Stops what runs of ${of}, and takes nothing new. What was stopped goes back into the queue and costs nobody a try. Takes effect within 2 seconds, and outlives every restart.`,
      )
      .argument('<name>')
      .requiredOption(...reason)
      .option(...until)
      .option(...wait)
      .addHelpText('after', example('stop', ` --reason "${why[1]}"`))
      .action(hold('stop', 'is stopped; what runs goes back into the queue')),
    new Command('resume')
      .summary('end a drain or stop')
      .description(`Ends a drain or stop of ${of}.`)
      .argument('<name>')
      .addHelpText('after', example('resume', ''))
      .action((name: string) =>
        withStore(deps, async store => {
          const isOver = (await store.holds()).every(({ on }) => on.kind !== kind || on.name !== name)
          if (isOver) await check(store, name)
          await endHold(deps, store, { kind, name })
        }),
      ),
  ]
}

export const holdOptions = { reason, until, wait }
