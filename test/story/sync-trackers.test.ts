// Comments in step with real clients and servers that speak like Bugzilla's three versions and like GitHub: the whole loop, both ways, also when it is killed.
import { afterEach, describe, expect, test } from 'vitest'
import { bugzillaTracker } from '../../src/adapters/bugzilla/tracker.ts'
import { githubIssues } from '../../src/adapters/github/issues.ts'
import type { ProjectConfig } from '../../src/config/config.ts'
import { secret } from '../../src/config/secret.ts'
import { botProject } from '../../src/model/mail.ts'
import type { OutgoingMail } from '../../src/model/reply.ts'
import type { Tracker } from '../../src/ports/bugs.ts'
import type { Clock } from '../../src/ports/clock.ts'
import { receive } from '../../src/stages/receive/receive.ts'
import { mailBytes } from '../../src/text/bytes.ts'
import { bugWriteMemory, tendBugWrites } from '../../src/wiring/bug-writes.ts'
import { syncMemory, tendSync } from '../../src/wiring/sync.ts'
import { bot, startBugzilla } from '../fakes/bugzilla/server.ts'
import type { Version } from '../fakes/bugzilla/state.ts'
import type { FakeClock } from '../fakes/clock.ts'
import { type Flow, openFlow, project } from '../fakes/flow.ts'
import { startGithub, token } from '../fakes/github/server.ts'

const day = 86_400_000
const list = 'tally-devel@example.org'

/** A tracker's server as its users have it. */
type Site = {
  product: string
  /** A client as a new process makes one. */
  open(clock: Clock): Tracker & { close(): Promise<void> }
  at(now: number): void
  report(text: string): void
  say(text: string, isHidden?: boolean): void
  /** Nobody is told of it. */
  edit(before: string, after: string): void
  show(text: string): void
  resolve(): void
  texts(): string[]
  requests(): number
  /** The next write is done, and its answer gets lost. */
  loseAnswer(): void
  close(): Promise<void>
}

const bugzilla = async (version: Version): Promise<Site> => {
  const server = await startBugzilla({ version })
  const comments = () => server.bugs.get(1)?.comments ?? []
  const bug = () => server.bugs.get(1) ?? server.addBug({ summary: 'crash at ten' })
  return {
    product: 'Tally',
    open: clock =>
      bugzillaTracker(
        {
          ...{ kind: 'bugzilla', name: 'bugs', url: server.url, key: secret(bot.key), login: bot.login },
          ...{ ca: undefined, proxy: undefined, keyExpires: undefined },
        },
        { clock, rate: { perMinute: 6000, burst: 5000 } },
      ),
    at(now) {
      server.now = now
    },
    report(text) {
      const [first] = bug().comments
      if (first) first.text = text
    },
    say: (text, isPrivate = false) => void server.say(bug(), { text, isPrivate }),
    edit(before, after) {
      for (const one of comments()) one.text = one.text.replace(before, after)
    },
    show(text) {
      for (const one of comments()) if (one.text === text) one.isPrivate = false
      bug().changedAt = server.now
    },
    resolve: () =>
      void Object.assign(bug(), { status: 'RESOLVED', resolution: 'FIXED', changedAt: server.now }),
    texts: () => comments().map(({ text }) => text),
    requests: () => server.requests.length,
    loseAnswer() {
      server.trouble = 'after'
    },
    close: server.close,
  }
}

const github = async (): Promise<Site> => {
  const server = await startGithub()
  const time = () => new Date(server.now).toISOString().replace('.000Z', 'Z')
  const hidden: string[] = []
  const say = (text: string) => void server.say(1, text)
  return {
    product: 'tally/tally',
    open: clock =>
      githubIssues(
        {
          ...{ kind: 'github', name: 'bugs', repository: 'tally/tally', token: secret(token) },
          ...{ api: server.api, ca: undefined, proxy: undefined, keyExpires: undefined },
        },
        { clock },
      ),
    at(now) {
      server.now = Math.floor(now / 1000) * 1000
    },
    report: body => void server.put('crash at ten', { body }),
    // Nothing is private there: it is said when it is shown.
    say: (text, isHidden = false) => (isHidden ? void hidden.push(text) : say(text)),
    edit(before, after) {
      for (const one of server.comments.get(1) ?? []) one.body = one.body.replace(before, after)
    },
    show: text => say(hidden.splice(hidden.indexOf(text), 1)[0] ?? ''),
    resolve() {
      const issue = server.issues.get(1)
      if (issue) Object.assign(issue, { state: 'closed', state_reason: 'completed', updated_at: time() })
    },
    texts: () => [
      server.issues.get(1)?.body ?? '',
      ...(server.comments.get(1) ?? []).map(({ body }) => body),
    ],
    requests: () => server.asked.length,
    loseAnswer() {
      server.trouble.lose = 'next write'
    },
    close: server.close,
  }
}

