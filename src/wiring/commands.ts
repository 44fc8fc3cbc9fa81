// The commands of a mail, one after another: may the sender do that, is it sure who asks, do it, answer. What each does: command-acts.ts.
import { randomBytes } from 'node:crypto'
import { isSilenced } from '../model/address.ts'
import {
  type Command,
  confirmWithinMs,
  isForOperators,
  needsProof,
  nextCommand,
  type Request,
  type Said,
} from '../model/command.ts'
import { Fault } from '../model/fault.ts'
import { botProject, type Mail } from '../model/mail.ts'
import type { Reply } from '../model/reply.ts'
import type { Series } from '../model/series.ts'
import type { MailProof } from '../ports/mail-auth.ts'
import { commandsIn } from '../stages/command/note.ts'
import { isProven, permit } from '../stages/command/permit.ts'
import { threadOf } from '../stages/command/thread.ts'
import { pushes } from '../stages/upkeep/sweep.ts'
import { oneLine } from '../text/clean.ts'
import { sha256 } from '../text/digest.ts'
import { act, forbidden } from './command-acts.ts'
import { answerMail, type Part, partOf } from './command-answer.ts'
import { type Act, aboutOf, deny, missingBase } from './command-series.ts'
import { type Tracked, trackedBug } from './command-track.ts'
import type { Wired } from './wire.ts'

type Case = {
  command: Command
  mail: Mail
  series: Series | undefined
  /** What the mail's signatures say; undefined where nobody needs to know. */
  proof: MailProof | undefined
  /** The base that it names, and that is nowhere. */
  noSuchBase?: string | undefined
  /** The bug that it keeps in step with its thread, as it is there. */
  tracked?: Tracked | undefined
}

/** The first part finds the command, the rest is the secret. */
const newToken = (command: Command): string => `${command.id}-${randomBytes(16).toString('hex')}`

const projectOf = ({ config }: Wired, { mail, series }: Case): string =>
  series?.project ?? (mail.project === botProject ? (config.projects[0]?.name ?? botProject) : mail.project)

const rulesOf = (wired: Wired, given: Case) => {
  const name = projectOf(wired, given)
  if (name === botProject) return {}
  const { trust, bugs } = wired.project(name)
  const track = bugs?.sync?.track ?? []
  return { ...trust.commands, track, untrack: track }
}

/** Nothing is sent to who wants none, or cannot be reached. */
const isReachable = async ({ store, clock }: Wired, { command }: Case): Promise<boolean> => {
  return !isSilenced(await store.address(command.sender), clock.now())
}

/** What belongs into the audit log: operators' commands that change something, and a cancel. */
const isDeed = (request: Request): boolean =>
  request.do === 'cancel' ||
  (isForOperators(request) && !('what' in request && (request.what === 'list' || request.what === 'show')))

/** Under the command's id: once, however often it is tried. */
const writeDown = (
  { store, clock }: Wired,
  { id, sender, line, series }: Command,
  came: Act,
): Promise<void> =>
  store.addAudit({
    ...{
      id: `command-${id}`,
      at: clock.now(),
      who: sender,
      by: 'mail',
      what: 'command',
      reason: oneLine(line, 200),
    },
    about: series === undefined ? '' : `series ${series}`,
    came: came.how === 'done' ? '' : `no: ${oneLine(came.what, 300)}`,
  })

/** What came of a command: its part of the answer, and the state with it. */
type Came = { command: Command; said: Said | undefined }

/** The answer to its mail, if it was the last that was to be done; else what it says is kept with it until then. */
const heard = async (
  wired: Wired,
  given: Case,
  { command, said }: Came,
): Promise<{ saved: Command; reply: Reply | undefined }> => {
  const { mail: id, project } = command
  const others = (await wired.store.commands({ mail: id, project })).filter(one => one.id !== command.id)
  const kept =
    said === undefined ? command : { ...command, state: { ...command.state, said } as Command['state'] }
  if (others.some(({ state }) => state.at === 'received')) return { saved: kept, reply: undefined }
  const parts = [...partsIn(others), ...(said === undefined ? [] : [{ command, said }])]
  const { mail, series, proof } = given
  return {
    saved: command,
    reply: await answerMail(wired, { mail, series, proof, project: projectOf(wired, given), parts }),
  }
}

const partsIn = (commands: Command[]): Part[] =>
  commands.flatMap(command => {
    const said = 'said' in command.state ? command.state.said : undefined
    return said === undefined ? [] : [{ command, said }]
  })

