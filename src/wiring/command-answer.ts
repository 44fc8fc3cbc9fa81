// An answer to a command, or a word about one: to its sender alone, under the mail that it stood in, at most as often as the caps allow.

import type { Command, Said } from '../model/command.ts'
import { dayMs } from '../model/instant.ts'
import type { Address, Mail } from '../model/mail.ts'
import type { Reply, ReplyKind } from '../model/reply.ts'
import { head, type Series } from '../model/series.ts'
import type { MailProof } from '../ports/mail-auth.ts'
import { senderOf } from '../stages/command/note.ts'
import { isProven, mayUseReplyTo } from '../stages/command/permit.ts'
import { isNamed, isProgram } from '../stages/reply/reach.ts'
import { oneLine } from '../text/clean.ts'
import { headerText, isMailable } from '../text/compose.ts'
import { contentId } from '../text/digest.ts'
import {
  actual,
  commonHeaders,
  intendedHeader,
  messageIdOf,
  reSubject,
  sayAddresses,
  sayIntended,
  threadingBelow,
  tidy,
  undecodable,
} from '../text/envelope.ts'
import { mailText, render } from '../text/render.ts'
import { isSameMailbox } from '../text/same-address.ts'
import { countSent, keptBack } from './outbox.ts'
import { headOf } from './reachable.ts'
import type { Wired } from './wire.ts'

/** Words of others, for a template: one clean line. */

/** Is it an address of people, and no list or bot of ours? */
const isPerson = ({ config }: Wired, address: string): boolean =>
  isMailable(address) &&
  !isProgram(address) &&
  ![config.bot, ...config.projects.map(project => project.list)].some(one =>
    isSameMailbox(one.address, address),
  )

/** Whom a command is answered to; undefined: nobody. Reply-To counts where the sender's signature covers it. */
export const answerTo = async (
  wired: Wired,
  mail: Mail,
  proof: MailProof | undefined,
): Promise<Address | undefined> => {
  const { parsed } = mail
  const [wanted, ...more] = parsed?.replyTo ?? []
  const isAsked =
    wanted && more.length === 0 && proof && mayUseReplyTo(proof) && isPerson(wired, wanted.address)
  const to = isAsked ? wanted : senderOf(mail)
  if (!parsed || !to || !isPerson(wired, to.address)) return undefined
  // Whom only the text of the mail names is not written to.
  return isNamed(to.address, parsed, await headOf(wired, mail)) ? to : undefined
}

/** Of one kind no more than half of what may leave in all: verdicts must not want for room as somebody asks for answers all day. */
const halfOf = (total: number): number => Math.ceil(total / 2)

/** The letter, ready to be sent; or kept back, where one more to these addresses or in its thread would be over a cap. */
export const withinCaps = async (wired: Wired, letter: Reply, to: Address[]): Promise<Reply> => {
  const { config, store, clock } = wired
  const { caps } = config.mail
  const { kind, thread } = letter
  const same = await store.countReplies({ since: clock.now() - dayMs, kind })
  for (const { address } of to) {
    const sent = await countSent(wired, { thread, author: address, kind })
    const isRoom = sent.total < caps.total && same < halfOf(caps.total)
    if (isRoom && sent.thread < caps.thread && sent.author < caps.author) continue
    return keptBack(wired, letter, {
      about: `${kind} to ${oneLine(address, 120)}`,
      why: `in 24 hours ${sent.thread} like it went into its thread, ${sent.author} to that address, ${same} in all, and ${sent.total} mails of all kinds`,
    })
  }
  return letter
}

export type Letter = {
  /** Content id: the same letter is sent once. */
  id: string
  kind: ReplyKind
  to: Address[]
  project: string
  series: Series | undefined
  /** The mail that it goes under; undefined: it begins a thread. */
  under: Mail | undefined
  subject: string
  /** auto-replied: to a mail of a person · auto-generated: by itself (RFC 3834 §5). */
  auto: 'auto-replied' | 'auto-generated'
  template: string
  variables: object
  /** What it says, if it is written already: top and foot are put around it, and the template is not used. */
  lines?: string[]
}

/** No line of ours is a command to another bot, or to ourselves. */
const harmless = (line: string): string => (/^\/\S/.test(line) ? ` ${line}` : line)

/** With what every mail begins and ends with. */
const around = (lines: string[], common: object): string[] => {
  const top = render('top', { ...common, earlier: null })
  return [...top, ...(top.length > 0 ? [''] : []), ...lines, '', ...render('foot', common)]
}

/** A mail of ours that says no verdict, ready to be queued. */
export const writeLetter = ({ config, clock }: Wired, letter: Letter): Reply => {
  const { id, kind, project, series, under } = letter
  const { bot, administrator } = config
  const { live } = config.mail
  const wanted = { to: letter.to.map(tidy), cc: [] }
  const intended = sayIntended(wanted, administrator)
  const common = { live, intended, administrator: oneLine(sayAddresses([administrator]), 140) }
  const lines = (
    letter.lines ? around(letter.lines, common) : render(letter.template, { ...common, ...letter.variables })
  ).map(harmless)
  const { messageId, ancestors = [] } = under?.parsed ?? {}
  const thread = threadingBelow(messageId, [...ancestors].reverse())
  return {
    id,
    kind,
    series: series?.id,
    project,
    thread: thread.references[0] ?? (series && head(series)?.messageId),
    mail: {
      messageId: messageIdOf(id, bot),
      from: { ...bot, name: headerText(bot.name) },
      ...actual(wanted, administrator, live),
      subject: undecodable(oneLine(letter.subject, 320)),
      ...thread,
      headers: {
        ...commonHeaders({ project, bot, auto: letter.auto }),
        ...(series ? { 'X-Grapevine-Series': series.id } : {}),
        ...intendedHeader(wanted, live),
      },
      text: mailText(lines),
      date: clock.now(),
    },
    state: { at: 'pending', notBefore: clock.now(), tries: 0 },
  }
}

