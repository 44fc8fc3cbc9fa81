// What the fakes hold → what GitHub answers: whole objects, built of recorded ones. Their types are GitHub's own description of its API, so
// that tsc refuses what GitHub does not send.
import {
  anyCheck,
  anyComment,
  anyInstallation,
  anyIssue,
  anyLabel,
  anyPull,
  anyRepository,
  anyStatus,
  invalid,
  moved,
  recordedHeaders,
  recordedHook,
  type Schemas,
} from './recorded.ts'

export type Account = { login: string; id: number; type: 'User' | 'Bot' }

export type FakePull = {
  number: number
  title: string
  body: string | null
  state: 'open' | 'closed'
  merged_at: string | null
  draft: boolean
  user: Account | null
  head: { sha: string; ref: string; repo: null }
  base: { sha: string; ref: string }
  html_url: string
  updated_at: string
}

export type FakeCheck = {
  id: number
  name: string
  head_sha: string
  external_id: string
  status: Schemas['check-run']['status']
  conclusion: Schemas['check-run']['conclusion']
  output: { title: string; summary: string; text?: string; annotations_count: number }
  annotations: FakeAnnotation[]
  details_url?: string
  started_at?: string
  completed_at?: string
}

export type FakeAnnotation = Pick<
  Schemas['check-annotation'],
  'path' | 'start_line' | 'end_line' | 'annotation_level' | 'title' | 'message'
>

export type FakeComment = {
  id: number
  number: number
  body: string
  user: Account
  created_at: string
  updated_at: string
  html_url: string
  performed_via_github_app: { id: number } | null
}

/** With each name replaced once only: a page of a hundred pull requests is a hundred of these. */
const inRepository = <T>(recorded: T): ((repository: string) => T) => {
  const kept = new Map<string, T>()
  return repository => {
    const there = kept.get(repository) ?? moved(recorded, repository)
    kept.set(repository, there)
    return there
  }
}

const pullIn = inRepository(anyPull.pull_request)
const userIn = inRepository(anyPull.sender)
const repositoryIn = inRepository(anyRepository)
const commentIn = inRepository(anyComment)
const checkIn = inRepository(anyCheck)
const statusIn = inRepository(anyStatus)
const issueIn = inRepository(anyIssue)
const labelIn = inRepository(anyLabel)

export const userAnswer = ({ login, id, type }: Account): Schemas['simple-user'] => {
  const { name: _, email: __, ...user } = userIn(`${login.replace(/\[bot\]$/, '')}/x`)
  return { ...user, login, id, type }
}

export const repositoryAnswer = (
  full: string,
  more: Partial<Schemas['full-repository']> = {},
): Schemas['full-repository'] => ({ ...repositoryIn(full), full_name: full, ...more })

/** Of accounts that are gone. */
const ghost: Account = { login: 'ghost', id: 10_137, type: 'User' }

/** Of one: what lists do not tell (`merged`, `commits` …) is in it. */
export const pullAnswer = (repository: string, pull: FakePull): Schemas['pull-request'] => {
  const { auto_merge: _, active_lock_reason: __, milestone: ___, ...any } = pullIn(repository)
  const repo = { ...repositoryAnswer(repository), has_downloads: true, temp_clone_token: '' }
  const { number, title, body, state, merged_at, draft, html_url, updated_at, head, base } = pull
  const at = (text: string) => text.replace(new RegExp(`/${any.number}(?=/|$)`), `/${number}`)
  return {
    ...{ ...any, number, title, body, state, merged_at, draft, html_url, updated_at },
    ...{ url: at(any.url), issue_url: at(any.issue_url), comments_url: at(any.comments_url) },
    ...{ commits_url: at(any.commits_url), review_comments_url: at(any.review_comments_url) },
    ...{ diff_url: `${html_url}.diff`, patch_url: `${html_url}.patch`, author_association: 'CONTRIBUTOR' },
    ...{ closed_at: state === 'closed' ? updated_at : null, merged: merged_at !== null, merged_by: null },
    ...{ assignee: null, assignees: [], requested_reviewers: [], requested_teams: [], labels: [] },
    ...{ milestone: null, auto_merge: null, user: userAnswer(pull.user ?? ghost) },
    head: { label: `someone:${head.ref}`, ref: head.ref, sha: head.sha, repo, user: repo.owner },
    base: { label: `${repo.owner.login}:${base.ref}`, ref: base.ref, sha: base.sha, repo, user: repo.owner },
  }
}

