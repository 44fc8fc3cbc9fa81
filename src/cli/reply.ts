// `grapevine reply`: mail of ours on its way out: what waits, what failed, and what only a person can decide.
import { Command } from 'commander'
import { UsageError } from '../model/fault.ts'
import { nextReply, type Reply, type ReplyEvent, type ReplyState } from '../model/reply.ts'
import type { Store } from '../ports/store.ts'
import type { CliDeps } from './deps.ts'
import { operator } from './holds.ts'
import { withStore } from './stored.ts'
import { table } from './table.ts'
import { sayInstant } from './when.ts'

const states = ['pending', 'sending', 'unconfirmed', 'failed', 'sent'] as const
const open = states.filter(state => state !== 'sent')

const sayState = (state: ReplyState): string => {
  switch (state.at) {
    case 'pending':
      return state.tries === 0
        ? 'waits to be sent'
        : `was not taken yet, try ${state.tries + 1} after ${sayInstant(state.notBefore)}`
    case 'sending':
      return state.look === undefined
        ? 'is being sent'
        : `may have been sent; looked for until ${sayInstant(state.look.until)}`
    case 'unconfirmed':
      return `may have been sent ${sayInstant(state.since)}; a person must decide`
    case 'failed':
      return state.why.startsWith('not sent: ') ? state.why : `not sent: ${state.why}`
    case 'sent':
      return `sent ${sayInstant(state.when)}: ${state.answer}`
  }
}

const recipients = ({ mail }: Reply): string =>
  [...mail.to, ...mail.cc].map(({ address }) => address).join(', ')

const stateOf = (given: string): (typeof states)[number] => {
  const state = states.find(one => one === given)
  if (state === undefined)
    throw new UsageError(`--state: there is no "${given}"`, `It is one of: ${states.join(', ')}`)
  return state
}

const list = (deps: CliDeps, { state, json = false }: { state?: string; json?: boolean }) =>
  withStore(deps, async store => {
    const wanted = state === undefined ? open : [stateOf(state)]
    const replies = (await Promise.all(wanted.map(one => store.repliesAt(one)))).flat()
    if (json) {
      for (const reply of replies) deps.stdout.write(`${JSON.stringify(reply)}\n`)
      return
    }
    if (replies.length === 0)
      return void deps.stdout.write(state === undefined ? 'all mail was sent\n' : `none is ${state}\n`)
    const rows = replies.map(reply => [
      reply.id,
      reply.kind,
      recipients(reply).slice(0, 50),
      reply.mail.subject.slice(0, 50),
      sayState(reply.state),
    ])
    deps.stdout.write(`${table([['reply', 'kind', 'to', 'subject', 'state'], ...rows])}\n`)
  })

const found = async (store: Store, id: string): Promise<Reply> => {
  const reply = await store.reply(id)
  if (!reply) throw new UsageError(`there is no reply ${id}`, 'See: grapevine reply list')
  return reply
}

const show = (deps: CliDeps, id: string, { json = false }: { json?: boolean }) =>
  withStore(deps, async store => {
    const reply = await found(store, id)
    if (json) return void deps.stdout.write(`${JSON.stringify(reply)}\n`)
    const { mail } = reply
    const lines: [string, string | undefined][] = [
      ['reply', reply.id],
      ['kind', reply.kind],
      ['series', reply.series],
      ['state', sayState(reply.state)],
      ['message-id', mail.messageId],
      ['to', mail.to.map(({ address }) => address).join(', ')],
      ['cc', mail.cc.length === 0 ? undefined : mail.cc.map(({ address }) => address).join(', ')],
      ['subject', mail.subject],
    ]
    const shown = lines.flatMap(([name, value]) =>
      value === undefined ? [] : [`${name.padEnd(12)}${value}`],
    )
    deps.stdout.write(`${shown.join('\n')}\n\n${mail.text}`)
  })

const raw = (deps: CliDeps, id: string) =>
  withStore(deps, async store => {
    const { dkim } = (await deps.config({ repositories: 'later' })).mail
    const { mailBytes } = await import('../text/bytes.ts')
    const signer = dkim && { ...dkim, key: () => dkim.key.reveal() }
    const built = await mailBytes((await found(store, id)).mail, signer)
    if (!built.ok) throw new UsageError(`reply ${id}: ${built.why}`)
    deps.stdout.write(built.bytes.toString('latin1').replaceAll('\r\n', '\n'))
  })

