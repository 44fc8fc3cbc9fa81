// `grapevine notice`: what lists and operators hear of trouble and maintenance: what was said, what waits, what would be said.
import { join } from 'node:path'
import { Command } from 'commander'
import { UsageError } from '../model/fault.ts'
import type { Notice } from '../model/notice.ts'
import { nextReply } from '../model/reply.ts'
import type { Journal } from '../ports/journal.ts'
import type { CliDeps } from './deps.ts'
import { operator } from './holds.ts'
import { withStore } from './stored.ts'
import { table } from './table.ts'
import { sayInstant } from './when.ts'

/** Works while the database is away, as notices do. */
const openJournal = async (deps: CliDeps): Promise<Journal> => {
  const config = await deps.config({ repositories: 'later', secrets: 'later' })
  const { fileJournal } = await import('../adapters/journal/files.ts')
  const { journalFolder } = await import('../wiring/wire.ts')
  return fileJournal({ folder: join(config.data, journalFolder) })
}

const sayState = ({ held, reply: { state } }: Notice): string => {
  if (held && state.at === 'pending') return 'waits for an operator’s word'
  switch (state.at) {
    case 'pending':
      return state.tries === 0 ? 'waits to be sent' : `was not taken yet, try ${state.tries + 1}`
    case 'sending':
      return 'is being sent'
    case 'unconfirmed':
      return 'may have been sent; a person must look'
    case 'failed':
      return `not sent: ${state.why}`
    case 'sent':
      return `sent ${sayInstant(state.when)}`
  }
}

const subjectId = ({ of }: Notice): string => ('incident' in of ? of.incident : of.maintenance)
const audience = ({ to }: Notice): string => (to === 'operators' ? to : to.list)

const isLeft = ({ reply: { state } }: Notice): boolean => state.at !== 'sent' && state.at !== 'failed'

const list = async (deps: CliDeps, { all = false, json = false }: { all?: boolean; json?: boolean }) => {
  const notices = (await (await openJournal(deps)).notices()).filter(one => all || isLeft(one))
  if (json) {
    for (const one of notices) deps.stdout.write(`${JSON.stringify(one)}\n`)
    return
  }
  if (notices.length === 0) return void deps.stdout.write(all ? 'there never was one\n' : 'no notice waits\n')
  const rows = notices.map(one => [
    ...[one.id, sayInstant(one.at), subjectId(one), one.kind, audience(one)],
    ...[one.reply.mail.subject.slice(0, 50), sayState(one)],
  ])
  deps.stdout.write(`${table([['notice', 'at', 'of', 'kind', 'to', 'subject', 'state'], ...rows])}\n`)
}

/** By the beginning of its id. */
const found = async (journal: Journal, id: string): Promise<Notice> => {
  const [notice, ...more] = (await journal.notices()).filter(one => one.id.startsWith(id))
  if (!notice || id === '')
    throw new UsageError(`there is no notice ${id}`, 'See: grapevine notice list --all')
  if (more.length > 0) throw new UsageError(`${more.length + 1} notices begin with ${id}`, 'Give more of it')
  return notice
}

const lettersOf = (notice: Notice): string => {
  const { mail } = notice.reply
  const lines = [
    `to          ${mail.to.map(({ address }) => address).join(', ')}`,
    `subject     ${mail.subject}`,
  ]
  return `${lines.join('\n')}\n\n${mail.text}`
}

const show = async (deps: CliDeps, id: string, { json = false }: { json?: boolean }) => {
  const notice = await found(await openJournal(deps), id)
  if (json) return void deps.stdout.write(`${JSON.stringify(notice)}\n`)
  const lines = [
    `notice      ${notice.id}`,
    `of          ${subjectId(notice)}, ${notice.kind}`,
    `state       ${sayState(notice)}`,
    `message-id  ${notice.reply.mail.messageId}`,
    ...(notice.nextWord === undefined ? [] : [`next word   ${sayInstant(notice.nextWord)} at the latest`]),
  ]
  deps.stdout.write(`${lines.join('\n')}\n${lettersOf(notice)}`)
}