export const replySubject = (mail: Mail): string => reSubject(mail.parsed?.subject ?? '')

/** Answers that say no are not for everybody who writes another's address into From:. In 24 hours; `refused`: of each command. */
const maxRefusals: Record<'refused' | 'unknown' | 'confirm', number> = { refused: 2, unknown: 3, confirm: 10 }

const saidBefore = async (
  { store, clock }: Wired,
  command: Command,
  kind: 'refused' | 'unknown' | 'confirm',
): Promise<boolean> => {
  const filter = { sender: command.sender, since: clock.now() - dayMs }
  const others = (await store.commands(filter)).filter(other => other.id !== command.id)
  const isUnknown = (other: Command) => other.request.do === 'unknown' || other.request.do === 'too-many'
  const same =
    kind === 'confirm'
      ? others.filter(({ state }) => state.at === 'waiting' || state.at === 'expired')
      : others.filter(
          other =>
            other.state.at === 'refused' &&
            (kind === 'unknown' ? isUnknown(other) : other.request.do === command.request.do),
        )
  return same.length >= maxRefusals[kind]
}

export type AnswerInput = {
  command: Command
  mail: Mail
  series: Series | undefined
  project: string
  proof: MailProof | undefined
  /** What to count it as. */
  as: Said['as']
  template: string
  variables: object
}

/** What is said to a command; undefined: nothing. */
export const partOf = async (wired: Wired, given: AnswerInput): Promise<Said | undefined> => {
  const { command, mail, as } = given
  // The token is for whoever reads the mailbox that From: names, and nobody else.
  const to = await answerTo(wired, mail, as === 'confirm' ? undefined : given.proof)
  // Whoever signs hears of every mistake: nobody else can have made it.
  const isTheirs =
    given.proof !== undefined && isProven({ mail, proof: given.proof, command, now: wired.clock.now() })
  if (to === undefined || (as !== 'done' && !isTheirs && (await saidBefore(wired, command, as))))
    return undefined
  return { as, lines: render(given.template, { line: oneLine(command.line, 200), ...given.variables }) }
}

export type Part = { command: Command; said: Said }

/** Names what a mail of ours answers, so that no part is said twice. */
const commandsHeader = 'X-Grapevine-Commands'

const keyOf = ({ command, said }: Part): string =>
  said.as === 'confirm' ? `${command.id}-confirm` : command.id
const idOf = ({ command, said }: Part): string =>
  `a${contentId(23, command.id, said.as === 'confirm' ? 'confirm' : 'answer')}`

/** Those of which no mail was written yet. Each mail goes by the id of its first part, and names all of them. */
const unanswered = async ({ store }: Wired, parts: Part[]): Promise<Part[]> => {
  const answered = new Set<string>()
  for (const part of parts) {
    const reply = await store.reply(idOf(part))
    if (reply)
      for (const key of [keyOf(part), ...(reply.mail.headers[commandsHeader] ?? '').split(' ')])
        answered.add(key)
  }
  return parts.filter(part => !answered.has(keyOf(part)))
}

/** Among others each part says what it is about. */
const linesOf = ({ command, said }: Part, isAlone: boolean): string[] => {
  const line = oneLine(command.line, 200)
  const isNamed = isAlone || line === '' || said.lines.some(one => one.trim() === line)
  return isNamed ? said.lines : ['You wrote:', '', ...render('command', { line }), '', ...said.lines]
}

/** Between two parts. */
const rule = ['', '    - - -', '']

/**
 * The one answer to a mail, of those parts that nobody heard yet; undefined: there is none, or nobody to hear it. A reply that is over a cap is
 * `failed` already.
 */
export const answerMail = async (
  wired: Wired,
  {
    mail,
    series,
    project,
    proof,
    parts: all,
  }: Pick<AnswerInput, 'mail' | 'series' | 'project' | 'proof'> & { parts: Part[] },
): Promise<Reply | undefined> => {
  const sorted = all.toSorted((a, b) => a.command.position - b.command.position)
  const parts = sorted.length > 1 ? await unanswered(wired, sorted) : sorted
  const [first] = parts
  const to = await answerTo(wired, mail, parts.some(({ said }) => said.as === 'confirm') ? undefined : proof)
  if (first === undefined || to === undefined) return undefined
  const reply = writeLetter(wired, {
    ...{ id: idOf(first), kind: 'answer', to: [to], project, series, under: mail },
    ...{ subject: replySubject(mail), auto: 'auto-replied', template: '', variables: {} },
    lines: parts.flatMap((part, at) => [...(at === 0 ? [] : rule), ...linesOf(part, parts.length === 1)]),
  })
  const headers =
    parts.length === 1
      ? reply.mail.headers
      : { ...reply.mail.headers, [commandsHeader]: parts.map(keyOf).join(' ') }
  return withinCaps(wired, { ...reply, mail: { ...reply.mail, headers } }, [to])
}
