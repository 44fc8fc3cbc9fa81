// A pull request as mails: its title and body become a cover letter, and each of its mails says which it is of. None of them is ever sent.
import type { Instant } from '../model/instant.ts'
import type { Address } from '../model/mail.ts'
import { oneLine } from './clean.ts'

export type PullMail = { of: string; version: number }

const headerName = 'X-Pull-Request'

const ofLine = ({ of, version }: PullMail): string => `${of.replace(/[^\w./#-]/g, '')} v${version}`

/** Two pull requests may hold the same commit: their mails are two. */
export const markedPatch = (patch: Buffer, mail: PullMail): Buffer =>
  Buffer.concat([Buffer.from(`${headerName}: ${ofLine(mail)}\n`), patch])

const maxTitle = 200
const maxBody = 200_000

/** The same bytes for the same words. */
export const coverOf = async (
  mail: PullMail & { title: string; body: string; author: Address; total: number; at: Instant },
): Promise<Buffer> => {
  const { version, total, title, body, author, at } = mail
  const tag = `[PATCH${version > 1 ? ` v${version}` : ''} 0/${total}]`
  const { default: MailComposer } = await import('nodemailer/lib/mail-composer')
  const composed = new MailComposer({
    from: { name: oneLine(author.name, 80), address: author.address },
    subject: `${tag} ${oneLine(title, maxTitle)}`,
    date: new Date(at),
    headers: { [headerName]: ofLine(mail) },
    text: body.replaceAll('\r\n', '\n').slice(0, maxBody).toWellFormed(),
    textEncoding: 'base64',
    ...{ disableFileAccess: true, disableUrlAccess: true, xMailer: false },
  })
  return new Promise((resolve, reject) => {
    composed.compile().build((error, bytes) => {
      // One that nobody ever sent has no Message-ID: nobody shall look for it in an archive.
      if (error) reject(error)
      else
        resolve(Buffer.from(bytes.toString('latin1').replace(/^Message-ID: [^\r\n]*\r?\n/im, ''), 'latin1'))
    })
  })
}
