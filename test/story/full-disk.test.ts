// The worst week-end in small: the disk of a working farm fills up. Everything is real but the bug tracker: mail servers, database, queue,
// guests, processes that are killed. The list hears of it once, and once that it is over; nobody is blamed, and nothing is lost.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { simpleParser } from 'mailparser'
import { createTransport } from 'nodemailer'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openStore } from '../../src/adapters/sql/store.ts'
import type { Store } from '../../src/ports/store.ts'
import { bot as account, type FakeBugzilla, startBugzilla } from '../fakes/bugzilla/server.ts'
import { sharedFolder } from '../farm/world.ts'
import { startDovecot, type TestDovecot } from '../real/dovecot.ts'
import { services, until } from '../real/grapevine.ts'
import { freePort } from '../real/loopback.ts'
import { startPostfix, type TestPostfix } from '../real/postfix.ts'
import { startPostgres, type TestPostgres } from '../real/postgres.ts'
import { redisOf } from '../real/redis.ts'

const list = 'tally-devel@dev.test'
const operator = 'olga@dev.test'
const password = 'correct horse'
/** Kept free of everything that the farm does. */
const reserveMiB = 100

let folder: string
let postgres: TestPostgres
let dovecot: TestDovecot
let postfix: TestPostfix
let store: Store
let tracker: FakeBugzilla
let page: string
let namespace: ChildProcess
let grapevine: ReturnType<typeof services>

const at = (...names: string[]) => join(folder, ...names)

/** In a mount namespace of its own, where the farm's folder is a small disk that goes with it. */
const inside = (program: string, given: string[]): [string, string[]] => [
  'nsenter',
  ['--mount', `--target=${namespace.pid}`, program, ...given],
]

