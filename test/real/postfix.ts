// A Postfix of its own in a temporary folder, on loopback, for tests: it delivers into Maildirs or to an LMTP server, refuses and
// delays on demand, and writes real bounces. Nothing that is sent to it leaves this machine.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { SMTPServer } from 'smtp-server'
import { freePort, makeCertificates } from './loopback.ts'

const programs = '/usr/lib/postfix/sbin'

/** What Postfix asks for each recipient before it takes the mail, and what it does with the answer: access(5), SMTPD_POLICY_README. */
export type Judge = (asked: { sender: string; recipient: string; size: number }) => string | Promise<string>

export type PostfixOptions = {
  /** Addresses that it delivers to; any other is refused with 550 5.1.1. */
  mailboxes: string[]
  /** Address → where its mail goes instead, like a list's subscribers. They need not be mailboxes; sender and headers stay. */
  aliases?: Record<string, string[]>
  /** Address → what the server behind this one says to it: mail is taken, and after `550 5.1.1 no such user` a bounce goes to its
   *  sender, after `452 4.2.2 full` it stays in the queue. */
  behind?: Record<string, string>
  /** Where mailboxes are: `inet:127.0.0.1:24` or `unix:/path` of an LMTP server. Default: Maildirs in the folder. */
  lmtp?: string
  /** Unix socket of a Dovecot that knows who may log in: for the port `submission`. */
  auth?: string
  sizeLimit?: number
  /** Further lines of main.cf. */
  settings?: string[]
}

export type TestPostfix = {
  folder: string
  /** Plain SMTP with STARTTLS offered; takes mail from anybody on this machine. */
  port: number
  /** TLS from the first byte. */
  smtpsPort: number
  /** Mail only after logging in, and logging in only after STARTTLS. */
  submissionPort: number
  /** PEM file of the authority behind its certificate, which is for localhost and 127.0.0.1. */
  ca: string
  /** Raw mails in an address's Maildir. */
  mails(address: string): Buffer[]
  /** Resolves when there are that many, or throws after 20 s. */
  waitForMails(address: string, count: number): Promise<Buffer[]>
  /** `DUNNO` (go on), `450 4.7.1 greylisted`, `550 5.7.1 no`, `421 4.3.2 later` (and hangs up): for every mail from now on. */
  judge(judge: Judge): void
  log(): string
  start(): Promise<void>
  /** Also what it was sending is stopped; its queue stays. */
  stop(): Promise<void>
  /** kill -9 of all its processes. */
  kill9(): Promise<void>
  restart(): Promise<void>
  /** Mails that wait in its queue. */
  queued(): number
  /** Stops it, and removes the folder. */
  end(): Promise<void>
}

const idOf = (flag: '-u' | '-g', user: string): number =>
  Number(execFileSync('id', [flag, user], { encoding: 'utf8' }))

const groupId = (group: string): number =>
  Number(execFileSync('getent', ['group', group], { encoding: 'utf8' }).split(':')[2])

/** As `postfix check` would make them. */
const makeFolders = (folder: string): void => {
  const [user, postdrop] = [idOf('-u', 'postfix'), groupId('postdrop')]
  const make = (name: string, mode: number, owner: [number, number]) => {
    const path = join(folder, name)
    mkdirSync(path, { recursive: true })
    chmodSync(path, mode)
    chownSync(path, ...owner)
  }
  for (const name of ['config', 'queue', 'queue/pid']) make(name, 0o755, [0, 0])
  const own = ['active', 'bounce', 'corrupt', 'defer', 'deferred', 'flush', 'hold', 'incoming', 'private']
  for (const name of [...own, 'saved', 'trace']) make(`queue/${name}`, 0o700, [user, 0])
  make('queue/maildrop', 0o730, [user, postdrop])
  make('queue/public', 0o710, [user, postdrop])
  make('data', 0o700, [user, 0])
  make('mail', 0o755, [65_534, 65_534])
}

