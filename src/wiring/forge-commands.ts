// What people ask for on GitHub: `/grapevine …` in comments on pull requests, and the button "Re-run" of a check. A webhook only names the
// comment, which is read then; a slow sweep finds the comments whose webhook was lost.
import { type Command, maxCommands, nextCommand, type Request } from '../model/command.ts'
import { Fault } from '../model/fault.ts'
import type { ForgeEvent, Pull, PullRef, Repository } from '../model/forge.ts'
import type { Instant, Millis } from '../model/instant.ts'
import type { Series } from '../model/series.ts'
import type { PullComment } from '../ports/forge.ts'
import { helpText, refusalText, statusText } from '../stages/forge-show/answer.ts'
import { isForComments, isMaintainer, permitComment } from '../stages/forge-show/permit.ts'
import { findCommands, mayCommand, usages } from '../text/command.ts'
import { contentId } from '../text/digest.ts'
import { code } from '../text/markdown.ts'
import {
  type Act,
  deny,
  done,
  firstWish,
  leaveAlone,
  letGo,
  missingBase,
  testAgain,
} from './command-series.ts'
import { projectOf, takePull } from './forge-pull.ts'
import { commandMail, forgeView } from './forge-view.ts'
import type { Wired } from './wire.ts'

/** Lost with the process, at no harm. */
export type ForgeCommandMemory = {
  /** When comments were looked through. */
  lookedAt: Map<Repository, Instant>
  /** Events and repositories that failed: why, and until when they are not asked for again. */
  failed: Map<string, { error: Fault; until: Instant }>
}

export const forgeCommandMemory = (): ForgeCommandMemory => ({ lookedAt: new Map(), failed: new Map() })

const lookEveryMs: Millis = 10 * 60_000
/** Of a comment that was written a moment before the look the forge may not tell yet. */
const overlapMs: Millis = 5 * 60_000
/** What was asked for before that nobody waits for any more. */
const oldestMs: Millis = 24 * 3_600_000
const maxEvents = 200
/** Who is away, or has had enough of us, is not asked every two seconds. */
const againMs: Millis = 60_000

/** The answer as it is kept with the command; undefined: none but the reaction. */
type Did = Act & { words?: string }

type Asked = {
  request: Request
  line: string
  /** Names the comment or the button, for the command's id. */
  of: string
  at: Instant
  by: string
  pull: Pull
  /** undefined: nothing of it is tested yet. */
  series: Series | undefined
}

const commandOf = ({ request, line, of, at, by, pull, series }: Asked): Command => ({
  id: `c${contentId(15, pull.repository, of, by.toLowerCase(), request)}`,
  ...{ project: pull.project, mail: commandMail(pull), messageId: undefined },
  ...{ position: 1, sender: `github:${by.toLowerCase()}`, line, request, series: series?.id },
  ...{ createdAt: at, state: { at: 'received' } },
})

const refused = (why: string, list?: string[]): Did => ({ ...deny(why, list), words: refusalText(why, list) })

/** What the words of command-series.ts quote is somebody else's. */
const withQuotes = (words: string): string => words.replace(/"([^"]{0,200})"/g, (_, word) => code(word))

/** In the words of command-series.ts, which speaks of mails and threads in no refusal that can come here. */
const withWords = (act: Act): Did => {
  if (act.how === 'done') return act
  const { list } = act.variables as { list?: string[] }
  return { ...act, words: refusalText(withQuotes(act.what), list) }
}

const helped = (): Did => {
  const { test, retest, cancel, status, help } = usages
  return {
    ...done('was helped', { kind: 'help' }),
    words: helpText([test, retest, cancel, status, help, '/grapevine release']),
  }
}

const act = async (
  wired: Wired,
  { request, by, series }: Asked & { series: Series },
  noSuchBase: string | undefined,
): Promise<Did> => {
  switch (request.do) {
    case 'test':
    case 'retest':
      return withWords(await testAgain(wired, series, { request, noSuchBase }))
    case 'cancel':
      return withWords(await leaveAlone(wired, series, { by: `${by} on GitHub`, why: 'asked for on GitHub' }))
    case 'release':
      return request.series === undefined || request.series === series.id
        ? withWords(await letGo(wired, series))
        : refused('Only the pull request that the comment is on can be released here.')
    case 'status':
      return { ...done('was told', { kind: 'status' }), words: statusText(await forgeView(wired, series)) }
    case 'help':
      return helped()
    case 'unknown':
      return refused(`I do not understand this: ${code(request.why)}. Perhaps you mean:`, [request.nearest])
    case 'too-many':
      return refused(`${request.more} more stand in that comment; I do ${maxCommands} of them.`)
    default:
      return refused('That cannot be asked for in a comment; the operators do it by mail, or on the pages.')
  }
}

/** What came of it, if it was done already; of an older head, too. */
const stateOf = async ({ store }: Wired, { id, mail }: Command): Promise<Command['state'] | undefined> => {
  const state = (await store.commands({ mail })).find(one => one.id === id)?.state
  return state?.at === 'received' ? undefined : state
}

