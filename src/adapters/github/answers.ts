// GitHub's answers, as far as they are used, and what becomes of them in our words.
import { z } from 'zod'
import type { Bug, BugComment, BugUrl } from '../../model/bug.ts'
import type { Instant } from '../../model/instant.ts'
import { oneLine } from '../../text/clean.ts'
import { fromBody } from './body.ts'

const instant = z.string().transform((text, context): Instant => {
  const at = Date.parse(text)
  if (Number.isNaN(at)) context.addIssue({ code: 'custom', message: 'is not a time' })
  return at
})

/** null: an account that is gone; GitHub shows it as "ghost". */
const user = z.object({ login: z.string() }).nullish()
const label = z.union([z.string(), z.object({ name: z.string().nullish() })])

export const issue = z.object({
  number: z.int(),
  id: z.number(),
  state: z.string(),
  state_reason: z.string().nullish(),
  title: z.string(),
  body: z.string().nullish(),
  user,
  labels: z.array(label).catch([]),
  comments: z.number().catch(0),
  created_at: instant,
  updated_at: instant,
  html_url: z.string(),
  /** A pull request is listed as an issue, too. */
  pull_request: z.unknown().optional(),
})
export type Issue = z.output<typeof issue>

export const issues = z.array(issue)

export const comment = z.object({
  id: z.number(),
  body: z.string().nullish(),
  user,
  created_at: instant,
  updated_at: instant,
})
export type Comment = z.output<typeof comment>
export const comments = z.array(comment)

export const repository = z.object({
  full_name: z.string(),
  // What cannot be read as public is not.
  private: z.boolean().catch(true),
  archived: z.boolean().catch(false),
  has_issues: z.boolean().catch(true),
  permissions: z.record(z.string(), z.boolean()).catch({}),
})
export type Repository = z.output<typeof repository>

export const account = z.object({ login: z.string() })
export const anything = z.unknown()

/** There is no whiteboard: a label of this name holds what would stand there. */
export const whiteboardLabel = 'grapevine: '

export const labelsOf = ({ labels }: Pick<Issue, 'labels'>): string[] =>
  labels.flatMap(one => (typeof one === 'string' ? one : (one.name ?? [])))

/** Of a repository that is not for everybody nothing is told but that the issue is there, and how it stands. */
export const toBug = (
  raw: Issue,
  { url, product, isRestricted }: { url: BugUrl; product: string; isRestricted: boolean },
): Bug => {
  const labels = isRestricted ? [] : labelsOf(raw)
  const board = labels.find(name => name.startsWith(whiteboardLabel))?.slice(whiteboardLabel.length)
  return {
    ...{ url, id: raw.number, status: raw.state, resolution: raw.state_reason ?? '' },
    ...{ isOpen: raw.state === 'open', summary: isRestricted ? '' : raw.title },
    ...{ product, component: '', keywords: labels, flags: labels, seeAlso: [] },
    whiteboard: board === undefined ? '' : `[grapevine: ${board}]`,
    ...{ isRestricted, changedAt: raw.updated_at },
  }
}

type Written = Pick<Comment, 'id' | 'body' | 'user' | 'created_at'>

/** `isOwn`: we wrote it, and it is in our form. */
export const toComment = (
  raw: Written,
  { number, isOwn }: { number: number; isOwn: boolean },
): BugComment => ({
  ...{ id: raw.id, number, author: raw.user?.login ?? 'ghost' },
  // A login of GitHub is a public name, and no address.
  authorName: oneLine(raw.user?.login ?? 'ghost', 80),
  ...{
    at: raw.created_at,
    text: isOwn ? fromBody(raw.body ?? '') : (raw.body ?? '').replaceAll('\r\n', '\n'),
    isPrivate: false,
    attachment: undefined,
  },
})