const mountFarm = async (): Promise<void> => {
  const script = 'mount -t tmpfs -o size=4g,mode=755 tmpfs "$1" && echo mounted && exec sleep infinity'
  namespace = spawn('unshare', ['--mount', 'sh', '-c', script, 'sh', at('farm')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (namespace.stdout) await once(namespace.stdout, 'data')
  const inFarm = join(`/proc/${namespace.pid}/root`, at('farm'))
  symlinkSync(join(sharedFolder, 'images'), join(inFarm, 'images'))
}

const farmDisk = () => join(`/proc/${namespace.pid}/root`, at('farm'))

/** All but so much of it. */
const fillDisk = (leaveMiB: number): void => {
  const { bavail, bsize } = statfsSync(farmDisk())
  execFileSync('fallocate', ['-l', `${bavail * bsize - leaveMiB * 2 ** 20}`, join(farmDisk(), 'backups.tar')])
}
const freeDisk = (): void => rmSync(join(farmDisk(), 'backups.tar'))

const git = (...words: string[]): string =>
  execFileSync(
    'git',
    ['-C', at('tree'), '-c', 'user.name=Ann Author', '-c', 'user.email=ann@dev.test', ...words],
    {
      encoding: 'utf8',
    },
  )

const makeRepository = (): void => {
  execFileSync('git', ['init', '-q', '-b', 'main', at('tree')])
  writeFileSync(at('tree', 'sum.txt'), '1\n')
  writeFileSync(
    at('tree', 'check.sh'),
    'echo 1..1\ngrep -q 1 sum.txt && echo ok 1 - sum || echo not ok 1 - sum\n',
  )
  git('add', '.')
  git('commit', '-qm', 'tally: begin')
  execFileSync('git', ['clone', '-q', '--bare', at('tree'), at('tally.git')])
}

/** A patch as git sends it; its Message-ID names it. */
const post = async (name: string): Promise<void> => {
  git('checkout', '-q', '-B', name, 'main')
  appendFileSync(at('tree', 'sum.txt'), `1 ${name}\n`)
  git('commit', '-qam', `tally: ${name}`)
  const patch = git('format-patch', '-1', '--stdout', `--to=${list}`)
  const raw = patch
    .slice(patch.indexOf('\n') + 1)
    .replace('Subject:', `Message-ID: <${name}@dev.test>\nSubject:`)
  const transport = createTransport({ host: '127.0.0.1', port: postfix.port, ignoreTLS: true })
  await transport.sendMail({ envelope: { from: `ann@dev.test`, to: [list] }, raw })
  transport.close()
}

type Got = {
  subject: string
  text: string
  messageId: string
  references: string[]
  notice: boolean
  inReplyTo: string
}

/** What is in a mailbox of the list's server. */
const mailsOf = async (address: string): Promise<Got[]> => {
  const mails: Got[] = []
  for (const part of ['new', 'cur']) {
    const place = join(dovecot.maildir(address), part)
    for (const name of existsSync(place) ? await readdir(place) : []) {
      const mail = await simpleParser(await readFile(join(place, name)))
      mails.push({
        ...{ subject: mail.subject ?? '', text: mail.text ?? '', messageId: mail.messageId ?? '' },
        ...{ references: [mail.references ?? []].flat(), inReplyTo: mail.inReplyTo ?? '' },
        notice: mail.headers.has('x-grapevine-notice'),
      })
    }
  }
  return mails
}
const noticesTo = async (address: string) => (await mailsOf(address)).filter(({ notice }) => notice)
const repliesTo = async (name: string) =>
  (await mailsOf('ann@dev.test')).filter(({ inReplyTo }) => inReplyTo === `<${name}@dev.test>`)

const yaml = (servers: {
  smtp: number
  ca: string
  imap: number
  imapCa: string
  web: number
  tracker: string
}) => `
data: ${at('data')}
administrator: { name: Olga Operator, address: ${operator} }
bot: { name: Grapevine, address: grapevine@dev.test }
mail:
  live: true
  smtp: { host: localhost, port: ${servers.smtp}, ca: ${servers.ca} }
assemble: { quiet: 1 s, deadline: 60 s }
# Quicker than anybody wants it, so that nobody has to wait for it here.
notices:
  gap: 1 s
  bug: { tracker: bugs, product: Tally, component: core, fields: { op_sys: All, rep_platform: All } }
watch: { settle: 3 s, expires: 1 h }
web: { listen: '127.0.0.1:${servers.web}' }
trackers:
  bugs: { kind: bugzilla, url: '${servers.tracker}', key: { env: BUGS_KEY }, login: ${account.login} }
farm:
  data: ${at('farm')}
  slots: 1
  accelerator: tcg
  reserve: ${reserveMiB} MiB
  pool: 0
  images:
    # As set-up builds them.
    debian: { kind: debian, packages: [gcc, libc6-dev, make, git, patch, perl], memory: 512 MiB, cpus: 1, disk: 4 GiB }
    busybox: { kind: busybox, memory: 256 MiB }
projects:
  tally:
    list: { name: Tally development, address: ${list} }
    sources: [{ kind: imap, host: localhost, port: ${servers.imap}, ca: ${servers.imapCa}, user: ${list}, password: { env: LIST_PASSWORD } }]
    repository: ${at('tally.git')}
    build: { image: debian, artifacts: [check.sh, sum.txt] }
    test:
      images: [busybox]
      steps: [{ name: check, run: sh check.sh, report: tap, timeout: 20 s }]
    proof: { likely: 0 }
`

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gv-full-'))
  chmodSync(folder, 0o755)
  for (const name of ['farm', 'data']) mkdirSync(at(name))
  makeRepository()
  postgres = await startPostgres({ durable: true })
  const url = postgres.database('full')
  dovecot = await startDovecot({
    users: Object.fromEntries([list, operator, 'ann@dev.test'].map(user => [user, password])),
  })
  postfix = await startPostfix({
    mailboxes: [list, operator, 'ann@dev.test', 'grapevine@dev.test'],
    lmtp: `inet:127.0.0.1:${dovecot.ports.lmtp}`,
  })
  tracker = await startBugzilla()
  const web = await freePort()
  page = `http://127.0.0.1:${web}/status`
  const servers = { smtp: postfix.port, ca: postfix.ca, imap: dovecot.ports.imaps, imapCa: dovecot.ca }
  writeFileSync(at('grapevine.yaml'), yaml({ ...servers, web, tracker: tracker.url }))
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    DATABASE_URL: url,
    BUGS_KEY: account.key,
    LIST_PASSWORD: password,
    GRAPEVINE_HOST: 'oak',
  }
  delete env.REDIS_URL
  await mountFarm()
  grapevine = services({ folder, env, inside })
  store = await openStore({ url, folder })
})

