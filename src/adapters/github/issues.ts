// GitHub's issues as a bug tracker: the same port as Bugzilla's.

import type { GithubTrackerConfig } from '../../config/config.ts'
import type { Bug, BugChange, BugComment, BugUrl } from '../../model/bug.ts'
import type { Instant, Millis } from '../../model/instant.ts'
import type { Tracker } from '../../ports/bugs.ts'
import type { Clock } from '../../ports/clock.ts'
import { oneLine } from '../../text/clean.ts'
import { sayDate } from '../../text/span.ts'
import {
  account,
  anything,
  type Comment,
  comment,
  comments,
  type Issue,
  issue,
  issues,
  type Repository,
  repository,
  toBug,
  toComment,
} from './answers.ts'
import { hasMark, toBody } from './body.ts'
import { stepsOf } from './change.ts'
import { orGone, Refusal } from './fault.ts'
import { type Http, openHttp } from './http.ts'
import { sweepIssues } from './sweep.ts'

const perPage = 100
/** Of one issue, or of issues that we made. */
const maxPages = 100
const madePages = 3
const maxTitle = 256
/** So long a repository that was public is believed to be so, where nothing is read out. */
const publicForMs: Millis = 600_000
/** Comments are listed by their last change, to the second, and some seconds late. */
const overlapMs: Millis = 120_000
const warnMs: Millis = 30 * 86_400_000

const tokenRemedy = 'May the token of trackers.….token still read that repository, and is its name right?'

/** Where people look: api.github.com is github.com's, HOST/api/v3 an own server's. */
export const siteOf = (api: string): string => {
  const url = new URL(api)
  return url.host === 'api.github.com' ? 'https://github.com' : url.origin
}

type Place = { site: string; repository: string; path: string }

const placeOf = ({ api, repository: name }: GithubTrackerConfig): Place => ({
  ...{ site: siteOf(api), repository: name },
  path: `/repos/${name.split('/').map(encodeURIComponent).join('/')}`,
})

const numberIn = (text: string | undefined): number | undefined =>
  text !== undefined && /^[1-9]\d{0,9}$/.test(text) ? Number(text) : undefined

const escapedForRegExp = (text: string): string => text.replace(/[^A-Za-z0-9]/g, '\\$&')

