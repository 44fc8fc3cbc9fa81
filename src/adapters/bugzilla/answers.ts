// Bugzilla's answers as the three versions in use give them, and what becomes of them in our words.
import { z } from 'zod'
import type { Bug, BugComment } from '../../model/bug.ts'
import type { Instant } from '../../model/instant.ts'
import { oneLine } from '../../text/clean.ts'
import { bugAddress } from './address.ts'

/** `2026-11-22T01:53:14Z`, always UTC. */
const instant = z.string().transform((text, context): Instant => {
  const at = Date.parse(text)
  if (Number.isNaN(at)) context.addIssue({ code: 'custom', message: 'is not a time' })
  return at
})
const number = z.coerce.number()
const flag = z.coerce.boolean()
/** What cannot be read as open to all is not. */
const isPrivate = z.unknown().transform(value => value !== false && value !== 0 && value !== '0')

const rawBug = z.object({
  id: number,
  status: z.string(),
  resolution: z.string().catch(''),
  is_open: flag,
  summary: z.string().catch(''),
  product: z.string(),
  component: z.string(),
  keywords: z.array(z.string()).catch([]),
  whiteboard: z.string().catch(''),
  see_also: z.array(z.string()).catch([]),
  flags: z.array(z.object({ name: z.string(), status: z.string() })).catch([]),
  // What cannot be read as "nobody's" is taken for restricted.
  groups: z.array(z.unknown()).catch(['unknown']),
  last_change_time: instant,
})
export type RawBug = z.output<typeof rawBug>

export const bugFields =
  'id,status,resolution,is_open,summary,product,component,keywords,whiteboard,see_also,flags,groups,last_change_time'
export const bugsAnswer = z.object({ bugs: z.array(rawBug) })
export const groupsAnswer = z.object({ bugs: z.array(rawBug.pick({ id: true, groups: true })) })
export const idAnswer = z.object({ id: number })
export const idsAnswer = z.object({ bugs: z.array(z.object({ id: number })) })
/** What a change says; which of it was changed is not needed. */
export const changedAnswer = z.object({ bugs: z.array(z.object({ id: number })) })

const rawComment = z.object({
  id: number,
  count: number,
  creator: z.string(),
  time: instant,
  text: z.string(),
  is_private: isPrivate,
  attachment_id: number.nullish(),
})
export type RawComment = z.output<typeof rawComment>

export const commentFields = 'id,count,creator,time,text,is_private,attachment_id'
export const commentsAnswer = z.object({
  bugs: z.record(z.string(), z.object({ comments: z.array(rawComment) })),
})

const rawAttachment = z.object({
  id: number,
  file_name: z.string(),
  content_type: z.string(),
  size: number,
  is_private: isPrivate,
})
export type RawAttachment = z.output<typeof rawAttachment>
export const attachmentsAnswer = z.object({ bugs: z.record(z.string(), z.array(rawAttachment)) })

export const usersAnswer = z.object({
  users: z.array(z.object({ name: z.string(), real_name: z.string().nullish() })),
})
export const groupNamesAnswer = z.object({
  users: z.array(z.object({ groups: z.array(z.object({ name: z.string() })).catch([]) })),
})

export const statusesAnswer = z.object({
  fields: z.array(
    z.object({
      values: z.array(
        z.object({
          name: z.string().nullish(),
          is_open: flag,
          can_change_to: z.array(z.object({ name: z.string() })).catch([]),
        }),
      ),
    }),
  ),
})

export const historyAnswer = z.object({
  bugs: z.array(z.object({ history: z.array(z.object({ when: instant, who: z.string() })) })),
})

/** Of a restricted bug nothing is told but that it is there, and how it stands. */
export const toBug = (base: string, raw: RawBug): Bug => {
  const isRestricted = raw.groups.length > 0
  return {
    url: bugAddress(base, raw.id),
    id: raw.id,
    ...{ status: raw.status, resolution: raw.resolution, isOpen: raw.is_open },
    ...{ product: raw.product, component: raw.component },
    summary: isRestricted ? '' : raw.summary,
    keywords: isRestricted ? [] : raw.keywords,
    whiteboard: isRestricted ? '' : raw.whiteboard,
    seeAlso: isRestricted ? [] : raw.see_also,
    flags: raw.flags.map(({ name, status }) => `${name}${status}`),
    isRestricted,
    changedAt: raw.last_change_time,
  }
}

/** A name that people chose may hold their address: it is not for others. */
export const nameWithoutAddress = (name: string): string =>
  oneLine(name, 80)
    .split(' ')
    .filter(word => !word.includes('@'))
    .join(' ')

export const toComment = (
  base: string,
  raw: RawComment,
  { authorName, attachment }: { authorName: string; attachment: RawAttachment | undefined },
): BugComment => ({
  ...{ id: raw.id, number: raw.count, author: raw.creator, authorName },
  ...{ at: raw.time, text: raw.text, isPrivate: raw.is_private },
  attachment:
    attachment === undefined || attachment.is_private
      ? undefined
      : {
          ...{ id: attachment.id, name: attachment.file_name, type: attachment.content_type },
          ...{ bytes: attachment.size, url: `${base}attachment.cgi?id=${attachment.id}` },
        },
})
