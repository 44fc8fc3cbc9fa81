// Commands by mail, as a dialogue: what people write, and what they get. Golden answers in golden-answers/ (vitest -u writes them anew).
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { dkimAuth } from '../../src/adapters/mailauth/verify.ts'
import { Fault } from '../../src/model/fault.ts'
import { newIncident } from '../../src/model/incident.ts'
import { propose } from '../../src/model/known.ts'
import { botProject } from '../../src/model/mail.ts'
import type { OutgoingMail } from '../../src/model/reply.ts'
import type { RawMail } from '../../src/ports/mail-source.ts'
import { receive } from '../../src/stages/receive/receive.ts'
import { tendNotices } from '../../src/wiring/notices.ts'
import { sign, zone } from '../fakes/dkim.ts'
import type { Behaviour } from '../fakes/farm.ts'
import { type Flow, openFlow, project } from '../fakes/flow.ts'
import { diff } from '../fakes/list.ts'

const day = 86_400_000
const list = 'tally-devel@example.org'
const bot = 'grapevine@example.org'

const behave: Behaviour = ({ name }) => ({
  ending: { kind: 'finished', exitCode: 0 },
  output: name === 'all' ? 'TAP version 13\n1..1\nok 1 - counts\n' : '',
})

let flow: Flow
const dns = zone(['example.org', 'elsewhere.example'])

const open = async (pass?: (call: string) => void) => {
  flow = await openFlow(behave, pass)
  Object.assign(flow.wired, { mailAuth: dkimAuth({ resolve: dns.resolve }) })
}

beforeEach(() => open())
afterEach(() => flow.close())

type Note = {
  from?: string
  to?: string
  re?: string | undefined
  id: string
  body: string
  subject?: string
  headers?: string[]
}

const write = ({ from = 'Ann <ann@example.org>', to = list, re, id, body, subject, headers = [] }: Note) =>
  [
    `From: ${from}`,
    `To: ${to}`,
    `Subject: ${subject ?? 'Re: [PATCH] count to ten'}`,
    `Date: ${new Date(flow.wired.clock.now()).toUTCString()}`,
    `Message-ID: <${id}>`,
    ...(re === undefined ? [] : [`In-Reply-To: ${re}`, `References: ${re}`]),
    ...headers,
    '',
    body,
    '',
  ].join('\n')

const patch = (note: Partial<Note> = {}) =>
  write({
    id: 'patch@example.org',
    subject: '[PATCH] count to ten',
    body: `Because.\n\nSigned-off-by: Ann <ann@example.org>\n${diff('a.c')}`,
    ...note,
  })

const arrived = (raw: Buffer | string): RawMail => ({
  raw: Buffer.from(raw),
  arrivedAt: flow.wired.clock.now(),
  where: 'here',
})

const onList = async (raw: Buffer | string) => {
  await flow.bring([arrived(raw)])
  await flow.settle()
}

const toBot = async (raw: Buffer | string) => {
  const mails = [arrived(raw)]
  await receive(flow.wired)({ project: botProject, source: 'inbox', listTags: [], mails, cursor: raw.length })
  await flow.settle()
}

const isResult = (mail: OutgoingMail) => mail.text.includes('You asked for this')

/** Mails that left since the last look, but verdicts, alerts of capped mail, and results of tests. */
const answers = (): OutgoingMail[] =>
  flow.sent
    .splice(0)
    .filter(
      mail => !('X-Grapevine-Verdict' in mail.headers) && !isResult(mail) && !/kept back/.test(mail.subject),
    )
const one = (): OutgoingMail => {
  const [mail, ...more] = answers()
  expect(more).toEqual([])
  if (!mail) throw new Error('nothing was sent')
  return mail
}
const golden = (mail: OutgoingMail, name: string) =>
  expect(
    `To: ${mail.to.map(to => to.address)}\nSubject: ${mail.subject}\nIn-Reply-To: ${mail.inReplyTo}\n\n${mail.text.replace(/c[0-9a-f]{15}-[0-9a-f]{32}/, 'TOKEN').replace(/s[0-9a-f]{15}/g, 'SERIES')}`,
  ).toMatchFileSnapshot(`golden-answers/${name}.txt`)

const theSeries = async () => {
  const [series, ...more] = await flow.wired.store.seriesIn({})
  expect(more).toEqual([])
  if (!series) throw new Error('there is no series')
  return series
}

const root = '<patch@example.org>'
const olga = 'Olga <olga@example.org>'
const signed = (note: Note, domain = 'example.org', at = flow.wired.clock.now()) =>
  sign(write(note), { domain, at })
const states = async () => (await flow.wired.store.commands({})).map(({ state }) => state.at)
const isPaused = async () => (await flow.wired.store.holds()).some(({ on }) => on.kind === 'queue')

