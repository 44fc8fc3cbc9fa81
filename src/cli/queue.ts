// `grapevine queue`: what waits, in which order; and pausing all of it.
import { Command } from 'commander'
import { UsageError } from '../model/fault.ts'
import { type Hold, heldName, holdsNow } from '../model/host.ts'
import type { Task } from '../model/job.ts'
import { holdOn } from '../model/standing.ts'
import type { Store } from '../ports/store.ts'
import { readyTasks } from '../stages/run/ready.ts'
import type { CliDeps } from './deps.ts'
import { endHold, holdOptions, sayHold, setHold } from './holds.ts'
import { withStore } from './stored.ts'
import { table } from './table.ts'
import { sayFor, sayInstant } from './when.ts'

const clock = { now: () => Date.now(), sleep: async () => {} }

const whose = async (store: Store, task: Task): Promise<string> => {
  const job = await store.job(task.job)
  const series = job?.series === undefined ? undefined : await store.series(job.series)
  if (!series) return `the unpatched base ${job?.base.slice(0, 12) ?? ''}`
  return `${series.author.name || series.author.address}: ${series.title.slice(0, 50)}`
}

const state = ({ state, image }: Task, { isDue, holds }: { isDue: boolean; holds: Hold[] }): string => {
  if (state.at === 'running') return `runs on ${state.host} ${sayFor(state.since, Date.now())}`
  if (state.at !== 'queued') return state.at
  if (state.notBefore !== undefined && state.notBefore > Date.now())
    return `waits until ${sayInstant(state.notBefore)}`
  if (!isDue) return 'waits for its build'
  return holdOn(holds, { kind: 'image', name: image }, Date.now()) ? 'its image is held' : 'next in turn'
}

const show = (deps: CliDeps, { json = false, limit = '30' }: { json?: boolean; limit?: string }) =>
  withStore(deps, async store => {
    const shown = Number(limit)
    if (!/^\d+$/.test(limit)) throw new UsageError(`--limit: "${limit}" is no number`)
    const [now, holds] = [Date.now(), await store.holds()]
    const due = await readyTasks({ store, clock })()
    const isDue = new Set(due.map(task => task.id))
    const later = (await store.tasksAt('queued')).filter(task => !isDue.has(task.id))
    const all = [...(await store.tasksAt('running')), ...due, ...later]
    if (json) {
      for (const task of all) deps.stdout.write(`${JSON.stringify(task)}\n`)
      return
    }
    for (const hold of holds.filter(one => holdsNow(one, now)))
      deps.stdout.write(
        `${heldName(hold.on)} ${hold.on.kind === 'queue' ? 'is paused' : { drain: 'is drained', stop: 'is stopped' }[hold.how]}: ${sayHold(hold)}\n`,
      )
    const rows: string[][] = []
    for (const task of all.slice(0, shown))
      rows.push([
        task.id,
        task.kind,
        task.image,
        state(task, { isDue: isDue.has(task.id), holds }),
        await whose(store, task),
      ])
    if (rows.length > 0) deps.stdout.write(`${table([['task', 'what', 'image', 'state', 'of'], ...rows])}\n`)
    const paused = holdOn(holds, { kind: 'queue' }, now) ? 'paused' : 'open'
    const running = all.length - due.length - later.length
    deps.stdout.write(
      `the queue is ${paused}: ${running} running, ${due.length} due, ${later.length} that wait for a build or a while\n`,
    )
  })

export const queue = (deps: CliDeps): Command =>
  new Command('queue')
    .description('Shows what waits to be run and in which order, and pauses it.')
    .addCommand(
      new Command('show')
        .summary('show what runs and what waits, in order')
        .description(
          'Shows what runs and what waits, in the order in which it will be taken, and what is held.',
        )
        .option('--limit <n>', 'so many tasks', '30')
        .option('--json', 'JSON lines: all tasks')
        .addHelpText('after', '\nExample:\n  $ grapevine queue show')
        .action((options: { json?: boolean; limit?: string }) => show(deps, options)),
    )
    .addCommand(
      new Command('pause')
        .summary('take no new tasks, on any host; what runs may end')
        .description(
          'No host takes new tasks. What runs goes on to its end. Mail is read and answered all the same.',
        )
        .requiredOption(...holdOptions.reason)
        .option(...holdOptions.until)
        .option(...holdOptions.wait)
        .addHelpText(
          'after',
          '\nExample:\n  $ grapevine queue pause --reason "the cooling is out" --until "3 h"',
        )
        .action(given =>
          withStore(deps, store =>
            setHold(deps, store, {
              on: { kind: 'queue' },
              how: 'drain',
              given,
              done: 'is paused; what runs may end',
            }),
          ),
        ),
    )
    .addCommand(
      new Command('resume')
        .summary('end the pause')
        .description('Ends the pause of the queue.')
        .addHelpText('after', '\nExample:\n  $ grapevine queue resume')
        .action(() => withStore(deps, store => endHold(deps, store, { kind: 'queue' }))),
    )
    .addHelpText('after', '\nExample:\n  $ grapevine queue show')
