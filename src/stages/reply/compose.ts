// The reply stage, first half: a verdict → the mail that says it, ready to be saved and sent. Pure but for its templates.
import type { Instant } from '../../model/instant.ts'
import type { BlobId, Job } from '../../model/job.ts'
import type { Address, MessageId } from '../../model/mail.ts'
import type { OutgoingMail, Reply } from '../../model/reply.ts'
import type { Series } from '../../model/series.ts'
import { type Answer, isAnswer, type Verdict } from '../../model/verdict.ts'
import { headerText } from '../../text/compose.ts'
import { actual, messageIdOf, type Recipients, threadingUnder } from '../../text/envelope.ts'
import { mailText, render } from '../../text/render.ts'
import { intended, replyHeaders, replyId, replySubject, threading } from './envelope.ts'
import { rooms } from './room.ts'
import { gather, view } from './view.ts'

export { answered, replyId } from './envelope.ts'

export type ComposeInput = {
  verdict: Verdict
  series: Series
  /** undefined where nothing was planned. */
  job: Job | undefined
  project: { name: string; list: Address }
  bot: Address
  administrator: Address
  /** false: to the administrator only, who reads whom it would have gone to. */
  live: boolean
  /** Who hears it, as policy and reach say; no one: the operators alone see it. */
  hears: { author: Address | undefined; list: boolean }
  /** Where people find a log. */
  logUrl: (blob: BlobId) => string
  /** The page of the series, if there are pages. */
  seriesUrl?: string
  /** Of the mail that `answered` names; the reply's subject is then `Re:` and that. */
  mail?: { subject: string; ancestors: MessageId[] }
  /** What was said of this version before, and the first reply that said so, if there is one. */
  follows?: { verdict: Verdict; under: OutgoingMail | undefined }
  now: Instant
}

/** A mail of more lines is not read. */
export const maxLines = 60

const templates: Record<Answer['finding']['kind'], string> = {
  'all-well': 'reply-all-well',
  'new-failures': 'reply-new-failures',
  'does-not-apply': 'reply-does-not-apply',
  'already-applied': 'reply-already-applied',
  'build-broken': 'reply-build-broken',
  'nothing-to-test': 'reply-nothing-to-test',
  'base-unknown': 'reply-base-unknown',
  incomplete: 'reply-incomplete',
  'base-broken': 'reply-untested',
  damaged: 'reply-damaged',
  unsafe: 'reply-unsafe',
  ours: 'reply-untested',
}

type Thread = { ancestors: MessageId[] | undefined; under: OutgoingMail | undefined }

const threadedBy = (series: Series, verdict: Verdict, { ancestors, under }: Thread) =>
  under ? threadingUnder(under) : threading(series, verdict, ancestors)

/** The first mail of the thread that a reply goes into. */
export const threadOf = (series: Series, verdict: Verdict, thread: Thread): MessageId | undefined =>
  threadedBy(series, verdict, thread).references[0]

/** The same input gives the same reply, with the same Message-ID; only the date is `now`. */
export const composeReply = (input: ComposeInput): Reply => {
  const { verdict, series, project, bot, administrator, live, hears, mail, follows, now } = input
  const wanted = intended({ author: hears.author, list: hears.list ? project.list : undefined })
  const id = replyId(verdict)
  const threaded = threadedBy(series, verdict, { ancestors: mail?.ancestors, under: follows?.under })
  return {
    id,
    kind: 'verdict',
    series: series.id,
    project: project.name,
    thread: threaded.references[0],
    mail: {
      messageId: messageIdOf(id, bot),
      from: { ...bot, name: headerText(bot.name) },
      ...actual(wanted, administrator, live),
      subject: replySubject(series, verdict, mail?.subject),
      ...threaded,
      headers: replyHeaders({ series, verdict, bot, wanted, live }),
      text: mailText(body({ ...input, wanted })),
      date: now,
    },
    state: { at: 'pending', notBefore: now, tries: 0 },
  }
}

/** As much as there is room for. */
const body = (input: ComposeInput & { wanted: Recipients }): string[] => {
  const { verdict } = input
  if (!isAnswer(verdict)) throw new Error('what was cancelled is not answered')
  const template = templates[verdict.finding.kind]
  const ground = gather(input)
  let lines: string[] = []
  for (const room of rooms) {
    lines = render(template, view({ ...input, list: input.project.list, room, ground }))
    if (lines.length <= maxLines) return lines
  }
  // The end says whose mail it is, and whom to ask.
  const end = lines.slice(lines.lastIndexOf(''))
  return [...lines.slice(0, maxLines - 1 - end.length), '[…]', ...end].slice(0, maxLines)
}
