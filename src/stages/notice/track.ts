// An incident's bug: opened with the first notice to contributors, one comment with each further one, resolved with the last; each once.
import type { BugWrite } from '../../model/bug.ts'
import type { Incident } from '../../model/incident.ts'
import type { Notice } from '../../model/notice.ts'
import { contentId } from '../../text/digest.ts'

/** Where bugs of incidents are made. */
export type BugPlace = {
  tracker: string
  product: string
  component: string
  version: string
  fields: Record<string, string>
  /** What a resolved bug is called there. */
  resolved: { status: string; resolution?: string }
}

const writeId = (incident: string, what: string): string => `b${contentId(23, 'incident', incident, what)}`

/** Of the write that makes the bug. */
export const openingId = ({ id }: Pick<Incident, 'id'>): string => writeId(id, 'opened')

const isSaid = ({ held, reply: { state } }: Notice): boolean => !held && state.at !== 'failed'

/** The words for the list, without what only mail needs. */
const textOf = ({ reply: { mail } }: Notice): string => mail.text.trimEnd()

/**
 * What is to be written now. `notices`: all of the incident, the oldest first; `bug`: its address, once it is known. Only those to one list are
 * told there, as they say the same. Which of them are written already the store knows by their ids.
 */
export const bugWritesFor = (
  incident: Incident,
  { notices, place, isOwn, now }: { notices: Notice[]; place: BugPlace; isOwn: boolean; now: number },
): BugWrite[] => {
  const toLists = notices.filter(one => one.to !== 'operators' && isSaid(one))
  const project = toLists.flatMap(({ to }) => (to === 'operators' ? [] : [to.list]))[0]
  const own = toLists.filter(({ to }) => to !== 'operators' && to.list === project)
  const common: Omit<BugWrite, 'id' | 'bug' | 'text' | 'change' | 'create'> = {
    tracker: place.tracker,
    kind: 'incident',
    project: project ?? '',
    series: undefined,
    link: undefined,
    createdAt: now,
    state: { at: 'pending', notBefore: now, tries: 0 },
  }
  return own.flatMap((notice, i): BugWrite[] => {
    const text = textOf(notice)
    if (i === 0 && incident.bug === undefined) {
      const { tracker: _, resolved: __, ...rest } = place
      const create = { ...rest, summary: notice.reply.mail.subject, text }
      return [
        { ...common, id: openingId(incident), bug: undefined, text: undefined, change: undefined, create },
      ]
    }
    if (incident.bug === undefined || (i === 0 && isOwn)) return []
    const change = notice.kind === 'resolved' && isOwn ? place.resolved : undefined
    const id = writeId(incident.id, notice.id)
    return [{ ...common, id, bug: incident.bug, text, change, create: undefined }]
  })
}
