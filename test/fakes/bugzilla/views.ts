// How the test's Bugzilla shows what it holds: the same keys and types as real answers of 5.2.
import { type Account, type FakeAttachment, type FakeBug, type FakeComment, openStates } from './state.ts'

export const timeOf = (at: number): string => `${new Date(at).toISOString().slice(0, 19)}Z`

const person = (login: string, name: string) => ({
  email: login,
  id: login.length,
  name: login,
  real_name: name,
})

export const bugView = (
  bug: FakeBug,
  nameOf: (login: string) => string,
  shown: (login: string) => string,
) => ({
  ...{ actual_time: 0, alias: [], assigned_to: shown('admin@bugs.test') },
  assigned_to_detail: person(shown('admin@bugs.test'), 'Admin'),
  ...{ blocks: [], cc: [], cc_detail: [], classification: 'Unclassified', component: bug.component },
  ...{ creation_time: timeOf(bug.createdAt), creator: shown(bug.creator) },
  creator_detail: person(shown(bug.creator), nameOf(bug.creator)),
  ...{ deadline: null, depends_on: [], dupe_of: bug.dupeOf, estimated_time: 0, flags: bug.flags },
  ...{ groups: bug.groups, id: bug.id, is_cc_accessible: true, is_confirmed: bug.status !== 'UNCONFIRMED' },
  ...{ is_creator_accessible: true, is_open: openStates.includes(bug.status), keywords: bug.keywords },
  ...{ last_change_time: timeOf(bug.changedAt), op_sys: 'Linux', platform: 'PC', priority: '---' },
  ...{ product: bug.product, qa_contact: '', remaining_time: 0, resolution: bug.resolution },
  ...{ see_also: bug.seeAlso, severity: 'normal', status: bug.status, summary: bug.summary },
  ...{ target_milestone: '---', update_token: `${bug.changedAt}-x`, url: '', version: bug.version },
  whiteboard: bug.whiteboard,
})

export const commentView = (comment: FakeComment, shown: (login: string) => string) => ({
  ...{ id: comment.id, bug_id: comment.bug, count: comment.count, creator: shown(comment.creator) },
  ...{ time: timeOf(comment.time), creation_time: timeOf(comment.time), text: comment.text, tags: [] },
  ...{ is_private: comment.isPrivate, attachment_id: comment.attachment },
})

export const attachmentView = (one: FakeAttachment, bug: FakeBug) => ({
  ...{ id: one.id, bug_id: bug.id, creator: bug.creator, file_name: one.name, content_type: one.type },
  ...{ creation_time: timeOf(bug.createdAt), last_change_time: timeOf(bug.createdAt), data: '', flags: [] },
  // Numbers here, booleans elsewhere.
  ...{ is_obsolete: 0, is_patch: 0, is_private: one.isPrivate ? 1 : 0, size: one.size, summary: 's' },
})

/** Others than oneself are shown without much; those who are not logged in see less. */
export const userView = (user: Account, asker: Account | undefined, shown: (login: string) => string) => {
  const little = { id: user.login.length, name: shown(user.login), real_name: user.name }
  if (asker === undefined) return little
  const groups = user.editbugs ? [{ id: 8, name: 'editbugs', description: 'may edit' }] : []
  const own = asker === user ? { saved_reports: [], saved_searches: [] } : {}
  return { ...little, email: user.login, can_login: true, groups: asker === user ? groups : [], ...own }
}

/** `include_fields`, for objects and what is in them. */
export const only = (value: Record<string, unknown>, fields: string | null): Record<string, unknown> => {
  if (fields === null || fields === '') return value
  const wanted = fields.split(',')
  return wanted.includes('_default')
    ? value
    : Object.fromEntries(Object.entries(value).filter(([key]) => wanted.includes(key)))
}

/** Perl's hashes have no order: each answer has its keys in another one. */
export const shuffled = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(shuffled)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, inner]) => ({
    key,
    inner: shuffled(inner),
    by: Math.random(),
  }))
  return Object.fromEntries(entries.sort((a, b) => a.by - b.by).map(({ key, inner }) => [key, inner]))
}
