// The client against a Bugzilla that is as odd as the real ones: each oddity would make it lie, write twice, or tell what is not to be told.
import { afterEach, describe, expect, test } from 'vitest'
import { commentsAnswer } from '../../src/adapters/bugzilla/answers.ts'
import { bugzillaTracker } from '../../src/adapters/bugzilla/tracker.ts'
import type { BugzillaConfig } from '../../src/config/config.ts'
import { secret } from '../../src/config/secret.ts'
import { Fault } from '../../src/model/fault.ts'
import type { Writing } from '../../src/ports/bugs.ts'
import { type BugzillaOptions, bot, type FakeBugzilla, startBugzilla } from '../fakes/bugzilla/server.ts'
import type { Version } from '../fakes/bugzilla/state.ts'
import { fakeClock } from '../fakes/clock.ts'

const opened: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close()
})

const open = async (options: BugzillaOptions = {}, more: Partial<BugzillaConfig> = {}) => {
  const server = await startBugzilla(options)
  const clock = fakeClock()
  const config: BugzillaConfig = {
    ...{ kind: 'bugzilla', name: 'bugs', url: server.url, key: secret(bot.key), login: bot.login },
    ...{ ca: undefined, proxy: undefined, keyExpires: undefined },
    ...more,
  }
  const tracker = bugzillaTracker(config, { clock, rate: { perMinute: 6000, burst: 5000 }, pageSize: 10 })
  opened.push(tracker, server)
  const urlOf = (id: number) => `${server.url}show_bug.cgi?id=${id}`
  return { server, tracker, clock, urlOf, config }
}

const faultOf = async (act: Promise<unknown>): Promise<Fault> => {
  const error = await act.then(
    () => undefined,
    (caught: unknown) => caught,
  )
  if (!(error instanceof Fault)) throw new Error(`no Fault: ${String(error)}`)
  return error
}

const writing = (mark: string, more: Partial<Writing> = {}): Writing => ({
  ...{ mark, text: `text of ${mark}`, link: undefined, change: undefined },
  ...more,
})

const textsOf = (server: FakeBugzilla, id = 1) => (server.bugs.get(id)?.comments ?? []).map(one => one.text)
const madeOf = (server: FakeBugzilla, method: string) => server.requests.filter(one => one.method === method)

const versions: Version[] = ['5.0.6', '5.2', '5.3.3']

describe.each(versions)('version %s', version => {
  test('is read as ourselves, and the key stands in addresses only where nothing else is read', async () => {
    const { server, tracker } = await open({ version, hideLogins: true })
    server.addBug()
    const [comment] = await tracker.comments(`${server.url}show_bug.cgi?id=1`)
    // As anybody, it would be cut at the "@".
    expect(comment?.author).toBe('ann@bugs.test')
    expect((await tracker.probe()).version).toBe(version)
    await tracker.write(`${server.url}show_bug.cgi?id=1`, writing('m1'))
    const inAddress = server.requests.filter(one => one.keyIn === 'query')
    if (version === '5.3.3') expect(inAddress).toEqual([])
    else expect(inAddress.every(one => one.method === 'GET')).toBe(true)
    expect(madeOf(server, 'POST').map(one => one.keyIn)).toEqual([version === '5.3.3' ? 'header' : 'body'])
  })

  test('a key that is not valid is a fault of the key, and never shown', async () => {
    const { server, tracker } = await open({ version }, { key: secret('S'.repeat(40)) })
    server.addBug()
    const fault = await faultOf(tracker.bug(`${server.url}show_bug.cgi?id=1`))
    expect(fault).toMatchObject({ kind: 'refused', retry: 'later' })
    expect(fault.message).toContain('306')
    expect(fault.remedy).toContain('new API key for bot@bugs.test')
    expect(JSON.stringify([fault.message, fault.stack, fault.remedy, fault.cause])).not.toContain('SSSS')
  })

  test('the same text is written once, although its answer was lost', async () => {
    const { server, tracker, urlOf } = await open({ version })
    server.addBug()
    server.trouble = 'after'
    expect(await faultOf(tracker.write(urlOf(1), writing('m1')))).toMatchObject({
      kind: 'timeout',
      retry: 'soon',
    })
    const { comment } = await tracker.write(urlOf(1), writing('m1'))
    expect(textsOf(server)).toEqual(['It breaks.', 'text of m1\n\n[m1]'])
    expect(comment).toBe(server.bugs.get(1)?.comments[1]?.id)
  })

  test('what is too long is cut, with a link to the rest', async () => {
    const { server, tracker, urlOf } = await open({ version })
    server.addBug()
    const long = 'a line of it, as long as such lines are 🍇\n'.repeat(3000)
    await tracker.write(urlOf(1), writing('m1', { text: long, link: 'https://lists.test/m/1' }))
    const [, text = ''] = textsOf(server)
    expect(text.length).toBeLessThanOrEqual(65_535)
    expect(text.endsWith('🍇\n\n(cut: it was too long; all of it: https://lists.test/m/1)\n\n[m1]')).toBe(
      true,
    )
  })
})