const mainCf = (folder: string, options: PostfixOptions, tls: { key: string; cert: string }) => [
  'compatibility_level = 3.6',
  `queue_directory = ${folder}/queue`,
  `data_directory = ${folder}/data`,
  `maillog_file = ${folder}/log`,
  `maillog_file_prefixes = ${folder}`,
  'service_throttle_time = 1s',
  `daemon_directory = ${programs}`,
  'inet_interfaces = 127.0.0.1',
  'inet_protocols = ipv4',
  'mynetworks = 127.0.0.0/8',
  'myhostname = mx.test',
  'mydestination =',
  'alias_maps =',
  'local_recipient_maps =',
  'biff = no',
  // Nothing leaves, and no name is looked up.
  'default_transport = error:5.4.4 this test server sends nothing away',
  'relay_transport = error:5.4.4 this test server sends nothing away',
  'disable_dns_lookups = yes',
  'smtp_host_lookup = native',
  'smtpd_peername_lookup = no',
  // Quick to try again; no limits on how fast mails come.
  'minimal_backoff_time = 1s',
  'maximal_backoff_time = 2s',
  'queue_run_delay = 1s',
  'transport_retry_time = 1s',
  'in_flow_delay = 0',
  'smtpd_soft_error_limit = 1000',
  'smtpd_hard_error_limit = 1000',
  'smtpd_error_sleep_time = 0',
  `message_size_limit = ${options.sizeLimit ?? 52_428_800}`,
  'mailbox_size_limit = 0',
  'virtual_mailbox_limit = 0',
  `virtual_mailbox_domains = texthash:${folder}/config/domains`,
  `virtual_mailbox_maps = texthash:${folder}/config/mailboxes`,
  `virtual_mailbox_base = ${folder}/mail`,
  `virtual_alias_maps = texthash:${folder}/config/aliases`,
  `transport_maps = texthash:${folder}/config/transports`,
  'virtual_uid_maps = static:65534',
  'virtual_gid_maps = static:65534',
  `virtual_transport = ${options.lmtp === undefined ? 'virtual' : `lmtp:${options.lmtp}`}`,
  'lmtp_destination_recipient_limit = 50',
  `smtpd_tls_key_file = ${tls.key}`,
  `smtpd_tls_cert_file = ${tls.cert}`,
  'smtpd_tls_security_level = may',
  'smtpd_tls_auth_only = yes',
  'smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination',
  ...(options.auth === undefined ? [] : ['smtpd_sasl_type = dovecot', `smtpd_sasl_path = ${options.auth}`]),
  ...(options.settings ?? []),
]

type Ports = { smtp: number; smtps: number; submission: number; policy: number }

const masterCf = (ports: Ports, withAuth: boolean) => {
  const judged = `-o smtpd_recipient_restrictions=check_policy_service,inet:127.0.0.1:${ports.policy}`
  const smtpd = (port: number, ...more: string[]) =>
    `127.0.0.1:${port} inet n - n - - smtpd ${[judged, ...more].join(' ')}`
  const service = (name: string, kind: string, program: string, wakeup = '-', limit = '-') =>
    `${name} ${kind} ${kind === 'unix-dgram' ? 'n' : '-'} - n ${wakeup} ${limit} ${program}`
  return [
    smtpd(ports.smtp),
    smtpd(
      ports.smtps,
      '-o smtpd_tls_wrappermode=yes',
      ...(withAuth ? ['-o smtpd_sasl_auth_enable=yes'] : []),
    ),
    ...(withAuth
      ? [
          smtpd(
            ports.submission,
            '-o smtpd_sasl_auth_enable=yes -o smtpd_tls_security_level=encrypt',
            '-o smtpd_client_restrictions=permit_sasl_authenticated,reject',
          ),
        ]
      : []),
    'pickup unix n - n 60 1 pickup',
    'cleanup unix n - n - 0 cleanup',
    'qmgr unix n - n 300 1 qmgr',
    'tlsmgr unix - - n 1000? 1 tlsmgr',
    'rewrite unix - - n - - trivial-rewrite',
    'bounce unix - - n - 0 bounce',
    'defer unix - - n - 0 bounce',
    'trace unix - - n - 0 bounce',
    'verify unix - - n - 1 verify',
    'flush unix n - n 1000? 0 flush',
    'proxymap unix - - n - - proxymap',
    'proxywrite unix - - n - 1 proxymap',
    'smtp unix - - n - - smtp',
    'relay unix - - n - - smtp',
    'showq unix n - n - - showq',
    'error unix - - n - - error',
    'retry unix - - n - - error',
    'discard unix - - n - - discard',
    'local unix - n n - - local',
    'virtual unix - n n - - virtual',
    'lmtp unix - - n - - lmtp',
    'anvil unix - - n - 1 anvil',
    'scache unix - - n - 1 scache',
    service('postlog', 'unix-dgram', 'postlogd', '-', '1'),
  ]
}

