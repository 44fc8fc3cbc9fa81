// GitHub's issues as a tracker, against a GitHub on loopback: what is asked, what is written once, and what every refusal becomes.
import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fromBody, hasMark, toBody } from '../../src/adapters/github/body.ts'
import { stepsOf } from '../../src/adapters/github/change.ts'
import { githubIssues } from '../../src/adapters/github/issues.ts'
import type { Tracker } from '../../src/ports/bugs.ts'
import { fakeClock } from '../fakes/clock.ts'
import { botLogin, type FakeGithub, startGithub, token } from '../fakes/github/server.ts'

let github: FakeGithub
let tracker: Tracker & { close(): Promise<void> }
const clock = fakeClock()

const open = (more: { api?: string; token?: string } = {}) =>
  githubIssues(
    {
      ...{ kind: 'github', name: 'hub', repository: 'tally/tally', api: more.api ?? github.api },
      ...{ ca: undefined, proxy: undefined, keyExpires: undefined },
      token: { reveal: () => more.token ?? token },
    },
    { clock },
  )

beforeEach(async () => {
  github = await startGithub()
  await clock.advance(Math.max(0, github.now - clock.now()))
  github.now = clock.now()
  tracker = open()
})
afterEach(async () => {
  await tracker.close()
  await github.close()
})

const urlOf = (number: number) => `${github.api}/tally/tally/issues/${number}`
const writing = (mark: string, text = 'Tested.') => ({ mark, text, link: undefined, change: undefined })
const bodies = (number: number) => (github.comments.get(number) ?? []).map(one => one.body)

describe('addresses', () => {
  const real = (repository = 'Tally/tally.c') =>
    githubIssues(
      {
        ...{ kind: 'github', name: 'hub', repository, api: 'https://api.github.com' },
        ...{ ca: undefined, proxy: undefined, keyExpires: undefined, token: { reveal: () => token } },
      },
      { clock },
    )
  const seven = 'https://github.com/Tally/tally.c/issues/7'

  it.each([
    ['7', seven],
    ['#7', seven],
    ['GH-7', seven],
    ['tally/tally.c#7', seven],
    [`${seven}#issuecomment-3`, seven],
    ['http://github.com/tally/TALLY.c/issues/7?x=1', seven],
    ['https://github.com/tally/tallyXc/issues/7', undefined],
    ['https://github.com/tally/tally.c/pull/7', undefined],
    ['https://github.com.example.org/tally/tally.c/issues/7', undefined],
    ['0', undefined],
    ['#7a', undefined],
  ])('%s is %s', (name, address) => {
    expect(real().addressOf(name)).toBe(address)
    expect(real().owns(name)).toBe(address !== undefined && name.startsWith('http'))
  })

  it('of comments', () => {
    expect(real().commentUrl(seven, { id: 99, number: 0 })).toBe(seven)
    expect(real().commentUrl(seven, { id: 99, number: 3 })).toBe(`${seven}#issuecomment-99`)
  })
})

describe('the body', () => {
  const nasty =
    'Hello @octocat, see #12 & <img src=x>\n\n    </pre><script>\nhttps://example.org/a?b=1&c=2. *x* `y`'

  it('shows what was given, mentions nobody, and gives it back', () => {
    const body = toBody(nasty, { mark: 'r123', link: undefined })
    expect(body).toMatch(/^<pre>\n[\s\S]*\n<\/pre>\n\n<!-- \[r123\] -->$/)
    expect(body.match(/<\/pre>/g)).toHaveLength(1)
    expect(body).toContain(
      '<a href="https://example.org/a?b=1&amp;c=2">https://example.org/a?b=1&amp;c=2</a>. ',
    )
    expect(fromBody(body)).toBe(`${nasty}\n\n[r123]`)
    expect(hasMark(body, 'r123')).toBe(true)
    expect(hasMark(`> ${body}\nI quote.`, 'r123')).toBe(false)
    expect(fromBody('Hi\r\n@bob')).toBe('Hi\n@bob')
  })

  it.each([
    ['letters', 'x'.repeat(80_000)],
    ['what is escaped', '<&>'.repeat(30_000)],
    ['addresses', 'https://example.org/aaaaaaaaaaaaaaaaaaaaaaaa '.repeat(1_300)],
    ['astral characters', '😀'.repeat(40_000)],
  ])('fits the limit, of many %s', (_, text) => {
    const body = toBody(text, { mark: 'm', link: 'https://lore.example.org/x/' })
    expect(body.length).toBeLessThanOrEqual(65_536)
    expect(hasMark(body, 'm')).toBe(true)
  })
})

