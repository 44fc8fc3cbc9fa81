// Comments of bugs and threads in step, as a dialogue: what people say on one side, and what is read on the other.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ProjectConfig } from '../../src/config/config.ts'
import type { BugWrite } from '../../src/model/bug.ts'
import { Fault } from '../../src/model/fault.ts'
import { botProject } from '../../src/model/mail.ts'
import type { OutgoingMail } from '../../src/model/reply.ts'
import type { Tracker } from '../../src/ports/bugs.ts'
import { commentMessageId } from '../../src/stages/bugs/mirrored.ts'
import { markOf } from '../../src/stages/bugs/write.ts'
import { receive } from '../../src/stages/receive/receive.ts'
import { mailBytes } from '../../src/text/bytes.ts'
import { type SyncMemory, syncMemory, tendSync } from '../../src/wiring/sync.ts'
import type { Behaviour } from '../fakes/farm.ts'
import { type Flow, openFlow, project } from '../fakes/flow.ts'
import { type FakeTracker, fakeTracker } from '../fakes/tracker.ts'

const day = 86_400_000
const list = 'tally-devel@example.org'
const url = (bug: number) => `https://bugs.example.org/${bug}`
const behave: Behaviour = () => ({ ending: { kind: 'finished', exitCode: 0 }, output: '' })

type Sync = NonNullable<NonNullable<ProjectConfig['bugs']>['sync']>

const withSync = (more: Partial<Sync> = {}): ProjectConfig => ({
  ...project,
  archive: 'https://lists.example.org/tally/{id}/',
  bugs: {
    ...{ tracker: 'bugs', trailers: ['Bug'], results: false, landed: 'off', rules: [] },
    sync: { products: [], bugs: [], flag: undefined, track: ['@example.org'], idleMs: 30 * day, ...more },
  },
})

/** The tracker as one of its users sees it: what it writes is its own. */
const loggedIn = (tracker: FakeTracker, login: string): Tracker => ({
  ...tracker,
  probe: async () => ({ version: 'fake', login, warnings: [] }),
  async write(bug, writing) {
    const marked = tracker.bugs.get(bug)?.comments.find(({ text }) => text.includes(writing.mark))
    // Only one's own comments are looked through for a mark.
    if (marked && marked.author !== login)
      return { comment: tracker.say(bug, { text: writing.text ?? '', author: login }).id }
    const done = await tracker.write(bug, writing)
    const comment = tracker.bugs.get(bug)?.comments.find(({ id }) => id === done.comment)
    if (comment?.author === 'bot') Object.assign(comment, { author: login, authorName: 'Grapevine' })
    return done
  },
})

/** One bridge: a whole Grapevine, with its view of tracker and list. */
type Bridge = { flow: Flow; memory: SyncMemory; tracker: Tracker; heard: number }

const openBridge = async (
  bugs: FakeTracker,
  {
    own = withSync(),
    pass = () => {},
    login = 'bot@bugs.example.org',
    bot = 'grapevine@example.org',
  }: {
    own?: ProjectConfig
    pass?: (call: string) => void
    login?: string
    bot?: string
  } = {},
): Promise<Bridge> => {
  const flow = await openFlow(behave, pass, own)
  const tracker = loggedIn(bugs, login)
  flow.wired.trackers.push(tracker)
  const config = { ...flow.wired.config, bot: { name: 'Grapevine', address: bot } }
  Object.assign(flow.wired, { config })
  return { flow, memory: syncMemory(), tracker, heard: 0 }
}

/** What is written to bugs by their outbox. */
const writeOut = async ({ flow, tracker }: Bridge): Promise<void> => {
  for (const write of await flow.wired.store.bugWrites({ at: 'pending' }))
    await writeOne(flow, tracker, write)
}

const writeOne = async (
  flow: Flow,
  tracker: Tracker,
  { id, bug = '', text, link, change, state }: BugWrite,
) => {
  const { comment } = await tracker.write(bug, { mark: markOf({ id }), text, link, change })
  const written = { at: 'written', when: flow.wired.clock.now(), bug, comment } as const
  await flow.wired.store.moveBugWrite(id, state, written)
}

const tend = ({ flow, memory }: Bridge) => tendSync(flow.wired, memory)

const advance = (bridge: Bridge, ms: number) =>
  (bridge.flow.wired.clock as unknown as { advance(ms: number): Promise<void> }).advance(ms)

/** A round: comments are looked at, mails leave, the list brings them back, and bugs are written. */
const round = async (bridge: Bridge, others: Bridge[] = [], ms = 61_000): Promise<void> => {
  await advance(bridge, ms)
  await tend(bridge)
  await bridge.flow.settle()
  await deliver(bridge, [bridge, ...others])
  await writeOut(bridge)
}