describe('the author of a series', () => {
  beforeEach(async () => {
    await onList(patch())
    answers()
  })

  test('asks how it stands', async () => {
    await onList(
      write({ id: '1@x', re: root, from: 'Bob <bob@example.org>', body: 'Hm.\n\n/grapevine status' }),
    )
    const mail = one()
    expect(mail.to).toEqual([{ name: 'Bob', address: 'bob@example.org' }])
    expect(mail.cc).toEqual([])
    expect(mail.headers).toMatchObject({ 'Auto-Submitted': 'auto-replied', 'X-Grapevine-Project': 'tally' })
    expect(mail.references).toEqual([root, '<1@x>'])
    await golden(mail, 'status')
  })

  test('has it tested again, elsewhere and against another branch', async () => {
    const before = await theSeries()
    await onList(write({ id: '1@x', re: root, body: '/grapevine test on busybox against stable' }))
    await golden(one(), 'test')
    const after = await theSeries()
    expect(after).toMatchObject({ round: 1, wish: { images: ['busybox'], against: 'stable' } })
    expect(after.state.at).toBe('planned')
    expect(before.round).toBeUndefined()

    await onList(write({ id: '2@x', re: root, body: '/grapevine retest' }))
    await golden(one(), 'retest')
    expect(await theSeries()).toMatchObject({ round: 2, wish: { images: ['busybox'], against: 'stable' } })

    await onList(write({ id: '3@x', re: root, body: '/grapevine test' }))
    expect(await theSeries()).toMatchObject({ round: 3 })
    expect((await theSeries()).wish).toBeUndefined()
  })

  test.each([
    ['its author', 'Ann <ann@example.org>', 'paused'],
    ['an operator', olga, 'paused-operator'],
  ])('has it tested again while the queue is paused: %s hears so', async (_, from, name) => {
    const since = flow.wired.clock.now()
    const hold = { how: 'drain' as const, reason: 'The disks are exchanged.', by: 'olga@beta', since }
    await flow.wired.store.setHold({ ...hold, on: { kind: 'queue' }, until: undefined })
    await onList(write({ id: '1@x', re: root, from, body: '/grapevine test on busybox' }))
    await golden(one(), `test-${name}`)
  })

  test('has it tested again while its image is held for a time', async () => {
    const since = flow.wired.clock.now()
    const on = { kind: 'image' as const, name: 'busybox' }
    const hold = { on, how: 'stop' as const, reason: 'new kernel', by: 'olga@beta', since }
    await flow.wired.store.setHold({ ...hold, until: since + 3_600_000 })
    await onList(write({ id: '1@x', re: root, body: '/grapevine retest' }))
    expect(one().text.replace(/\s+/g, ' ')).toContain(
      'Image busybox is stopped since 2026-01-05 12:00 UTC, until 2026-01-05 13:00 UTC: new kernel. What waits is kept, and goes on by itself then. You hear from me when I am done.',
    )
  })

  test('hears what came of it, once, though nothing has changed', async () => {
    await onList(write({ id: '1@x', re: root, body: '/grapevine retest' }))
    await flow.settle()
    const results = flow.sent.filter(isResult)
    expect(results).toHaveLength(1)
    await golden(results[0] as OutgoingMail, 'result')
    await flow.restart()
    await flow.settle()
    expect(flow.sent.filter(isResult)).toHaveLength(1)
    expect(flow.sent.filter(mail => 'X-Grapevine-Verdict' in mail.headers)).toEqual([])
  })

  test('is told what there is, where there is no such image', async () => {
    await onList(write({ id: '1@x', re: root, body: '/grapevine test on win11' }))
    await golden(one(), 'no-such-image')
    expect((await theSeries()).round).toBeUndefined()
  })

  test('can have it tested five times a day', async () => {
    Object.assign(flow.wired.config.mail.caps, { thread: 50 })
    for (const n of [1, 2, 3, 4, 5, 6])
      await onList(write({ id: `${n}@x`, re: root, body: '/grapevine retest' }))
    expect((await theSeries()).round).toBe(5)
    expect(answers().at(-1)?.text).toContain('5 times on demand')
  })

  test('is helped, also by a mail of HTML only', async () => {
    const headers = ['Content-Type: text/html']
    await onList(write({ id: '1@x', re: root, headers, body: '<div>/grapevine help</div>' }))
    await golden(one(), 'help')
  })

  test('mistypes a command', async () => {
    await onList(write({ id: '1@x', re: root, body: '/grapevine rettest' }))
    await golden(one(), 'unknown')
  })

  test('writes four commands in a mail: three are done', async () => {
    const body = '/grapevine status\n/grapevine help\n/grapevine status\n/grapevine retest\n/grapevine retest'
    await onList(write({ id: '1@x', re: root, body }))
    await golden(one(), 'too-many')
    expect((await theSeries()).round).toBeUndefined()
  })

  test('hears of all commands of a mail in one answer, in their order', async () => {
    await onList(
      write({
        id: '1@x',
        re: root,
        body: '/grapevine rettest\n/grapevine test on busybox\n/grapevine cancel',
      }),
    )
    const mail = one()
    await golden(mail, 'several')
    expect(await states()).toEqual(['refused', 'done', 'waiting'])
    const token = /confirm (\S+)/.exec(mail.text)?.[1]
    await onList(write({ id: '2@x', re: mail.messageId, body: `/grapevine confirm ${token}` }))
    expect(one().text).toContain('/grapevine cancel')
    expect((await states())[2]).not.toBe('waiting')
  })

  test('hears of what was done though another command of the mail has to wait, and then of that', async () => {
    const { mailAuth } = flow.wired
    const away = new Fault('unreachable', 'soon', 'the DNS does not answer')
    Object.assign(flow.wired, { mailAuth: { verify: () => Promise.reject(away) } })
    const body = '/grapevine cancel\n/grapevine status\n/grapevine help'
    await onList(write({ id: '1@x', re: root, body })).catch(error => expect(error).toBe(away))
    expect(await states()).toEqual(['received', 'done', 'done'])
    Object.assign(flow.wired, { mailAuth })
    await flow.restart()
    await flow.settle()
    const [first, second, ...more] = answers().map(({ text }) => text)
    expect(more).toEqual([])
    expect(first).toMatch(/This is how your patch stands:[\s\S]* - - -[\s\S]*I do what stands on a line/)
    expect(second).toMatch(/A mail in your name asks me to do this:\s+\/grapevine cancel/)
    expect(second).not.toContain('This is how')
    expect(await states()).toEqual(['waiting', 'done', 'done'])
  })

  test('hears nothing of what was written weeks ago, as in an archive that is read now', async () => {
    const raw = Buffer.from(write({ id: 'old@x', re: root, body: '/grapevine status' }))
    const arrivedAt = flow.wired.clock.now() - 8 * 86_400_000
    await flow.bring([{ raw, arrivedAt, where: 'archive' }])
    await flow.settle()
    expect(answers()).toEqual([])
    expect(await states()).toEqual([])
  })

  test('hears nothing of a mail that comes a second time, by whatever way', async () => {
    const raw = write({ id: '1@x', re: root, body: '/grapevine retest' })
    await onList(raw)
    await onList(`X-Way: another\n${raw}`)
    expect(answers()).toHaveLength(1)
    expect((await theSeries()).round).toBe(1)
  })

  test('cancels, and confirms it, as nothing proves who wrote it', async () => {
    await onList(write({ id: '1@x', re: root, body: '/grapevine cancel' }))
    const request = one()
    await golden(request, 'confirm')
    expect(await states()).toEqual(['waiting'])
    const token = /confirm (\S+)/.exec(request.text)?.[1]
    expect(JSON.stringify(await flow.wired.store.commands({}))).not.toContain(token?.slice(20))
    // What answers by itself quotes, or sends back what it got.
    await toBot(write({ id: 'auto@x', to: bot, re: request.messageId, body: request.text }))
    expect(answers()).toEqual([])
    await toBot(
      write({ id: '2@x', to: bot, re: request.messageId, body: `/grapevine confirm ${token}\n> …` }),
    )
    // It had its verdict already.
    await golden(one(), 'nothing-to-cancel')
    expect(await states()).toEqual(['refused', 'done'])
    await toBot(write({ id: '3@x', to: bot, re: request.messageId, body: `/grapevine confirm ${token}` }))
    await golden(one(), 'confirmed-already')
    expect(await states()).toEqual(['refused', 'done', 'refused'])
  })

  test('wants no mail any more, and wants it again', async () => {
    await toBot(await signed({ id: '1@x', to: bot, body: '/grapevine unsubscribe', subject: 'unsubscribe' }))
    expect(answers()).toEqual([])
    expect((await flow.wired.store.address('ann@example.org'))?.silence?.why).toBe('unsubscribed')
    await onList(write({ id: '2@x', re: root, body: '/grapevine status' }))
    expect(answers()).toEqual([])
    await onList(write({ id: '3@x', re: root, body: '/grapevine subscribe' }))
    await golden(one(), 'subscribe')
    expect((await flow.wired.store.address('ann@example.org'))?.silence).toBeUndefined()
  })
})

