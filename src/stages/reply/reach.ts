// Whom a reply may go to. Decided from the headers of the mail that is answered and from the configuration, never from the text of a mail
// or from a verdict: a patch names people, but whoever sends it must not choose whom a program writes to.
import type { Address, ParsedMail } from '../../model/mail.ts'
import type { Reach } from '../../model/policy.ts'
import { isMailable } from '../../text/compose.ts'
import { isSameMailbox, mailboxOf } from '../../text/same-address.ts'

export type ReachInput = {
  /** The mail that the reply goes under; undefined: it cannot be read. */
  mail: ParsedMail | undefined
  /** Its first bytes as they came, each byte a character; all headers are among them. '' if they are lost. */
  head: string
  /** It came from this program. */
  isOwn: boolean
  list: Address
  /** Addresses of the bot, and of all lists that it reads. */
  never: Address[]
  /** Does its DKIM prove From:? Asked for only where it matters. */
  aligned: () => Promise<boolean | 'unknown'>
  /** Mail to it came back, or whoever reads it asked for none. */
  isSilenced: (address: string) => Promise<boolean>
}

export type Reachable = {
  author: Reach
  /** Whom to write to if `author` may. */
  address: Address | undefined
  list: Reach
}

const no = (why: string): Reach => ({ may: false, why })
const yes: Reach = { may: true }

/** Mailboxes of programs (RFC 2142, RFC 3834 §2, and what list software uses), whatever comes before or after a dot, dash or plus. */
const programs =
  /^(?:mailer-daemon|postmaster|daemon|bounces?|mailman|majordomo|listserv|listproc|sympa|nobody|(?:do|d)?-?no[-_.]?t?[-_.]?reply|noreply|donotreply|do[-_.]not[-_.]reply|auto-?reply|autoresponder)(?:[-_.+=].*)?$|[-_.](?:request|owner|bounces?|confirm|join|leave|subscribe|unsubscribe|noreply|no-reply)$|^owner-/

/** Is it the mailbox of a program, by its name? */
export const isProgram = (address: string): boolean =>
  programs.test(mailboxOf(address).split('@')[0] ?? '') || /^(?:bounces?|srs\d)[+=-]/i.test(address)

const domainOf = (address: string): string => mailboxOf(address).split('@')[1] ?? ''

/** The list stands in From: instead of the author, who then stands in Reply-To:, Cc: or X-Original-From: that is no forgery. */
const isRewritten = ({ from }: ParsedMail, list: Address): boolean => {
  if (from === undefined) return false
  if (isSameMailbox(from.address, list.address)) return true
  return domainOf(from.address) === domainOf(list.address) && /\svia\s/i.test(` ${from.name} `)
}

/** Replies are asked to somebody else than the sender says to be, or the author is somebody whom the list's rewriting does not explain. */
const needsProof = (mail: ParsedMail, list: Address): boolean => {
  const { from, author, replyTo, originalFrom } = mail
  if (from === undefined || isRewritten(mail, list)) return false
  const own = (address: string) => isSameMailbox(address, from.address)
  const asked = [...replyTo, ...(originalFrom ? [originalFrom] : []), ...(author ? [author] : [])]
  return asked.some(({ address }) => !own(address) && !isSameMailbox(address, list.address))
}

const named = ({ from, replyTo, cc, originalFrom }: ParsedMail): Address[] => [
  ...(from ? [from] : []),
  ...replyTo,
  ...cc,
  ...(originalFrom ? [originalFrom] : []),
]

/**
 * Addresses as they stand in the bytes of the headers that name people. What a parser makes of bytes that no mail should have (raw
 * UTF-8 without SMTPUTF8, control characters) can be somebody else's address: only what stands there letter for letter is written to.
 */
const written = (head: string): Set<string> => {
  const end = /\r?\n\r?\n/.exec(head)?.index ?? head.length
  const lines = head
    .slice(0, end)
    .replace(/\r?\n[ \t]+/g, ' ')
    .split(/\r?\n|\r/)
  const people = lines.filter(line => /^(?:from|reply-to|cc|x-original-from)[ \t]{0,9}:/i.test(line))
  return new Set(people.flatMap(line => line.split(/[\s<>,;:"()]+/)).map(word => word.toLowerCase()))
}

/** Is it named in the headers, by the parser and by the bytes? `head`: as in ReachInput. */
export const isNamed = (address: string, mail: ParsedMail, head: string): boolean =>
  named(mail).some(one => one.address.toLowerCase() === address.toLowerCase()) &&
  written(head).has(address.toLowerCase())

const authorReach = async (mail: ParsedMail, given: ReachInput): Promise<Reach> => {
  const { author } = mail
  if (author === undefined) return no('the mail names no author')
  const { address } = author
  // Another letter in raw UTF-8 is another mailbox to one program and the same to the next; domains can be written in ASCII (RFC 5890).
  if (!isMailable(address) || !/^[\x21-\x7e]+$/.test(address))
    return no('its address is none that mail can be sent to')
  if (!isNamed(address, mail, given.head)) return no('its address does not stand in the headers of the mail')
  if ([given.list, ...given.never].some(one => isSameMailbox(one.address, address)))
    return no('its address is the list’s, or the bot’s own')
  if (isProgram(address)) return no('its address is a program’s')
  if (needsProof(mail, given.list)) {
    const aligned = await given.aligned()
    if (aligned !== true)
      return no(
        aligned === 'unknown'
          ? 'Reply-To: is not From:, and the signature (DKIM) could not be checked'
          : 'Reply-To: is not From:, and no signature (DKIM) proves From:',
      )
  }
  if (await given.isSilenced(address)) return no('mail to it came back, or is not wanted there')
  return yes
}

const listReach = async ({ list, isSilenced }: ReachInput): Promise<Reach> => {
  if (!isMailable(list.address)) return no('its address is none that mail can be sent to')
  if (await isSilenced(list.address)) return no('mail to it came back')
  return yes
}

const autoWords: Record<NonNullable<ParsedMail['auto']>, string> = {
  bounce: 'a report of a mail server',
  'auto-reply': 'an automatic answer',
  'list-manager': 'mail of list software',
  bot: 'written by a program',
}

/** Author and list of a mail that is to be answered. A mail of a program is answered to nobody: not even on the list, where it would read it. */
export const reach = async (given: ReachInput): Promise<Reachable> => {
  const { mail, isOwn } = given
  const never =
    mail === undefined
      ? 'the mail cannot be read'
      : isOwn
        ? 'it is a mail of this bot'
        : mail.auto === undefined
          ? undefined
          : `the mail is ${autoWords[mail.auto]}`
  if (mail === undefined || never !== undefined) {
    const why = no(never ?? '')
    return { author: why, address: undefined, list: why }
  }
  return { author: await authorReach(mail, given), address: mail.author, list: await listReach(given) }
}