const preview = (deps: CliDeps, id: string) =>
  withStore(deps, async store => {
    const config = await deps.config({ repositories: 'later', secrets: 'later' })
    const { previewOf } = await import('../stages/notice/tell.ts')
    const { noticeMemory, reachOf, tellPortsOf } = await import('../wiring/notices.ts')
    const incidents = await store.incidents()
    const [incident, ...more] = incidents.filter(one => one.id.startsWith(id))
    if (!incident || more.length > 0)
      throw new UsageError(
        more.length > 0 ? `${more.length + 1} incidents begin with ${id}` : `there is no incident ${id}`,
        'See: grapevine incident list',
      )
    const journal = await openJournal(deps)
    const all = await journal.notices()
    const notices = all.filter(one => subjectId(one) === incident.id)
    const maintenances = await store.maintenances({ live: true })
    const clock = { now: () => Date.now(), sleep: async () => {} }
    const around = { incidents, maintenances, notices: all, memory: noticeMemory() }
    const reach = await reachOf({ store, config, clock }, incident, around)
    const ports = tellPortsOf({ journal, config, clock })
    const letters = await previewOf(ports)(incident, { notices, reach })
    if (letters.length === 0) return void deps.stdout.write('no list hears of it\n')
    deps.stdout.write(letters.map(lettersOf).join(`\n${'-'.repeat(72)}\n\n`))
  })

const drop = async (deps: CliDeps, id: string) => {
  const journal = await openJournal(deps)
  const notice = await found(journal, id)
  const now = Date.now()
  const by = operator(deps.env)
  const changed = await journal.changeNotice(notice.id, one => {
    const state = nextReply(one.reply.state, { on: 'dropped', why: `dropped by ${by}` }, now)
    return state === one.reply.state ? undefined : { ...one, reply: { ...one.reply, state } }
  })
  if (!changed) throw new UsageError(`notice ${notice.id} cannot be dropped: ${sayState(notice)}`)
  deps.stdout.write(
    `notice ${notice.id} will not be sent, and ${audience(notice)} hears nothing more of ${subjectId(notice)}\n`,
  )
}

const example = (words: string) => `\nExample:\n  $ grapevine notice ${words}`

export const notice = (deps: CliDeps): Command =>
  new Command('notice')
    .description(
      'Looks after what lists and operators hear of trouble and maintenance. Works while the database is away.',
    )
    .addCommand(
      new Command('list')
        .summary('list what waits to be said')
        .description('Lists notices that are not sent: they wait for a word, or for the mail server.')
        .option('--all', 'also what was sent, and what was given up')
        .option('--json', 'JSON lines')
        .addHelpText('after', example('list --all'))
        .action((options: { all?: boolean; json?: boolean }) => list(deps, options)),
    )
    .addCommand(
      new Command('show')
        .summary('show one, with its text')
        .description('Shows what became of a notice, to whom it goes, and its text.')
        .argument('<id>', 'the beginning is enough; see `grapevine notice list`')
        .option('--json', 'one JSON line')
        .addHelpText('after', example('show n3f2a'))
        .action((id: string, options: { json?: boolean }) => show(deps, id, options)),
    )
    .addCommand(
      new Command('preview')
        .summary('show what would be said of an incident now')
        .description('Shows the words that lists would read of an incident now. Nothing is sent.')
        .argument('<incident>', 'the beginning is enough; see `grapevine incident list`')
        .addHelpText('after', example('preview i3f2a'))
        .action((id: string) => preview(deps, id)),
    )
    .addCommand(
      new Command('drop')
        .summary('do not send it')
        .description('Gives up a notice that waits. Its list hears nothing more of the same incident.')
        .argument('<id>', 'the beginning is enough; see `grapevine notice list`')
        .addHelpText('after', example('drop n3f2a'))
        .action((id: string) => drop(deps, id)),
    )
    .addHelpText('after', example('list'))
