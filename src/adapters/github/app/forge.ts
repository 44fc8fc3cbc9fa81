// GitHub as a forge: what the port asks for, by the App. Checks and comments: checks.ts, comments.ts.
import type { GithubAppConfig } from '../../../config/config.ts'
import { Fault } from '../../../model/fault.ts'
import type { Repository } from '../../../model/forge.ts'
import type { Instant } from '../../../model/instant.ts'
import type { Clock } from '../../../ports/clock.ts'
import type { Forge, PullWord } from '../../../ports/forge.ts'
import { oneLine } from '../../../text/clean.ts'
import { orGone } from '../fault.ts'
import {
  anything,
  app,
  comments,
  installation,
  oneComment,
  onePull,
  permission,
  pulls,
  toComment,
  toPull,
} from './answers.ts'
import { putCheck } from './checks.ts'
import { putComment, react } from './comments.ts'
import { type AppHttp, openApp, pathOf } from './connect.ts'
import { eventWarnings, rightWarnings } from './rights.ts'

export type RepositoryUse = { repository: Repository; use: 'pulls' | 'series' }

export type ForgeOptions = {
  clock: Clock
  /** What it has to do where: `probe` tells what it may not. */
  uses: RepositoryUse[]
  /** false: a server without limits, as those of one's own are by default; else it is one write in a second. */
  isPaced?: boolean
}

const perPage = 100
/** More is no repository that a sweep could catch up with. */
const maxPages = 200

/** By the last change, the newest first: what changes meanwhile moves to the front, and is found by the next sweep. */
const pullsSince = async (
  { askIn }: AppHttp,
  repository: Repository,
  since: Instant | undefined,
): Promise<PullWord[]> => {
  const found = new Map<number, PullWord>()
  const state = since === undefined ? 'open' : 'all'
  for (let page = 1; page <= maxPages; page++) {
    const query = { state, sort: 'updated', direction: 'desc', per_page: perPage, page }
    const path = `${pathOf(repository)}/pulls`
    const { value } = await askIn(repository, { method: 'GET', path, query, answer: pulls })
    const fresh = value.filter(one => since === undefined || one.updated_at >= since)
    for (const one of fresh) if (!found.has(one.number)) found.set(one.number, toPull(repository, one))
    if (value.length < perPage || fresh.length < value.length) break
  }
  return [...found.values()].sort((a, b) => a.changedAt - b.changedAt || a.number - b.number)
}

const commentsSince = async ({ askIn }: AppHttp, repository: Repository, since: Instant) => {
  const found = new Map<number, ReturnType<typeof toComment>>()
  const from = `${new Date(since).toISOString().slice(0, 19)}Z`
  for (let page = 1; page <= maxPages; page++) {
    const query = { since: from, sort: 'updated', direction: 'asc', per_page: perPage, page }
    const path = `${pathOf(repository)}/issues/comments`
    const { value } = await askIn(repository, { method: 'GET', path, query, answer: comments })
    for (const raw of value) found.set(raw.id, toComment(raw))
    if (value.length < perPage) break
  }
  return [...found.values()].filter(one => one !== undefined)
}

const probe = async (http: AppHttp, { id }: GithubAppConfig, uses: RepositoryUse[]) => {
  const { value } = await http.ask({ method: 'GET', path: '/app', answer: app })
  if (value.id !== id) throw new Fault('refused', 'never', `GitHub App: the key is of App ${value.id}`)
  const warnings = [...rightWarnings('the App', value.permissions, uses), ...eventWarnings(value.events)]
  for (const one of uses) {
    const path = `${pathOf(one.repository)}/installation`
    const there = await orGone(http.ask({ method: 'GET', path, answer: installation }))
    if (there === undefined) warnings.push(`it is not installed in ${one.repository}`)
    else if (there.value.suspended_at != null)
      warnings.push(`its installation in ${one.repository} is suspended`)
    else warnings.push(...rightWarnings(one.repository, there.value.permissions, [one]))
  }
  return { login: `${oneLine(value.slug, 60)}[bot]`, warnings: [...new Set(warnings)] }
}

const maxDescription = 140

/** Asks nothing yet. Probot is loaded and constructed when something is asked first. */
export const githubForge = (
  config: GithubAppConfig,
  { clock, uses, isPaced = true }: ForgeOptions,
): Forge => {
  const pushesTo = (repository: Repository) =>
    uses.some(one => one.use === 'series' && one.repository === repository)
  const http = openApp(config, { clock, pushesTo, isPaced })
  const { askIn } = http
  return {
    probe: () => probe(http, config, uses),
    async pull({ repository, number }) {
      const path = `${pathOf(repository)}/pulls/${number}`
      const found = await orGone(askIn(repository, { method: 'GET', path, answer: onePull }))
      return found && toPull(repository, found.value)
    },
    pullsSince: (repository, since) => pullsSince(http, repository, since),
    commentsSince: (repository, since) => commentsSince(http, repository, since),
    async comment(repository, id) {
      const path = `${pathOf(repository)}/issues/comments/${id}`
      const found = await orGone(askIn(repository, { method: 'GET', path, answer: oneComment }))
      return found && toComment(found.value)
    },
    async permission(repository, login) {
      const path = `${pathOf(repository)}/collaborators/${encodeURIComponent(login)}/permission`
      const found = await orGone(askIn(repository, { method: 'GET', path, answer: permission }))
      return found?.value ?? 'none'
    },
    remote: http.remote,
    putCheck: (repository, check, known) => putCheck(http, repository, check, known),
    putComment: (ref, comment, known) => putComment(http, { ref, id: config.id, ...comment, known }),
    async putStatus(repository, commit, { context, state, description, url }) {
      const body = {
        ...{ context, state, description: oneLine(description, maxDescription) },
        ...(url === undefined ? {} : { target_url: url }),
      }
      const path = `${pathOf(repository)}/statuses/${commit}`
      await askIn(repository, { method: 'POST', path, body, answer: anything })
    },
    react: (repository, comment, how) => react(http, repository, { comment, how }),
    close: http.close,
  }
}