test('a key of somebody else is a fault, not another login', async () => {
  const { server, tracker } = await open({}, { login: 'other@bugs.test' })
  server.addBug()
  const fault = await faultOf(tracker.probe())
  expect(fault).toMatchObject({ kind: 'refused', retry: 'later' })
  expect(fault.message).toBe('bugs: the key is not that of other@bugs.test')
})

test('a site that lets nobody in without login is read all the same', async () => {
  const { server, tracker, urlOf } = await open({ requireLogin: true })
  server.addBug()
  expect((await tracker.bug(urlOf(1)))?.status).toBe('CONFIRMED')
})

test('a server that stops reading the header is noticed at the next write, which is made all the same', async () => {
  const { server, tracker, urlOf } = await open({ version: '5.3.3' })
  server.addBug()
  await tracker.write(urlOf(1), writing('m1'))
  server.version = '5.2'
  await tracker.write(urlOf(1), writing('m2'))
  expect(textsOf(server).slice(1)).toEqual(['text of m1\n\n[m1]', 'text of m2\n\n[m2]'])
})

test('and at the latest after an hour, if only read', async () => {
  const { server, tracker, urlOf, clock } = await open({ version: '5.3.3', hideLogins: true })
  server.addBug()
  await tracker.comments(urlOf(1))
  server.version = '5.2'
  await clock.advance(3_600_000)
  expect((await tracker.comments(urlOf(1)))[0]?.author).toBe('ann@bugs.test')
})

test('writes to one bug come one after another: none of them dies of a deadlock', async () => {
  const { server, tracker, urlOf } = await open()
  server.addBug()
  const marks = ['m1', 'm2', 'm3', 'm4', 'm5', 'm6']
  await Promise.all(marks.map(mark => tracker.write(urlOf(1), writing(mark))))
  expect(textsOf(server).slice(1)).toEqual(marks.map(mark => `text of ${mark}\n\n[${mark}]`))
})

test('an error with the status of a success is an error', async () => {
  const { server, tracker, urlOf, config } = await open()
  server.addBug()
  const other = bugzillaTracker(config, { clock: fakeClock() })
  opened.push(other)
  const all = await Promise.allSettled([
    tracker.write(urlOf(1), writing('m1')),
    other.write(urlOf(1), writing('m2')),
  ])
  const [lost] = all.flatMap(one => (one.status === 'rejected' ? [one.reason as Fault] : []))
  expect(lost).toMatchObject({ kind: 'malformed', retry: 'soon' })
  expect(madeOf(server, 'POST').map(one => one.status)).toEqual(expect.arrayContaining([201]))
  expect(textsOf(server)).toHaveLength(2)
})

test('a mark that others quote is not taken for ours', async () => {
  const { server, tracker, urlOf } = await open()
  const bug = server.addBug()
  server.say(bug, { text: 'I guess you will write [m1]' })
  await tracker.write(urlOf(1), writing('m1'))
  expect(textsOf(server)).toHaveLength(3)
})

test('a comment that is seen late is found by the next look', async () => {
  const { server, tracker, urlOf } = await open()
  server.addBug()
  await tracker.write(urlOf(1), writing('m1'))
  server.lateMs = 2_000
  server.trouble = 'after'
  await faultOf(tracker.write(urlOf(1), writing('m2')))
  server.now += 60_000
  await tracker.write(urlOf(1), writing('m2'))
  expect(textsOf(server)).toHaveLength(3)
})

