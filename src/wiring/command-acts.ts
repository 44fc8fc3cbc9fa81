// What each command does. Effects can be repeated; the state that tells of them is saved after them, or together with them.

import { type Command, isForOperators, type Request } from '../model/command.ts'
import { botProject, type Mail } from '../model/mail.ts'
import type { Series } from '../model/series.ts'
import { isOperator } from '../stages/command/permit.ts'
import { pushes } from '../stages/upkeep/sweep.ts'
import { oneLine } from '../text/clean.ts'
import { incidentUsages, knownUsages, usages } from '../text/command.ts'
import { contentId } from '../text/digest.ts'
import { heldByMail } from '../text/stop.ts'
import { writeLetter } from './command-answer.ts'
import { incidents } from './command-incident.ts'
import { known } from './command-known.ts'
import { type Act, deny, done, leaveAlone, letGo, noSeries, standing, testAgain } from './command-series.ts'
import { type Tracked, track, untrack } from './command-track.ts'
import type { Wired } from './wire.ts'

export type ActInput = {
  command: Command
  mail: Mail
  series: Series | undefined
  /** The base that it names, and that is nowhere. */
  noSuchBase: string | undefined
  /** The bug that it is about, as it is at its tracker. */
  tracked?: Tracked | undefined
}

const hold = async (wired: Wired, on: { kind: 'queue' } | { kind: 'host'; name: string }, by: string) => {
  await wired.store.setHold({
    on,
    how: 'drain',
    reason: heldByMail,
    by,
    since: wired.clock.now(),
    until: undefined,
  })
}

const wakeHosts = (wired: Wired) => ({ after: () => wired.queue.wake() })

const withHost = async (wired: Wired, name: string, act: (host: string) => Promise<Act>): Promise<Act> => {
  const hosts = await wired.store.hosts()
  const held = (await wired.store.holds()).flatMap(({ on }) => (on.kind === 'host' ? [on.name] : []))
  const names = [...new Set([...hosts.map(host => host.name), ...held])]
  const host = names.find(one => one.toLowerCase() === name.toLowerCase())
  if (host !== undefined) return act(host)
  const known = names.length > 0 ? 'These I know:' : 'I know none yet.'
  return deny(`I know no host "${oneLine(name, 60)}". ${known}`, names)
}

const pause = async (wired: Wired, { command }: ActInput): Promise<Act> => {
  await hold(wired, { kind: 'queue' }, command.sender)
  return { ...done('the queue is paused', { kind: 'pause' }), ...wakeHosts(wired) }
}

const resume = async (wired: Wired, host: string | undefined): Promise<Act> => {
  if (host !== undefined)
    return withHost(wired, host, async name => {
      await wired.store.endHold({ kind: 'host', name })
      return { ...done(`host ${name} takes work again`, { kind: 'resume', name }), ...wakeHosts(wired) }
    })
  await wired.store.endHold({ kind: 'queue' })
  return { ...done('the queue is open', { kind: 'resume' }), ...wakeHosts(wired) }
}

const drain = (wired: Wired, { command }: ActInput, host: string): Promise<Act> =>
  withHost(wired, host, async name => {
    await hold(wired, { kind: 'host', name }, command.sender)
    return { ...done(`host ${name} is drained`, { kind: 'drain', name }), ...wakeHosts(wired) }
  })

/** The list hears an operator's words, with whose they are. */
const notice = async (wired: Wired, { command, mail, series }: ActInput, text: string): Promise<Act> => {
  const { projects } = wired.config
  const named = series?.project ?? (mail.project === botProject ? undefined : mail.project)
  const project =
    named === undefined ? (projects.length === 1 ? projects[0] : undefined) : wired.project(named)
  if (!project)
    return deny(
      'There is more than one list. Write the command in a mail to the list that shall hear it, with me in Cc.',
    )
  const by = mail.parsed?.author?.name || command.sender
  const letter = writeLetter(wired, {
    id: `n${contentId(23, command.id)}`,
    kind: 'alert',
    to: [project.list],
    project: project.name,
    series: undefined,
    under: undefined,
    subject: `Notice: ${oneLine(text, 60)}`,
    auto: 'auto-generated',
    template: 'notice-operator',
    variables: { text: oneLine(text, 600), by: oneLine(by, 80) },
  })
  await wired.store.addReply(letter)
  await wired.queue.push(pushes.reply(letter.id, 0))
  return done('the list hears it', { kind: 'notice', name: project.list.address })
}