describe('reading', () => {
  it('tells an issue, its comments with edits found late, and leaves pull requests alone', async () => {
    github.put('it crashes', { number: 7, body: 'Steps:\r\n1' })
    github.put('a pull request', { number: 8, pull_request: { url: 'x' } })
    const first = github.say(7, 'me, too', 'bob')
    expect(await tracker.bug(urlOf(7))).toMatchObject({
      ...{ id: 7, url: urlOf(7), status: 'open', isOpen: true, summary: 'it crashes', isRestricted: false },
      product: 'tally/tally',
    })
    expect(await tracker.bug(urlOf(8))).toBeUndefined()
    expect(await tracker.bug(urlOf(9))).toBeUndefined()
    expect((await tracker.comments(urlOf(7))).map(one => [one.number, one.authorName, one.text])).toEqual([
      [0, 'ann', 'Steps:\n1'],
      [1, 'bob', 'me, too'],
    ])
    github.now += 3_600_000
    github.say(7, 'new', 'cy')
    const since = github.now - 60_000
    // The description was changed by the comment: GitHub knows one time for the issue.
    expect((await tracker.comments(urlOf(7), since)).map(one => one.number)).toEqual([0, 2])
    Object.assign(first, { body: 'me, too (edited)', updated_at: new Date(github.now).toISOString() })
    expect((await tracker.comments(urlOf(7), since)).map(one => [one.number, one.text])).toContainEqual([
      1,
      'me, too (edited)',
    ])
  })

  it('reads all pages of comments, and costs nothing where nothing is new', async () => {
    github.put('long', { number: 7 })
    for (let n = 1; n <= 250; n++) github.say(7, `comment ${n}`)
    expect(await tracker.comments(urlOf(7))).toHaveLength(251)
    const before = github.counted
    expect((await tracker.comments(urlOf(7))).at(-1)).toMatchObject({ number: 250, text: 'comment 250' })
    expect(github.counted).toBe(before)
    // The issue, its pages, and whether the repository is still for all to see.
    expect(github.asked.filter(one => one.endsWith(' 304'))).toHaveLength(5)
  })

  it('tells nothing of a repository that is not for everybody', async () => {
    github.put('secret', { number: 7, body: 'secret' })
    github.repository.private = true
    expect(await tracker.bug(urlOf(7))).toMatchObject({ isRestricted: true, summary: '' })
    expect(await tracker.comments(urlOf(7))).toEqual([])
  })

  it.each(['moved', 'deleted'] as const)('an issue that was %s is gone', async how => {
    github.put('x', { number: 7 })
    github[how].add(7)
    expect(await tracker.bug(urlOf(7))).toBeUndefined()
    expect(await tracker.look(urlOf(7))).toEqual({ is: 'gone' })
    await expect(tracker.write(urlOf(7), writing('m'))).rejects.toMatchObject({ retry: 'never' })
    expect(bodies(7)).toEqual([])
  })

  it('says how it was closed', async () => {
    github.put('x', { number: 7, state: 'closed', state_reason: 'completed' })
    github.put('y', { number: 8, state: 'closed', state_reason: 'not_planned' })
    expect(await tracker.look(urlOf(7))).toEqual({ is: 'fixed' })
    expect(await tracker.look(urlOf(8))).toEqual({ is: 'closed' })
  })

  it('tries reads again that end with a page for people', async () => {
    github.put('x', { number: 7 })
    github.trouble.broken = 1
    expect(await tracker.look(urlOf(7))).toEqual({ is: 'open' })
  })
})