describe('before it is complete', () => {
  const first = () => patch({ id: 'p1@example.org', subject: '[PATCH 1/2] one' })

  test('a wish waits for the missing part, and what is cancelled is not run', async () => {
    await flow.bring([
      arrived(first()),
      arrived(write({ id: '1@x', re: '<p1@example.org>', body: '/grapevine test on busybox' })),
    ])
    await flow.settle()
    const told = answers().find(mail => mail.text.includes('as soon as it is complete'))
    expect(told).toBeDefined()
    await golden(told as OutgoingMail, 'later')
    await onList(await signed({ id: '2@x', re: '<p1@example.org>', body: '/grapevine cancel' }))
    await golden(one(), 'cancel')
    const series = await theSeries()
    expect((await flow.wired.store.verdict(series.id))?.finding.kind).toBe('cancelled')
  })
})

describe('a patch', () => {
  test('carries its own command', async () => {
    const body = `Because.\n\nSigned-off-by: Ann <ann@example.org>\n---\n/grapevine test on busybox\n\n${diff('a.c')}`
    await onList(patch({ body }))
    expect(answers()).toHaveLength(1)
    expect(await theSeries()).toMatchObject({ round: 1, wish: { images: ['busybox'] } })
  })

  test('holds none in its diff', async () => {
    await onList(patch({ body: `Because.\n\n${diff('a.c', 'x')}\n/grapevine test\n` }))
    expect(await states()).toEqual([])
  })
})

