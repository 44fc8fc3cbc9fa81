// Are two addresses the same mailbox, or may they be? Used where a mistake means that a program answers itself.
import { domainToASCII } from 'node:url'

/** Characters that look wide, small or accented in another coding are the same here (NFKC, IDNA), upper case is lower case, and what follows
 *  a + is another folder of the same mailbox (RFC 5233). */
export const mailboxOf = (address: string): string => {
  const flat = address.normalize('NFKC').trim().toLowerCase()
  const at = flat.lastIndexOf('@')
  if (at < 0) return flat
  const [local = ''] = flat.slice(0, at).split('+')
  const domain = flat.slice(at + 1).replace(/\.$/, '')
  return `${local}@${domainToASCII(domain) || domain}`
}

export const isSameMailbox = (a: string, b: string): boolean => mailboxOf(a) === mailboxOf(b)
