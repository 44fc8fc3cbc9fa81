// GitHub's answers to an App, and its webhooks, as far as they are used. https://docs.github.com/rest
import { z } from 'zod'
import type { ForgeEvent } from '../../../model/forge.ts'
import type { Instant } from '../../../model/instant.ts'
import type { Permission, PullComment, PullWord } from '../../../ports/forge.ts'

const instant = z.string().transform((text, context): Instant => {
  const at = Date.parse(text)
  if (Number.isNaN(at)) context.addIssue({ code: 'custom', message: 'is not a time' })
  return at
})

/** null: an account that is gone; GitHub shows it as "ghost". */
const user = z
  .object({ login: z.string(), id: z.int(), type: z.string().catch('User') })
  .nullish()
  .transform(one => one ?? { login: 'ghost', id: 10_137, type: 'User' })

const commit = z.string().regex(/^[0-9a-f]{40}$/)

export const app = z.object({
  id: z.int(),
  slug: z.string(),
  permissions: z.record(z.string(), z.string()).catch({}),
  events: z.array(z.string()).catch([]),
})
export type App = z.output<typeof app>

export const installation = z.object({
  id: z.int(),
  app_slug: z.string().catch(''),
  permissions: z.record(z.string(), z.string()).catch({}),
  suspended_at: z.string().nullish(),
})

export const accessToken = z.object({ token: z.string(), expires_at: instant })

const pull = z.object({
  number: z.int(),
  title: z.string(),
  body: z.string().nullish(),
  html_url: z.string(),
  state: z.enum(['open', 'closed']),
  merged_at: z.string().nullish(),
  draft: z.boolean().catch(false),
  user,
  head: z.object({ sha: commit }),
  base: z.object({ ref: z.string(), sha: commit }),
  updated_at: instant,
})
export const onePull = pull
export const pulls = z.array(pull)

export const toPull = (repository: string, raw: z.output<typeof pull>): PullWord => ({
  ...{ repository, number: raw.number, title: raw.title, body: raw.body ?? '', url: raw.html_url },
  author: { login: raw.user.login, id: raw.user.id },
  head: raw.head.sha,
  base: { branch: raw.base.ref, commit: raw.base.sha },
  state: raw.state === 'open' ? 'open' : raw.merged_at == null ? 'closed' : 'merged',
  isDraft: raw.draft,
  changedAt: raw.updated_at,
})

const comment = z.object({
  id: z.int(),
  body: z.string().nullish(),
  user,
  html_url: z.string(),
  created_at: instant,
  updated_at: instant,
})
export const oneComment = comment
export const comments = z.array(comment)
export type Comment = z.output<typeof comment>

/** To find ours among them. */
export const ownComments = z.array(
  z.object({
    id: z.int(),
    body: z.string().nullish(),
    performed_via_github_app: z.object({ id: z.int() }).nullish().catch(undefined),
  }),
)

/** undefined: it is of an issue, not of a pull request. */
export const toComment = (raw: Comment): PullComment | undefined => {
  const [, number] = /\/pull\/(\d{1,10})(?:#|$)/.exec(raw.html_url) ?? []
  if (number === undefined) return undefined
  return {
    ...{ id: raw.id, number: Number(number), text: (raw.body ?? '').replaceAll('\r\n', '\n') },
    by: { login: raw.user.login, isBot: raw.user.type === 'Bot' },
    ...{ at: raw.created_at, changedAt: raw.updated_at },
  }
}

const permissions: readonly Permission[] = ['none', 'read', 'triage', 'write', 'maintain', 'admin']

/** A role that the organisation made itself counts as what it is based on. */
export const permission = z
  .object({ permission: z.string(), role_name: z.string().catch('') })
  .transform(({ permission, role_name }): Permission => {
    const known = (name: string) => permissions.find(one => one === name)
    return known(role_name) ?? known(permission) ?? 'none'
  })

export const check = z.object({
  id: z.int(),
  head_sha: z.string(),
  external_id: z.string().nullish(),
  name: z.string(),
  status: z.string(),
  output: z.object({ annotations_count: z.int().catch(0) }).catch({ annotations_count: 0 }),
})
export type CheckAnswer = z.output<typeof check>
export const checks = z.object({ check_runs: z.array(check) })

export const annotations = z.array(
  z.object({
    path: z.string(),
    start_line: z.int(),
    end_line: z.int(),
    title: z.string().nullish(),
    message: z.string().nullish(),
  }),
)

export const made = z.object({ id: z.int() })
export const anything = z.unknown()

const named = z.object({ full_name: z.string() })
const sender = z.object({ login: z.string() })

const pullHook = z.object({
  action: z.string(),
  repository: named,
  pull_request: z.object({ number: z.int() }),
})
const commentHook = z.object({
  action: z.string(),
  repository: named,
  issue: z.object({ number: z.int(), pull_request: z.unknown().optional() }),
  comment: z.object({ id: z.int() }),
  sender,
})
const checkHook = z.object({
  action: z.string(),
  repository: named,
  check_run: z.object({ head_sha: commit, external_id: z.string().nullish(), name: z.string() }),
  sender,
})
const suiteHook = z.object({
  action: z.string(),
  repository: named,
  check_suite: z.object({ head_sha: commit }),
  sender,
})

type Said = Pick<ForgeEvent, 'repository' | 'what'>

/** What changes nothing that is tested or shown: labels, assignees and the like. */
const pullActions = new Set([
  ...['opened', 'synchronize', 'reopened', 'closed', 'edited', 'ready_for_review', 'converted_to_draft'],
])

const readers: Record<string, (body: unknown) => Said | undefined> = {
  pull_request(body) {
    const { action, repository, pull_request } = pullHook.parse(body)
    if (!pullActions.has(action)) return undefined
    return { repository: repository.full_name, what: { kind: 'pull', number: pull_request.number } }
  },
  issue_comment(body) {
    const { action, repository, issue, comment } = commentHook.parse(body)
    if (issue.pull_request === undefined || action === 'deleted') return undefined
    return {
      repository: repository.full_name,
      what: { kind: 'comment', number: issue.number, comment: comment.id },
    }
  },
  check_run(body) {
    const { action, repository, check_run, sender } = checkHook.parse(body)
    if (action !== 'rerequested') return undefined
    const { head_sha: head, external_id, name } = check_run
    return {
      repository: repository.full_name,
      what: { kind: 'rerun', head, check: external_id || name, by: sender.login },
    }
  },
  check_suite(body) {
    const { action, repository, check_suite, sender } = suiteHook.parse(body)
    if (action !== 'rerequested') return undefined
    return {
      repository: repository.full_name,
      what: { kind: 'rerun', head: check_suite.head_sha, check: undefined, by: sender.login },
    }
  },
  installation: () => ({ repository: '', what: { kind: 'installation' } }),
  installation_repositories: () => ({ repository: '', what: { kind: 'installation' } }),
}

/** undefined: nothing for us. Throws what zod says of a body that is not what GitHub says. */
export const eventOf = (name: string, body: unknown): Said | undefined =>
  Object.hasOwn(readers, name) ? readers[name]?.(body) : undefined
