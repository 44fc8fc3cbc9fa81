// The notice stage, last half: what is to be said → the notice with its mail, ready to be kept and sent. Pure but for its templates.
import type { Instant } from '../../model/instant.ts'
import type { Address } from '../../model/mail.ts'
import type { Notice, NoticeKind, NoticeSubject } from '../../model/notice.ts'
import type { OutgoingMail } from '../../model/reply.ts'
import { oneLine } from '../../text/clean.ts'
import { headerText } from '../../text/compose.ts'
import { contentId } from '../../text/digest.ts'
import {
  actual,
  commonHeaders,
  intendedHeader,
  messageIdOf,
  reSubject,
  sayAddresses,
  sayIntended,
  threadingUnder,
  tidy,
  undecodable,
} from '../../text/envelope.ts'
import { mailText, render } from '../../text/render.ts'

export type LetterInput = {
  of: NoticeSubject
  kind: NoticeKind
  to: Notice['to']
  /** Without `Re:`; that is put before it where there is a `root`. */
  subject: string
  /** Of templates/. It gets, beside its own variables: live, intended, administrator, host. */
  template: string
  variables: object
  /** The first notice of the same subject to the same recipients: this one stands in its thread. undefined: this is the first. */
  root: Notice | undefined
  calendar?: NonNullable<OutgoingMail['calendar']>
  nextWord: Instant | undefined
  /** The id follows from of, kind, to and this: what differs here is another notice. */
  said: Record<string, string>
  held: boolean
  now: Instant
  bot: Address
  administrator: Address
  /** The list's address; undefined for operators. */
  list: Address | undefined
  /** false: to the administrator only, who reads whom it would have gone to. */
  live: boolean
  /** This host's name. */
  host: string
}

const maxSubject = 200

const sorted = (said: Record<string, string>) => Object.entries(said).sort(([a], [b]) => (a < b ? -1 : 1))

/** Said twice, it is one. */
export const noticeId = ({ of, kind, to, said }: Pick<Notice, 'of' | 'kind' | 'to' | 'said'>): string =>
  `n${contentId(23, of, kind, to, sorted(said))}`

/** The same input gives the same notice, with the same Message-ID; only dates are `now`. */
export const noticeLetter = (input: LetterInput): Notice => {
  const { of, kind, to, root, nextWord, said, held, now, bot, administrator, list, live } = input
  const id = noticeId(input)
  const wanted = { to: [tidy(list ?? administrator)], cc: [] }
  const isLive = live || list === undefined
  const subject = undecodable(headerText(input.subject)).slice(0, maxSubject).toWellFormed()
  const project = to === 'operators' ? undefined : to.list
  const text = render(input.template, {
    ...input.variables,
    live: isLive,
    intended: sayIntended(wanted, administrator),
    administrator: oneLine(sayAddresses([administrator]), 140),
    host: input.host,
  })
  const threading = root ? threadingUnder(root.reply.mail) : { inReplyTo: undefined, references: [] }
  return {
    ...{ id, of, kind, to, at: now, nextWord, said, held },
    reply: {
      ...{ id, kind: 'notice', series: undefined, project: project ?? '', thread: threading.references[0] },
      mail: {
        messageId: messageIdOf(id, bot),
        from: tidy(bot),
        ...actual(wanted, administrator, isLive),
        subject: root ? reSubject(subject) : subject,
        ...threading,
        headers: {
          ...commonHeaders({ project, bot, auto: 'auto-generated' }),
          ...intendedHeader(wanted, isLive),
          'X-Grapevine-Notice': kind,
        },
        text: mailText(text),
        ...(input.calendar ? { calendar: input.calendar } : {}),
        date: now,
      },
      state: { at: 'pending', notBefore: now, tries: 0 },
    },
  }
}
