// A Bugzilla behind the port Tracker. REST of 5.0, 5.2 and 5.3; what differs between them is found out, not configured.
import type { BugzillaConfig } from '../../config/config.ts'
import type { BugComment, BugUrl } from '../../model/bug.ts'
import { Fault } from '../../model/fault.ts'
import type { Bugs, BugWord, Tracker } from '../../ports/bugs.ts'
import type { Clock } from '../../ports/clock.ts'
import { bugAddress, idOfAddress, idOfName } from './address.ts'
import { openAliases } from './aliases.ts'
import { groupNamesAnswer, type RawBug, statusesAnswer, toBug } from './answers.ts'
import { openNames, publicComments, publicCommentsOf } from './comments.ts'
import { isGone, Refusal } from './fault.ts'
import type { Rate } from './limit.ts'
import { openMarks } from './marks.ts'
import { openSession, type Session } from './session.ts'
import { sweepBugs } from './sweep.ts'
import { createBug, rawBug, writeTo } from './write.ts'

export type BugzillaOptions = {
  clock: Clock
  /** How fast it is read. Default: two requests a second, sixty at once. */
  rate?: Rate
  /** Bugs of one page of a sweep. */
  pageSize?: number
}

const calm: Rate = { perMinute: 120, burst: 60 }

const unlessGone = async <T>(act: () => Promise<T>): Promise<T | undefined> => {
  try {
    return await act()
  } catch (error) {
    if (isGone(error)) return undefined
    throw error
  }
}

/** Lets one act per key go on at a time, in order. */
const queues = () => {
  const last = new Map<string, Promise<unknown>>()
  return <T>(key: string, act: () => Promise<T>): Promise<T> => {
    const mine = (last.get(key) ?? Promise.resolve()).then(act, act)
    last.set(key, mine)
    const forget = () => {
      if (last.get(key) === mine) last.delete(key)
    }
    mine.then(forget, forget)
    return mine
  }
}

const wordOf = ({ is_open, resolution }: RawBug): BugWord => {
  if (is_open) return { is: 'open' }
  return { is: resolution === 'FIXED' ? 'fixed' : 'closed' }
}

const reopenNames = ['REOPENED', 'CONFIRMED', 'NEW', 'UNCONFIRMED']

/** Sites have workflows of their own: an open status that leads on from this one. */
const statusToReopen = async ({ ask, config }: Session, bug: RawBug): Promise<string> => {
  const asked = { method: 'GET', path: 'field/bug/bug_status', answer: statusesAnswer } as const
  const values = (await ask(asked)).value.fields.flatMap(field => field.values)
  const open = new Set(values.filter(value => value.is_open).map(({ name }) => name))
  const ways = values.find(({ name }) => name === bug.status)?.can_change_to ?? []
  const names = ways.map(({ name }) => name).filter(name => open.has(name))
  const chosen = reopenNames.find(name => names.includes(name)) ?? names[0]
  if (chosen === undefined)
    throw new Refusal(0, 'never', `${config.name}: bug ${bug.id} cannot be opened again from ${bug.status}`)
  return chosen
}

const isEditor = async ({ ask, config }: Session): Promise<boolean> => {
  const query = { names: config.login, include_fields: 'groups' }
  const { value } = await ask({ method: 'GET', path: 'user', query, answer: groupNamesAnswer })
  return value.users.some(({ groups }) => groups.some(({ name }) => name === 'editbugs'))
}

const probeOf = async (session: Session) => {
  const { url, login, name } = session.config
  const version = await session.version()
  const way = await session.prove()
  const warnings: string[] = []
  if (Number.parseFloat(version) < 5)
    warnings.push(`version ${version} is older than 5.0, the oldest that is known to work`)
  if (way === 'query')
    warnings.push(
      `version ${version} takes the key only in addresses when it is read: let nobody read the logs of its web server`,
    )
  if (url.startsWith('http:')) warnings.push('it is not reached by https: others on the way can read the key')
  if (!(await isEditor(session)))
    warnings.push(
      `${login} is not in the group editbugs of ${name}: it can comment, but change no status or keyword of others' bugs`,
    )
  return { version, login, warnings }
}

/** So many bugs are peeked at together: a long answer is no better than two. */
const peekedAtOnce = 10

const peekAt = async (
  session: Session,
  { bugs, idOf }: { bugs: BugUrl[]; idOf: (bug: BugUrl) => number },
): Promise<Map<BugUrl, BugComment[] | 'gone'>> => {
  if (session.isFresh()) return new Map()
  const some = bugs.slice(0, peekedAtOnce)
  const asked = { ids: some.map(idOf), base: session.config.url }
  const found = await publicCommentsOf(session, asked).catch(error => {
    if (!isGone(error)) throw error
    // One was hidden between the two requests.
    return new Map(asked.ids.slice(0, 1).map(id => [id, 'gone' as const]))
  })
  return new Map(
    some.flatMap(bug => {
      const seen = found.get(idOf(bug))
      return seen === undefined ? [] : [[bug, seen] as const]
    }),
  )
}

/** Nothing is asked until it is used. Addresses that are not its own are a Fault: refused, never. */
export const bugzillaTracker = (
  config: BugzillaConfig,
  { clock, rate = calm, pageSize = 500 }: BugzillaOptions,
): Tracker & { close(): Promise<void> } => {
  const session = openSession(config, { clock, rate })
  const names = openNames(session)
  const aliases = openAliases(session)
  const marks = openMarks(session)
  const inTurn = queues()
  const idOf = (bug: string): number => {
    const id = idOfAddress(config.url, bug)
    if (id === undefined)
      throw new Fault('refused', 'never', `${config.name} has no bug ${bug.slice(0, 200)}`)
    return id
  }
  const reopen: Bugs['reopen'] = async (bug, { text, mark }) =>
    inTurn(bugAddress(config.url, idOf(bug)), async () => {
      const id = idOf(bug)
      const raw = await rawBug(session, id)
      const change = raw.is_open
        ? undefined
        : { from: [raw.status], status: await statusToReopen(session, raw) }
      await writeTo(session, marks, { id, mark, text, link: undefined, change })
    })
  return {
    name: config.name,
    owns: bug => idOfAddress(config.url, bug) !== undefined,
    addressOf(name) {
      const id = idOfName(config.url, name) ?? aliases.idOf(name)
      return id === undefined ? undefined : bugAddress(config.url, id)
    },
    learn: aliases.learn,
    commentUrl: (bug, { number }) => `${bugAddress(config.url, idOf(bug))}#c${number}`,
    probe: () => probeOf(session),
    look: async bug =>
      (await unlessGone(async () => wordOf(await rawBug(session, idOf(bug))))) ?? { is: 'gone' },
    reopen,
    bug: bug => unlessGone(async () => toBug(config.url, await rawBug(session, idOf(bug)))),
    comments: async (bug, since) =>
      publicComments(session, names, { id: idOf(bug), base: config.url, since }),
    peek: bugs => peekAt(session, { bugs, idOf }),
    sweep: (cursor, { products }) => sweepBugs(session, { cursor, products, pageSize }),
    write: async (bug, writing) => {
      const id = idOf(bug)
      return inTurn(bugAddress(config.url, id), () => writeTo(session, marks, { ...writing, id }))
    },
    create: async (draft, mark) =>
      bugAddress(config.url, await inTurn('create', () => createBug(session, draft, mark))),
    close: session.close,
  }
}