/** Does it, once; undefined: it was done before. `mayNot`: why they may not; asked for only where that matters. */
const perform = async (
  wired: Wired,
  asked: Asked,
  mayNot: () => Promise<string | undefined>,
): Promise<Command['state'] | undefined> => {
  const { store } = wired
  const command = commandOf(asked)
  if (await stateOf(wired, command)) return undefined
  const why = await mayNot()
  // The upstream is asked before it is anybody's turn.
  const { project } = asked.pull
  const noSuchBase = why === undefined ? await missingBase(wired, asked.request, project) : undefined
  await store.addCommands([command])
  const end = (did: Did, series: string | undefined) => endCommand(wired, asked, { ...command, series }, did)
  if (why !== undefined) return end(refused(why), asked.series?.id)
  // A draft, or one that was there long before we were: now it is tested. That takes its turn by itself.
  if (asked.series === undefined) return end(...(await begun(wired, asked, noSuchBase)))
  const { id } = asked.series
  return wired.inTurn(async () => {
    const series = (await store.series(id)) ?? asked.series
    return series && end(await act(wired, { ...asked, series }, noSuchBase), id)
  })
}

/** What can be asked for of a pull request of which nothing is tested yet. */
const begun = async (
  wired: Wired,
  { request, pull }: Asked,
  noSuchBase: string | undefined,
): Promise<[Did, string | undefined]> => {
  if (request.do === 'help') return [helped(), undefined]
  if (request.do !== 'test' && request.do !== 'retest')
    return [refused('Nothing of this pull request is tested.'), undefined]
  const first = firstWish(wired, pull.project, { request, noSuchBase })
  if ('refused' in first) return [withWords(first.refused), undefined]
  const { what, why, series } = await takePull(wired, pull, { asked: true, wish: first.wish })
  if (what === 'tested' || what === 'resumed') return [done('is tested', { kind: 'test' }), series]
  return [refused(`It cannot be tested${why === undefined ? '' : `: ${code(why, 300)}`}.`), series]
}

/** undefined: somebody else did it at the same moment. */
const endCommand = async (
  wired: Wired,
  { by, line }: Asked,
  command: Command,
  did: Did,
): Promise<Command['state'] | undefined> => {
  const { store, clock, log } = wired
  const words = did.words ?? did.what
  const event =
    did.how === 'done' ? { on: 'acted' as const, what: words } : { on: 'denied' as const, why: words }
  const state = nextCommand(command.state, event, clock.now())
  const round = did.save?.round
  const saved = { ...command, ...(round === undefined ? {} : { round }), state }
  if (!(await store.moveCommand(saved, 'received', { series: did.save }))) return undefined
  await did.after?.()
  log('info', `${by} on GitHub: ${line}: ${state.at}`, { series: command.series })
  return state
}

const targetOf = async (
  wired: Wired,
  ref: PullRef,
): Promise<{ pull: Pull; series: Series | undefined } | undefined> => {
  const { store } = wired
  const known = await store.pull(ref)
  // The comment may come before the word of the pull request itself.
  if (known === undefined) await takePull(wired, ref)
  const pull = known ?? (await store.pull(ref))
  return pull && { pull, series: pull.series === undefined ? undefined : await store.series(pull.series) }
}

/** Why they may not; undefined: they may. */
const hindrance = async (
  wired: Wired,
  { pull, comment, request }: { pull: Pull; comment: PullComment; request: Request },
): Promise<string | undefined> => {
  if (!isForComments(request)) return undefined
  const permission = (await wired.forge?.permission(pull.repository, comment.by.login)) ?? 'none'
  const isAuthor = comment.by.login.toLowerCase() === pull.author.login.toLowerCase()
  const rules = wired.project(pull.project).trust.commands
  const allowed = permitComment({ request, permission, isAuthor, rules })
  return allowed.may ? undefined : `Only ${allowed.who} may do that.`
}

/** Shows that it was heard. */
const react = async (
  { forge }: Wired,
  { repository, comment }: { repository: Repository; comment: number },
  states: Command['state'][],
): Promise<void> => {
  const how = states.some(({ at }) => at === 'refused') ? 'confused' : '+1'
  // Only a sign: nobody waits for it, and nothing is done twice for it.
  await forge?.react(repository, comment, how).catch(error => {
    if (!(error instanceof Fault)) throw error
  })
}

/** Does the commands of a comment, each once. Returns what came of it, in a line. Throws Faults of the store and the forge. */
export const runComment = async (
  wired: Wired,
  repository: Repository,
  comment: PullComment,
): Promise<string> => {
  const { clock } = wired
  if (comment.by.isBot || !mayCommand(comment.text)) return 'no command in it'
  if (clock.now() - comment.changedAt > oldestMs) return 'too old'
  const found = findCommands(comment.text)
  if (found.length === 0) return 'no command in it'
  const target = await targetOf(wired, { repository, number: comment.number })
  if (target === undefined) return 'of no pull request that is tested'
  const more = found.length - maxCommands
  const requests = [
    ...found.slice(0, maxCommands),
    ...(more > 0 ? [{ line: '', request: { do: 'too-many' as const, more } }] : []),
  ]
  const states: Command['state'][] = []
  for (const { line, request } of requests) {
    const { login: by } = comment.by
    const asked = { request, line, of: `comment ${comment.id}`, at: comment.changedAt, by, ...target }
    const state = await perform(wired, asked, () => hindrance(wired, { pull: target.pull, comment, request }))
    if (state) states.push(state)
  }
  if (states.length === 0) return 'done before'
  await react(wired, { repository, comment: comment.id }, states)
  return states.map(({ at }) => at).join(', ')
}

