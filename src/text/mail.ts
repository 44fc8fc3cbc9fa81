// From raw bytes (RFC 5322, MIME) to a ParsedMail: the first thing that receive does. Patches are not taken from here: git reads the raw mail.
import type { AddressObject, EmailAddress, ParsedMail as Parsed } from 'mailparser'
import type { Address, Damage, MessageId, ParsedMail } from '../model/mail.ts'
import { readAddress, whoWrote } from './author.ts'
import { autoKind } from './auto.ts'

/** The bytes make no mail that could be shown: the headers are too long, the parts are nested too deep. One line in `message`. */
export class UnreadableMail extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'UnreadableMail'
  }
}

/** More is neither shown nor searched for commands; work and memory stay bounded whatever comes in. */
const readBytes = 1 << 20
const textBytes = 1 << 20
/** Of headers; the whole conversation of a list has less. */
const headBytes = 256 << 10

const messageIds = (value: string): MessageId[] => value.match(/<[^<>\s@]+@[^<>\s]+>/g) ?? []

/** Decoded values of a header, in the order of the mail; repeated headers are all there. */
const headerReader = (mail: Parsed): ((name: string) => string[]) => {
  const lines = [...(mail.headerLines ?? [])].reverse()
  return name =>
    lines
      .filter(({ key }) => key === name)
      .map(({ line }) =>
        line
          .slice(line.indexOf(':') + 1)
          .replace(/\s+/g, ' ')
          .trim(),
      )
}

const decoded = (mail: Parsed, name: string): string => {
  const value = mail.headers?.get(name)
  return Array.isArray(value) ? value.join(' ') : typeof value === 'string' ? value : ''
}

const flatten = (list: EmailAddress[]): EmailAddress[] =>
  list.flatMap(entry => (entry.group === undefined ? [entry] : flatten(entry.group)))

const addresses = (value: AddressObject | AddressObject[] | undefined): Address[] =>
  flatten([value ?? []].flat().flatMap(object => object.value))
    .filter(({ address }) => address !== undefined && /^[^\s@]+@[^\s@]+$/.test(address))
    .map(({ name, address }) => ({
      name: name.replace(/\s+/g, ' ').trim(),
      address: (address ?? '').toLowerCase(),
    }))

/** In-Reply-To first, then References from the newest to the oldest. */
const ancestors = (mail: Parsed, header: (name: string) => string[]): MessageId[] => {
  const replies = [...header('in-reply-to'), decoded(mail, 'in-reply-to')].flatMap(messageIds)
  const references = [...header('references'), decoded(mail, 'references')].flatMap(messageIds).reverse()
  return [...new Set([...replies, ...references])].slice(0, 1000)
}

const dateOf = (value: string | undefined): number | undefined => {
  const instant = value === undefined ? Number.NaN : Date.parse(value.slice(0, 200).replace(/\([^)]*\)/g, ''))
  return Number.isNaN(instant) ? undefined : instant
}

const listIdOf = (value: string | undefined): string | undefined => {
  const id = /<([^<>\s]+)>\s*$/.exec(value ?? '')?.[1] ?? /^[^\s<>]+$/.exec(value ?? '')?.[0]
  return id?.toLowerCase()
}

/** The body, and what is attached as text or called a patch: what a reader of the mail sees as text. */
const textOf = (mail: Parsed): string => {
  const attached = mail.attachments
    .filter(
      ({ contentType, filename }) =>
        /^text\/(?!html)/i.test(contentType) || /\.(?:patch|diff|txt)$/i.test(filename ?? ''),
    )
    .map(({ content }) => content.subarray(0, textBytes).toString('utf8'))
  return [mail.text ?? '', ...attached].join('\n').slice(0, textBytes).replace(/\r\n?/g, '\n')
}

const knownEncoding = /^(?:7bit|8bit|binary|base64|quoted-printable|x-?unknown)?$/i

/** Signs of damage on the way; whether they broke a patch, its hunks tell. */
const damageOf = (header: (name: string) => string[], text: string): Damage[] => [
  ...(/format="?flowed/i.test(header('content-type')[0] ?? '') ? ['format-flowed' as const] : []),
  ...(/^\u00a0|^[-+ ]?\u00a0{2}/m.test(text) ? ['non-breaking-spaces' as const] : []),
  ...(knownEncoding.test(header('content-transfer-encoding')[0] ?? '') ? [] : ['undecodable' as const]),
]

/** As much of a mail as is read: the first of its headers, and the first of what comes after them. */
const bounded = (raw: Buffer): Buffer => {
  const start = raw.subarray(0, readBytes)
  if (start.length <= headBytes) return start
  const ends = ['\n\n', '\n\r\n'].map(end => start.indexOf(end)).filter(at => at >= 0)
  const end = ends.length === 0 ? start.length : Math.min(...ends)
  if (end <= headBytes) return start
  const cut = start.lastIndexOf(10, headBytes)
  return Buffer.concat([start.subarray(0, cut < 0 ? headBytes : cut), start.subarray(end)])
}

const open = async (raw: Buffer): Promise<Parsed> => {
  try {
    // Loaded with the first mail: not every process reads any.
    const { simpleParser } = await import('mailparser')
    return await simpleParser(bounded(raw), {
      skipHtmlToText: true,
      skipTextToHtml: true,
      skipTextLinks: true,
      skipImageLinks: true,
    })
  } catch (error) {
    throw new UnreadableMail(error instanceof Error ? error.message : 'it cannot be parsed', error)
  }
}

/**
 * Reads a mail as far as people and rules need it: headers, text, who wrote it, whether a program did.
 * Only the first MiB is read, and of its headers the first 256 KiB; patches are extracted from the whole raw mail by git.
 * @throws UnreadableMail, and nothing else, whatever the bytes are.
 */
export const parseMail = async (raw: Buffer): Promise<ParsedMail> => {
  const mail = await open(raw)
  const header = headerReader(mail)
  if (!['from', 'subject', 'message-id', 'date'].some(name => header(name).length > 0))
    throw new UnreadableMail('it has none of the headers of a mail')
  const text = textOf(mail)
  const subject = decoded(mail, 'subject').replace(/\s+/g, ' ').trim()
  const from = addresses(mail.from)[0]
  const replyTo = addresses(mail.replyTo)
  const cc = addresses(mail.cc)
  const original = header('x-original-from')[0]
  const originalFrom = original === undefined ? undefined : readAddress(original)
  return {
    messageId: [...header('message-id'), decoded(mail, 'message-id')].flatMap(messageIds)[0],
    ancestors: ancestors(mail, header),
    subject,
    from,
    author: whoWrote({ from, original, replyTo, cc, text }),
    ...(originalFrom === undefined ? {} : { originalFrom }),
    replyTo,
    to: addresses(mail.to),
    cc,
    date: dateOf(header('date')[0]),
    listId: listIdOf(header('list-id')[0]),
    auto: autoKind({ header, subject, from }),
    text,
    damage: damageOf(header, text),
  }
}