describe('somebody else', () => {
  beforeEach(async () => {
    await onList(patch())
    answers()
  })

  test('may not, and hears so twice a day for each command', async () => {
    const from = 'Eve <eve@evil.example>'
    await onList(write({ id: '1@x', from, re: root, body: '/grapevine retest' }))
    await golden(one(), 'forbidden')
    await onList(write({ id: '2@x', from, re: root, body: '/grapevine cancel' }))
    expect(one().text).toContain('cancel')
    await onList(write({ id: '3@x', from, re: root, body: '/grapevine retest' }))
    expect(one().text).toContain('retest')
    await onList(write({ id: '4@x', from, re: root, body: '/grapevine retest' }))
    expect(answers()).toEqual([])
    expect(await states()).toEqual(['refused', 'refused', 'refused', 'refused'])
    expect((await theSeries()).round).toBeUndefined()
    await flow.wired.clock.sleep(0)
  })

  test('in another thread says nothing to the bot', async () => {
    await onList(write({ id: '1@x', re: '<other@x>', body: '/grapevine status' }))
    expect(await states()).toEqual([])
    await onList(write({ id: '2@x', re: '<other@x>', headers: [`Cc: ${bot}`], body: '/grapevine status' }))
    await golden(one(), 'no-series')
  })

  test.each([
    ['is a program', ['Auto-Submitted: auto-replied']],
    ['is a server that gives a mail back', ['Return-Path: <>']],
  ])('%s, and is not listened to', async (_, headers) => {
    await onList(write({ id: '1@x', re: root, headers, body: '/grapevine status' }))
    expect(await states()).toEqual([])
    expect(answers()).toEqual([])
  })

  test('gets no answers for another: Reply-To counts only where it is signed', async () => {
    const headers = ['Reply-To: victim@elsewhere.example']
    await onList(write({ id: '1@x', re: root, headers, body: '/grapevine status' }))
    expect(one().to).toEqual([{ name: 'Ann', address: 'ann@example.org' }])
    await onList(await signed({ id: '2@x', re: root, headers, body: '/grapevine status' }))
    expect(one().to).toEqual([{ name: '', address: 'victim@elsewhere.example' }])
  })

  test.each([
    ['the list', `Ann <${list}>`],
    ['the bot', `Ann <${bot}>`],
    ['a program', 'Ann <noreply@example.org>'],
  ])('with the address of %s gets no answer', async (_, from) => {
    await onList(write({ id: '1@x', re: root, from, body: '/grapevine status' }))
    expect(answers()).toEqual([])
  })

  test('gets no more mail than the caps allow', async () => {
    Object.assign(flow.wired.config.mail.caps, { thread: 3 })
    for (const n of [1, 2, 3, 4, 5])
      await onList(write({ id: `${n}@x`, re: root, body: '/grapevine status' }))
    expect(answers()).toHaveLength(3)
    expect(await states()).toEqual(Array(5).fill('done'))
    const kept = (await flow.wired.store.repliesAt('failed')).map(({ kind, state }) => ({ kind, state }))
    const why = expect.stringMatching(/^not sent: in 24 hours 3 like it went into its thread/)
    expect(kept).toEqual(
      Array(2).fill({ kind: 'answer', state: { at: 'failed', when: expect.any(Number), why } }),
    )
  })

  test.each([
    ['the author', {}, 1],
    ['a stranger, who may not ask for it,', { from: 'Bob <bob@example.org>' }, 0],
  ])('%s who names a base has it looked for upstream, and nobody waits for that', async (_, who, times) => {
    const { mirror } = flow.wired
    let fetches = 0
    Object.assign(flow.wired, {
      mirror: {
        ...mirror,
        resolve: async (repository: string, name: string) =>
          name === 'nowhere' ? undefined : mirror.resolve(repository, name),
        // It would wait for ever if whoever asked for it had the turn.
        fetch: () =>
          flow.wired.inTurn(async () => {
            fetches += 1
          }),
      },
    })
    await toBot(write({ id: '1@x', re: root, ...who, body: '/grapevine test against nowhere' }))
    expect(await states()).toEqual(['refused'])
    expect(fetches).toBe(times)
  })

  test('gets the subject as it was written, and nothing that a mail program would decode once more', async () => {
    const subject = '=?utf-8?Q?=3D=3Futf-8=3FQ=3Fhidden=3F=3D?='
    await onList(write({ id: '1@x', re: root, subject, body: '/grapevine status' }))
    expect(one().subject).toBe('Re: = ?utf-8?Q?hidden?=')
  })

  test('gets no answer at an address that stands only in the text', async () => {
    const from = 'Vera via relay <relay@elsewhere.example>'
    const body = 'From: Vera <vera@victim.example>\n\n/grapevine help'
    await toBot(write({ id: '1@x', from, to: bot, body }))
    expect(answers()).toEqual([])
    expect(await states()).toEqual(['done'])
  })
})