/** In lists. */
export const pullItem = (repository: string, pull: FakePull): Schemas['pull-request-simple'] => {
  const whole = pullAnswer(repository, pull)
  const { merged, mergeable, rebaseable, mergeable_state, merged_by, comments, review_comments, ...more } =
    whole
  const { maintainer_can_modify, commits, additions, deletions, changed_files, ...item } = more
  return { ...item, labels: [], requested_teams: [] }
}

type Integration = NonNullable<Schemas['integration']>

const ourApp = (id: number): Integration => {
  const { permissions = {}, events = [], ...any } = anyCheck.app
  const owner = userAnswer({ login: 'tally', id: 12, type: 'User' })
  const [name, html_url] = ['grapevine', 'https://github.com/apps/grapevine']
  return { ...any, id, slug: name, name, html_url, external_url: html_url, owner, permissions, events }
}

export const appAnswer = (given: {
  id: number
  permissions: Record<string, string>
  events: string[]
}): Integration => ({ ...ourApp(given.id), ...given, installations_count: 1 })

export const installationAnswer = ({
  id,
  app,
  permissions,
  suspended = null,
}: {
  id: number
  app: number
  permissions: Record<string, string>
  suspended?: string | null
}): Schemas['installation'] => ({
  ...{ ...anyInstallation, id, app_id: app, app_slug: 'grapevine', suspended_by: null },
  ...{ account: userAnswer({ login: 'tally', id: 12, type: 'User' }), suspended_at: suspended },
  permissions: permissions as Schemas['app-permissions'],
  ...{ events: ['pull_request'], created_at: '2026-11-01T00:00:00Z', updated_at: '2026-11-01T00:00:00Z' },
})

export const tokenAnswer = (token: string, permissions: Record<string, string>) =>
  ({
    ...{ token, expires_at: new Date(Date.now() + 3_600_000).toISOString().replace(/\.\d+Z/, 'Z') },
    ...{ permissions: permissions as Schemas['app-permissions'], repository_selection: 'selected' },
  }) satisfies Schemas['installation-token']

export const checkAnswer = (repository: string, check: FakeCheck): Schemas['check-run'] => {
  const any = checkIn(repository)
  const { annotations: _, output, ...given } = check
  const at = (text: string) => text.replaceAll(String(any.id), String(check.id))
  return {
    ...{ node_id: any.node_id ?? '', url: at(any.url), html_url: at(any.html_url), details_url: null },
    ...{ started_at: any.started_at, completed_at: null, check_suite: { id: any.check_suite.id ?? 0 } },
    ...{ ...given, app: ourApp(any.app.id), pull_requests: [] },
    output: { text: null, ...output, annotations_url: `${at(any.url)}/annotations` },
  }
}

export const annotationAnswer = (
  repository: string,
  { annotation, head }: { annotation: FakeAnnotation; head: string },
): Schemas['check-annotation'] => ({
  ...{ start_column: null, end_column: null, raw_details: null, ...annotation },
  blob_href: `https://github.com/${repository}/blob/${head}/${annotation.path}`,
})

/** Of an issue. */
export const issueCommentAnswer = (
  repository: string,
  comment: Pick<FakeComment, 'id' | 'body' | 'created_at' | 'updated_at' | 'html_url'> & {
    user: Account | null
  },
): Schemas['issue-comment'] => {
  const { performed_via_github_app: _, ...any } = commentIn(repository)
  const url = any.url.replace(String(any.id), String(comment.id))
  const user = comment.user && userAnswer(comment.user)
  return { ...any, ...comment, url, user, performed_via_github_app: null }
}

export const commentAnswer = (repository: string, comment: FakeComment): Schemas['issue-comment'] => {
  const { performed_via_github_app: _, reactions: __, ...any } = commentIn(repository)
  const { number, user, performed_via_github_app: app, ...given } = comment
  return {
    ...{ ...any, ...given, user: userAnswer(user), author_association: 'CONTRIBUTOR' },
    url: any.url.replace(String(any.id), String(comment.id)),
    issue_url: any.issue_url.replace(/\d+$/, String(number)),
    performed_via_github_app: app === null ? null : ourApp(app.id),
  }
}

export const statusAnswer = (
  repository: string,
  given: Pick<Schemas['status'], 'id' | 'state' | 'context' | 'description' | 'target_url'> & { sha: string },
): Schemas['status'] => {
  const { sha, ...more } = given
  const any = statusIn(repository)
  return { ...any, ...more, url: any.url.replace(/0*1$/, sha) }
}