describe('private and restricted', () => {
  test('nothing private is read out, though our account may see it', async () => {
    const { server, tracker, urlOf } = await open()
    Object.assign(server.accounts[0] ?? {}, { insider: true, secret: true })
    const bug = server.addBug({
      attachments: [{ id: 9, name: 'key.txt', type: 'text/plain', size: 3, isPrivate: true }],
    })
    server.say(bug, { text: 'among us', isPrivate: true })
    server.say(bug, { text: 'Created attachment 9', attachment: 9 })
    const comments = await tracker.comments(urlOf(1))
    expect(comments.map(one => [one.number, one.text, one.attachment])).toEqual([
      [0, 'It breaks.', undefined],
      [2, 'Created attachment 9', undefined],
    ])
  })

  test('a restricted bug has no words and no comments, though our account may see it', async () => {
    const { server, tracker, urlOf } = await open()
    Object.assign(server.accounts[0] ?? {}, { secret: true })
    server.addBug({ groups: ['secret'], summary: 'how to break in', whiteboard: 'by Eve' })
    expect(await tracker.comments(urlOf(1))).toEqual([])
    const bug = await tracker.bug(urlOf(1))
    expect(bug).toMatchObject({ isRestricted: true, summary: '', whiteboard: '' })
    const { bugs } = await tracker.sweep(undefined, { products: [] })
    expect(JSON.stringify(bugs)).not.toContain('break in')
  })

  test('one that we may not see is gone, and a write to it is refused for good', async () => {
    const { server, tracker, urlOf } = await open()
    server.addBug({ groups: ['secret'] })
    expect(await tracker.bug(urlOf(1))).toBeUndefined()
    expect(await tracker.look(urlOf(1))).toEqual({ is: 'gone' })
    expect(await tracker.comments(urlOf(1))).toEqual([])
    expect(await tracker.bug(urlOf(77))).toBeUndefined()
    expect(await faultOf(tracker.write(urlOf(1), writing('m1')))).toMatchObject({
      kind: 'refused',
      retry: 'never',
    })
  })

  test('names are shown without addresses, and an unknown one spoils no other', async () => {
    const { server, tracker, urlOf } = await open()
    const bug = server.addBug()
    server.say(bug, { text: 'x', creator: 'left@bugs.test' })
    const names = (await tracker.comments(urlOf(1))).map(one => one.authorName)
    expect(names).toEqual(['Ann Reporter', ''])
  })
})

test.each([0, false, '0', 1, true, 'false', null])(
  'only a comment that is clearly for all is: %s',
  is_private => {
    const said = { id: 1, count: 0, creator: 'a', time: '2026-01-01T00:00:00Z', text: 'x', is_private }
    const read = commentsAnswer.parse({ bugs: { 1: { comments: [said] } } }).bugs['1']?.comments[0]
    expect(read?.is_private).toBe(![0, false, '0'].includes(is_private as number))
  },
)

describe('a peek at many bugs', () => {
  test('costs two requests, shows what all may see, and tells what is gone', async () => {
    const { server, tracker, clock, urlOf } = await open({ version: '5.2' })
    for (let n = 0; n < 12; n++) server.say(server.addBug(), { text: 'hidden', isPrivate: true })
    // We may see both: that is not enough.
    Object.assign(server.accounts[0] ?? {}, { secret: true, insider: true })
    Object.assign(server.bugs.get(2) ?? {}, { groups: ['security'] })
    server.bugs.delete(3)
    await tracker.probe()
    const all = Array.from({ length: 12 }, (_, n) => urlOf(n + 1))
    // The round that proves the key costs enough.
    expect((await tracker.peek(all)).size).toBe(0)
    await clock.advance(60_000)
    server.requests.length = 0
    const found = await tracker.peek(all)
    expect(server.requests).toHaveLength(2)
    expect(found.size).toBe(10)
    expect([found.get(urlOf(2)), found.get(urlOf(3))]).toEqual(['gone', 'gone'])
    const shown = found.get(urlOf(4))
    expect(shown === 'gone' ? [] : shown?.map(({ text }) => text)).toEqual(['It breaks.'])
  })
})

