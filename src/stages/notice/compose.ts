// An incident and its view → the notice to one list, or to the operators. Pure but for its templates.
import type { Incident } from '../../model/incident.ts'
import type { Instant } from '../../model/instant.ts'
import type { Address } from '../../model/mail.ts'
import type { Notice } from '../../model/notice.ts'
import { newsOf } from '../../model/notice-due.ts'
import { capital } from '../../model/words.ts'
import { oneLine } from '../../text/clean.ts'
import { render } from '../../text/render.ts'
import { noticeLetter } from './letter.ts'
import { incidentView, type Progress, type Said } from './view.ts'

/** What all notices of one bot share. */
export type Letterhead = { bot: Address; administrator: Address; live: boolean; host: string; page: string }

type Common = {
  incident: Incident
  kind: Said['kind']
  /** To the same recipients about the same incident, the oldest first. */
  told: Notice[]
  root: Notice | undefined
  head: Letterhead
  now: Instant
  /** Subject of the notices of the incident that it is a part of; '' for none. */
  into: string
}

const sayTroubleOf = (incident: Incident, view: object): string =>
  oneLine(render('notice-subject', { n: view }).join(' '), 120) || incident.trouble

/** Without `Re:`. */
const subjectOf = (incident: Incident, view: object, name: string): string =>
  `${oneLine(name, 40) || 'Grapevine'}: ${sayTroubleOf(incident, view)}`

export const noProgress: Progress = { waiting: [], ids: [], done: 0 }

/** Of an incident's notices to contributors; the incident may be over. */
export const noticeSubject = (incident: Incident, { bot }: Pick<Letterhead, 'bot'>): string => {
  const said = { kind: 'first', alone: false, news: false, next: undefined } as const
  const view = incidentView(incident, said, { progress: noProgress, into: '', page: '', now: 0 })
  return subjectOf(incident, view, bot.name)
}

/** To those who wait for results. `held`: it waits for an operator's word. */
export const listNotice = (
  given: Common & {
    project: { name: string; list: Address }
    progress: Progress
    everyMs: number
    held: boolean
  },
): Notice => {
  const { incident, kind, told, root, head, now, into, project, progress, everyMs, held } = given
  const next = kind === 'resolved' ? undefined : now + everyMs
  const news = newsOf(incident)
  const last = told.at(-1)
  const isNews = last !== undefined && Object.entries(news).some(([key, value]) => last.said[key] !== value)
  const view = incidentView(
    incident,
    { kind, alone: root === undefined, news: isNews, next },
    { progress, into, page: head.page, now },
  )
  return noticeLetter({
    ...{ of: { incident: incident.id }, kind, to: { list: project.name }, template: `notice-${kind}` },
    ...{ variables: { n: view }, root, nextWord: next, held, now, list: project.list },
    subject: subjectOf(incident, view, head.bot.name),
    said: { ...news, number: String(told.length) },
    ...letterhead(head),
  })
}

const letterhead = ({ bot, administrator, live, host }: Letterhead) => ({ bot, administrator, live, host })

/** To the administrator. `lists`: who else hears of it; `held`: what waits for a word. */
export const operatorsNotice = (
  given: Common & { lists: string[]; held: Notice[]; addressOf(to: Notice['to']): string },
): Notice => {
  const { incident, kind, told, root, head, now, into, lists, held, addressOf } = given
  const said: Said = { kind, alone: root === undefined, news: false, next: undefined }
  const words = incidentView(incident, said, { progress: noProgress, into, page: head.page, now })
  const trouble = sayTroubleOf(incident, words)
  const about = oneLine(incident.about, 200)
  const place = oneLine(incident.host ?? incident.about, 60)
  const view = {
    ...words,
    headline: capital(trouble),
    // What the headline says already is not said again.
    detail: trouble === words.plain ? '' : oneLine(incident.detail, 1000),
    about: about === words.host || trouble.includes(about) ? '' : about,
    how: oneLine(incident.resolved?.how ?? '', 300),
    lists: lists.join(', '),
    live: head.live,
    // Its commands ask the database.
    reachable: incident.trouble !== 'database-unreachable',
    held: held.map(({ to, reply: { mail } }) => ({
      list: addressOf(to),
      lines: mail.text.trimEnd().split('\n'),
    })),
  }
  return noticeLetter({
    ...{ of: { incident: incident.id }, kind, to: 'operators', template: 'notice-operators' },
    ...{ variables: { n: view }, root, nextWord: undefined, held: false, now, list: undefined },
    subject: `${subjectOf(incident, words, head.bot.name)}${trouble.includes(place) ? '' : ` (${place})`}`,
    said: {
      ...newsOf(incident),
      number: String(told.length),
      ...(held.length === 0 ? {} : heldNews(held)),
    },
    ...letterhead(head),
  })
}

/** For operators it is news that something waits for their word. */
export const heldNews = (held: Notice[]): Record<string, string> =>
  held.length === 0 ? {} : { held: held.map(({ id }) => id).join(' ') }