const maildirOf = (address: string): string => {
  const at = address.lastIndexOf('@')
  return `${address.slice(at + 1)}/${address.slice(0, at)}/`
}

const writeTables = (
  folder: string,
  { mailboxes, aliases = {}, behind = {}, behindPort }: PostfixOptions & { behindPort: number },
): void => {
  const write = (name: string, lines: string[]) =>
    writeFileSync(join(folder, 'config', name), lines.map(line => `${line}\n`).join(''))
  const all = [...mailboxes, ...Object.keys(aliases), ...Object.keys(behind)]
  const domains = new Set(all.map(address => address.slice(address.lastIndexOf('@') + 1)))
  write(
    'domains',
    [...domains].map(domain => `${domain} ok`),
  )
  const boxes = new Set([...mailboxes, ...Object.keys(behind)])
  write(
    'mailboxes',
    [...boxes].map(address => `${address} ${maildirOf(address)}`),
  )
  write(
    'aliases',
    Object.entries(aliases).map(([from, to]) => `${from} ${to.join(', ')}`),
  )
  write(
    'transports',
    Object.keys(behind).map(address => `${address} smtp:[127.0.0.1]:${behindPort}`),
  )
}

/** Answers Postfix's questions from within the test: blocks of `name=value` lines that end in an empty one. */
const policyServer = (port: number, answer: Judge): Promise<Server> =>
  new Promise(resolve => {
    const server = createServer(socket => {
      socket.on('error', () => undefined)
      let asked: Record<string, string> = {}
      const lines = createInterface(socket)
      lines.on('error', () => undefined)
      lines.on('line', async line => {
        if (line !== '') {
          const at = line.indexOf('=')
          asked[line.slice(0, at)] = line.slice(at + 1)
          return
        }
        const { sender = '', recipient = '', size = '0' } = asked
        asked = {}
        const action = await answer({ sender, recipient, size: Number(size) })
        if (socket.writable) socket.write(`action=${action}\n\n`)
      })
    })
    server.listen(port, '127.0.0.1', () => resolve(server))
  })

/** The server behind, which has its own opinion of some addresses and takes no mail. */
const serverBehind = async (answers: Record<string, string>): Promise<{ port: number; close(): void }> => {
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    onRcptTo({ address }, _session, answer) {
      const [code, ...words] = (answers[address] ?? '550 5.1.1 No such user here').split(' ')
      answer(Object.assign(new Error(words.join(' ')), { responseCode: Number(code) }))
    },
  })
  server.on('error', () => undefined)
  const listener = server.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  return { port: (listener.address() as AddressInfo).port, close: () => server.close() }
}

/** Its processes, but for the master: also those that were started in the moment in which it was killed. */
const ofFolder = (folder: string): number[] =>
  readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(pid => isOwn(pid, folder))

const blockedAt = (pid: number): string => {
  try {
    const [program = ''] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    return `${program} ${readFileSync(`/proc/${pid}/wchan`, 'utf8')}`
  } catch {
    return ''
  }
}

/** A postlogd that finds its socket full writes to it itself, and waits for ever; all others wait for it. Its master makes another one. */
const freeLogger = (folder: string): void => {
  for (const pid of ofFolder(folder))
    if (blockedAt(pid) === 'postlogd unix_wait_for_peer') process.kill(pid, 'SIGKILL')
}

const greets = (port: number): Promise<boolean> =>
  new Promise(resolve => {
    const socket = connect({ port, host: '127.0.0.1' })
    const done = (yes: boolean) => {
      socket.destroy()
      resolve(yes)
    }
    socket
      .once('data', () => done(true))
      .once('error', () => done(false))
      .once('close', () => done(false))
    socket.setTimeout(2000, () => done(false))
  })

const until = async <T>(what: string, look: () => T | undefined | Promise<T | undefined>): Promise<T> => {
  const end = Date.now() + 20_000
  while (Date.now() < end) {
    const found = await look()
    if (found !== undefined) return found
    await pause(20)
  }
  throw new Error(`Postfix: waited in vain for ${what}`)
}