/** Saves what came of a command, with what it changed, and with the answer if it is time for that; and queues what follows. */
const settle = async (wired: Wired, given: Case, came: Act): Promise<void> => {
  const { command, series } = given
  const { store, clock, queue, log } = wired
  const answer = {
    ...given,
    project: projectOf(wired, given),
    as: came.how,
    template: came.template,
    variables: came.variables,
  }
  const isSilent = came.silent || !(await isReachable(wired, given))
  const said = isSilent ? undefined : await partOf(wired, answer)
  const event =
    came.how === 'done'
      ? ({ on: 'acted', what: came.what } as const)
      : ({ on: 'denied', why: came.what } as const)
  const state = withoutPart(nextCommand(command.state, event, clock.now()))
  const round = came.save?.round ?? series?.round ?? 0
  const ended: Command = { ...command, series: series?.id, round, state }
  const { saved, reply } = await heard(wired, given, { command: ended, said })
  if (!(await store.moveCommand(saved, command.state.at, { reply, series: came.save }))) return
  if (isDeed(command.request)) await writeDown(wired, saved, came)
  log('info', `${command.line} (${command.sender}): ${state.at}, ${came.what}`, {
    ...{ mail: command.mail, series: command.series },
  })
  await came.after?.()
  if (reply?.state.at === 'pending') await queue.push(pushes.reply(reply.id, 0))
}

/** What was asked is no part of what came of it. */
const withoutPart = (state: Command['state']): Command['state'] => {
  if (!('said' in state)) return state
  const { said: _, ...rest } = state
  return rest
}

/** Asks whoever reads the sender's mailbox whether it was him. */
const ask = async (wired: Wired, given: Case): Promise<void> => {
  const { command, series } = given
  const { store, clock, queue } = wired
  const token = newToken(command)
  const state = nextCommand(command.state, { on: 'asked', token: sha256(token) }, clock.now())
  const said = await partOf(wired, {
    ...given,
    project: projectOf(wired, given),
    as: 'confirm',
    template: 'answer-confirm',
    variables: {
      token,
      hours: confirmWithinMs / 3_600_000,
      title: series?.title ?? '',
      version: series?.version ?? 1,
    },
  })
  const waiting: Command = { ...command, series: series?.id, state }
  const { saved, reply } = await heard(wired, given, { command: waiting, said })
  // Who cannot be asked cannot confirm.
  if (said === undefined || reply?.state.at === 'failed') {
    if (said && reply) await store.addReply(reply)
    return settle(wired, given, { ...deny('its sender could not be asked'), silent: true })
  }
  if ((await store.moveCommand(saved, 'received', { reply })) && reply)
    await queue.push(pushes.reply(reply.id, 0))
}

/** The command that a token confirms; undefined: there is none, or not any more. */
const confirmedBy = async ({ store }: Wired, token: string): Promise<Command | undefined> => {
  const waiting = await store.commands({ at: 'waiting' })
  return waiting.find(({ state }) => state.at === 'waiting' && state.token === sha256(token))
}

/** `given.tracked`: of what it confirms. */
const confirm = async (wired: Wired, given: Case, token: string): Promise<void> => {
  const command = await confirmedBy(wired, token)
  const mail = command && (await wired.store.mail(command.mail, command.project))
  if (!command || !mail)
    return settle(wired, given, deny('Nothing waits for that confirmation: it was given, or it is too late.'))
  const then = { ...(await caseOf(wired, mail, command)), tracked: given.tracked }
  if (nextCommand(command.state, { on: 'looked' }, wired.clock.now()).at === 'expired') {
    await expire(wired, command)
    return settle(wired, given, deny('It is too late: that confirmation was asked for two days ago.'))
  }
  // The rules may have changed since.
  await decide(wired, then, true)
  const silent = { how: 'done' as const, what: `confirmed ${command.line}`, silent: true }
  await settle(wired, given, { ...silent, template: '', variables: {} })
}

const permission = (wired: Wired, given: Case) => {
  const { request, sender } = given.command
  const { operators } = wired.config
  return permit({ request, sender, series: given.series, rules: rulesOf(wired, given), operators })
}

/** `sure`: its sender confirmed it. */
const decide = async (wired: Wired, given: Case, sure: boolean): Promise<void> => {
  const { command, mail, proof } = given
  const { request } = command
  const allowed = permission(wired, given)
  if (!allowed.may) return settle(wired, given, forbidden(allowed.who, request))
  const now = wired.clock.now()
  if (needsProof(request) && !sure && !(proof && isProven({ mail, proof, command, now })))
    return ask(wired, given)
  await settle(wired, given, await act(wired, { ...given, noSuchBase: given.noSuchBase }))
}

const expire = async ({ store, clock }: Wired, command: Command): Promise<void> => {
  const state = nextCommand(command.state, { on: 'looked' }, clock.now())
  if (state.at === 'expired') await store.moveCommand({ ...command, state }, 'waiting')
}

