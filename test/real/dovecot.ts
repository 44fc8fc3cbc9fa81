// A Dovecot of its own for tests, with its own configuration and certificates in a temporary folder, on free ports of loopback:
// IMAP (with STARTTLS), IMAPS and LMTP; users with a password, or with a signed token. All its processes end with `stop`.
import { execFileSync, spawn } from 'node:child_process'
import { createHmac, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { chown, rename, utimes, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import path from 'node:path'
import { createTransport } from 'nodemailer'
import { freePort, makeCertificates } from './loopback.ts'

export type DovecotOptions = {
  /** Name → password. Default: `sofia` with `correct horse`. */
  users?: Record<string, string>
  /** More lines for dovecot.conf; they win. */
  settings?: string
}

export type TestDovecot = {
  folder: string
  host: string
  ports: { imap: number; imaps: number; lmtp: number }
  /** Path of the PEM of the authority that signed the server's certificate (for localhost and 127.0.0.1). */
  ca: string
  /** The first user. */
  user: string
  password: string
  /** A token that the server takes for that user, by XOAUTH2 and OAUTHBEARER; `seconds` may be negative. */
  token(user?: string, seconds?: number): string
  /** The user's INBOX, or the folder `.name` of one of the user's other mailboxes. */
  maildir(user?: string, mailbox?: string): string
  /** By LMTP, as a mail server hands mail over: Return-Path, Delivered-To and Received are put before it. */
  deliver(raw: Buffer, to?: { user?: string; from?: string }): Promise<void>
  /** Writes a file into the Maildir: the bytes stay as they are. `arrivedAt` becomes its INTERNALDATE. */
  drop(raw: Buffer, to?: { user?: string; mailbox?: string; arrivedAt?: number }): Promise<void>
  /** doveadm on this server. */
  doveadm(...args: string[]): string
  start(): Promise<void>
  /** SIGTERM, and half a second later SIGKILL; resolves when all its processes are gone. The mail stays. */
  stop(): Promise<void>
  /** SIGKILL to all its processes at once, as when the power fails. */
  kill9(): Promise<void>
  restart(): Promise<void>
  /** SIGSTOP to all its processes: connections stay open, nothing answers. */
  freeze(): void
  thaw(): void
  /** Ends it for good, and removes the folder. */
  remove(): Promise<void>
}

const host = '127.0.0.1'

/** Who runs it: never root. */
const identity = (): { user: string; group: string; uid: number; gid: number } => {
  const user = process.getuid?.() === 0 ? 'nobody' : userInfo().username
  const id = (...flags: string[]) => execFileSync('id', [...flags, user], { encoding: 'utf8' }).trim()
  return { user, group: id('-gn'), uid: Number(id('-u')), gid: Number(id('-g')) }
}

type Who = ReturnType<typeof identity>

const as = ({ uid, gid }: Who, command: [string, ...string[]]): [string, ...string[]] =>
  process.getuid?.() === 0
    ? ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', ...command]
    : command

type Ports = TestDovecot['ports']

const configuration = (folder: string, who: Who, ports: Ports): string => `
base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = ${folder}/log
protocols = imap lmtp
listen = ${host}
default_internal_user = ${who.user}
default_internal_group = ${who.group}
default_login_user = ${who.user}
first_valid_uid = 1
first_valid_gid = 1
ssl = yes
ssl_cert = <${folder}/server.pem
ssl_key = <${folder}/server.key
ssl_dh =
# Lowest of all that is to be had: inotify wakes the session, which looks after a short while of its own.
mailbox_idle_check_interval = 1s
mail_max_userip_connections = 100
mail_location = maildir:~/Maildir
mail_fsync = never
auth_mechanisms = plain login xoauth2 oauthbearer
auth_failure_delay = 0
namespace inbox {
  inbox = yes
  separator = /
}
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = ${folder}/oauth2.conf
}
passdb {
  driver = passwd-file
  mechanisms = plain login
  args = scheme=PLAIN username_format=%u ${folder}/users
}
userdb {
  driver = static
  args = uid=${who.uid} gid=${who.gid} home=${folder}/mail/%u allow_all_users=yes
}
service anvil {
  chroot =
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service stats {
  chroot =
}
service imap-login {
  chroot =
  service_count = 0
  inet_listener imap {
    port = ${ports.imap}
  }
  inet_listener imaps {
    port = ${ports.imaps}
    ssl = yes
  }
}
# A session that idles is put aside, and taken up again at the first notice: without it, a session waits half a second at each notice.
imap_hibernate_timeout = 1s
service imap {
  extra_groups =
  unix_listener imap-master {
    mode = 0600
    user = ${who.user}
  }
}
service imap-hibernate {
  chroot =
  unix_listener imap-hibernate {
    mode = 0600
    user = ${who.user}
  }
}
service lmtp {
  inet_listener lmtp {
    port = ${ports.lmtp}
  }
}
`

const oauth2 = (folder: string): string => `introspection_mode = local
local_validation_key_dict = fs:posix:prefix=${folder}/keys/
username_attribute = sub
username_format = %u
`

const base64url = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A signed token (RFC 7519), which Dovecot checks by the key that both have. */
const tokenOf = (key: Buffer, user: string, seconds: number): string => {
  const now = Math.floor(Date.now() / 1000)
  const said = `${base64url({ alg: 'HS256', typ: 'JWT' })}.${base64url({
    sub: user,
    iat: now - 3600,
    exp: now + seconds,
  })}`
  return `${said}.${createHmac('sha256', key).update(said).digest('base64url')}`
}

/** Resolves when the port greets. */
const greets = async (port: number): Promise<boolean> => {
  const socket: Socket = connect(port, host)
  try {
    return await new Promise<boolean>(done => {
      socket.once('data', () => done(true))
      for (const event of ['error', 'close']) socket.once(event, () => done(false))
    })
  } finally {
    socket.destroy()
  }
}

/** Does any process of the group run? One that has ended and that nobody has waited for yet does not. */
const groupIsThere = (group: number): boolean =>
  readdirSync('/proc').some(pid => {
    if (!/^\d+$/.test(pid)) return false
    try {
      const [state, , of] = readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')
      return Number(of) === group && state !== 'Z'
    } catch {
      return false
    }
  })

/** Starts one; resolves when it takes connections. */
export const startDovecot = async (options: DovecotOptions = {}): Promise<TestDovecot> => {
  if (!existsSync('/usr/lib/dovecot/imap')) throw new Error('no Dovecot here: apt-get install dovecot-imapd')
  const { users = { sofia: 'correct horse' }, settings = '' } = options
  const who = identity()
  const folder = mkdtempSync(path.join(tmpdir(), 'gv-dovecot-'))
  const ports = { imap: await freePort(), imaps: await freePort(), lmtp: await freePort() }
  const at = (...names: string[]) => path.join(folder, ...names)
  for (const name of ['run', 'state', 'mail', 'keys/default/HS256']) mkdirSync(at(name), { recursive: true })
  const { ca } = makeCertificates(folder)
  const key = randomBytes(32)
  writeFileSync(at('keys/default/HS256/default'), key.toString('base64'))
  writeFileSync(at('oauth2.conf'), oauth2(folder))
  writeFileSync(
    at('users'),
    Object.entries(users)
      .map(([name, password]) => `${name}:{PLAIN}${password}\n`)
      .join(''),
  )
  writeFileSync(at('dovecot.conf'), `${configuration(folder, who, ports)}${settings}\n`)
  const [user = 'sofia', password = ''] = Object.entries(users)[0] ?? []
  const maildir = (name = user, mailbox = 'INBOX') =>
    at('mail', name, 'Maildir', ...(mailbox === 'INBOX' ? [] : [`.${mailbox.replaceAll('/', '.')}`]))
  for (const name of Object.keys(users))
    for (const part of ['tmp', 'new', 'cur']) mkdirSync(path.join(maildir(name), part), { recursive: true })
  if (process.getuid?.() === 0) {
    execFileSync('chown', ['-R', `${who.uid}:${who.gid}`, folder])
    chownSync(folder, who.uid, who.gid)
  }

  let master: number | undefined
  const start = async () => {
    // A killed one that nobody has waited for yet looks alive to the next one.
    rmSync(at('run/master.pid'), { force: true })
    // Should this process be killed, the server goes with it.
    const command = ['setpriv', '--pdeathsig=KILL', 'dovecot', '-F', '-c', at('dovecot.conf')] as const
    const [file, ...args] = as(who, [...command])
    const child = spawn(file, args, { cwd: folder, detached: true, stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    child.stderr.on('data', chunk => {
      said += String(chunk)
    })
    const ended = once(child, 'exit')
    let isOver = false
    ended.then(() => {
      isOver = true
    })
    if (child.pid === undefined) throw new Error('dovecot cannot be run')
    master = child.pid
    child.unref()
    for (const port of [ports.imap, ports.imaps, ports.lmtp]) {
      // The TLS port says nothing by itself: that it is bound is enough.
      if (port === ports.imaps) continue
      while (!(await greets(port))) {
        if (isOver) throw new Error(`Dovecot did not start: ${said}`)
        await new Promise(done => setTimeout(done, 10))
      }
    }
  }

  /** All processes are of one group, so none is forgotten. */
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    if (master === undefined) return
    const group = master
    master = undefined
    if (groupIsThere(group)) process.kill(signal === 'SIGTERM' ? group : -group, signal)
    // Sessions that idle may take Dovecot a minute to end.
    const patience = Date.now() + 500
    while (groupIsThere(group)) {
      if (Date.now() > patience) process.kill(-group, 'SIGKILL')
      await new Promise(done => setTimeout(done, 10))
    }
  }
  const signal = (name: NodeJS.Signals) => {
    if (master !== undefined && groupIsThere(master)) process.kill(-master, name)
  }

  const lmtp = createTransport({ host, port: ports.lmtp, lmtp: true, ignoreTLS: true, name: 'localhost' })
  let dropped = 0
  const dovecot: TestDovecot = {
    ...{ folder, host, ports, ca, user, password, maildir, start },
    token: (name = user, seconds = 3600) => tokenOf(key, name, seconds),
    async deliver(raw, { user: name = user, from = 'sofia@example.org' } = {}) {
      await lmtp.sendMail({ envelope: { from, to: [name] }, raw })
    },
    async drop(raw, { user: name = user, mailbox, arrivedAt = Date.now() } = {}) {
      const base = maildir(name, mailbox)
      const file = `${Math.floor(arrivedAt / 1000)}.M${String(++dropped).padStart(9, '0')}P${process.pid}.localhost`
      const temporary = path.join(base, 'tmp', file)
      await writeFile(temporary, raw)
      if (process.getuid?.() === 0) await chown(temporary, who.uid, who.gid)
      await utimes(temporary, arrivedAt / 1000, arrivedAt / 1000)
      await rename(temporary, path.join(base, 'new', file))
    },
    doveadm(...args) {
      const [file, ...rest] = as(who, ['doveadm', '-c', at('dovecot.conf'), ...args])
      return execFileSync(file, rest, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
    },
    stop: () => end('SIGTERM'),
    kill9: () => end('SIGKILL'),
    async restart() {
      await end('SIGTERM')
      await start()
    },
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
    async remove() {
      signal('SIGCONT')
      await end('SIGKILL')
      lmtp.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
  try {
    await start()
  } catch (error) {
    await dovecot.remove()
    throw error
  }
  return dovecot
}