const sites: [string, () => Promise<Site>][] = [
  ['Bugzilla 5.0.6', () => bugzilla('5.0.6')],
  ['Bugzilla 5.2', () => bugzilla('5.2')],
  ['Bugzilla 5.3.3', () => bugzilla('5.3.3')],
  ['GitHub', github],
]

const configured = (product: string): ProjectConfig => ({
  ...project,
  archive: 'https://lists.example.org/tally/{id}/',
  bugs: {
    ...{ tracker: 'bugs', trailers: ['Bug'], results: false, landed: 'off', rules: [] },
    sync: { products: [product], bugs: [], flag: undefined, track: [], idleMs: 30 * day },
  },
})

type Bridge = {
  flow: Flow
  site: Site
  clock: FakeClock
  /** One round of all loops. A process that dies in it comes back knowing nothing. */
  round(ms?: number): Promise<void>
  rounds(many: number): Promise<void>
  bring(raw: string, project?: string): Promise<void>
  mails(): OutgoingMail[]
  close(): Promise<void>
}

const killed = 'killed by the test'

const openBridge = async (site: Site, pass: (call: string) => void = () => {}): Promise<Bridge> => {
  const flow = await openFlow(
    () => ({ ending: { kind: 'finished', exitCode: 0 }, output: '' }),
    pass,
    configured(site.product),
  )
  const clock = flow.wired.clock as FakeClock
  let [sync, writes, heard] = [syncMemory(), bugWriteMemory(), 0]
  let tracker = site.open(clock)
  flow.wired.trackers.push(tracker)
  const restart = async () => {
    await tracker.close()
    tracker = site.open(clock)
    flow.wired.trackers.splice(0, 1, tracker)
    ;[sync, writes] = [syncMemory(), bugWriteMemory()]
  }
  const bring: Bridge['bring'] = (raw, into = 'tally') =>
    receive(flow.wired)({
      ...{ project: into, source: 'list', listTags: [], cursor: 1 },
      mails: [{ raw: Buffer.from(raw), arrivedAt: clock.now(), where: 'here' }],
    }).then(() => undefined)
  const mails = () => flow.sent.filter(({ to }) => to[0]?.address === list)
  const work = async () => {
    await tendSync(flow.wired, sync)
    await flow.settle()
    for (const mail of mails().slice(heard)) {
      const made = await mailBytes(mail, undefined)
      if (made.ok) await bring(made.bytes.toString())
      heard += 1
    }
    await tendBugWrites(flow.wired, writes)
  }
  const round = async (ms = 61_000) => {
    await clock.advance(ms)
    site.at(clock.now())
    await work().catch(async error => {
      if (!String(error).includes(killed)) throw error
      await restart()
    })
  }
  site.at(clock.now())
  return {
    ...{ flow, site, clock, round, bring, mails },
    async rounds(many) {
      for (let n = 0; n < many; n++) await round()
    },
    async close() {
      await tracker.close()
      await flow.close()
      await site.close()
    },
  }
}

const letter = (id: string, re: string, body: string) =>
  [
    ...['From: Ben <ben@example.org>', `To: ${list}`, 'Subject: Re: crash', `Message-ID: <${id}>`],
    ...[`In-Reply-To: ${re}`, `References: ${re}`, '', body, ''],
  ].join('\n')

const bugmail = [
  ...['From: bugzilla-daemon@bugs.test', 'To: grapevine@example.org', 'Subject: [Bug 1] crash at ten'],
  ...['X-Bugzilla-Type: changed', 'Auto-Submitted: auto-generated'],
  ...['Message-ID: <bug-1-2-abcdefghij@http.bugs/>', '', 'words of the mail', ''],
].join('\n')