describe('a sweep', () => {
  const sweepAll = async (cursor?: string) => {
    const seen: number[] = []
    for (let at = cursor, rounds = 0; rounds < 100; rounds++) {
      const { bugs, next, more } = await tracker.sweep(at, { products: [] })
      seen.push(...bugs.map(({ id }) => id))
      at = next
      if (!more) return { seen, next }
    }
    throw new Error('there is no end to it')
  }

  it('finds each change once, also many of one second, and then costs one request that does not count', async () => {
    for (let n = 1; n <= 250; n++) github.put(`burst ${n}`, { number: n })
    for (let n = 251; n <= 320; n++) {
      github.now += 1000
      github.put(`later ${n}`, { number: n, ...(n === 300 ? { pull_request: { url: 'x' } } : {}) })
    }
    const first = await sweepAll()
    expect(first.seen).toHaveLength(319)
    expect(new Set(first.seen).size).toBe(319)
    // Lists lag behind: what is new may be older than what was seen.
    github.put('late', {
      number: 400,
      updated_at: new Date(github.now - 30_000).toISOString().replace('.000', ''),
    })
    const late = await sweepAll(first.next)
    expect(late.seen).toEqual([400])
    // Of the same second as what was seen last: another one, and a comment.
    github.put('same second', { number: 321 })
    github.say(320, 'same second')
    const same = await sweepAll(late.next)
    expect(same.seen).toEqual([320, 321])
    github.now += 300_000
    const quiet = await sweepAll((await sweepAll(same.next)).next)
    expect(quiet.seen).toEqual([])
    const [asked, counted] = [github.asked.length, github.counted]
    expect((await sweepAll(quiet.next)).seen).toEqual([])
    expect(github.asked.length - asked).toBe(1)
    expect(github.counted - counted).toBe(0)
  })

  it('begins anew with a cursor that it does not know, and does not look for another product', async () => {
    github.put('x', { number: 7 })
    expect((await sweepAll('2026-01-01 nonsense')).seen).toEqual([7])
    expect(await tracker.sweep(undefined, { products: ['other/one'] })).toMatchObject({
      bugs: [],
      more: false,
    })
    expect((await tracker.sweep(undefined, { products: ['Tally/tally'] })).bugs).toHaveLength(1)
  })
})

describe('writing', () => {
  it('writes a comment once, also if the answer was lost, and gives its number', async () => {
    github.put('x', { number: 7 })
    github.trouble.lose = 'next write'
    await expect(tracker.write(urlOf(7), writing('r1'))).rejects.toMatchObject({
      kind: 'timeout',
      retry: 'soon',
    })
    const again = await tracker.write(urlOf(7), writing('r1'))
    expect(bodies(7)).toHaveLength(1)
    expect(again.comment).toBe(github.comments.get(7)?.[0]?.id)
    expect((await tracker.comments(urlOf(7))).at(-1)).toMatchObject({
      author: botLogin,
      text: 'Tested.\n\n[r1]',
    })
  })

  it('is not taken in by a mark that somebody else wrote', async () => {
    github.put('x', { number: 7 })
    github.say(7, toBody('Tested.', { mark: 'r1', link: undefined }), 'mallory')
    await tracker.write(urlOf(7), writing('r1'))
    expect(bodies(7)).toHaveLength(2)
  })

  it('changes state and labels only from states that allow it, and again changes nothing', async () => {
    const issue = github.put('x', { number: 7 })
    const change = {
      ...{ from: ['NEW', 'open'], status: 'RESOLVED', resolution: 'FIXED', addKeywords: ['tested'] },
      ...{ whiteboard: 'passed', addSeeAlso: ['https://lore.example.org/x'] },
    }
    await tracker.write(urlOf(7), { mark: 'r1', text: undefined, link: undefined, change })
    expect(issue).toMatchObject({ state: 'closed', state_reason: 'completed' })
    expect(issue.labels.map(one => one.name)).toEqual(['tested', 'grapevine: passed'])
    expect((await tracker.bug(urlOf(7)))?.whiteboard).toBe('[grapevine: passed]')
    const writes = () => github.asked.filter(one => !one.startsWith('GET')).length
    const before = writes()
    await tracker.write(urlOf(7), { mark: 'r1', text: undefined, link: undefined, change })
    expect(writes()).toBe(before)
  })

  it('opens it again, with a comment', async () => {
    const issue = github.put('x', { number: 7, state: 'closed', state_reason: 'completed' })
    await tracker.reopen(urlOf(7), { text: 'It is back.', mark: 'k1' })
    expect(issue.state).toBe('open')
    expect(bodies(7)).toHaveLength(1)
  })

  it('makes an issue once', async () => {
    const draft = {
      ...{
        product: 'tally/tally',
        component: 'x',
        version: 'y',
        summary: 'The disk is full',
        text: 'Since noon.',
      },
      fields: { labels: 'incident, farm' },
    }
    github.trouble.lose = 'next write'
    await expect(tracker.create(draft, 'i1')).rejects.toMatchObject({ kind: 'timeout' })
    const url = await tracker.create(draft, 'i1')
    expect(github.issues.size).toBe(1)
    expect(url).toBe(urlOf(1))
    expect(github.issues.get(1)?.labels.map(one => one.name)).toEqual(['incident', 'farm'])
  })

  it('is refused for good by a locked issue', async () => {
    github.put('x', { number: 7, locked: true })
    await expect(tracker.write(urlOf(7), writing('r1'))).rejects.toMatchObject({
      kind: 'refused',
      retry: 'never',
    })
  })
})