/** `7`, `#7`, `GH-7`, `owner/name#7`, or an address. */
const numberOf = ({ site, repository: name }: Place, given: string): number | undefined => {
  const short = given.trim()
  if (short.length > 2000) return undefined
  const own = escapedForRegExp(name)
  const host = escapedForRegExp(site.replace(/^https?:\/\//, ''))
  const form = new RegExp(`^(?:(?:#|GH-|${own}#)?|https?://${host}/${own}/issues/)(\\d+)(?:[/?#]\\S*)?$`, 'i')
  return numberIn(form.exec(short)?.[1])
}

const byNumber = () => {
  const last = new Map<number, Promise<unknown>>()
  /** What is done to one issue comes one after another. */
  return <T>(number: number, act: () => Promise<T>): Promise<T> => {
    const mine = (last.get(number) ?? Promise.resolve()).then(act, act)
    last.set(number, mine)
    const forget = () => {
      if (last.get(number) === mine) last.delete(number)
    }
    mine.then(forget, forget)
    return mine
  }
}

const rawIssue = async ({ ask }: Http, { path }: Place, number: number): Promise<Issue> => {
  const { value } = await ask({ method: 'GET', path: `${path}/issues/${number}`, answer: issue })
  if (value.pull_request === undefined) return value
  throw new Refusal(404, 'never', `#${number} is a pull request, and no issue`)
}

const rawComments = async ({ ask }: Http, { path }: Place, number: number): Promise<Comment[]> => {
  const all: Comment[] = []
  for (let page = 1; page <= maxPages; page++) {
    const query = { per_page: perPage, page }
    const asked = {
      method: 'GET',
      path: `${path}/issues/${number}/comments`,
      query,
      answer: comments,
    } as const
    const { value } = await ask(asked)
    all.push(...value)
    if (value.length < perPage) break
  }
  return all
}

const changeIssue = async (http: Http, { path }: Place, raw: Issue, change: BugChange): Promise<void> => {
  const steps = stepsOf(change, raw)
  if (steps === undefined) return
  const own = `${path}/issues/${raw.number}`
  if (steps.add.length > 0)
    await http.ask({ method: 'POST', path: `${own}/labels`, body: { labels: steps.add }, answer: anything })
  // One that is gone: somebody was quicker.
  for (const name of steps.remove)
    await orGone(
      http.ask({ method: 'DELETE', path: `${own}/labels/${encodeURIComponent(name)}`, answer: anything }),
    )
  if (steps.state) await http.ask({ method: 'PATCH', path: own, body: { ...steps.state }, answer: issue })
}

/** A long issue is peeked at alone. */
const peekAt = async (
  http: Http,
  at: Place,
  { bugs, numberOf: number }: { bugs: BugUrl[]; numberOf: (bug: BugUrl) => number },
): Promise<Map<BugUrl, BugComment[] | 'gone'>> => {
  const found = new Map<BugUrl, BugComment[] | 'gone'>()
  for (const bug of bugs.slice(0, 2)) {
    const raw = await orGone(rawComments(http, at, number(bug)))
    // The number of a comment does not matter here, nor does the text of our own.
    found.set(bug, raw?.map((one, n) => toComment(one, { number: n + 1, isOwn: true })) ?? 'gone')
    if (raw === undefined || raw.length >= perPage) break
  }
  return found
}

type Words = { mark: string; text: string; link: string | undefined }

/** Writes the comment, unless one of ours has that mark. */
const say = async (
  http: Http,
  at: Place,
  { number, login, words }: { number: number; login: string; words: Words },
): Promise<number> => {
  const there = (await rawComments(http, at, number)).find(
    ({ body, user }) => hasMark(body ?? '', words.mark) && (login === '' || user?.login === login),
  )
  if (there) return there.id
  const path = `${at.path}/issues/${number}/comments`
  const { value } = await http.ask({
    ...{ method: 'POST' as const, path, answer: comment },
    body: { body: toBody(words.text, words) },
  })
  return value.id
}

const permissionWarnings = ({ permissions, archived, has_issues, private: hidden }: Repository): string[] => [
  ...(archived ? ['the repository is archived: nothing can be written'] : []),
  ...(has_issues ? [] : ['issues are switched off in the repository']),
  ...(hidden ? ['the repository is private: none of its issues goes to the list'] : []),
  ...(permissions.push || permissions.triage || permissions.maintain || permissions.admin
    ? []
    : ['the account may comment, but not close issues or change labels: it needs the role triage']),
]

const endWarning = (header: string, now: Instant): string[] => {
  const at = Date.parse(header.replace(' UTC', 'Z').replace(' ', 'T'))
  if (Number.isNaN(at) || at - now > warnMs) return []
  return [`the token ends on ${sayDate(at)}`]
}

/** Asks nothing until it is asked. */
export const githubIssues = (
  config: GithubTrackerConfig,
  { clock }: { clock: Clock },
): Tracker & { close(): Promise<void> } => {
  const http = openHttp(config, { clock })
  const at = placeOf(config)
  const inTurn = byNumber()
  let login: string | undefined
  let known: { repository: Repository; at: Instant } | undefined

  const urlOf = (number: number): BugUrl => `${at.site}/${at.repository}/issues/${number}`
  const mustBe = (bug: string): number => {
    const number = numberOf(at, bug)
    if (number === undefined)
      throw new Refusal(404, 'never', `${config.name}: ${oneLine(bug)} is none of its issues`)
    return number
  }
  /** Apps have no account of their own to be asked for: '' then. */
  const ownLogin = async (): Promise<string> => {
    login ??= await http
      .ask({ method: 'GET', path: '/user', answer: account })
      .then(({ value }) => value.login)
      .catch(error => {
        if (error instanceof Refusal && (error.status === 403 || error.status === 404)) return ''
        throw error
      })
    return login
  }
  /** `fresh`: before something is read out. */
  const repositoryNow = async (fresh = false): Promise<Repository> => {
    if (!fresh && known && clock.now() - known.at < publicForMs) return known.repository
    const { value } = await http.ask({ method: 'GET', path: at.path, answer: repository })
    known = { repository: value, at: clock.now() }
    return value
  }
  const told = async (raw: Issue, fresh = false): Promise<Bug> => {
    const { private: isRestricted } = await repositoryNow(fresh)
    return toBug(raw, { url: urlOf(raw.number), product: at.repository, isRestricted })
  }
  const found = async (bug: string): Promise<Issue | undefined> =>
    orGone((async () => rawIssue(http, at, mustBe(bug)))())
  const write: Tracker['write'] = (bug, { mark, text, link, change }) => {
    const number = mustBe(bug)
    return inTurn(number, async () => {
      const raw = await rawIssue(http, at, number)
      const words = text === undefined ? undefined : { mark, text, link }
      const said = words && (await say(http, at, { number, login: await ownLogin(), words }))
      if (change) await changeIssue(http, at, raw, change)
      return { comment: said }
    })
  }
  return {
    name: config.name,
    owns: bug => /^https?:/i.test(bug) && numberOf(at, bug) !== undefined,
    addressOf(name) {
      const number = numberOf(at, name)
      return number === undefined ? undefined : urlOf(number)
    },
    learn: async () => {},
    commentUrl: (bug, { id, number }) => (number === 0 ? bug : `${bug}#issuecomment-${id}`),
    async probe() {
      const { header } = await http.ask({ method: 'GET', path: at.path, answer: repository })
      known = undefined
      const own = await ownLogin()
      const server = header('x-github-enterprise-version')
      return {
        version: server === '' ? 'GitHub' : `GitHub Enterprise Server ${oneLine(server, 40)}`,
        login: own,
        warnings: [
          ...permissionWarnings(await repositoryNow()),
          ...endWarning(header('github-authentication-token-expiration'), clock.now()),
        ],
      }
    },
    async look(bug) {
      const raw = await found(bug)
      if (raw === undefined) return { is: 'gone' }
      if (raw.state === 'open') return { is: 'open' }
      return { is: (raw.state_reason ?? 'completed') === 'completed' ? 'fixed' : 'closed' }
    },
    async reopen(bug, { text, mark }) {
      await write(bug, { mark, text, link: undefined, change: { status: 'open' } })
    },
    async bug(bug) {
      const raw = await found(bug)
      if (raw) return told(raw, true)
      // A token that sees nothing any more must not look like issues that are gone.
      if ((await orGone(repositoryNow(true))) === undefined)
        throw new Refusal(404, 'later', `${config.name}: its repository cannot be seen`, tokenRemedy)
      return undefined
    },
    async comments(bug, since = Number.NEGATIVE_INFINITY) {
      const raw = await found(bug)
      if (raw === undefined) return []
      const own = await ownLogin()
      const isOwn = ({ user }: Pick<Comment, 'user'>) => own === '' || user?.login === own
      const all = [raw, ...(await rawComments(http, at, raw.number))]
      // Asked afterwards: what is hidden meanwhile is hidden.
      if ((await repositoryNow(true)).private) return []
      return all
        .map((one, number) => ({ one, number }))
        .filter(({ one }) => one.updated_at >= since - overlapMs)
        .map(({ one, number }) => toComment(one, { number, isOwn: isOwn(one) }))
    },
    peek: bugs => peekAt(http, at, { bugs, numberOf: mustBe }),
    async sweep(cursor, { products }) {
      if (products.length > 0 && !products.some(name => name.toLowerCase() === at.repository.toLowerCase()))
        return { bugs: [], next: cursor ?? '{"page":1,"seen":[]}', more: false }
      const { changed, next, more } = await sweepIssues(http, { path: at.path, clock }, cursor)
      const bugs: Bug[] = []
      for (const raw of changed) bugs.push(await told(raw))
      return { bugs, next, more }
    },
    write,
    async create({ summary, text, fields }, mark) {
      const own = await ownLogin()
      for (let page = 1; page <= madePages; page++) {
        const query = {
          ...{ state: 'all', sort: 'created', direction: 'desc', per_page: perPage, page },
          ...(own === '' ? {} : { creator: own }),
        }
        const { value } = await http.ask({ method: 'GET', path: `${at.path}/issues`, query, answer: issues })
        const made = value.find(one => one.pull_request === undefined && hasMark(one.body ?? '', mark))
        if (made) return urlOf(made.number)
        if (value.length < perPage) break
      }
      const labels = (fields.labels ?? '').split(',').map(name => name.trim())
      const { value } = await http.ask({
        ...{ method: 'POST' as const, path: `${at.path}/issues`, answer: issue },
        body: {
          ...{ title: oneLine(summary, maxTitle - 40), body: toBody(text, { mark, link: undefined }) },
          labels: labels.filter(name => name !== ''),
        },
      })
      return urlOf(value.number)
    },
    close: http.close,
  }
}