/** What is said on both sides, from the report to the end; rounds between, in which much may go wrong. */
const story = async (bridge: Bridge, patience = 3): Promise<void> => {
  const { site, clock, mails } = bridge
  await bridge.rounds(patience)
  site.report('It crashes when I count to ten.')
  await bridge.rounds(patience)
  site.say('It is the adder.')
  site.say('Only for us.', true)
  await bridge.rounds(patience)
  const said = mails().find(({ text }) => text.includes('It is the adder.'))
  await bridge.bring(
    letter('one@example.org', said?.messageId ?? '', 'Since version four, ben@example.org says.'),
  )
  site.loseAnswer()
  await bridge.rounds(patience + 1)
  const number = site.texts().findIndex(text => text.includes('Since version four'))
  site.say(`(In reply to Sync Bot from comment #${number})\n> Since version four\n\nThen I know.`)
  await bridge.rounds(patience)
  site.edit('Then I know.', 'Then I know, it is the sum.')
  site.show('Only for us.')
  await bridge.round(day)
  await bridge.rounds(patience)
  site.resolve()
  site.at(clock.now())
  await bridge.rounds(patience)
}

const words = ['It crashes', 'adder', 'Only', 'the sum', 'Since version four']

/** What was said on the list, and in the bug. */
const told = ({ mails, site }: Bridge) => ({
  list: mails().map(({ text }) => (text.split('\n')[2] ?? '').replace(/ *http:\/\/\S+/, 'the bug')),
  bug: site.texts().map(text => words.find(one => text.includes(one)) ?? text),
})

let open: Bridge[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
  open = []
})

const opened = async (site: Promise<Site>, pass?: (call: string) => void): Promise<Bridge> => {
  const bridge = await openBridge(await site, pass)
  open.push(bridge)
  return bridge
}

describe.each(sites)('%s', (_, site) => {
  test('is kept in step both ways, from the report to the end', { timeout: 30_000 }, async () => {
    const bridge = await opened(site())
    await story(bridge)
    const { list: heard, bug } = told(bridge)
    expect(heard.map(line => line.replace(/#\d/, '#N')).sort()).toEqual(
      [
        ...['It crashes when I count to ten.', 'It is the adder.', 'Only for us.', 'the bug'],
        // It was changed after it had been sent.
        ...['(In reply to Sync Bot from comment #N)', '(In reply to Sync Bot from comment #N)'],
      ].sort(),
    )
    // Private ones count there: it has a number, and is seen late.
    expect(bug.toSorted()).toEqual(['It crashes', 'Only', 'Since version four', 'adder', 'the sum'])
    expect(bridge.site.texts().join('\n')).not.toContain('ben@example.org')
    const known = bridge.mails().filter(({ text }) => text.includes('Then I know'))
    // Under the mail that it answers, which is the list's own.
    expect(known[0]?.inReplyTo).toBe('<one@example.org>')
    expect(known[1]?.inReplyTo).toBe(known[0]?.messageId)
    expect(known[1]?.text).toContain('has changed comment #')
    expect(bridge.mails().at(-1)?.text).toContain('is closed')
  })

  test('costs three requests a round at most when nothing is new', async () => {
    const bridge = await opened(site())
    await bridge.round()
    bridge.site.report('It crashes.')
    await bridge.rounds(5)
    const costs: number[] = []
    for (let n = 0; n < 4; n++) {
      const before = bridge.site.requests()
      await bridge.round(n === 2 ? day : 61_000)
      costs.push(bridge.site.requests() - before)
    }
    expect(bridge.mails()).toHaveLength(1)
    expect(Math.max(...costs)).toBeLessThanOrEqual(3)
    expect(costs[0]).toBe(1)
  })
})

test('bugmail wakes the look, and nothing is taken from it', async () => {
  const bridge = await opened(bugzilla('5.2'))
  await bridge.round()
  bridge.site.report('It crashes.')
  await bridge.rounds(2)
  await bridge.round(1)
  bridge.site.say('The real words.')
  await bridge.bring(bugmail, botProject)
  await bridge.round(1)
  expect(bridge.mails().at(-1)?.text).toContain('The real words.')
  expect(
    bridge
      .mails()
      .map(({ text }) => text)
      .join(),
  ).not.toContain('words of the mail')
})

test('whatever is killed in between, each thing is said once', { timeout: 60_000 }, async () => {
  let [calls, dies] = [0, 0]
  const pass = (call: string) => {
    if (call.startsWith('before') && ++calls === dies) throw new Error(killed)
  }
  const first = await opened(bugzilla('5.2'), pass)
  await story(first, 5)
  const [all, said] = [calls, told(first)]
  const step = Math.ceil(all / 8)
  for (dies = 3; dies <= all; dies += step) {
    calls = 0
    const again = await opened(bugzilla('5.2'), pass)
    await story(again, 5)
    const now = told(again)
    expect({ dies, list: now.list.toSorted(), bug: now.bug }).toEqual({
      dies,
      list: said.list.toSorted(),
      bug: said.bug,
    })
  }
})