const check = (): void => {
  if (!existsSync(join(programs, 'master'))) throw new Error('no Postfix here: node setup.mjs --test')
  if (process.getuid?.() !== 0)
    throw new Error('Postfix starts only as root: run the tests as root, as in a container')
}

const filesIn = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).map(name => join(folder, name))
    : []

/** Starts one; resolves when it greets. Needs root. */
export const startPostfix = async (options: PostfixOptions): Promise<TestPostfix> => {
  check()
  const folder = mkdtempSync(join(tmpdir(), 'gv-postfix-'))
  chmodSync(folder, 0o755)
  makeFolders(folder)
  const tls = makeCertificates(folder)
  const ports: Ports = {
    smtp: await freePort(),
    smtps: await freePort(),
    submission: await freePort(),
    policy: await freePort(),
  }
  const config = (name: string, lines: string[]) =>
    writeFileSync(join(folder, 'config', name), lines.map(line => `${line}\n`).join(''))
  config('main.cf', mainCf(folder, options, tls))
  config('master.cf', masterCf(ports, options.auth !== undefined))
  const behind = await serverBehind(options.behind ?? {})
  writeTables(folder, { ...options, behindPort: behind.port })

  let judge: Judge = () => 'DUNNO'
  const policy = await policyServer(ports.policy, asked => judge(asked))
  let master: ChildProcess | undefined
  let words = ''
  const log = () => (existsSync(join(folder, 'log')) ? readFileSync(join(folder, 'log'), 'utf8') : '') + words

  const start = async () => {
    // If the test dies, so does its Postfix.
    const args = ['--pdeathsig', 'TERM', join(programs, 'master'), '-s', '-c', join(folder, 'config')]
    const child = spawn('setpriv', args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: folder })
    const hear = (chunk: Buffer) => {
      words += chunk
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    master = child
    const care = setInterval(() => freeLogger(folder), 2_000)
    child.once('exit', () => clearInterval(care))
    await until('its greeting', async () => {
      if (child.exitCode !== null) throw new Error(`Postfix did not start:\n${log()}`)
      return (await greets(ports.smtp)) || undefined
    }).catch(error => {
      throw new Error(`${error.message}\n${log().split('\n').slice(-40).join('\n')}`)
    })
  }
  const finish = async (signal: 'SIGTERM' | 'SIGKILL') => {
    const child = master
    master = undefined
    if (child?.pid === undefined) return
    const gone = once(child, 'exit')
    child.kill(signal)
    if (child.exitCode === null && child.signalCode === null) await gone
    await until('its processes to end', () => {
      const left = ofFolder(folder)
      for (const pid of left)
        try {
          process.kill(pid, signal)
        } catch {
          // It ended by itself.
        }
      return left.length === 0 || undefined
    })
  }
  const mails = (address: string): Buffer[] => {
    const maildir = join(folder, 'mail', maildirOf(address))
    return ['cur', 'new']
      .flatMap(name => filesIn(join(maildir, name)))
      .map(file => ({ file, at: statSync(file).mtimeMs }))
      .sort((a, b) => a.at - b.at)
      .map(({ file }) => readFileSync(file))
  }
  await start()
  return {
    folder,
    port: ports.smtp,
    smtpsPort: ports.smtps,
    submissionPort: ports.submission,
    ca: tls.ca,
    mails,
    waitForMails: (address, count) =>
      until(`${count} mails to ${address}, there are ${mails(address).length}`, () => {
        const found = mails(address)
        return found.length >= count ? found : undefined
      }),
    judge(next) {
      judge = next
    },
    log,
    start,
    stop: () => finish('SIGTERM'),
    kill9: () => finish('SIGKILL'),
    async restart() {
      await finish('SIGTERM')
      await start()
    },
    queued: () =>
      ['incoming', 'active', 'deferred', 'maildrop']
        .flatMap(name => filesIn(join(folder, 'queue', name)))
        // What it had not yet taken when it was killed has no execute bit, and is thrown away some hours later.
        .filter(file => {
          const there = statSync(file, { throwIfNoEntry: false })
          return there?.isFile() === true && (there.mode & 0o100) !== 0
        }).length,
    async end() {
      await finish('SIGTERM')
      policy.close()
      behind.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Is it alive, and not a process that got the number of one of ours? */
const isOwn = (pid: number, folder: string): boolean => {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(folder)
  } catch {
    return false
  }
}