describe('comments since', () => {
  test('those of the same second are not missed', async () => {
    const { server, tracker, urlOf } = await open()
    const bug = server.addBug()
    server.now += 600_000
    for (const text of ['one', 'two', 'three']) server.say(bug, { text })
    const since = await tracker.comments(urlOf(1), server.now)
    expect(since.map(one => one.text)).toEqual(['one', 'two', 'three'])
  })

  test('the attachment is described', async () => {
    const { server, tracker, urlOf } = await open({ prefix: '/bugzilla' })
    const attachments = [{ id: 9, name: 'a.log', type: 'text/plain', size: 12, isPrivate: false }]
    server.say(server.addBug({ attachments }), { text: 'Created attachment 9', attachment: 9 })
    expect((await tracker.comments(urlOf(1)))[1]?.attachment).toEqual({
      ...{ id: 9, name: 'a.log', type: 'text/plain', bytes: 12, url: `${server.url}attachment.cgi?id=9` },
    })
  })
})

describe('changes', () => {
  const fixed = { from: ['CONFIRMED'], status: 'RESOLVED', resolution: 'FIXED' }

  test('come with their comment, whose id is found', async () => {
    const { server, tracker, urlOf } = await open()
    const bug = server.addBug({ whiteboard: 'hard [grapevine: failed]' })
    const change = {
      ...fixed,
      whiteboard: 'passed',
      addKeywords: ['patch'],
      addSeeAlso: ['https://github.com/a/b/pull/1'],
    }
    const { comment } = await tracker.write(urlOf(1), writing('m1', { change }))
    expect(bug).toMatchObject({
      status: 'RESOLVED',
      resolution: 'FIXED',
      whiteboard: 'hard [grapevine: passed]',
    })
    expect(bug).toMatchObject({ keywords: ['patch'], seeAlso: ['https://github.com/a/b/pull/1'] })
    expect(comment).toBe(bug.comments[1]?.id)
    expect(madeOf(server, 'PUT')).toHaveLength(1)
  })

  test('are left out where the state does not allow them; the comment is written', async () => {
    const { server, tracker, urlOf } = await open()
    const bug = server.addBug({ status: 'IN_PROGRESS' })
    await tracker.write(urlOf(1), writing('m1', { change: fixed }))
    expect(bug.status).toBe('IN_PROGRESS')
    expect(textsOf(server)).toHaveLength(2)
  })

  test('that are refused do not take the comment with them, and are told', async () => {
    const { server, tracker, urlOf } = await open()
    const bug = server.addBug()
    const change = { ...fixed, addSeeAlso: ['https://lists.test/m/1'] }
    const { comment, refused } = await tracker.write(urlOf(1), writing('m1', { change }))
    expect(comment).toBe(bug.comments[1]?.id)
    expect(refused).toContain('https://lists.test/m/1 is not a bug (112). May our account change')
    expect([bug.status, textsOf(server).length]).toEqual(['CONFIRMED', 2])
    // Asked again, when it is allowed: the change alone.
    await tracker.write(urlOf(1), writing('m1', { change: fixed }))
    expect([bug.status, textsOf(server).length]).toEqual(['RESOLVED', 2])
  })

  test('that were made are not made again, if somebody has undone them since', async () => {
    const { server, tracker, urlOf } = await open()
    const bug = server.addBug()
    server.trouble = 'after'
    await faultOf(
      tracker.write(urlOf(1), writing('m1', { change: { status: 'RESOLVED', resolution: 'FIXED' } })),
    )
    expect(bug.status).toBe('RESOLVED')
    server.now += 60_000
    Object.assign(bug, { status: 'CONFIRMED', resolution: '' })
    await tracker.write(urlOf(1), writing('m1', { change: { status: 'RESOLVED', resolution: 'FIXED' } }))
    expect([bug.status, textsOf(server).length]).toEqual(['CONFIRMED', 2])
  })

  test('a closed bug is opened again by the way its workflow has, once', async () => {
    const { server, tracker, urlOf } = await open()
    const bug = server.addBug({ status: 'RESOLVED', resolution: 'FIXED' })
    expect(await tracker.look(urlOf(1))).toEqual({ is: 'fixed' })
    await tracker.reopen(urlOf(1), { text: 'it is back', mark: 'm1' })
    await tracker.reopen(urlOf(1), { text: 'it is back', mark: 'm1' })
    expect([bug.status, bug.resolution, textsOf(server).length]).toEqual(['CONFIRMED', '', 2])
  })
})

