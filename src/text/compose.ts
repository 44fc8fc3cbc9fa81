// A mail of ours → the options of nodemailer's composer, checked: the last gate before anything untrusted gets into a header.
import type { Address, MessageId } from '../model/mail.ts'
import type { OutgoingMail } from '../model/reply.ts'
import { contentId } from './digest.ts'

/** What nodemailer's MailComposer takes; spelled out, so that nothing else can slip in. */
export type MailOptions = {
  from: Address
  to: Address[]
  cc: Address[]
  subject: string
  messageId: MessageId
  date: Date
  headers: Record<string, string>
  text: string
  inReplyTo?: MessageId
  references?: MessageId[]
  icalEvent?: { method: string; filename: string; content: string }
  /** Of the lines between parts; the same for the same mail, as it may have to be sent again. */
  baseBoundary?: string
  textEncoding: 'quoted-printable'
  disableFileAccess: true
  disableUrlAccess: true
  xMailer: false
}

/** Who hands it over, and to whom (RFC 5321 §3.3): bare addresses, each once. */
export type Envelope = { from: string; to: string[] }

export type Composed = { ok: true; envelope: Envelope; options: MailOptions } | { ok: false; why: string }

// Narrower than RFC 5321 on purpose: quoted local parts and address literals are what attacks look like.
const addressPattern = /^[^\s\p{C}<>()[\]\\,;:@"]{1,64}@[\p{L}\p{N}](?:[\p{L}\p{N}.-]{0,252}[\p{L}\p{N}])?$/u
const messageIdPattern = /^<[^\s\p{C}<>]{1,900}>$/u

/** Can it stand in a header of ours? */
export const isMessageId = (id: MessageId): boolean => messageIdPattern.test(id)

const fieldNamePattern = /^[A-Za-z][A-Za-z0-9-]{0,76}$/
const controls = /\p{C}/u

const ours = new Set(
  'from sender reply-to to cc bcc subject message-id date in-reply-to references mime-version return-path'.split(
    ' ',
  ),
)

/** Can mail be sent to it without doubt about whom it reaches? */
export const isMailable = (address: string): boolean =>
  addressPattern.test(address) && !address.includes('..')

/** Text for a header: line breaks and other control characters (RFC 5322 §2.2 allows none) become single spaces. */
export const headerText = (text: string): string =>
  text
    .toWellFormed()
    .replace(/[\s\p{C}]+/gu, ' ')
    .trim()

const cleanAddress = ({ name, address }: Address): Address => ({ name: headerText(name), address })

const problemOf = (mail: OutgoingMail): string | undefined => {
  const recipients = [...mail.to, ...mail.cc]
  if (recipients.length === 0) return 'it has no recipient'
  const bad = [mail.from, ...recipients].find(({ address }) => !isMailable(address))
  if (bad) return `${JSON.stringify(bad.address)} is no usable mail address`
  const ids = [mail.messageId, ...mail.references, ...(mail.inReplyTo ? [mail.inReplyTo] : [])]
  const badId = ids.find(id => !isMessageId(id))
  if (badId !== undefined) return `${JSON.stringify(badId)} is no usable Message-ID`
  const badHeader = Object.entries(mail.headers).find(([name, value]) => !isHeader(name, value))
  if (badHeader)
    return `header ${JSON.stringify(badHeader[0])} cannot be set, or its value has control characters`
  if (mail.calendar && !isCalendar(mail.calendar.text)) return 'its calendar is none (RFC 5545)'
  return Number.isFinite(mail.date) ? undefined : 'it has no date'
}

/** By its first and last line; what is between them was made by a library. */
const isCalendar = (text: string): boolean =>
  text.startsWith('BEGIN:VCALENDAR\r\n') && text.trimEnd().endsWith('\r\nEND:VCALENDAR')

/** As alternative to the text (RFC 6047 §2.4), which most programs show with buttons, and as a file for the others. */
const invitation = ({ calendar, messageId }: OutgoingMail): Partial<MailOptions> =>
  calendar === undefined
    ? {}
    : {
        icalEvent: {
          method: calendar.method,
          filename: calendar.method === 'CANCEL' ? 'cancelled.ics' : 'invitation.ics',
          content: calendar.text.toWellFormed(),
        },
        baseBoundary: contentId(16, messageId),
      }

const isHeader = (name: string, value: string): boolean =>
  fieldNamePattern.test(name) &&
  !ours.has(name.toLowerCase()) &&
  !name.toLowerCase().startsWith('content-') &&
  !controls.test(value)

/**
 * Maps a mail for nodemailer. Names and subject are cleaned; anything wrong with addresses, ids or header names refuses the
 * whole mail. Long lines and non-ASCII text become quoted-printable (RFC 2045 §6.7), everything else goes out as it is.
 */
export const compose = (mail: OutgoingMail): Composed => {
  const why = problemOf(mail)
  if (why !== undefined) return { ok: false, why }
  const recipients = new Map([...mail.to, ...mail.cc].map(({ address }) => [address.toLowerCase(), address]))
  return {
    ok: true,
    envelope: { from: mail.from.address, to: [...recipients.values()] },
    options: {
      from: cleanAddress(mail.from),
      to: mail.to.map(cleanAddress),
      cc: mail.cc.map(cleanAddress),
      subject: headerText(mail.subject),
      messageId: mail.messageId,
      date: new Date(mail.date),
      headers: { ...mail.headers },
      // A carriage return alone is a line break to some servers and none to others (RFC 5322 §2.3 forbids it).
      text: mail.text.toWellFormed().replace(/\r\n?/g, '\n'),
      ...(mail.inReplyTo === undefined ? {} : { inReplyTo: mail.inReplyTo }),
      ...(mail.references.length === 0 ? {} : { references: [...mail.references] }),
      ...invitation(mail),
      textEncoding: 'quoted-printable',
      disableFileAccess: true,
      disableUrlAccess: true,
      xMailer: false,
    },
  }
}