describe('trouble', () => {
  it.each([
    ['primary', 1800],
    ['secondary', 60],
    ['secondary-silent', 60],
  ] as const)('the %s limit is kept: nothing is asked until it is over', async (limit, seconds) => {
    github.put('x', { number: 7 })
    github.trouble = { limit }
    await expect(tracker.look(urlOf(7))).rejects.toMatchObject({ kind: 'exhausted', retry: 'later' })
    github.trouble = {}
    await clock.advance((seconds - 5) * 1000)
    await expect(tracker.write(urlOf(7), writing('r1'))).rejects.toMatchObject({ kind: 'exhausted' })
    expect(github.asked).toHaveLength(1)
    await clock.advance(7_000)
    expect(await tracker.look(urlOf(7))).toEqual({ is: 'open' })
  })

  it('a token that is refused, and a server that is not there, are told apart; neither tells the token', async () => {
    const wrong = open({ token: 'ghp_wrong' })
    const error = await wrong.look(urlOf(7)).catch(fault => fault)
    expect(error).toMatchObject({ kind: 'refused', retry: 'later', remedy: expect.stringContaining('token') })
    expect(`${error.message} ${error.stack} ${JSON.stringify(error)}`).not.toContain('ghp_')
    const { api } = github
    await github.close()
    const away = open({ api })
    await expect(away.bug(urlOf(7))).rejects.toMatchObject({ kind: 'unreachable', retry: 'soon' })
    github = await startGithub()
    await Promise.all([wrong.close(), away.close()])
  })

  it('is not read out once it is private, also a moment after it was read', async () => {
    const { number } = github.put('it breaks', { body: 'It breaks.' })
    expect(await tracker.comments(urlOf(number))).toHaveLength(1)
    github.repository.private = true
    expect(await tracker.bug(urlOf(number))).toMatchObject({ isRestricted: true, summary: '' })
    expect(await tracker.comments(urlOf(number))).toEqual([])
  })

  it('that cannot be seen at all is no end of its issues', async () => {
    const { number } = github.put('it breaks')
    expect(await tracker.bug(urlOf(99))).toBeUndefined()
    github.trouble.hidden = true
    await expect(tracker.bug(urlOf(number))).rejects.toMatchObject({ kind: 'refused', retry: 'later' })
  })

  it('peeks at comments by a request for each of two issues', async () => {
    for (const title of ['one', 'two', 'three']) github.say(github.put(title).number, title)
    github.deleted.add(2)
    github.asked.length = 0
    const found = await tracker.peek([1, 2, 3].map(urlOf))
    expect(github.asked).toHaveLength(2)
    const first = found.get(urlOf(1))
    expect(first === 'gone' ? [] : first?.map(({ text }) => text)).toEqual(['one'])
    expect(found.get(urlOf(2))).toBe('gone')
  })

  it('the probe says who we are and what will not work', async () => {
    expect(await tracker.probe()).toEqual({
      ...{ version: 'GitHub', login: botLogin },
      warnings: ['the token ends on 2026-12-01'],
    })
    github.repository = {
      private: true,
      archived: true,
      permissions: { pull: true, push: false, admin: false },
    }
    expect((await tracker.probe()).warnings).toHaveLength(4)
    github.trouble.hidden = true
    await expect(tracker.probe()).rejects.toMatchObject({ kind: 'refused' })
  })
})

it('words of Bugzilla are understood in rules', () => {
  const raw = { state: 'open', state_reason: null, labels: ['a', 'grapevine: failed'] } as never
  expect(stepsOf({ status: 'RESOLVED', resolution: 'WONTFIX', removeKeywords: ['A', 'b'] }, raw)).toEqual({
    ...{ state: { state: 'closed', state_reason: 'not_planned' }, add: [], remove: ['A'] },
  })
  expect(stepsOf({ from: ['closed'], status: 'open' }, raw)).toBeUndefined()
  expect(stepsOf({ whiteboard: 'passed' }, raw)).toEqual({
    ...{ state: undefined, add: ['grapevine: passed'], remove: ['grapevine: failed'] },
  })
})

it('octokit is not loaded before something is asked', () => {
  expect(readFileSync(new URL('../../src/adapters/github/http.ts', import.meta.url), 'utf8')).not.toMatch(
    /^import (?!type)[^\n]*'octokit'/m,
  )
})