/** Moves it by hand. The bot sees it within a minute. */
const move = async (deps: CliDeps, store: Store, { reply, event }: { reply: Reply; event: ReplyEvent }) => {
  const next = nextReply(reply.state, event, Date.now())
  if (next === reply.state)
    throw new UsageError(`there is nothing to decide about reply ${reply.id}: ${sayState(reply.state)}`)
  if (!(await store.moveReply(reply.id, reply.state, next)))
    throw new UsageError(`reply ${reply.id} has changed meanwhile`, `See: grapevine reply show ${reply.id}`)
  const over = { at: Date.now(), how: `decided by ${operator(deps.env)}` }
  await store.resolveIncidents({ trouble: 'mail-unconfirmed', host: undefined, about: reply.id }, over)
}

const resend = (deps: CliDeps, id: string, { yes = false }: { yes?: boolean }) =>
  withStore(deps, async store => {
    const reply = await found(store, id)
    if (reply.state.at === 'unconfirmed' && !yes)
      throw new UsageError(
        `reply ${id} may have arrived: if it did, ${recipients(reply)} will get it twice`,
        `Look for ${reply.mail.messageId} on the list first. To send it all the same: grapevine reply resend ${id} --yes`,
      )
    await move(deps, store, { reply, event: { on: 'resent' } })
    deps.stdout.write(`reply ${id} is sent again, with the same Message-ID\n`)
  })

const drop = (deps: CliDeps, id: string) =>
  withStore(deps, async store => {
    const reply = await found(store, id)
    await move(deps, store, { reply, event: { on: 'dropped', why: `dropped by ${operator(deps.env)}` } })
    deps.stdout.write(`reply ${id} will not be sent\n`)
  })

const example = (words: string) => `\nExample:\n  $ grapevine reply ${words}`

export const reply = (deps: CliDeps): Command =>
  new Command('reply')
    .description(
      'Looks after mail of ours on its way out: what waits, what failed, what a person must decide.',
    )
    .addCommand(
      new Command('list')
        .summary('list what is not sent')
        .description('Lists mail that waits, failed, or may have been sent or not.')
        .option('--state <state>', `only those: ${states.join(', ')}`)
        .option('--json', 'JSON lines')
        .addHelpText('after', example('list --state unconfirmed'))
        .action((options: { state?: string; json?: boolean }) => list(deps, options)),
    )
    .addCommand(
      new Command('show')
        .summary('show one, with its text')
        .description('Shows what became of a mail, to whom it goes, and its text.')
        .argument('<id>', 'see `grapevine reply list`')
        .option('--json', 'one JSON line')
        .addHelpText('after', example('show r3f2a91c07be4d5a'))
        .action((id: string, options: { json?: boolean }) => show(deps, id, options)),
    )
    .addCommand(
      new Command('raw')
        .summary('print one as it leaves')
        .description('Prints the mail with all its headers and its signature, as it leaves.')
        .argument('<id>', 'see `grapevine reply list`')
        .addHelpText('after', example('raw r3f2a91c07be4d5a > reply.eml'))
        .action((id: string) => raw(deps, id)),
    )
    .addCommand(
      new Command('resend')
        .summary('send again what failed, or may not have arrived')
        .description('Sends again what failed, or what may have been sent or not; the Message-ID stays.')
        .argument('<id>', 'see `grapevine reply list`')
        .option('--yes', 'although it may have arrived')
        .addHelpText('after', example('resend r3f2a91c07be4d5a --yes'))
        .action((id: string, options: { yes?: boolean }) => resend(deps, id, options)),
    )
    .addCommand(
      new Command('drop')
        .summary('do not send it')
        .description('Gives up a mail that waits, or that may have been sent or not.')
        .argument('<id>', 'see `grapevine reply list`')
        .addHelpText('after', example('drop r3f2a91c07be4d5a'))
        .action((id: string) => drop(deps, id)),
    )
    .addHelpText('after', example('list'))