const caseOf = async (wired: Wired, mail: Mail, command: Command): Promise<Case> => {
  const { store, blobs, mailAuth } = wired
  const inThread = (await threadOf(store, mail)).series
  const series = await aboutOf(wired, command, inThread)
  const asks = needsProof(command.request) || (mail.parsed?.replyTo.length ?? 0) > 0
  const proof = asks ? await mailAuth.verify(await blobs.get(mail.id)) : undefined
  return { command, mail, series, proof }
}

/** The bug that a command, or what it confirms, is about. Asks the tracker: never call it in turn. */
const trackedBy = async (wired: Wired, given: Case): Promise<Tracked | undefined> => {
  const { request } = given.command
  if (request.do !== 'confirm') return trackedBug(wired, given)
  const command = await confirmedBy(wired, request.token)
  const mail = command && (await wired.store.mail(command.mail, command.project))
  return command && mail ? trackedBug(wired, await caseOf(wired, mail, command)) : undefined
}

const handle = async (wired: Wired, mail: Mail, command: Command): Promise<void> => {
  if (command.state.at === 'waiting') return expire(wired, command)
  if (command.state.at !== 'received') return
  // The DNS and the upstream are asked before it is anybody's turn.
  const early = await caseOf(wired, mail, command)
  const { may } = permission(wired, early)
  const noSuchBase = may ? await missingBase(wired, command.request, early.series?.project) : undefined
  const tracked = may ? await trackedBy(wired, early) : undefined
  await wired.inTurn(async () => {
    const given = { ...(await caseOf(wired, mail, command)), noSuchBase, tracked }
    if (command.request.do === 'confirm') await confirm(wired, given, command.request.token)
    else await decide(wired, given, false)
  })
}

/** The same mail by another way, with a signature that no list has broken: what waits for its sender's word need not wait any more. */
const proveWaiting = async (wired: Wired, mail: Mail): Promise<void> => {
  const { store, blobs, mailAuth, clock } = wired
  const ids = (await commandsIn(wired)(mail)).map(({ id }) => id)
  const waiting = (await store.commands({ at: 'waiting' })).filter(
    one => ids.includes(one.id) && one.mail !== mail.id,
  )
  if (waiting.length === 0) return
  const proof = await mailAuth.verify(await blobs.get(mail.id))
  for (const command of waiting) {
    if (!isProven({ mail, proof, command, now: clock.now() })) continue
    const tracked = await trackedBug(wired, await caseOf(wired, mail, command))
    await wired.inTurn(async () => decide(wired, { ...(await caseOf(wired, mail, command)), tracked }, true))
  }
}

/** A bug that a mail provokes must not keep it, and those behind it, coming back for ever. */
const setAside = async ({ store, clock }: Wired, command: Command, error: unknown): Promise<void> => {
  const state = nextCommand(
    command.state,
    { on: 'denied', why: `a bug of ours: ${String(error)}` },
    clock.now(),
  )
  await store.moveCommand({ ...command, state }, command.state.at)
}

/** What was done is answered though another command of the mail could not be done yet. */
const answerDone = async (wired: Wired, mail: Mail, commands: Command[]): Promise<void> => {
  const parts = partsIn(commands)
  const [first] = parts
  if (first === undefined) return
  const given = await caseOf(wired, mail, first.command)
  const { series, proof } = given
  const reply = await answerMail(wired, { mail, series, proof, project: projectOf(wired, given), parts })
  if (reply && (await wired.store.addReply(reply)) && reply.state.at === 'pending')
    await wired.queue.push(pushes.reply(reply.id, 0))
}

/** Does a mail's commands, in order, and answers all of them at once; one that fails holds back none of the others. Repeatable: what is
 *  done is not done again, and what was said not said again. Nothing happens before the mail has its place. Throws the first error there
 *  was, after all else was done. */
export const runCommands = async (wired: Wired, project: string, mailId: string): Promise<void> => {
  const { store } = wired
  const mail = await store.mail(mailId, project)
  if (mail === undefined || mail.disposition.kind === 'new') return
  const errors: unknown[] = []
  const all = () => store.commands({ mail: mailId, project })
  for (const command of await all())
    await handle(wired, mail, command).catch(async error => {
      errors.push(error)
      if (error instanceof Fault) return
      await wired.inTurn(async () => answerDone(wired, mail, await all()))
      await setAside(wired, command, error)
    })
  if (errors.length > 0) {
    await wired.inTurn(async () => answerDone(wired, mail, await all()))
    throw errors[0]
  }
  await proveWaiting(wired, mail)
}
