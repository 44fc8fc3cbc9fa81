// A mail that says that a mail of ours did not arrive: which one, for whom, and for how long. Part of the bounce stage; pure.
// RFC 3464 (delivery-status), RFC 6522 (multipart/report); servers that write only text: qmail, Exchange, Gmail, Exim.

export type DsnRecipient = {
  /** In lower case. Original-Recipient: whom we wrote to; Final-Recipient: where it went from there. */
  addresses: string[]
  /** failed: for good · delayed: it is still tried · other: delivered, relayed, expanded. */
  action: 'failed' | 'delayed' | 'other'
  /** RFC 3463; `5.0.0` or `4.0.0` where none is told. */
  status: string
}

export type Dsn = {
  /** Message-IDs that it names, those of returned headers first. */
  messageIds: string[]
  /** What a delivery-status part says. Empty: there is none, or nothing is said of anybody. */
  recipients: DsnRecipient[]
  /** For the servers that write only text: every address that stands in it before the returned mail, in lower case. */
  mentioned: string[]
  /** The worst status that the text tells of; undefined: none. */
  textStatus: string | undefined
}

/** Bounces quote whole mails; what tells why stands at the beginning of their parts. */
const maxPart = 200_000
const maxRecipients = 100

const statusPattern = /(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])/g
const replyCode = /(?<![\d.])([45])[0-7]\d(?=[\s-])/

/** The first status (RFC 3463) in a server's words that tells of a failure, else one made of its reply code. undefined: neither. */
export const statusIn = (words: string): string | undefined => {
  const found = [...words.slice(0, maxPart).matchAll(statusPattern)].map(match => match[0])
  const telling = found.find(status => status.startsWith('5')) ?? found.find(status => status.startsWith('4'))
  if (telling !== undefined) return telling
  const code = replyCode.exec(words.slice(0, maxPart))?.[1]
  return code === undefined ? undefined : `${code}.0.0`
}

const idPattern = /^[ \t]*message-id:\s{0,20}(<[^\s<>]{1,900}>)/gim
const addressPattern = /[^\s<>()[\]\\,;:"@]{1,64}@[a-z0-9][a-z0-9.-]{0,251}[a-z0-9]/gi

const idsIn = (text: string): string[] =>
  [...text.slice(0, maxPart).matchAll(idPattern)].map(match => match[1] ?? '')

/** `Name: value` lines, unfolded; blocks are parted by empty lines (RFC 3464 §2.1). */
const blocksOf = (text: string): Map<string, string>[] =>
  text
    .slice(0, maxPart)
    .replace(/\r\n?/g, '\n')
    .replace(/\n[ \t]+/g, ' ')
    .split(/\n\n+/)
    .map(block => {
      const fields = new Map<string, string>()
      for (const line of block.split('\n')) {
        const at = line.indexOf(':')
        if (at > 0) fields.set(line.slice(0, at).trim().toLowerCase(), line.slice(at + 1).trim())
      }
      return fields
    })

/** `rfc822; <ann@example.org>` → ann@example.org. */
const addressOf = (field: string | undefined): string | undefined =>
  field
    ?.replace(/^[^;]{0,40};/, '')
    .match(addressPattern)?.[0]
    .toLowerCase()

const recipientOf = (fields: Map<string, string>): DsnRecipient | undefined => {
  const addresses = ['original-recipient', 'final-recipient', 'x-actual-recipient']
    .map(name => addressOf(fields.get(name)))
    .filter(address => address !== undefined)
  const action = fields.get('action')?.toLowerCase() ?? ''
  if (addresses.length === 0) return undefined
  const kind = /^failed\b/.test(action) ? 'failed' : /^delayed\b/.test(action) ? 'delayed' : 'other'
  const status = statusIn(fields.get('status') ?? '') ?? statusIn(fields.get('diagnostic-code') ?? '')
  return {
    addresses: [...new Set(addresses)],
    // Without an action it did not follow the rules, but said what happened.
    action: action === '' && status?.startsWith('5') ? 'failed' : kind,
    status: status ?? (kind === 'delayed' ? '4.0.0' : '5.0.0'),
  }
}

type Part = { type: string; text: string }

/** Where the returned mail begins in the text of those who know no parts: qmail, Exim, Gmail, Exchange. */
const returned =
  /^(?:-{2,}.{0,20}(?:below this line is a copy|original (?:message|mail)|this is a copy|returned message|message header|forwarded message).{0,60}|original (?:message )?headers:?|----- (?:original|unsent) message.{0,40})$/im

/** The mail's own text and the parts that tell, in their order. */
const partsOf = async (raw: Buffer): Promise<{ own: string; parts: Part[] }> => {
  const { simpleParser } = await import('mailparser')
  const mail = await simpleParser(raw.subarray(0, 4 * maxPart), {
    keepDeliveryStatus: true,
    skipHtmlToText: false,
    skipImageLinks: true,
    skipTextToHtml: true,
    maxHtmlLengthToParse: maxPart,
  })
  const parts = mail.attachments.map(({ contentType, content }) => ({
    type: contentType,
    text: content.subarray(0, maxPart).toString('latin1'),
  }))
  return { own: mail.text ?? '', parts }
}

const isStatus = ({ type }: Part): boolean => /^message\/(?:global-)?delivery-status$/i.test(type)
const isReturned = ({ type }: Part): boolean =>
  /^(?:message\/(?:rfc822|global)|text\/rfc822-headers|message\/global-headers)$/i.test(type)

/** Reads any mail as if it was a bounce: whoever calls knows whether the mails that it names are ours. Never throws. */
export const parseDsn = async (raw: Buffer): Promise<Dsn> => {
  const { own, parts } = await partsOf(raw).catch(() => ({ own: '', parts: [] }))
  const statuses = parts.filter(isStatus).map(({ text }) => text)
  const blocks = statuses.flatMap(blocksOf)
  const at = own.search(returned)
  const words = [at < 0 ? own : own.slice(0, at), ...statuses].join('\n')
  const headers = parts.filter(isReturned).map(({ text }) => text)
  const found = blocks.flatMap(fields => recipientOf(fields) ?? [])
  return {
    messageIds: [...new Set([...headers.flatMap(idsIn), ...idsIn(own), ...idsIn(rawText(raw))])].slice(0, 20),
    recipients: found.slice(0, maxRecipients),
    mentioned: [
      ...new Set((words.slice(0, maxPart).match(addressPattern) ?? []).map(one => one.toLowerCase())),
    ].slice(0, maxRecipients),
    textStatus: statusIn(words),
  }
}

/** Its own header aside: that Message-ID is the bounce's. */
const rawText = (raw: Buffer): string => {
  const text = raw.subarray(0, maxPart).toString('latin1').replaceAll('\r\n', '\n')
  const end = text.indexOf('\n\n')
  return end < 0 ? '' : text.slice(end)
}