export const reactionAnswer = (id: number, content: Schemas['reaction']['content']): Schemas['reaction'] => ({
  ...{ id, content, node_id: anyComment.node_id, created_at: anyComment.created_at },
  user: userAnswer({ login: 'grapevine[bot]', id: 5, type: 'Bot' }),
})

export const permissionAnswer = (
  login: string,
  { permission, role_name }: { permission: string; role_name: string },
): Schemas['repository-collaborator-permission'] => ({
  ...{ permission, role_name },
  user: { ...userAnswer({ login, id: 13, type: 'User' }), role_name },
})

/** The answer to a manifest's code: the App, with what is told once only. */
export const madeAppAnswer = (of: { id: number; url: string; key: string; secret: string }) => ({
  ...{ ...ourApp(of.id), html_url: of.url, client_id: 'Iv1.a', client_secret: 'hidden' },
  ...{ webhook_secret: of.secret, pem: of.key },
})

export const labelAnswer = (repository: string, name: string): Schemas['label'] => {
  const any = labelIn(repository)
  return { ...any, id: name.length, name, color: 'ededed', url: any.url.replace(any.name, name) }
}

export const issueAnswer = (
  repository: string,
  given: Partial<Schemas['issue']> & Pick<Schemas['issue'], 'number'>,
): Schemas['issue'] => {
  const any = issueIn(repository)
  const at = (text: string) => text.replace(new RegExp(`/${any.number}(?=/|$)`), `/${given.number}`)
  return {
    ...{ ...any, url: at(any.url), labels_url: at(any.labels_url), comments_url: at(any.comments_url) },
    ...{ events_url: at(any.events_url), ...given },
  }
}

/** Without `errors`: of 401, 403, 404, 410; with them 422. */
export const errorAnswer = (
  status: number,
  message: string,
): Schemas['basic-error'] & { message: string } => ({
  ...{ message, documentation_url: 'https://docs.github.com/rest', status: String(status) },
})

export const invalidAnswer = (
  errors: NonNullable<Schemas['validation-error']['errors']>,
  message = invalid.message,
): Schemas['validation-error'] => ({ ...invalid, message, errors })

/** As recorded, but for what follows of the day and the limit. */
export const headersOf = ({ left, now = Date.now() }: { left: number; now?: number }) => ({
  ...{ ...recordedHeaders, 'x-ratelimit-remaining': String(left), 'x-ratelimit-used': String(5000 - left) },
  'x-ratelimit-reset': String(Math.floor(now / 1000) + 1800),
  date: new Date(now).toUTCString(),
})

/** A page of a list, and the way to the others as recorded; `size`: of all. */
export const pageOf = (
  url: URL,
  size: number,
): { from: number; to: number; link: Record<string, string> } => {
  const per = Math.min(100, Number(url.searchParams.get('per_page') ?? 30))
  const page = Number(url.searchParams.get('page') ?? 1)
  const last = Math.max(1, Math.ceil(size / per))
  const at = (number: number, rel: string): string => {
    const there = new URL(url)
    there.searchParams.set('page', String(number))
    return `<${there.href}>; rel="${rel}"`
  }
  const links = [
    ...(page > 1 ? [at(page - 1, 'prev')] : []),
    ...(page < last ? [at(page + 1, 'next'), at(last, 'last')] : []),
    ...(page > 1 ? [at(1, 'first')] : []),
  ]
  return {
    ...{ from: (page - 1) * per, to: page * per },
    link: links.length === 0 ? {} : { link: links.join(', ') },
  }
}

type Json = { [key: string]: unknown }
const isObject = (one: unknown): one is Json => typeof one === 'object' && one !== null && !Array.isArray(one)

const over = (recorded: unknown, ours: unknown): unknown =>
  isObject(recorded) && isObject(ours)
    ? {
        ...recorded,
        ...Object.fromEntries(Object.entries(ours).map(([key, one]) => [key, over(recorded[key], one)])),
      }
    : ours

/** The body of a webhook: as recorded of that event and action, with our values in it. An event that nobody recorded is what is given. */
export const hookPayload = (name: string, given: Json, repository: string): Json => {
  const action = typeof given.action === 'string' ? given.action : undefined
  const recorded = recordedHook(name as Parameters<typeof recordedHook>[0], action)
  if (recorded === undefined) return given
  const number = isObject(given.pull_request) ? { number: given.pull_request.number } : {}
  const place = 'repository' in recorded ? { repository: { full_name: repository } } : {}
  return over(moved(recorded, repository), { ...place, ...number, ...given }) as Json
}