/** `grapevine/debian` is of the image `debian`; all else asks for everything. */
const rerunRequest = (check: string | undefined, images: readonly string[]): Request => {
  const image = check?.split('/').at(-1)?.toLowerCase()
  const one = images.find(name => name.toLowerCase() === image)
  return one === undefined ? { do: 'retest' } : { do: 'test', images: [one.toLowerCase()] }
}

type Rerun = Extract<ForgeEvent['what'], { kind: 'rerun' }>

const pullWithHead = async ({ store }: Wired, repository: Repository, head: string) =>
  (await store.pulls({ repository })).find(pull => pull.head === head)

/** Only who may write to the repository has that button (https://docs.github.com/rest/checks). */
const runRerun = async (wired: Wired, event: ForgeEvent, what: Rerun): Promise<string> => {
  const pull = await pullWithHead(wired, event.repository, what.head)
  const target = pull && (await targetOf(wired, pull))
  if (target?.series === undefined) return 'of no pull request that is tested'
  const { images } = wired.project(target.pull.project).recipe.test
  const request = rerunRequest(what.check, images)
  const line = `Re-run${what.check === undefined ? '' : ` of ${what.check}`}`
  const asked = { request, line, of: `event ${event.id}`, at: event.receivedAt, by: what.by, ...target }
  const mayNot = async () => {
    const permission = (await wired.forge?.permission(event.repository, what.by)) ?? 'none'
    return isMaintainer(permission) ? undefined : 'Only whoever may write to this repository may do that.'
  }
  return (await perform(wired, asked, mayNot))?.at ?? 'done before'
}

/** What came of it, in a line. */
const heard = async (wired: Wired, event: ForgeEvent): Promise<string> => {
  const { what } = event
  const repository = projectOf(wired, event.repository)?.github?.pulls
  // The App may be installed where nothing is tested.
  if (repository === undefined) return 'it is of no project'
  if (what.kind === 'rerun') return runRerun(wired, { ...event, repository }, what)
  const read = what.kind === 'comment' ? await wired.forge?.comment(repository, what.comment) : undefined
  return read ? runComment(wired, repository, read) : 'the comment is gone'
}

const runEvent = async (wired: Wired, event: ForgeEvent): Promise<void> => {
  if (event.what.kind !== 'comment' && event.what.kind !== 'rerun') return
  const how = await heard(wired, event).catch(error => {
    if (error instanceof Fault && error.retry === 'never') return error.message
    throw error
  })
  await wired.store.endForgeEvent(event.id, { at: 'done', when: wired.clock.now(), how })
}

const lookThrough = async (
  wired: Wired,
  { lookedAt }: ForgeCommandMemory,
  repository: Repository,
): Promise<void> => {
  const now = wired.clock.now()
  const last = lookedAt.get(repository)
  if (last !== undefined && now - last < lookEveryMs) return
  const since = last === undefined ? now - oldestMs : last - overlapMs
  for (const comment of (await wired.forge?.commentsSince(repository, since)) ?? [])
    await runComment(wired, repository, comment)
  lookedAt.set(repository, now)
}

/** Whoever asks a bot that does not answer asks somebody else. */
const leaveUndone = async ({ store, clock }: Wired): Promise<void> => {
  for (const { id, what } of await store.forgeEvents(maxEvents))
    if (what.kind === 'comment' || what.kind === 'rerun')
      await store.endForgeEvent(id, { at: 'done', when: clock.now(), how: 'mail.live is off' })
}

/** Does what was asked for. Repeatable: each command is done once, whatever told of it. What fails holds up nothing else of the round. Throws
 *  the first Fault there was, of the store or the forge, after all else was done. */
export const tendForgeCommands = async (wired: Wired, memory: ForgeCommandMemory): Promise<void> => {
  const { store, forge, config } = wired
  if (forge === undefined) return
  if (!config.mail.live) return leaveUndone(wired)
  const errors: Fault[] = []
  const attempt = async (what: string, act: () => Promise<void>) => {
    const before = memory.failed.get(what)
    // Said again, as it is not over.
    if (before && wired.clock.now() < before.until) return void errors.push(before.error)
    memory.failed.delete(what)
    await act().catch(error => {
      if (!(error instanceof Fault)) throw error
      memory.failed.set(what, { error, until: wired.clock.now() + againMs })
      errors.push(error)
    })
  }
  for (const event of await store.forgeEvents(maxEvents))
    await attempt(event.id, () => runEvent(wired, event))
  for (const { github } of config.projects) {
    const repository = github?.pulls
    if (repository !== undefined)
      await attempt(`all of ${repository}`, () => lookThrough(wired, memory, repository))
  }
  if (errors[0]) throw errors[0]
}