const deliver = async (from: Bridge, to: Bridge[]): Promise<void> => {
  for (const mail of from.flow.sent.slice(from.heard)) {
    const made = await mailBytes(mail, undefined)
    if (!made.ok) throw new Error(made.why)
    for (const one of to) await one.flow.bring([arrived(one, made.bytes)])
  }
  from.heard = from.flow.sent.length
}

const arrived = ({ flow }: Bridge, raw: Buffer | string) => ({
  raw: Buffer.from(raw),
  arrivedAt: flow.wired.clock.now(),
  where: 'here',
})

type Note = {
  from?: string
  id: string
  re?: string
  refs?: string
  subject?: string
  body: string
  to?: string
  headers?: string[]
}

const letter = ({
  from = 'Ben <ben@example.org>',
  id,
  re,
  refs,
  subject = 'Re: tally',
  body,
  to = list,
  headers = [],
}: Note) =>
  [
    ...[`From: ${from}`, `To: ${to}`, `Subject: ${subject}`, `Message-ID: <${id}>`],
    ...(re === undefined ? [] : [`In-Reply-To: ${re}`, `References: ${refs ?? re}`]),
    ...headers,
    ...['', body, ''],
  ].join('\n')

const say = async (bridge: Bridge, note: Note) => {
  await bridge.flow.bring([arrived(bridge, letter(note))])
  await bridge.flow.settle()
}

const mails = ({ flow }: Bridge): OutgoingMail[] => flow.sent.filter(mail => mail.to[0]?.address === list)
const shown = ({ from, subject, text }: OutgoingMail) =>
  `${from.name} <${from.address}>\n${subject}\n\n${text}`

let bugs: FakeTracker
let a: Bridge

const open = async (more: Partial<Sync> = {}, given: { pass?: (call: string) => void } = {}) => {
  a = await openBridge(bugs, { own: withSync(more), ...given })
  bugs.now = a.flow.wired.clock.now()
}

beforeEach(() => {
  bugs = fakeTracker()
})
afterEach(() => a.flow.close())

const newBug = (number = 7, text = 'It crashes when I count to ten.') => {
  bugs.put(url(number), { summary: 'crash at ten', changedAt: bugs.now })
  return bugs.say(url(number), { text, at: bugs.now })
}

/** A new bug of a product, on the list. */
const begun = async () => {
  await open({ products: ['tally'] })
  await round(a)
  bugs.now = a.flow.wired.clock.now()
  newBug()
  await round(a)
}