const unsubscribe = async ({ store, clock }: Wired, { command }: ActInput): Promise<Act> => {
  const detail = 'asked for by mail'
  await store.silenceAddress(command.sender, {
    since: clock.now(),
    until: undefined,
    why: 'unsubscribed',
    detail,
  })
  // Whoever wants no mail gets none, not even about that.
  return { ...done('gets no mail any more', { kind: 'unsubscribe' }), silent: true }
}

const subscribe = async ({ store }: Wired, { command }: ActInput): Promise<Act> => {
  await store.forgetAddress(command.sender)
  return done('gets mail again', { kind: 'subscribe' })
}

const help = ({ config }: Wired, { command }: ActInput): Act => {
  const isOne = isOperator(config.operators, command.sender)
  const isSynced = config.projects.some(({ bugs }) => bugs?.sync !== undefined)
  const syncing = isSynced ? [usages.track, usages.untrack] : []
  return {
    how: 'done',
    what: 'was helped',
    template: 'answer-help',
    variables: {
      everybody: [usages.test, usages.retest, usages.cancel, usages.status, ...syncing, usages.unsubscribe],
      operators: isOne
        ? [
            ...[usages.pause, usages.resume, usages.drain, usages.release, usages.notice],
            ...Object.values(knownUsages),
            ...Object.values(incidentUsages),
          ]
        : [],
    },
  }
}

const unclear = (request: Extract<Request, { do: 'unknown' }>): Act => ({
  how: 'unknown',
  what: request.why,
  template: 'answer-unknown',
  variables: { why: oneLine(request.why, 120), nearest: oneLine(request.nearest, 120) },
})

const tooMany = (more: number): Act => ({
  how: 'unknown',
  what: `${more} more in one mail`,
  template: 'answer-too-many',
  variables: { more },
})

const onSeries = ({ series }: ActInput, act: (series: Series) => Promise<Act>): Promise<Act> =>
  series ? act(series) : Promise.resolve(noSeries)

/** Does what is asked for; who asks may do so, and it is sure who asks where that matters. Call it in turn. */
export const act = async (wired: Wired, given: ActInput): Promise<Act> => {
  const { request, sender } = given.command
  const isOne = isOperator(wired.config.operators, sender)
  switch (request.do) {
    case 'test':
    case 'retest':
      return onSeries(given, series =>
        testAgain(wired, series, { request, noSuchBase: given.noSuchBase, isOperator: isOne }),
      )
    case 'cancel':
      return onSeries(given, series => leaveAlone(wired, series, { by: sender }))
    case 'status':
      return onSeries(given, series => standing(wired, series, { sender, isOperator: isOne }))
    case 'release':
      return onSeries(given, series => letGo(wired, series))
    case 'pause':
      return pause(wired, given)
    case 'resume':
      return resume(wired, request.host)
    case 'drain':
      return drain(wired, given, request.host)
    case 'notice':
      return notice(wired, given, request.text)
    case 'subscribe':
      return subscribe(wired, given)
    case 'unsubscribe':
      return unsubscribe(wired, given)
    case 'track':
      return track(wired, given)
    case 'untrack':
      return untrack(wired, given)
    case 'known':
      return known(wired, request, sender)
    case 'incident':
      return incidents(wired, request, { by: sender, mail: given.mail })
    case 'help':
      return help(wired, given)
    case 'unknown':
      return unclear(request)
    case 'too-many':
      return tooMany(request.more)
    case 'confirm':
      throw new Error('a confirmation is done by the command that it confirms')
  }
}

/** Not allowed to the sender. */
export const forbidden = (who: string, request: Request): Act =>
  deny(
    isForOperators(request)
      ? 'Only the operators may do that.'
      : `Only ${who} may do that. I go by the address in From:.`,
  )