test('who asks much in the name of an author takes no verdict from him', async () => {
  Object.assign(flow.wired.config.mail.caps, { thread: 2, author: 2, total: 4 })
  for (const n of [1, 2, 3, 4, 5])
    await toBot(write({ id: `${n}@x`, re: root, to: bot, body: '/grapevine help' }))
  expect(answers()).toHaveLength(2)
  await onList(patch())
  expect(flow.sent.filter(mail => 'X-Grapevine-Verdict' in mail.headers)).toHaveLength(1)
})

describe('an operator', () => {
  test('is heard once, also if somebody sends the same mail on to another list', async () => {
    const note = { id: '1@x', from: olga, to: bot, subject: 'pause', body: '/grapevine pause' }
    const raw = await signed(note)
    await toBot(raw)
    await toBot(await signed({ id: '2@x', from: olga, to: bot, body: '/grapevine resume' }))
    await onList(Buffer.concat([Buffer.from('List-Id: <tally.example.org>\r\n'), raw]))
    expect(await isPaused()).toBe(false)
  })

  test('who signs hears of each mistake', async () => {
    await toBot(await signed({ id: '1@x', from: olga, to: bot, body: '/grapevine drain vn' }))
    expect(one().text).toContain('I know no host "vn"')
    await toBot(await signed({ id: '2@x', from: olga, to: bot, body: '/grapevine drain vm1' }))
    expect(one().text).toContain('I know no host "vm1"')
  })

  test('pauses and opens the queue, by a signed mail', async () => {
    await toBot(await signed({ id: '1@x', from: olga, to: bot, subject: 'pause', body: '/grapevine pause' }))
    await golden(one(), 'pause')
    expect((await flow.wired.store.holds())[0]).toMatchObject({ how: 'drain', by: 'olga@example.org' })
    await toBot(await signed({ id: '2@x', from: olga, to: bot, body: '/grapevine resume' }))
    expect(await isPaused()).toBe(false)
    await golden(one(), 'resume')
  })

  test.each<[what: string, make: (note: Note) => Promise<Buffer | string>]>([
    ['unsigned', async note => write(note)],
    ['signed by another domain', note => signed(note, 'elsewhere.example')],
    ['of last month', note => signed(note, 'example.org', flow.wired.clock.now() - 30 * day)],
    [
      'signed in part',
      async note => {
        const raw = `${write({ ...note, body: 'Hello' })}${note.body}\n`
        return sign(raw, { domain: 'example.org', bodyLength: 7, at: flow.wired.clock.now() })
      },
    ],
    ['changed by the list', async note => `${await signed(note)}${'_'.repeat(47)}\r\nlist\r\n`],
    [
      'with a new Message-ID',
      async note => {
        const raw = await sign(write(note), {
          domain: 'example.org',
          headers: 'from:subject:date',
          at: flow.wired.clock.now(),
        })
        return String(raw).replace('<1@x>', '<new@x>')
      },
    ],
    ['with a second From:', async note => `From: Eve <eve@evil.example>\r\n${await signed(note)}`],
  ])('is asked, where a mail is %s', async (_, make) => {
    await toBot(await make({ id: '1@x', from: olga, to: bot, subject: 'pause', body: '/grapevine pause' }))
    expect(await isPaused()).toBe(false)
    const request = one()
    expect(request.to[0]?.address).toMatch(/^(?:olga|eve)@/)
    expect(request.text).toMatch(/confirm c|Only the operators/)
  })

  test('need not confirm what comes again by a way that leaves it as it is', async () => {
    const raw = await signed({ id: '1@x', from: olga, to: bot, body: '/grapevine pause' })
    await toBot(`${raw}${'_'.repeat(47)}\r\nlist\r\n`)
    expect(await states()).toEqual(['waiting'])
    await toBot(await signed({ id: '1@x', from: olga, to: bot, body: '/grapevine help' }))
    expect(await isPaused()).toBe(false)
    await toBot(raw)
    expect(await isPaused()).toBe(true)
    expect(await states()).toEqual(['done', 'done'])
  })

  test('confirms within two days, once, and nobody else can', async () => {
    await toBot(write({ id: '1@x', from: olga, to: bot, body: '/grapevine pause' }))
    const [, token = ''] = /confirm (\S+)/.exec(one().text) ?? []
    for (const [n, wrong] of [token.slice(0, -1), `${token.slice(0, 16)}-${'0'.repeat(32)}`].entries())
      await toBot(
        write({
          id: `w${n}@x`,
          from: `Eve <eve${n}@evil.example>`,
          to: bot,
          body: `/grapevine confirm ${wrong}`,
        }),
      )
    expect(await isPaused()).toBe(false)
    expect(answers()).toHaveLength(2)
    await toBot(
      write({ id: '2@x', from: 'Olga <olga@home.example>', to: bot, body: `/grapevine confirm ${token}.` }),
    )
    expect(await isPaused()).toBe(true)
    expect(one().to[0]?.address).toBe('olga@example.org')
    await flow.wired.store.endHold({ kind: 'queue' })
    await toBot(write({ id: '3@x', from: olga, to: bot, body: `/grapevine confirm ${token}` }))
    expect(await isPaused()).toBe(false)
  })

  test('is too late after that', async () => {
    await toBot(write({ id: '1@x', from: olga, to: bot, body: '/grapevine pause' }))
    const [, token = ''] = /confirm (\S+)/.exec(one().text) ?? []
    const { advance } = flow.wired.clock as unknown as { advance(ms: number): Promise<void> }
    await advance(2 * day)
    await flow.settle()
    expect(await states()).toEqual(['expired'])
    await toBot(write({ id: '2@x', from: olga, to: bot, body: `/grapevine confirm ${token}` }))
    expect(await isPaused()).toBe(false)
    await golden(one(), 'too-late')
  })

  test('drains a host that there is', async () => {
    await toBot(await signed({ id: '1@x', from: olga, to: bot, body: '/grapevine drain alpha' }))
    expect(one().text).toContain('I know no host "alpha"')
    await flow.wired.store.setHold({
      on: { kind: 'host', name: 'Alpha' },
      how: 'stop',
      reason: 'x',
      by: 'y',
      since: 0,
      until: undefined,
    })
    await toBot(await signed({ id: '2@x', from: olga, to: bot, body: '/grapevine drain alpha' }))
    await golden(one(), 'drain')
    expect(await flow.wired.store.holds()).toMatchObject([{ on: { name: 'Alpha' }, how: 'drain' }])
  })

  test('gives the list a notice', async () => {
    const body = '/grapevine notice The server moves on Monday. No tests until noon.'
    await toBot(await signed({ id: '1@x', from: olga, to: bot, body }))
    const [notice, told] = answers()
    expect(notice?.headers['Auto-Submitted']).toBe('auto-generated')
    await golden(notice as OutgoingMail, 'notice')
    await golden(told as OutgoingMail, 'notice-told')
  })

  describe('and incidents', () => {
    const ask = async (id: string, body: string) => {
      answers()
      await toBot(await signed({ id, from: olga, to: bot, subject: 'the farm', body }))
      return one()
    }
    const incidents = () => flow.wired.store.incidents()

    test('are opened, listed, amended, noted, confirmed, shown and resolved', async () => {
      const opened = await ask('1@x', '/grapevine incident open no network in the server room.')
      const [kept] = await incidents()
      const id = kept?.id ?? ''
      expect(kept).toMatchObject({
        ...{ trouble: 'other', about: 'no network in the server room', owner: 'olga@example.org' },
        ...{ state: { at: 'open' }, affects: { projects: ['tally'] } },
      })
      await golden(opened, 'incident-open')
      await golden(await ask('2@x', '/grapevine incident list'), 'incident-list')
      const amend = `/grapevine incident amend ${id} doing the provider is called`
      await golden(await ask('3@x', amend), 'incident-amend')
      await golden(await ask('4@x', `/grapevine incident note ${id} they look for it`), 'incident-note')
      await golden(await ask('5@x', `/grapevine incident confirm ${id}`), 'incident-confirm')
      await golden(await ask('6@x', `/grapevine incident show ${id}`), 'incident-show')
      await golden(await ask('7@x', `/grapevine incident resolve ${id} a new cable`), 'incident-resolve')
      expect(await incidents()).toMatchObject([
        {
          ...{ doing: 'the provider is called', confirmed: { by: 'olga@example.org' } },
          resolved: { how: 'a new cable' },
        },
      ])
    })

    test('are meant by an answer to their notice', async () => {
      const { store, clock } = flow.wired
      const about = { host: undefined, about: 'the room', since: clock.now(), detail: 'it is hot' }
      await store.openIncident(newIncident({ id: 'i0ff', trouble: 'other', severity: 'major', ...about }))
      answers()
      await tendNotices(flow.wired)
      const re = answers().find(({ subject }) => subject.includes('it is hot'))?.messageId
      expect(re).toBeDefined()
      const body = '/grapevine incident confirm'
      await toBot(await signed({ id: '1@x', from: olga, to: bot, subject: 'Re: the room', body, re }))
      expect(await incidents()).toMatchObject([{ id: 'i0ff', confirmed: { by: 'olga@example.org' } }])
    })

    test('are refused in words that help', async () => {
      const text = async (id: string, body: string) => (await ask(id, body)).text.replaceAll(/\s+/g, ' ')
      expect(await text('0@x', '/grapevine incident confirm')).toContain('Which incident?')
      expect(await text('1@x', '/grapevine incident confirm iabc')).toContain('There is no incident iabc.')
      await ask('2@x', '/grapevine incident open no network')
      const [{ id } = { id: '' }] = await incidents()
      expect(await text('3@x', `/grapevine incident amend ${id} severity awful`)).toContain(
        '"awful" is neither minor nor major.',
      )
    })

    test('are none of the contributors’ business', async () => {
      await toBot(await signed({ id: '1@x', to: bot, subject: 'x', body: '/grapevine incident list' }))
      expect(one().text).toContain('Only the operators may do that.')
    })
  })

  describe('and known failures', () => {
    const bug = 'https://bugs.example.org/7'
    const keep = (id: string, failing: string, message = 'timed out after # s') =>
      flow.wired.store.addKnown(
        propose(
          {
            ...{ id, project: 'tally', step: 'all', test: failing, images: ['busybox'], message },
            ...{ bug: undefined, seen: undefined },
          },
          {
            why: 'failed in 3 of 16 runs without patches, on 3 bases',
            rate: { failed: 3, runs: 16 },
            now: flow.wired.clock.now(),
          },
        ),
      )
    const known = async () => (await flow.wired.store.knownFailures()).map(({ state }) => state.at)
    const ask = async (id: string, body: string) => {
      answers()
      await toBot(await signed({ id, from: olga, to: bot, subject: 'known failures', body }))
      return one()
    }

    beforeEach(async () => {
      await keep('k111111aaaaaaaaa', 'net/dns')
      await keep('k111222bbbbbbbbb', 'net/tcp', '')
      await flow.settle()
      answers()
    })

    test('are listed, confirmed with a bug, and rejected', async () => {
      await golden(await ask('1@x', '/grapevine known list'), 'known-list')
      await golden(await ask('2@x', `/grapevine known confirm K111111 <${bug}>`), 'known-confirm')
      await golden(await ask('3@x', '/grapevine known reject k111222.'), 'known-reject')
      expect(await known()).toEqual(['confirmed', 'rejected'])
      const [first] = await flow.wired.store.knownFailures({ at: 'confirmed' })
      expect(first).toMatchObject({ bug, state: { by: 'olga@example.org' } })
      expect((await ask('4@x', '/grapevine known list')).text).toContain(`        ${bug}`)
    })

    test('are not decided on without proof of who asks; the list goes to the operator alone', async () => {
      await toBot(write({ id: '1@x', from: olga, to: bot, body: `/grapevine known confirm k111111 ${bug}` }))
      const request = one()
      expect(request.text).toContain('confirm c')
      expect(await known()).toEqual(['proposed', 'proposed'])
      const [, token = ''] = /confirm (c\S+)/.exec(request.text) ?? []
      await toBot(write({ id: '2@x', from: olga, to: bot, body: `/grapevine confirm ${token}` }))
      expect(await known()).toEqual(['confirmed', 'proposed'])
      answers()
      await toBot(write({ id: '3@x', from: olga, to: bot, body: '/grapevine known list' }))
      expect(one().to.map(to => to.address)).toEqual(['olga@example.org'])
      await toBot(await signed({ id: '4@x', to: bot, body: '/grapevine known list' }))
      expect(one().text).toContain('Only the operators may do that.')
    })

    test.each([
      ['confirm k111111', 'K111111aaaaaaaaa has no bug yet, and cannot be confirmed without one.'],
      ['confirm k111 https://bugs.example.org/1', '2 known failures begin with k111'],
      ['reject k9', 'There is no known failure k9.'],
      ['confirm k111111 #7', '"#7" is no address of a bug.'],
    ])('are left as they are by "%s"', async (words, why) => {
      const { text } = await ask('1@x', `/grapevine known ${words}`)
      expect(text.replace(/\s+/g, ' ')).toContain(why)
      expect(await known()).toEqual(['proposed', 'proposed'])
    })

    test('are confirmed once, wherever the process dies', async () => {
      await flow.close()
      for (let at = 0; at < 40; at++) {
        let calls = 0
        let isDead = false
        await open(() => {
          if (calls++ >= at) isDead = true
          if (isDead) throw new Error('killed')
        })
        calls = Number.NEGATIVE_INFINITY
        await keep('k111111aaaaaaaaa', 'net/dns')
        await flow.settle()
        answers()
        calls = 0
        const raw = await signed({
          id: '1@x',
          from: olga,
          to: bot,
          body: `/grapevine known confirm k1 ${bug}`,
        })
        await toBot(raw).catch(() => {})
        const survived = !isDead
        isDead = false
        calls = Number.NEGATIVE_INFINITY
        await flow.restart()
        await toBot(raw)
        await flow.settle()
        expect(await known()).toEqual(['confirmed'])
        expect(answers().map(({ text }) => /counts as known/.test(text))).toEqual([true])
        if (survived) return
        await flow.close()
      }
      throw new Error('there is no end to it')
    })
  })

  test('is helped with more', async () => {
    await toBot(write({ id: '1@x', from: olga, to: bot, body: '/grapevine help' }))
    await golden(one(), 'help-operator')
  })
})