afterAll(async () => {
  await grapevine?.killAll()
  for (const pid of redisOf(folder)) process.kill(pid, 'SIGKILL')
  namespace?.kill('SIGKILL')
  await tracker?.close()
  await store?.close()
  await postfix?.end()
  await dovecot?.remove()
  await postgres?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const pageSays = async (): Promise<string> => {
  const answer = await fetch(page).catch(() => undefined)
  return answer?.ok ? await answer.text() : ''
}

const theIncident = async () => {
  const all = (await store.incidents()).filter(({ trouble }) => trouble === 'disk-reserve')
  expect(all.length).toBeLessThanOrEqual(1)
  return all[0]
}

test('the disk of a working farm fills up: told once, nobody is blamed, and all is made up for afterwards', async () => {
  for (const name of ['start', 'worker', 'web'] as const) grapevine.start(name)
  await post('before')
  await until('a verdict while all is well', async () => (await repliesTo('before')).length > 0)
  expect((await noticesTo(list)).length).toBe(0)

  fillDisk(reserveMiB / 4)
  await post('meanwhile')
  await post('another')
  await until('an incident', async () => (await theIncident())?.state.at === 'open')
  await until('series that wait', async () => (await theIncident())?.affects.series.length === 2)
  await until('a notice', async () => (await noticesTo(list)).length > 0)
  await grapevine.kill('start')
  grapevine.start('start')
  await until('its bug', () => tracker.bugs.size > 0)
  await until('the page', async () => /disk/i.test(await pageSays()))
  const [notice] = await noticesTo(list)
  expect(notice?.text).toContain('tally: meanwhile')
  expect(notice?.text).toContain('tally: another')
  expect(await repliesTo('meanwhile')).toEqual([])

  await grapevine.kill('start')
  freeDisk()
  grapevine.start('start')
  await until('both verdicts', async () => {
    const both = await Promise.all([repliesTo('meanwhile'), repliesTo('another')])
    return both.every(replies => replies.length > 0)
  })
  await until('the end', async () => (await theIncident())?.state.at === 'resolved')
  await until('the closing notice', async () => (await noticesTo(list)).length > 1)
  await until('the bug is told', () => [...tracker.bugs.values()][0]?.comments.length === 2)
  await until('the page again', async () => !(await pageSays()).includes('open incident'))

  const notices = await noticesTo(list)
  expect(notices.map(({ subject }) => subject.startsWith('Re: '))).toEqual([false, true])
  const [first, last] = notices
  expect(last?.inReplyTo).toBe(first?.messageId)
  for (const title of ['tally: meanwhile', 'tally: another']) expect(last?.text).toContain(title)
  expect(last?.text).not.toContain('tally: before')
  expect(tracker.bugs.size).toBe(1)
  const asked = await store.hostRequests({ host: 'oak' })
  expect(asked.map(({ state }) => state.at)).toEqual(['passed'])
  for (const name of ['before', 'meanwhile', 'another']) {
    const replies = await repliesTo(name)
    expect(replies.map(({ subject }) => subject)).toEqual([`Re: [PATCH] tally: ${name}`])
    expect(replies[0]?.text).toMatch(/no new failures|passed/i)
  }
}, 600_000)