describe('a new bug', () => {
  const draft = {
    ...{
      product: 'Tally',
      component: 'core',
      version: '1',
      summary: 'host h1 is lost 🍇',
      text: 'since noon',
    },
    fields: { op_sys: 'Linux', rep_platform: 'PC' },
  }

  test('is made once, although its answer was lost', async () => {
    const { server, tracker, urlOf } = await open()
    server.addBug()
    server.trouble = 'after'
    await faultOf(tracker.create(draft, 'm1'))
    expect(await tracker.create(draft, 'm1')).toBe(urlOf(2))
    expect(server.bugs.size).toBe(2)
    expect(await tracker.create({ ...draft, summary: 'another' }, 'm2')).toBe(urlOf(3))
  })

  test('lacks no field without a word of where to put it', async () => {
    const { tracker } = await open()
    const fault = await faultOf(tracker.create({ ...draft, fields: {} }, 'm1'))
    expect(fault).toMatchObject({ kind: 'refused', retry: 'never' })
    expect(fault.remedy).toContain('notices.bug.fields')
  })

  test('loses no more of its summary than it must', async () => {
    const { server, tracker } = await open({ version: '5.0.6' })
    await tracker.create(draft, 'm1')
    expect(server.bugs.get(1)?.summary).toBe('host h1 is lost ?')
  })
})

describe('sweeps', () => {
  const sweepAll = async (tracker: Awaited<ReturnType<typeof open>>['tracker'], from?: string) => {
    const seen: number[] = []
    let cursor = from
    for (let rounds = 0; rounds < 50; rounds++) {
      const { bugs, next, more } = await tracker.sweep(cursor, { products: [] })
      seen.push(...bugs.map(bug => bug.id))
      cursor = next
      if (!more) return { seen, cursor }
    }
    throw new Error('there is no end to it')
  }

  test('page through all of it, also where more than a page changed in one second', async () => {
    const { server, tracker } = await open()
    for (let n = 0; n < 35; n++) {
      if (n < 5 || n > 30) server.now += 1_000
      server.addBug()
    }
    expect(new Set((await sweepAll(tracker)).seen).size).toBe(35)
    // Long ago, each is told once: nothing can be added to these seconds.
    server.now += 600_000
    expect((await sweepAll(tracker)).seen.toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 35 }, (_, n) => n + 1),
    )
  })

  test('tell nothing that is not new, in one request', async () => {
    const { server, tracker } = await open()
    for (let n = 0; n < 25; n++) server.addBug()
    server.now += 600_000
    const first = await sweepAll(tracker)
    server.requests.length = 0
    const idle = await sweepAll(tracker, first.cursor)
    expect([idle.seen, server.requests.length]).toEqual([[], 1])
    const bug = server.bugs.get(7)
    server.now += 1_000
    if (bug) server.say(bug, { text: 'news' })
    expect((await sweepAll(tracker, idle.cursor)).seen).toEqual([7])
  })

  test('tell again what changed just now, as it may change within the same second', async () => {
    const { server, tracker } = await open()
    const bug = server.addBug()
    const first = await sweepAll(tracker)
    server.say(bug, { text: 'in the same second' })
    const second = await sweepAll(tracker, first.cursor)
    expect(second.seen).toEqual([1])
    server.now += 180_000
    const third = await sweepAll(tracker, second.cursor)
    expect(third.seen).toEqual([1])
    expect((await sweepAll(tracker, third.cursor)).seen).toEqual([])
  })

  test('keep to products', async () => {
    const { server, tracker } = await open()
    server.addBug()
    server.addBug({ product: 'Other' })
    const { bugs } = await tracker.sweep(undefined, { products: ['Other'] })
    expect(bugs.map(bug => bug.product)).toEqual(['Other'])
  })
})

