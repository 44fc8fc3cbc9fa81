// Who wrote a mail whose From: a list or a gateway has rewritten (DMARC): part of parsing a mail.
import type { Address } from '../model/mail.ts'
import { cutEnd } from './cut-end.ts'

/** What there is to tell it by. `original`: the X-Original-From header as it stands. */
export type Traces = {
  from: Address | undefined
  original: string | undefined
  replyTo: Address[]
  cc: Address[]
  text: string
}

const plain = (name: string): string => cutEnd(name.replace(/^['"]+/, ''), `'"`).trim()

/** `Name <left@right>`, unquoted; undefined if it is nothing like it. Meant for one address, not for lists of them. */
export const readAddress = (line: string): Address | undefined => {
  const text = line.trim()
  const open = text.lastIndexOf('<')
  const name = text.slice(0, Math.max(0, open)).trim()
  const address = (
    open < 0 ? /^([^\s<>@"]+@[^\s<>@"]+)$/.exec(text) : /^<([^\s<>@]+@[^\s<>@]+)>$/.exec(text.slice(open))
  )?.[1]
  if (address === undefined || !/^"?[^<>"]{0,200}"?$/.test(name)) return undefined
  return { name: plain(name), address: address.toLowerCase() }
}

/** The pseudo header that `git format-patch --from` and relays write above the message. */
const inBody = (text: string): Address | undefined => {
  const line = /^\s*From:[ \t]*(.{1,300})$/im.exec(text.slice(0, 2000))
  return line !== null && text.slice(0, line.index).trim() === '' ? readAddress(line[1] ?? '') : undefined
}

const byName = (name: string, list: Address[]): Address | undefined =>
  list.find(address => plain(address.name).toLowerCase() === name.toLowerCase())

/**
 * From:, with the rewriting undone: X-Original-From, then Reply-To: or Cc: by name, then the From: in the body.
 * A name `… via B4 Relay` is the sender's own gateway and no list's, but its address reads no mail, so that the same is done.
 */
export const whoWrote = ({ from, original, replyTo, cc, text }: Traces): Address | undefined => {
  const kept = original === undefined ? undefined : readAddress(original)
  if (kept !== undefined) return kept.name === '' ? { ...kept, name: plain(from?.name ?? '') } : kept
  if (from === undefined) return undefined
  const rewritten = /^(.*?)\s+via(?:\s.*)?$/i.exec(plain(from.name))
  if (rewritten === null) return from
  const name = plain(rewritten[1] ?? '')
  return byName(name, replyTo) ?? byName(name, cc) ?? inBody(text) ?? from
}
