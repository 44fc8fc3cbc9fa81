// What happens to some of the demo's patches between their author and the bot.
import type { Posting } from './posting.ts'

/** A mail program that trusts only ASCII: the attached patch in base64, lines of 76 as RFC 2045 §6.8 wants them. */
const base64Attachment = (mail: string): string => {
  const boundary = /boundary="(.*)"/.exec(mail)?.[1] ?? ''
  const [head, text, patch, end] = mail.split(`--${boundary}`) as [string, string, string, string]
  const cut = patch.indexOf('\n\n') + 2
  const lines =
    Buffer.from(patch.slice(cut), 'latin1')
      .toString('base64')
      .match(/.{1,76}/g) ?? []
  const headers = patch
    .slice(0, cut)
    .replace('Content-Transfer-Encoding: 8bit', 'Content-Transfer-Encoding: base64')
  return [head, text, `${headers}${lines.join('\n')}\n\n`, end].join(`--${boundary}`)
}

/** A patch made by hand, one folder too high. */
const parentFolder = (mail: string): string =>
  mail
    .replaceAll('b/tally-profile.sh', 'b/../tally-profile.sh')
    .replaceAll('a/tally-profile.sh', 'a/../tally-profile.sh')

/** A mail program that says one charset and writes another. */
const latin1 = (mail: string): string =>
  Buffer.from(mail, 'latin1')
    .toString('utf8')
    .replace(/^(Content-Type: text\/plain; charset)=UTF-8$/m, '$1=us-ascii')

const footer = `_______________________________________________
Tally-devel mailing list, tally-devel@example.org
Please do not feed the sheep.
`

/** A list program that puts its name into the subject and a footer under the text. */
const listTag = (mail: string): string =>
  `${mail.replace('Subject: [PATCH]', 'Subject: [tally] [PATCH]')}${footer}`

const ways = {
  'base64-attachment': base64Attachment,
  'parent-folder': parentFolder,
  'latin-1': latin1,
  'list-tag': listTag,
}

/** The mail as it arrives. Bytes go through as they are. */
export const spoil = (mail: Buffer, how: Posting['spoil']): Buffer =>
  how === undefined ? mail : Buffer.from(ways[how](mail.toString('latin1')), 'latin1')