describe('who is new', () => {
  const held = { ...project, trust: { ...project.trust, firstTime: 'hold' as const } }
  beforeEach(() => {
    Object.assign(flow.wired, { project: () => held })
  })

  test('waits for an operator, once', async () => {
    await onList(
      patch({ body: `Because.\n\nSigned-off-by: Ann <ann@example.org>\n${diff('scripts/build.sh')}` }),
    )
    expect((await theSeries()).state.at).toBe('held')
    const [alert, word] = answers()
    await golden(alert as OutgoingMail, 'held-alert')
    await golden(word as OutgoingMail, 'held-author')
    expect(alert?.to).toEqual([{ name: '', address: 'olga@example.org' }])
    await flow.settle()
    await flow.restart()
    await flow.settle()
    expect(answers()).toEqual([])

    // Its author cannot let it go, and cannot have it tested.
    await onList(write({ id: '1@x', re: root, body: '/grapevine release' }))
    await onList(write({ id: '2@x', re: root, body: '/grapevine test' }))
    expect((await theSeries()).state.at).toBe('held')
    answers()

    await toBot(
      await signed({ id: '3@x', from: olga, to: bot, re: alert?.messageId, body: '/grapevine release' }),
    )
    await golden(one(), 'release')
    expect((await theSeries()).state.at).toBe('planned')

    await onList(patch({ id: 'next@example.org', subject: '[PATCH] another thing' }))
    const next = (await flow.wired.store.seriesIn({})).at(-1)
    expect(next?.state.at).toBe('planned')
  })

  test('a DNS that is away for a while holds nobody who signs', async () => {
    await flow.wired.store.addAuthor('tally', { address: 'ann@example.org', at: 1, signed: true })
    let now = 0
    Object.assign(flow.wired, { mailAuth: dkimAuth({ resolve: dns.resolve, now: () => now }) })
    dns.fail()
    // The sweep comes back to it, again and again.
    const arriving = onList(await sign(patch(), { domain: 'example.org', at: flow.wired.clock.now() }))
    await expect(arriving).rejects.toThrow('there is no end to it')
    expect((await theSeries()).state.at).toBe('complete')
    dns.answer()
    now = 30_000
    await flow.settle()
    expect((await theSeries()).state.at).toBe('planned')
  })

  test('is not told so at an address that stands only in the text', async () => {
    const from = 'Vera via relay <relay@elsewhere.example>'
    await onList(patch({ from, body: `From: Vera <vera@victim.example>\n\nBecause.\n${diff('a.c')}` }))
    expect((await theSeries()).state.at).toBe('held')
    expect(answers().flatMap(({ to }) => to.map(({ address }) => address))).toEqual(['olga@example.org'])
  })

  test('may not take the name of somebody who signs', async () => {
    await flow.wired.store.addAuthor('tally', { address: 'ann@example.org', at: 1, signed: false })
    await onList(await sign(patch(), { domain: 'example.org', at: flow.wired.clock.now() }))
    expect((await theSeries()).state.at).toBe('planned')
    await onList(patch({ id: 'forged@evil.example', subject: '[PATCH] another thing' }))
    const forged = (await flow.wired.store.seriesIn({})).at(-1)
    expect(forged?.state).toMatchObject({ at: 'held', why: expect.stringContaining('not signed') })
  })
})

