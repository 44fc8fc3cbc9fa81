// `grapevine cancel`: an operator ends a series, a job or a task.
import { Command } from 'commander'
import { Fault, UsageError } from '../model/fault.ts'
import { type Cancelled, cancel as cancelIt } from '../stages/plan/cancel.ts'
import { writeDown } from './audited.ts'
import type { CliDeps } from './deps.ts'
import { operator } from './holds.ts'
import { withStore } from './stored.ts'

const clock = { now: () => Date.now(), sleep: async () => {} }

const say = ({ what, id, tasks }: Cancelled): string => {
  const count = tasks.length === 0 ? 'no task' : tasks.length === 1 ? '1 task' : `${tasks.length} tasks`
  const quiet = what === 'series' ? '; its author gets no mail' : ''
  return `${what} ${id} is cancelled: ${count} taken away${quiet}\n`
}

const run = (deps: CliDeps, id: string, { reason }: { reason: string }) =>
  withStore(deps, async store => {
    const why = reason.trim()
    if (why === '') throw new UsageError('--reason is missing', 'Say why: others will read it')
    const how = { why, by: operator(deps.env) }
    const done = await cancelIt({ store, clock })(id, how).catch(error => {
      if (error instanceof Fault && error.kind === 'refused') throw new UsageError(error.message)
      throw error
    })
    if (!done)
      throw new UsageError(
        `no series, job or task is called ${id}`,
        'See what there is: grapevine series list, grapevine queue show',
      )
    await writeDown(deps, store, { what: 'cancel', about: id, reason: why })
    deps.stdout.write(say(done))
  })

export const cancel = (deps: CliDeps): Command =>
  new Command('cancel')
    .description(
      'Ends a series, a job or one task, waiting or running. What runs is stopped within 2 seconds. A series that is cancelled gets no verdict and its author no mail. A test that is cancelled counts as not run; the others of its series are judged.',
    )
    .argument('<id>', 'of a series, a job or a task; see `grapevine series list` and `grapevine queue show`')
    .requiredOption('--reason <text>', 'why; others will read it')
    .addHelpText('after', '\nExample:\n  $ grapevine cancel s3f2a91c07be4d5a --reason "sent by mistake"')
    .action((id: string, options: { reason: string }) => run(deps, id, options))