describe('bug → list', () => {
  test('a new bug of a product begins a thread, which an answer joins', async () => {
    await begun()
    bugs.say(url(7), {
      text: '(In reply to ann@example.org from comment #0)\n> It crashes when I count to ten.\n\nWith eleven, too.',
      author: 'carl@example.org',
      authorName: 'Carl',
      at: bugs.now,
      attachment: {
        id: 3,
        name: 'log.txt',
        type: 'text/plain',
        bytes: 2048,
        url: 'https://bugs.example.org/a/3',
      },
    })
    await round(a)
    const [first, second] = mails(a)
    expect(mails(a)).toHaveLength(2)
    await expect(mails(a).map(shown).join('\n=====\n')).toMatchFileSnapshot('golden-sync/thread.txt')
    expect(second?.inReplyTo).toBe(first?.messageId)
    expect(first?.inReplyTo).toBeUndefined()
    expect(first?.headers['Auto-Submitted']).toBe('auto-generated')
  })

  test('nothing is asked twice when nothing is new, and nothing sent', async () => {
    await begun()
    for (let n = 0; n < 5; n++) await round(a)
    const asked = bugs.asked.length
    await round(a)
    expect(bugs.asked.slice(asked)).toEqual(['sweep'])
    expect(mails(a)).toHaveLength(1)
  })

  test('neither addresses nor what is private or restricted leave', async () => {
    await begun()
    bugs.say(url(7), { text: 'secret one', isPrivate: true })
    bugs.say(url(7), {
      text: 'Ask dora@example.com, or Dora <dora@example.com>.',
      author: 'dora@example.com',
      authorName: 'dora@example.com',
    })
    await round(a)
    bugs.put(url(7), { isRestricted: true, summary: 'secret two', changedAt: bugs.now + 1 })
    bugs.say(url(7), { text: 'secret three' })
    await round(a)
    await round(a)
    const all = mails(a).map(shown).join('\n')
    expect(all).not.toMatch(/dora@|ann@|secret/)
    expect(mails(a)[1]?.from.name).toBe('Somebody via Grapevine')
    expect(mails(a)[1]?.text).toContain('Ask [address], or Dora.')
    // What ended it is nobody's business, and said once.
    expect(mails(a)).toHaveLength(3)
    expect(mails(a)[2]?.text).toMatch(/^I no longer carry mails of this thread to its bug/)
  })

  test('a comment that is private no more comes late, and one that was changed comes again', async () => {
    await begun()
    const hidden = bugs.say(url(7), { text: 'It is the adder.', isPrivate: true, at: bugs.now })
    const changed = bugs.say(url(7), { text: 'It is the counter.', at: bugs.now })
    await round(a)
    expect(mails(a)).toHaveLength(2)
    // No time of the bug changes.
    hidden.isPrivate = false
    changed.text = 'It is the counter, sorry, the adder.'
    await round(a, [], day)
    await round(a)
    const [root, first, ...late] = mails(a)
    expect(late).toHaveLength(2)
    const said = late.map(({ text }) => text).join('\n=====\n')
    await expect(said).toMatchFileSnapshot('golden-sync/late.txt')
    expect(late.map(({ inReplyTo }) => inReplyTo).sort()).toEqual([first?.messageId, root?.messageId].sort())
    await round(a, [], day)
    expect(mails(a)).toHaveLength(4)
  })

  test('old bugs of a product stay where they are until somebody speaks; chosen ones come whole', async () => {
    await open({ products: ['tally'], flag: 'list' })
    bugs.now -= 100 * day
    for (const number of [1, 2, 3]) {
      newBug(number, `old bug ${number}`)
      bugs.say(url(number), { text: `old comment of ${number}` })
    }
    bugs.put(url(3), { flags: ['list+'] })
    bugs.now += 100 * day
    await round(a)
    expect(mails(a).map(({ text }) => /old \w+( of)? 3/.test(text))).toEqual([true, true])
    bugs.now = a.flow.wired.clock.now()
    bugs.say(url(2), { text: 'Does it still crash?' })
    await round(a)
    const more = mails(a).slice(2)
    expect(more).toHaveLength(2)
    expect(more[0]?.text).toContain('old bug 2')
    expect(more[0]?.text).toContain('1 earlier comment can be read there.')
    expect(more[1]?.text).toContain('Does it still crash?')
  })

  test('much is carried in small steps, goes on where a process died, and keeps its order', async () => {
    await open({ bugs: ['7'] })
    newBug()
    for (let n = 1; n <= 45; n++) bugs.say(url(7), { text: `thought ${n}` })
    await round(a)
    expect(mails(a).length).toBeLessThanOrEqual(10)
    a.memory = syncMemory()
    for (let n = 0; n < 12; n++) await round(a)
    const said = mails(a).map(({ text }) => /thought \d+/.exec(text)?.[0])
    expect(said).toEqual([undefined, ...Array.from({ length: 45 }, (_, n) => `thought ${n + 1}`)])
    expect(new Set(mails(a).map(({ messageId }) => messageId)).size).toBe(46)
  })

  test('it ends with the bug, says so once, and goes on when that is opened again', async () => {
    await begun()
    bugs.say(url(7), { text: 'Mended.', at: bugs.now })
    bugs.put(url(7), { status: 'RESOLVED', resolution: 'FIXED', isOpen: false, changedAt: bugs.now + 1 })
    for (let n = 0; n < 4; n++) await round(a)
    expect(mails(a).map(({ text }) => text.split('\n')[0])).toEqual([
      'Ann writes in bug 7:',
      'Ann writes in bug 7:',
      'Bug 7 is closed (RESOLVED FIXED):',
    ])
    await say(a, { id: 'after@example.org', re: mails(a)[0]?.messageId ?? '', body: 'Thank you.' })
    await round(a)
    expect(bugs.bugs.get(url(7))?.comments).toHaveLength(2)
    bugs.now += 5
    bugs.put(url(7), { status: 'REOPENED', resolution: '', isOpen: true })
    bugs.say(url(7), { text: 'It is back.' })
    await round(a)
    expect(mails(a)[3]?.text).toContain('It is back.')
    await say(a, { id: 'back@example.org', re: mails(a)[3]?.messageId ?? '', body: 'Oh no.' })
    await round(a)
    expect(bugs.bugs.get(url(7))?.comments.at(-1)?.text).toContain('Oh no.')
  })

  test('it ends when nobody says anything for long', async () => {
    await begun()
    for (let n = 0; n < 3; n++) await round(a, [], 31 * day)
    expect(mails(a)).toHaveLength(2)
    await expect(shown(mails(a)[1] as OutgoingMail)).toMatchFileSnapshot('golden-sync/idle.txt')
    expect(bugs.bugs.get(url(7))?.comments).toHaveLength(2)
    bugs.now = a.flow.wired.clock.now()
    bugs.say(url(7), { text: 'Still there.', at: bugs.now + 1 })
    await round(a)
    expect(mails(a)[2]?.text).toContain('Still there.')
  })

  test('bugmail wakes the look, and its text is not used', async () => {
    await begun()
    await tend(a)
    bugs.say(url(7), { text: 'The real words.' })
    const raw = [
      ...[
        'From: bugzilla-daemon@bugs.example.org',
        'To: grapevine@example.org',
        'Subject: [Bug 7] crash at ten',
      ],
      ...[
        'X-Bugzilla-Type: changed',
        'Auto-Submitted: auto-generated',
        'Message-ID: <bug-7-2-abcdefghij@http.bugs/>',
      ],
      ...['', '--- Comment #1 from Ann <ann@example.org> ---', 'wrapped words', ''],
    ].join('\n')
    const given = { project: botProject, source: 'inbox', listTags: [], mails: [arrived(a, raw)], cursor: 1 }
    await receive(a.flow.wired)(given)
    const asked = bugs.asked.length
    await tend(a)
    await a.flow.settle()
    expect(bugs.asked.slice(asked)).not.toContain('sweep')
    expect(mails(a)[1]?.text).toContain('The real words.')
    expect(mails(a)[1]?.text).not.toContain('wrapped')
  })

  test('who guesses the Message-ID of a comment does not keep it from the list', async () => {
    await begun()
    const said = bugs.say(url(7), { text: 'The real words.', at: bugs.now })
    const taken = commentMessageId(bugs.put(url(7)), said.id).slice(1, -1)
    await say(a, { id: taken, body: 'Something else.' })
    for (let n = 0; n < 3; n++) await round(a)
    expect(mails(a)).toHaveLength(2)
    expect(mails(a)[1]?.text).toContain('The real words.')
    expect(mails(a)[1]?.messageId).not.toContain(taken)
  })

  test('long lines and other scripts leave as quoted-printable', async () => {
    await begun()
    bugs.say(url(7), { text: `${'x'.repeat(3000)}\nÄ ж` })
    await round(a)
    const made = await mailBytes(mails(a)[1] as OutgoingMail, undefined)
    const raw = made.ok ? made.bytes.toString('latin1') : ''
    expect(raw).toMatch(/Content-Transfer-Encoding: quoted-printable/i)
    expect(Math.max(...raw.split('\r\n').map(line => line.length))).toBeLessThan(998)
  })

  test('one bug that cannot be read holds up no other, and is not asked for again and again', async () => {
    await open({ products: ['tally'] })
    await round(a)
    bugs.now = a.flow.wired.clock.now()
    const { comments: read } = a.tracker
    a.tracker.comments = async bug => {
      if (bug !== url(7)) return read(bug)
      bugs.asked.push('broken')
      throw new Fault('malformed', 'later', 'its answer is not JSON')
    }
    newBug()
    newBug(8, 'Another one.')
    for (let n = 0; n < 5; n++) await round(a)
    expect(mails(a).map(({ text }) => text.split('\n')[2])).toEqual(['Another one.'])
    expect(bugs.asked.filter(what => what === 'broken')).toHaveLength(1)
    a.tracker.comments = read
    await round(a, [], 11 * 60_000)
    expect(mails(a)).toHaveLength(2)
  })

  test('a mail waits for a bug that cannot be read just now', async () => {
    await begun()
    const { comments: read } = a.tracker
    a.tracker.comments = async () => {
      throw new Fault('malformed', 'later', 'its answer is not JSON')
    }
    await say(a, { id: 'waits@example.org', re: mails(a)[0]?.messageId ?? '', body: 'I have it, too.' })
    for (let n = 0; n < 2; n++) await round(a)
    expect(bugs.bugs.get(url(7))?.comments).toHaveLength(1)
    a.tracker.comments = read
    for (let n = 0; n < 2; n++) await round(a, [], 11 * 60_000)
    expect(bugs.bugs.get(url(7))?.comments).toHaveLength(2)
  })

  test('what was kept in step under another address of the tracker holds up nothing', async () => {
    await begun()
    const track = (await a.flow.wired.store.tracks({}))[0]
    if (track) await a.flow.wired.store.saveTrack({ ...track, bug: 'https://old.example/1', lastAt: 0 })
    a.tracker.bug = async bug => {
      if (!a.tracker.owns(bug)) throw new Fault('refused', 'never', 'no bug of ours')
      return bugs.bug(bug)
    }
    bugs.now = a.flow.wired.clock.now()
    bugs.say(url(7), { text: 'And with eleven.', at: bugs.now })
    await round(a)
    expect(mails(a)[1]?.text).toContain('And with eleven.')
  })

  test('many that end at once do not flood the list', async () => {
    await open({ products: ['tally'] })
    await round(a)
    bugs.now = a.flow.wired.clock.now()
    for (let number = 1; number <= 25; number++) newBug(number)
    for (let n = 0; n < 5; n++) await round(a)
    const begunSoFar = mails(a).length
    expect(begunSoFar).toBe(25)
    await round(a, [], 31 * day)
    expect(mails(a).length - begunSoFar).toBeLessThanOrEqual(10)
    for (let n = 0; n < 3; n++) await round(a)
    expect(mails(a).length - begunSoFar).toBe(25)
  })

  test('a flood of bugmail is believed a few times a minute', async () => {
    await begun()
    await tend(a)
    const raw = (bug: number) =>
      [
        ...['From: x@example.org', 'To: grapevine@example.org', 'X-Bugzilla-Type: changed'],
        ...['Auto-Submitted: auto-generated', `Message-ID: <bug-${bug}-2-abc@http.bugs/>`, '', 'x', ''],
      ].join('\n')
    const asked = bugs.asked.length
    for (let from = 100; from < 200; from += 25) {
      const some = Array.from({ length: 25 }, (_, n) => arrived(a, raw(from + n)))
      await receive(a.flow.wired)({
        project: botProject,
        source: 'inbox',
        listTags: [],
        mails: some,
        cursor: from,
      })
      for (let n = 0; n < 4; n++) await tend(a)
    }
    expect(bugs.asked.length - asked).toBeLessThanOrEqual(20)
  })

  test('neither a summary nor the name of a file tells an address, or begins another header', async () => {
    await open({ products: ['tally'] })
    await round(a)
    bugs.now = a.flow.wired.clock.now()
    bugs.put(url(7), { summary: 'from dora@example.com\r\nBcc: eve@example.com\u0000\u202e' })
    const file = { id: 3, name: 'dora@example.com.eml', type: 'text/plain', bytes: 1, url: `${url(7)}/a/3` }
    bugs.say(url(7), { text: 'See it.', at: bugs.now, attachment: file })
    await round(a)
    const made = await mailBytes(mails(a)[0] as OutgoingMail, undefined)
    const raw = made.ok ? made.bytes.toString('latin1') : ''
    expect(raw).toContain('See it.')
    expect(raw).not.toMatch(/dora|eve@|^Bcc:/m)
  })

  test('nothing happens until the bot is live', async () => {
    await open({ products: ['tally'] })
    a.flow.wired.config.mail.live = false
    newBug()
    await round(a)
    expect(bugs.asked).toEqual([])
    expect(a.flow.sent).toEqual([])
  })
})