test('a crash at any point leaves every command done once, and answered once', async () => {
  class Killed extends Error {}
  const notes = () => [
    patch(),
    write({ id: '1@x', re: root, body: '/grapevine test on busybox\n/grapevine status' }),
    write({ id: '2@x', re: root, body: '/grapevine cancel' }),
  ]
  let calls = 0
  await flow.close()
  await open(() => void calls++)
  await flow.bring(notes().map(arrived))
  await flow.settle()
  const all = calls
  await flow.close()
  for (let after = 0; after < all; after += 7) {
    calls = 0
    let isAlive = true
    let isArmed = true
    await open(() => {
      if (isArmed && calls++ === after) isAlive = false
      // The dead do nothing more.
      if (!isAlive) throw new Killed()
    })
    const mails = notes().map(arrived)
    const play = async () => {
      await flow.bring(mails)
      await flow.settle()
    }
    // What is told of in a log, and gone on from, is a death all the same.
    await play().catch(error => expect(error).toBeInstanceOf(Killed))
    expect(isAlive).toBe(false)
    isArmed = false
    isAlive = true
    await flow.restart()
    await play()
    const sent = flow.sent.map(mail => mail.messageId)
    expect({
      after,
      states: await states(),
      round: (await theSeries()).round,
      twice: sent.length - new Set(sent).size,
      answers: answers().length,
    }).toEqual({ after, states: ['done', 'done', 'waiting'], round: 1, twice: 0, answers: 2 })
    await flow.close()
  }
  await open()
})
