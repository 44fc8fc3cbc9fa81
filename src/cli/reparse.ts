// `grapevine mail reparse`: stored mails are read again by the Grapevine of today, from their raw bytes.
import { Command } from 'commander'
import { UsageError } from '../model/fault.ts'
import type { Mail } from '../model/mail.ts'
import type { Store } from '../ports/store.ts'
import type { Reparsed } from '../stages/receive/reparse.ts'
import type { CliDeps } from './deps.ts'
import { bracketed, checkProject, sayDisposition } from './say.ts'

type Options = { project?: string; all?: boolean; json?: boolean }
type Key = { project: string; id: string }

/** A mail that is older is not taken for a patch all of a sudden, unless it is named: nobody waits for an answer any more. */
const freshMs = 7 * 86_400_000

/** By Message-ID, or by the digest of the raw mail as `mail show` gives it. */
const named = async (store: Store, id: string, project: string | undefined): Promise<Key[]> => {
  const byId = /^[0-9a-f]{64}$/.test(id) ? await store.mail(id) : undefined
  const found = byId === undefined ? await store.mailsByMessageId(bracketed(id)) : [byId]
  const keys = found.filter(mail => project === undefined || mail.project === project)
  if (keys.length === 0)
    throw new UsageError(`no mail ${id} has been read`, 'See what there is: grapevine mail list')
  return keys.map(mail => ({ project: mail.project, id: mail.id }))
}

const wanted = async (store: Store, ids: string[], { project, all }: Options): Promise<Key[]> => {
  if ((all === true) === ids.length > 0)
    throw new UsageError('say which mails: --all, or their Message-IDs', 'See: grapevine mail list')
  if (all) return store.mailKeys(project === undefined ? {} : { project })
  return (await Promise.all(ids.map(id => named(store, id, project)))).flat()
}

const became = ({ before, after, isNew, isChanged }: Reparsed, started: boolean): string => {
  const [was, is] = [sayDisposition(before.disposition), sayDisposition(after.disposition)]
  if (isNew)
    return started ? `${was} → a patch, queued` : `${was} → would be a patch; name it to have it tested`
  if (was !== is) return `${was} → ${is}`
  if (!isChanged) return 'left as it is: it changed meanwhile'
  const what = (['parsed', 'tags', 'patch'] as const).filter(
    part => JSON.stringify(before[part]) !== JSON.stringify(after[part]),
  )
  return `${was}; read anew: ${what.join(', ')}`
}

/** One line for each mail that is better now, and for each that is gone. */
const tell = (deps: CliDeps, done: Reparsed[], mayStart: (mail: Mail) => boolean, json: boolean): void => {
  for (const one of done) {
    if (!one.isChanged && !one.isNew && one.lost === undefined) continue
    const started = one.isNew && one.isChanged && mayStart(one.before)
    const line = one.lost ?? became(one, started)
    const messageId = one.before.parsed?.messageId ?? one.before.id
    deps.stdout.write(
      json
        ? `${JSON.stringify({ project: one.before.project, id: one.before.id, messageId, before: one.before.disposition, after: one.after.disposition, queued: started, lost: one.lost ?? null })}\n`
        : `${messageId}  ${line}\n`,
    )
  }
}

const run = async (deps: CliDeps, ids: string[], options: Options): Promise<void> => {
  const config = await deps.config({ repositories: 'later' })
  if (options.project !== undefined) checkProject(config, options.project)
  const { wire } = await import('../wiring/wire.ts')
  const { quietLog } = await import('../wiring/log.ts')
  const { reparseMails } = await import('../wiring/reparse.ts')
  const wired = await wire(config, quietLog)
  const now = wired.clock.now()
  const mayStart = (mail: Mail) => options.all !== true || mail.arrivedAt > now - freshMs
  let read = 0
  let changed = 0
  try {
    const mails = await wanted(wired.store, ids, options)
    await reparseMails(wired, {
      mails,
      mayStart,
      signal: deps.signal,
      onBatch(done) {
        read += done.length
        changed += done.filter(({ isChanged }) => isChanged).length
        tell(deps, done, mayStart, options.json === true)
        if (deps.stderr.isTTY) deps.stderr.write(`\r${read} of ${mails.length}`)
      },
    })
    if (deps.stderr.isTTY) deps.stderr.write('\r')
    if (options.json !== true)
      deps.stdout.write(`${read} ${read === 1 ? 'mail' : 'mails'} read again, ${changed} better\n`)
  } finally {
    await wired.close()
  }
}

export const reparse = (deps: CliDeps): Command =>
  new Command('reparse')
    .summary('read stored mails again, as Grapevine reads them today')
    .description(
      'Reads stored mails again from their raw bytes and keeps what is better: text, author, tags, the patch. A mail that was no patch and is one now is queued; with --all only if it came within the last seven days. What is in a series stays there. It can be repeated, and stopped at any time.',
    )
    .argument('[message-ids...]', 'with or without angle brackets')
    .option('--all', 'all mails')
    .option('--project <name>', 'only of this project')
    .option('--json', 'JSON lines')
    .addHelpText('after', '\nExample:\n  $ grapevine mail reparse --all')
    .action((ids: string[], options: Options) => run(deps, ids, options))