const dkim = { verify: async () => ({ dkim: [pass], aligned: true }) }
const pass = {
  ...{ result: 'pass', domain: 'example.org', aligned: true, whole: true, uncovered: [] },
  signedAt: undefined as number | undefined,
}

const comments = (number = 7) => bugs.bugs.get(url(number))?.comments ?? []

/** A thread of the list, with two mails in it, whose third asks for a bug. */
const asked = async (line = '/grapevine track 7', isProven = true) => {
  newBug()
  if (isProven) Object.assign(a.flow.wired, { mailAuth: dkim })
  pass.signedAt = a.flow.wired.clock.now()
  await say(a, {
    id: 'root@example.org',
    subject: 'ten is broken',
    body: 'Mine, too.\n\n-- \nBen, ben@example.org',
  })
  await say(a, {
    ...{ id: 'second@example.org', re: '<root@example.org>', from: 'Carl <carl@example.org>' },
    body: `On Monday Ben <ben@example.org> wrote:\n> Mine, too.\n\nSince when?`,
  })
  await say(a, {
    ...{ id: 'ask@example.org', re: '<second@example.org>', refs: '<root@example.org> <second@example.org>' },
    ...{ to: `${list}, grapevine@example.org`, body: `Since yesterday.\n\n${line}` },
  })
}

