// What a Bugzilla of the tests holds: accounts, bugs, comments; and its rules, as the versions 5.0.6, 5.2 and 5.3.3 have them.

export type Version = '5.0.6' | '5.2' | '5.3.3'

export type Account = {
  login: string
  name: string
  key: string
  editbugs: boolean
  /** May see and make private comments. */
  insider: boolean
  /** May see restricted bugs. */
  secret: boolean
}

export type FakeComment = {
  id: number
  bug: number
  count: number
  creator: string
  time: number
  /** It can be read from then on: transactions end after the time that they write down. */
  visibleAt: number
  text: string
  isPrivate: boolean
  attachment: number | null
}

export type FakeAttachment = { id: number; name: string; type: string; size: number; isPrivate: boolean }

export type FakeBug = {
  alias?: string
  id: number
  creator: string
  product: string
  component: string
  version: string
  summary: string
  status: string
  resolution: string
  dupeOf: number | null
  keywords: string[]
  whiteboard: string
  seeAlso: string[]
  flags: { name: string; status: string }[]
  groups: string[]
  createdAt: number
  changedAt: number
  comments: FakeComment[]
  attachments: FakeAttachment[]
  history: { when: number; who: string; changes: { field_name: string; removed: string; added: string }[] }[]
}

/** As Bugzilla says an error: HTTP status, number, words. */
export class Refused extends Error {
  readonly status: number
  readonly code: number
  constructor(status: number, code: number, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

export const openStates = ['UNCONFIRMED', 'CONFIRMED', 'IN_PROGRESS']
const resolutions = ['FIXED', 'INVALID', 'WONTFIX', 'DUPLICATE', 'WORKSFORME']
export const workflow: Record<string, string[]> = {
  UNCONFIRMED: ['CONFIRMED', 'IN_PROGRESS', 'RESOLVED'],
  CONFIRMED: ['IN_PROGRESS', 'RESOLVED'],
  IN_PROGRESS: ['CONFIRMED', 'RESOLVED'],
  RESOLVED: ['UNCONFIRMED', 'CONFIRMED', 'VERIFIED'],
  VERIFIED: ['UNCONFIRMED', 'CONFIRMED'],
}
export const components: Record<string, string[]> = { Tally: ['core', 'docs'], Other: ['core'] }
const words = ['regression', 'patch', 'download']

/** Bugzilla knows these trackers; a mail's or a merge request's address is not a bug. */
const isTracker = (url: string): boolean =>
  /\/show_bug\.cgi\?id=\d+$|^https:\/\/github\.com\/[^/]+\/[^/]+\/(issues|pull)\/\d+$/.test(url)

export const maxText = 65_535

/** As it is kept: 5.0.6 with three bytes for a character keeps others as an escape of eleven characters, and loses them in summaries. */
export const sizeOf = (text: string, version: Version): number =>
  [...text].reduce((sum, one) => sum + (version === '5.0.6' && one.length > 1 ? 11 : 1), 0)

export const keptText = (text: unknown, version: Version): string => {
  if (typeof text !== 'string' || text.trim() === '')
    throw new Refused(400, 50, 'The function requires a comment argument.')
  const kept = text.replaceAll('\r\n', '\n').trimEnd()
  if (sizeOf(kept, version) > maxText) throw new Refused(400, 114, `Comments: at most ${maxText} characters.`)
  return kept
}

type Change = { field_name: string; removed: string; added: string }

const statusChange = (bug: FakeBug, body: Record<string, unknown>, by: Account): Partial<FakeBug> => {
  const status = body.status === undefined ? bug.status : String(body.status)
  const resolution = body.resolution === undefined ? undefined : String(body.resolution)
  if (workflow[status] === undefined) throw new Refused(404, 51, `no status '${status}'`)
  if (resolution && !resolutions.includes(resolution))
    throw new Refused(404, 51, `no Resolution '${resolution}'`)
  if (resolution && openStates.includes(status)) throw new Refused(400, 122, 'resolution on an open bug')
  if (status === bug.status && (resolution ?? bug.resolution) === bug.resolution) return {}
  const may = by.editbugs || by.login === bug.creator
  if (status !== bug.status && (!may || !workflow[bug.status]?.includes(status)))
    throw new Refused(400, 123, `status from ${bug.status} to ${status}`)
  if (openStates.includes(status)) return { status, resolution: '' }
  const next = resolution ?? bug.resolution
  if (next === '') throw new Refused(400, 121, 'a resolution is required')
  if (next === 'DUPLICATE') throw new Refused(400, 119, 'duplicate of what')
  return { status, resolution: next }
}

type Lists = { add?: string[]; remove?: string[] }

const listChange = (now: string[], { add = [], remove = [] }: Lists): string[] => [
  ...now.filter(one => !remove.includes(one)),
  ...add.filter(one => !now.includes(one)),
]

/** What a PUT would make of the bug. All is checked before anything is changed; fields that are not known are passed over. */
export const changed = (bug: FakeBug, body: Record<string, unknown>, by: Account): Partial<FakeBug> => {
  const next = statusChange(bug, body, by)
  const keywords = (body.keywords ?? {}) as Lists
  for (const word of keywords.add ?? [])
    if (!words.includes(word)) throw new Refused(404, 51, `no keyword '${word}'`)
  const seeAlso = (body.see_also ?? {}) as Lists
  for (const url of seeAlso.add ?? []) if (!isTracker(url)) throw new Refused(400, 112, `${url} is not a bug`)
  const others: Partial<FakeBug> = {
    ...next,
    keywords: listChange(bug.keywords, keywords).sort(),
    seeAlso: listChange(bug.seeAlso, seeAlso),
    ...(body.whiteboard === undefined ? {} : { whiteboard: String(body.whiteboard) }),
  }
  const isFree = by.editbugs || by.login === bug.creator
  const isField = ['keywords', 'seeAlso', 'whiteboard'].some(
    key =>
      String(others[key as keyof FakeBug] ?? bug[key as keyof FakeBug]) !== String(bug[key as keyof FakeBug]),
  )
  if (isField && !isFree) throw new Refused(401, 115, 'only the assignee or reporter')
  return others
}

export const changesOf = (bug: FakeBug, next: Partial<FakeBug>): Change[] =>
  Object.entries(next).flatMap(([key, value]) => {
    const before = bug[key as keyof FakeBug]
    const name = key === 'seeAlso' ? 'see_also' : key
    return String(before) === String(value)
      ? []
      : [{ field_name: name, removed: String(before), added: String(value) }]
  })