describe('trouble on the way', () => {
  test('nobody there, a proxy in its place, an address that is not its own', async () => {
    const { server, tracker, urlOf, config } = await open()
    server.addBug()
    server.trouble = 'page'
    expect(await faultOf(tracker.bug(urlOf(1)))).toMatchObject({ kind: 'unreachable', retry: 'soon' })
    server.trouble = 'down'
    expect(await faultOf(tracker.bug(urlOf(1)))).toMatchObject({ kind: 'unreachable', retry: 'soon' })
    server.trouble = 'none'
    const wrong = bugzillaTracker({ ...config, url: `${server.url}nowhere/` }, { clock: fakeClock() })
    opened.push(wrong)
    const fault = await faultOf(wrong.probe())
    expect(fault.remedy).toContain('where show_bug.cgi is')
    expect(await faultOf(tracker.write('https://elsewhere.test/1', writing('m1')))).toMatchObject({
      retry: 'never',
    })
    await server.close()
    expect(await faultOf(tracker.bug(urlOf(1)))).toMatchObject({ kind: 'unreachable', retry: 'soon' })
  })

  test('a write that did not leave is told from one that may have been done', async () => {
    const { server, tracker, urlOf } = await open()
    server.addBug()
    await tracker.bug(urlOf(1))
    server.trouble = 'before'
    expect(await faultOf(tracker.write(urlOf(1), writing('m1')))).toMatchObject({ kind: 'timeout' })
    await tracker.write(urlOf(1), writing('m1'))
    expect(textsOf(server)).toHaveLength(2)
  })
})

describe('addresses', () => {
  test('what people write is one address', async () => {
    const { tracker, server, urlOf } = await open({ prefix: '/bugzilla' })
    const secure = server.url.replace('http:', 'https:')
    for (const name of ['7', '#7', 'bug 7', urlOf(7), `${server.url}7`, `${secure}show_bug.cgi?id=7#c3`])
      expect([name, tracker.addressOf(name)]).toEqual([name, urlOf(7)])
    for (const name of [
      '',
      'abcdef1',
      '1234567890ab',
      'https://elsewhere.test/show_bug.cgi?id=7',
      `${server.url}x`,
      '0',
    ])
      expect([name, tracker.addressOf(name)]).toEqual([name, undefined])
    expect(tracker.commentUrl(urlOf(7), { id: 99, number: 3 })).toBe(`${urlOf(7)}#c3`)
  })
})

test('a bug is known by its alias, once the tracker was asked', async () => {
  const { tracker, server, urlOf } = await open()
  server.addBug({ alias: 'tally-2.0' })
  const named = `${server.url}show_bug.cgi?id=Tally-2.0`
  expect([tracker.addressOf('tally-2.0'), tracker.addressOf(named)]).toEqual([undefined, undefined])
  await tracker.learn([
    'tally-2.0',
    named,
    'no-such-alias',
    'not/one',
    '..',
    '17',
    'https://elsewhere.test/x-1',
  ])
  const asked = () => server.requests.length
  const before = asked()
  expect([tracker.addressOf('TALLY-2.0'), tracker.addressOf(named)]).toEqual([urlOf(1), urlOf(1)])
  expect(tracker.addressOf('no-such-alias')).toBeUndefined()
  await tracker.learn(['tally-2.0', 'no-such-alias'])
  expect(asked()).toBe(before)
})

test('a word that the server will not hear holds up no other; one that is away does', async () => {
  const { tracker, server, urlOf } = await open()
  server.addBug({ alias: 'tally-2.0' })
  await tracker.learn(['possible_duplicates', 'tally-2.0'])
  expect(tracker.addressOf('possible_duplicates')).toBeUndefined()
  expect(tracker.addressOf('tally-2.0')).toBe(urlOf(1))
  server.trouble = 'page'
  await expect(tracker.learn(['other'])).rejects.toMatchObject({ kind: 'unreachable' })
})

test('the probe says what will not work', async () => {
  const { server, tracker } = await open()
  Object.assign(server.accounts[0] ?? {}, { editbugs: false })
  const { version, login, warnings } = await tracker.probe()
  expect([version, login]).toEqual(['5.2', 'bot@bugs.test'])
  expect(warnings.join('\n')).toContain('only in addresses')
  expect(warnings.join('\n')).toContain('not in the group editbugs')
  expect(warnings.join('\n')).toContain('not reached by https')
})