describe('list → bug', () => {
  test('a thread is tracked: what was said becomes comments, and what is said goes on, both ways', async () => {
    await open()
    await asked()
    for (let n = 0; n < 4; n++) await round(a)
    const since = comments().length
    bugs.now = a.flow.wired.clock.now()
    const last = comments().at(-1)
    bugs.say(url(7), {
      text: `(In reply to Grapevine from comment #${last?.number})\n> Since yesterday.\n\nI see it.`,
      authorName: 'Dora',
    })
    await round(a)
    await say(a, {
      ...{ id: 'fourth@example.org', re: mails(a).at(-1)?.messageId ?? '', from: 'carl@example.org' },
      body: 'Good.\n\n> I see it.\n',
    })
    for (let n = 0; n < 3; n++) await round(a)
    expect(comments()).toHaveLength(since + 2)
    const said = comments().map(({ text }) => text)
    const golden = [...said, '', 'THE LIST', ...mails(a).map(shown)].join('\n=====\n')
    await expect(golden).toMatchFileSnapshot('golden-sync/tracked.txt')
    expect(said.slice(1).join('\n')).not.toMatch(/(ben|carl)@example/)
    expect(mails(a).at(-1)?.inReplyTo).toBe('<ask@example.org>')
    expect(mails(a).at(-1)?.references[0]).toBe('<root@example.org>')
  })

  test('neither programs nor we ourselves are carried, and nothing twice', async () => {
    await open()
    await asked()
    for (let n = 0; n < 4; n++) await round(a)
    const before = comments().length
    const bot = { headers: ['Auto-Submitted: auto-generated'], re: '<root@example.org>' }
    await say(a, { ...bot, id: 'ci@example.org', from: 'CI <ci@example.org>', body: 'All tests passed.' })
    await say(a, {
      id: 'us@example.org',
      re: '<root@example.org>',
      from: 'X via Grapevine <grapevine@example.org>',
      body: 'Old life.',
    })
    await say(a, { id: 'quote@example.org', re: '<root@example.org>', body: '> only a quotation' })
    for (let n = 0; n < 3; n++) await round(a)
    a.memory = syncMemory()
    for (let n = 0; n < 3; n++) await round(a)
    expect(comments()).toHaveLength(before)
  })

  test('a patch comes without its diff, and an answer without References finds its thread', async () => {
    await open()
    await asked()
    for (let n = 0; n < 4; n++) await round(a)
    await say(a, { id: 'a@example.org', re: '<second@example.org>', body: 'One more.' })
    await round(a)
    await say(a, {
      id: 'b@example.org',
      re: '<a@example.org>',
      refs: '<a@example.org>',
      body: `See this.\n\n${'diff --git a/x b/x\n'}${'+x\n'.repeat(100)}`,
    })
    for (let n = 0; n < 2; n++) await round(a)
    const [one, two] = comments().slice(-2)
    expect(one?.text).toContain('One more.')
    expect(two?.text).toMatch(
      /^Ben replies to comment #\d+:\n\nSee this\.\n\n\(The patch itself is in the mail\.\)/,
    )
  })

  test('a mail of HTML alone is read', async () => {
    await open()
    await asked()
    for (let n = 0; n < 4; n++) await round(a)
    const html = { headers: ['MIME-Version: 1.0', 'Content-Type: text/html; charset=utf-8'] }
    await say(a, {
      ...html,
      id: 'html@example.org',
      re: '<root@example.org>',
      body: '<p>It is the <b>adder</b>.</p>',
    })
    for (let n = 0; n < 2; n++) await round(a)
    expect(comments().at(-1)?.text).toMatch(/^Ben replies to comment #2:\n\nIt is the adder\./)
  })

  test('a mail that names others is no other, and our comments are ours under whatever account', async () => {
    await open()
    await asked()
    for (let n = 0; n < 4; n++) await round(a)
    bugs.now = a.flow.wired.clock.now()
    const body = 'See <root@example.org>, as https://lists.example.org/tally/second@example.org/ says.'
    await say(a, { id: 'names@example.org', re: '<root@example.org>', body })
    for (let n = 0; n < 3; n++) await round(a)
    const last = comments().at(-1)
    const link = await a.flow.wired.store.bugLinkOf('<names@example.org>')
    expect(link).toMatchObject({ comment: last?.id, from: 'list' })
    for (const one of comments()) if (one.author !== 'ann@example.org') one.author = 'old-account@example.org'
    a.memory = syncMemory()
    const said = mails(a).length
    for (let n = 0; n < 3; n++) await round(a, [], day)
    expect(mails(a)).toHaveLength(said)
  })

  test('untrack ends it, and only a command begins it again', async () => {
    await open({ bugs: ['7'] })
    await asked()
    await round(a)
    const command = { to: `${list}, grapevine@example.org`, re: '<root@example.org>' }
    await say(a, { ...command, id: 'stop@example.org', body: '/grapevine untrack' })
    for (let n = 0; n < 4; n++) await round(a)
    const [said, written] = [mails(a).length, comments().length]
    expect(mails(a).at(-1)?.text).toMatch(/^As I was asked to/)
    bugs.now = a.flow.wired.clock.now()
    bugs.say(url(7), { text: 'Nobody hears this.' })
    await say(a, { id: 'unheard@example.org', re: '<root@example.org>', body: 'Nor this.' })
    for (let n = 0; n < 3; n++) await round(a)
    expect([mails(a).length, comments().length]).toEqual([said, written + 1])
  })

  test.each([
    ['a bug that is not there', '/grapevine track 99', 'There is no such bug that everybody may see.'],
    ['a restricted one', '/grapevine track 8', 'There is no such bug that everybody may see.'],
    ['a closed one', '/grapevine track 9', 'Bug 9 is closed.'],
    ['none', '/grapevine track', 'Which bug? Name it: /grapevine track 123'],
    ['another tracker', '/grapevine track https://elsewhere.example/1', 'I know no tracker'],
  ])('%s is not tracked', async (_, line, why) => {
    await open()
    bugs.put(url(8), { isRestricted: true })
    bugs.put(url(9), { isOpen: false, status: 'RESOLVED' })
    await asked(line)
    await round(a)
    expect(a.flow.sent.map(({ to, text }) => [to[0]?.address, text.includes(why)])).toEqual([
      ['ben@example.org', true],
    ])
  })

  test('who may not is refused, and without a proof of who it is nothing begins', async () => {
    await open({ track: ['@elsewhere.example'] })
    await asked()
    expect(a.flow.sent[0]?.text).toContain('Only anyone at elsewhere.example and the operators may do that')
    await a.flow.close()
    await open()
    await asked('/grapevine track 7', false)
    await round(a)
    expect(await a.flow.wired.store.tracks({})).toEqual([])
    const [confirm] = a.flow.sent
    const line = /^ +(\/grapevine confirm \S+)$/m.exec(confirm?.text ?? '')?.[1] ?? ''
    const answer = { to: 'grapevine@example.org', re: confirm?.messageId ?? '' }
    await say(a, { ...answer, id: 'yes@example.org', body: line })
    expect(await a.flow.wired.store.tracks({ on: true })).toHaveLength(1)
  })
})

describe('two bridges on one list and bug', () => {
  let b: Bridge
  const both = async (ms?: number) => {
    await round(a, [b], ms)
    await round(b, [a], ms)
  }
  /** And a new bug that neither has seen. */
  const openBoth = async () => {
    const own = withSync({ products: ['tally'] })
    await open({ products: ['tally'] })
    b = await openBridge(bugs, { own, login: 'other@bugs.example.org', bot: 'vine@other.example' })
    await both()
    bugs.now = a.flow.wired.clock.now() + 1000
    newBug()
  }

  test('each comment is one mail and each mail one comment, however long they go on', async () => {
    await openBoth()
    await both()
    const root = [...mails(a), ...mails(b)][0]?.messageId ?? ''
    for (const one of [a, b])
      await say(one, { id: 'human@example.org', re: root, body: 'I have it, too, since version four.' })
    for (let n = 0; n < 5; n++) await both()
    bugs.now = a.flow.wired.clock.now()
    bugs.say(url(7), { text: 'Then it is the adder that was changed there.' })
    for (let n = 0; n < 5; n++) await both()
    const all = [...mails(a), ...mails(b)]
    expect(all.map(({ text }) => text.split('\n')[2])).toEqual([
      'It crashes when I count to ten.',
      'Then it is the adder that was changed there.',
    ])
    expect(comments().map(({ text }) => text.split('\n')[2] ?? text)).toEqual([
      'It crashes when I count to ten.',
      'I have it, too, since version four.',
      'Then it is the adder that was changed there.',
    ])
    await b.flow.close()
  })

  test('both at the same moment make the same mail, and end there', async () => {
    await openBoth()
    for (const one of [a, b]) {
      await advance(one, 61_000)
      await tend(one)
      await one.flow.settle()
    }
    for (const one of [a, b]) await deliver(one, [a, b])
    for (let n = 0; n < 5; n++) await both()
    expect(new Set([...mails(a), ...mails(b)].map(({ messageId }) => messageId)).size).toBe(1)
    for (const one of [a, b])
      await say(one, {
        id: 'human@example.org',
        re: mails(a)[0]?.messageId ?? '',
        body: 'I have it, too, since version four.',
      })
    for (const one of [a, b]) {
      await advance(one, 61_000)
      await tend(one)
    }
    for (const one of [a, b]) await writeOut(one)
    for (let n = 0; n < 6; n++) await both()
    // Neither sends the other's comment to the list, nor writes it again.
    expect(comments()).toHaveLength(3)
    expect(mails(a)).toHaveLength(1)
    expect(mails(b)).toHaveLength(1)
    await b.flow.close()
  })

  test('a bridge of another make is recognized by what it carries', async () => {
    await begun()
    const root = mails(a)[0]?.messageId ?? ''
    bugs.say(url(7), { text: 'It began with version four.', at: bugs.now })
    await round(a)
    const text = `Ann via Bridge writes:\n\nIt began with version four.\n\nView: ${url(7)}#c1\n`
    await say(a, {
      id: 'copy@elsewhere.example',
      re: root,
      from: 'Ann via Bridge <bridge@elsewhere.example>',
      body: text,
    })
    await say(a, { id: 'real@example.org', re: root, body: 'Not for me, and I use version five.' })
    for (let n = 0; n < 2; n++) await round(a)
    bugs.now = a.flow.wired.clock.now()
    bugs.say(url(7), {
      ...{ author: 'bridge@elsewhere.example', authorName: 'Bridge' },
      text: 'Ben <ben@example.org> writes:\n\nNot for me, and I use version five.\n\n(via https://msgid.example/real%40example.org)',
    })
    bugs.say(url(7), { text: 'As https://msgid.example/real@example.org says, not in five.', at: bugs.now })
    for (let n = 0; n < 4; n++) await round(a)
    expect(comments()).toHaveLength(5)
    expect(mails(a).map(mail => mail.text.split('\n')[2])).toEqual([
      'It crashes when I count to ten.',
      'It began with version four.',
      'As https://msgid.example/real@example.org says, not in five.',
    ])
  })
})

describe('a crash', () => {
  /** All that the story says, whatever died in it. */
  const story = async (crashAt: number): Promise<{ calls: number; told: string[]; written: string[] }> => {
    let calls = 0
    // Behind one change is before the next one.
    const pass = (call: string) => {
      if (!call.startsWith('before')) return
      calls += 1
      if (calls === crashAt) throw new Error('killed')
    }
    bugs = fakeTracker()
    let isOn = false
    await open({ products: ['tally'] }, { pass: call => (isOn ? pass(call) : undefined) })
    await round(a)
    bugs.now = a.flow.wired.clock.now()
    newBug()
    bugs.say(url(7), { text: 'And with eleven.' })
    const root = commentMessageId(bugs.put(url(7)), comments()[0]?.id ?? 0)
    isOn = true
    await lively()
    isOn = false
    await say(a, { id: 'human@example.org', re: root, body: 'I have it, too.' })
    isOn = true
    await lively()
    bugs.put(url(7), { isOpen: false, status: 'RESOLVED', changedAt: a.flow.wired.clock.now() })
    await lively()
    isOn = false
    const told = mails(a)
      .map(({ text }) => text)
      .sort()
    return { calls, told, written: comments().map(({ text }) => text) }
  }
  /** Rounds, in which a process may die; the next one knows only the store. */
  const lively = async () => {
    for (let n = 0; n < 5; n++) {
      await round(a).catch(error => {
        if (!String(error).includes('killed')) throw error
        a.memory = syncMemory()
      })
    }
  }

  test('at any point changes nothing of what is said', async () => {
    const whole = await story(0)
    expect(whole.told).toHaveLength(3)
    expect(whole.written).toHaveLength(3)
    for (let at = 1; at <= whole.calls; at++) {
      await a.flow.close()
      const again = await story(at)
      expect({ at, told: again.told, written: again.written }).toEqual({
        at,
        told: whole.told,
        written: whole.written,
      })
    }
  })
})

test('a tracker that does not answer is not said to work again before it was asked again', async () => {
  const bugs = fakeTracker()
  const bridge = await openBridge(bugs, { own: withSync({ products: ['tally'] }) })
  bugs.down = true
  const tend = () => tendSync(bridge.flow.wired, bridge.memory)
  await expect(tend()).rejects.toThrow('does not answer')
  const asked = bugs.asked.length
  await expect(tend()).rejects.toThrow('does not answer')
  expect(bugs.asked.length).toBe(asked)
  bugs.down = false
  await advance(bridge, 10 * 60_000)
  await tend()
  expect(bugs.asked.length).toBeGreaterThan(asked)
})
