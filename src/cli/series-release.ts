// `grapevine series release`: a series that was held goes on, and its author is known from then on.
import { Command } from 'commander'
import { UsageError } from '../model/fault.ts'
import { writeDown } from './audited.ts'
import type { CliDeps } from './deps.ts'
import { withStore } from './stored.ts'

const run = (deps: CliDeps, id: string) =>
  withStore(deps, async store => {
    const series = await store.series(id)
    if (!series)
      throw new UsageError(`there is no series ${id}`, 'See what is held: grapevine series list --state held')
    if (!(await store.releaseSeries(id)))
      throw new UsageError(`series ${id} is not held: it is ${series.state.at}`)
    const { address } = series.author
    await store.addAuthor(series.project, { address, at: Date.now(), signed: false })
    await writeDown(deps, store, { what: 'release', about: `series ${id}` })
    deps.stdout.write(`series ${id} goes on; ${address} is known from now on\n`)
  })

export const release = (deps: CliDeps): Command =>
  new Command('release')
    .summary('let a held series go on')
    .description(
      'Lets a series go on that was held because its author is new (trust.firstTime), and remembers its author. The bot goes on with it within seconds.',
    )
    .argument('<series>', 'its id; see `grapevine series list --state held`')
    .addHelpText('after', '\nExample:\n  $ grapevine series release s3f2a91c07be4d5a')
    .action((id: string) => run(deps, id))
