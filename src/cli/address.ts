// `grapevine address`: who gets no mail of ours any more, and why.
import { Command } from 'commander'
import { isSilenced, type KnownAddress } from '../model/address.ts'
import { UsageError } from '../model/fault.ts'
import type { CliDeps } from './deps.ts'
import { withStore } from './stored.ts'
import { table } from './table.ts'
import { sayInstant } from './when.ts'

const sayAddress = (known: KnownAddress, now: number): string => {
  const { silence, failures } = known
  if (silence !== undefined && isSilenced(known, now)) {
    const until = silence.until === undefined ? '' : ` until ${sayInstant(silence.until)}`
    return `gets no mail${until}: ${silence.detail || silence.why}`
  }
  const last = failures.at(-1)
  return last === undefined ? 'gets mail' : `gets mail; one came back ${sayInstant(last.at)}: ${last.status}`
}

const list = (deps: CliDeps, { json = false }: { json?: boolean }) =>
  withStore(deps, async store => {
    const all = await store.addresses()
    const now = Date.now()
    if (json) {
      for (const one of all)
        deps.stdout.write(`${JSON.stringify({ ...one, silenced: isSilenced(one, now) })}\n`)
      return
    }
    if (all.length === 0) return void deps.stdout.write('no mail came back, and nobody wants none\n')
    const rows = all.map(one => [one.address, sayAddress(one, now)])
    deps.stdout.write(`${table([['address', 'state'], ...rows])}\n`)
  })

const clear = (deps: CliDeps, address: string) =>
  withStore(deps, async store => {
    if (!(await store.forgetAddress(address)))
      throw new UsageError(`nothing is known of ${address}`, 'See: grapevine address list')
    const over = { at: Date.now(), how: 'the address was cleared' }
    await store.resolveIncidents({ trouble: 'mail-refused', host: undefined, about: address }, over)
    deps.stdout.write(`${address} gets mail again\n`)
  })

export const address = (deps: CliDeps): Command =>
  new Command('address')
    .description('Lists mail addresses that get no mail any more, as it came back or as they asked for it.')
    .addCommand(
      new Command('list')
        .summary('list addresses whose mail came back, or that want none')
        .description('Lists addresses whose mail came back, or that want none.')
        .option('--json', 'JSON lines')
        .addHelpText('after', '\nExample:\n  $ grapevine address list')
        .action((options: { json?: boolean }) => list(deps, options)),
    )
    .addCommand(
      new Command('clear')
        .summary('let an address get mail again')
        .description('Forgets what came back from an address, or that it wanted no mail.')
        .argument('<address>')
        .addHelpText('after', '\nExample:\n  $ grapevine address clear ann@example.org')
        .action((given: string) => clear(deps, given)),
    )
    .addHelpText('after', '\nExample:\n  $ grapevine address list')
