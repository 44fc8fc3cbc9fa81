// The part of a Config about mail: how it leaves, how it is signed, and where it is read.
import { resolve } from 'node:path'
import { defaultSourceName } from './check-sources.ts'
import type { Config, SourceConfig } from './config.ts'
import { type Context, inFolder, toLogin } from './context.ts'
import { type Path, showPath } from './problem.ts'
import type { ConfigFile } from './schema.ts'

type SourceFile = ConfigFile['projects'][string]['sources'][number]

export const toMail = (mail: ConfigFile['mail'], context: Context): Config['mail'] => {
  const key = context.secrets.at(['mail', 'dkim', 'key'])
  const { dkim, live, inbox, caps } = mail
  return {
    live,
    out: mailOut(mail, context),
    dkim: dkim && key && { domain: dkim.domain, selector: dkim.selector, key },
    inbox: inbox.map((source, at) =>
      toSource(source, {
        ...context,
        path: ['mail', 'inbox', at],
        name: defaultSourceName('inbox', source.kind, at),
      }),
    ),
    caps,
    lookForMs: mail.lookFor,
  }
}

const mailOut = ({ maildir, smtp }: ConfigFile['mail'], context: Context): Config['mail']['out'] => {
  const { folder, secrets } = context
  if (smtp === undefined) return { kind: 'maildir', path: resolve(folder, maildir ?? '') }
  const { host, port, secure, user } = smtp
  const login = user === undefined ? undefined : toLogin(user, ['mail', 'smtp'], secrets)
  return { kind: 'smtp', host, port, secure, ca: inFolder(smtp.ca, folder), login }
}

export const toSource = (
  source: SourceFile,
  { folder, secrets, path, name }: Context & { path: Path; name: string },
): SourceConfig => {
  const common = { name: source.name ?? name, since: source.since }
  if (source.kind !== 'imap') return { ...common, kind: source.kind, path: resolve(folder, source.path) }
  const { kind, host, secure, user, mailbox, port = secure ? 993 : 143 } = source
  const login = toLogin(user, path, secrets)
  if (login === undefined) throw new Error(`${showPath(path)} has no login`)
  return { ...common, kind, host, port, secure, ca: inFolder(source.ca, folder), login, mailbox }
}
