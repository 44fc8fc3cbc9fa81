// The reply stage, first half: a verdict → the mail that says it, ready to be saved and sent. Pure but for its templates.
import type { Instant } from '../../model/instant.ts'
import type { BlobId, Job } from '../../model/job.ts'
import type { Address } from '../../model/mail.ts'
import type { Reply } from '../../model/reply.ts'
import type { Series } from '../../model/series.ts'
import { type Answer, isAnswer, type Verdict } from '../../model/verdict.ts'
import { headerText } from '../../text/compose.ts'
import { actual, intended, messageIdOf, replyHeaders, replyId, replySubject, threading } from './envelope.ts'
import { render } from './render.ts'
import { view } from './view.ts'

export { answered } from './envelope.ts'

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
  /** Where people find a log. */
  logUrl: (blob: BlobId) => string
  /** Of the mail that `answered` names; the reply's is then `Re:` and that. */
  subject?: string
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
  damaged: 'reply-does-not-apply',
  unsafe: 'reply-does-not-apply',
  ours: 'reply-untested',
}

/** The same input gives the same reply, with the same Message-ID; only the date is `now`. */
export const composeReply = (input: ComposeInput): Reply => {
  const { verdict, series, job, project, bot, administrator, live, now } = input
  const wanted = intended({ series, verdict, list: project.list, bot })
  const id = replyId(series, job, verdict)
  return {
    id,
    kind: 'verdict',
    series: series.id,
    project: project.name,
    thread: threading(series, verdict).references[0],
    mail: {
      messageId: messageIdOf(id, bot),
      from: { ...bot, name: headerText(bot.name) },
      ...actual(wanted, administrator, live),
      subject: replySubject(series, verdict, input.subject),
      ...threading(series, verdict),
      headers: replyHeaders({ series, verdict, wanted, live }),
      text: `${body({ ...input, wanted }).join('\n')}\n`,
      date: now,
    },
    state: { at: 'pending', notBefore: now, tries: 0 },
  }
}

/** As much evidence as there is room for. */
const body = (input: ComposeInput & { wanted: ReturnType<typeof intended> }): string[] => {
  const { verdict, series, job, project, administrator, wanted, live, logUrl } = input
  if (!isAnswer(verdict)) throw new Error('what was cancelled is not answered')
  const template = templates[verdict.finding.kind]
  let lines: string[] = []
  for (const budget of [24, 18, 12, 8, 4, 1]) {
    const variables = view({
      verdict,
      series,
      job,
      list: project.list,
      administrator,
      wanted,
      live,
      logUrl,
      budget,
    })
    lines = render(template, variables)
    if (lines.length <= maxLines) return lines
  }
  return [...lines.slice(0, maxLines - 1), '[…]']
}
