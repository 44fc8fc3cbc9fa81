// The part of the schema about mail: how it leaves, where it is read, and how series are put together.
import { z } from 'zod'
import { duration } from '../quantity.ts'
import { ca, calendarDay, count, day, line, login, name, path } from './words.ts'

const smtp = z
  .strictObject({
    host: line('a host').describe('Host name of the mail server.'),
    port: z.int().min(1).max(65_535).default(25).describe('TCP port. Default: 25.'),
    secure: z
      .boolean()
      .default(false)
      .describe(
        'true: TLS from the first byte (port 465). false: STARTTLS where the server offers it. Default: false.',
      ),
    user: line('a user')
      .optional()
      .describe('User name for authentication. Default: none, no authentication.'),
    ...login,
    ca,
  })
  .describe('The mail server that takes the replies.')

const dkim = z
  .strictObject({
    domain: line('a domain').describe('Signing domain, that of the bot’s address.'),
    selector: line('a selector').describe('The key is published at SELECTOR._domainkey.DOMAIN.'),
    key: z
      .strictObject({ file: path.describe('File with the private key (PEM). Relative to this file.') })
      .describe('The private key: { file: PATH }.'),
  })
  .describe('Signs what is sent (DKIM). Default: not signed.')

const caps = z
  .strictObject({
    thread: count(10, 'In one thread.'),
    author: count(50, 'To one address that is not a list.'),
    total: count(1000, 'In all.'),
  })
  .describe(
    'How many mails may leave in 24 hours. What is over is not sent, and the administrator hears of it.',
  )

const since = calendarDay
  .optional()
  .describe(
    'Mail that arrived before this day (UTC) is passed over, whenever the source is read. Default: everything is read.',
  )

const sourceName = name()
  .optional()
  .describe(
    'What this source is called; its reading position is kept under this name. Default: PROJECT-KIND-NUMBER, counted from 1.',
  )

const folderPath = path.describe('Where it is. Relative to this file.')

const folder = <Kind extends string>(kind: Kind, what: string) =>
  z.strictObject({ kind: z.literal(kind), path: folderPath, since, name: sourceName }).describe(what)

export const source = z
  .discriminatedUnion('kind', [
    folder('mbox', 'One file.'),
    folder('maildir', 'A folder with new and cur.'),
    folder('public-inbox', 'A v2 git archive.'),
    z
      .strictObject({
        kind: z.literal('imap'),
        host: line('a host').describe('Host name of the IMAP server.'),
        port: z.int().min(1).max(65_535).optional().describe('TCP port. Default: 993, or 143 if not secure.'),
        secure: z
          .boolean()
          .default(true)
          .describe('true: TLS from the first byte. false: STARTTLS. Default: true.'),
        user: line('a user').describe('User name.'),
        ...login,
        ca,
        mailbox: line('a mailbox').default('INBOX').describe('The mailbox. Default: INBOX.'),
        since,
        name: sourceName,
      })
      .describe('A mailbox of an IMAP server.'),
  ])
  .describe('Where mail is read from. Nothing in it is changed.')

export const mail = z
  .strictObject({
    live: z
      .boolean()
      .default(false)
      .describe(
        'false: every mail goes to the administrator, with the intended recipients shown in it. true: replies go to the list and the author. Default: false.',
      ),
    maildir: path
      .optional()
      .describe(
        'Folder (Maildir) that replies are delivered into, for trying out. Exactly one of maildir and smtp.',
      ),
    smtp: smtp.optional(),
    dkim: dkim.optional(),
    inbox: z
      .array(source)
      .default([])
      .describe(
        'The bot’s own mailboxes: bounces and commands are read here, and mail of any list of the projects, told apart by List-Id. Default: none.',
      ),
    caps: caps.prefault({}),
    lookFor: duration(1000, 60 * day)
      .optional()
      .describe(
        'How long a mail of which nobody knows whether it left is looked for before it is sent again. Default: 5 min; without inbox, where only the list itself can tell, 1 h.',
      ),
  })
  .describe('How mail leaves, and what comes to the bot itself.')

export const assemble = z
  .strictObject({
    quiet: duration(1, day)
      .prefault('10 s')
      .describe(
        'How long a series with missing parts waits at the least, from when its newest part was read, however old that is. Default: 10 s.',
      ),
    deadline: duration(1000, 60 * day)
      .prefault('24 h')
      .describe(
        'How long a series waits for its missing parts, from the arrival of its newest one. Default: 24 h.',
      ),
    partial: duration(1000, 60 * day)
      .prefault('30 min')
      .describe(
        'When a new version that has only some of its parts is filled up from the version before, from the arrival of its newest part. Default: 30 min.',
      ),
  })
  .describe('How series are put together.')
