// Patches that are handed in on the page: who may, what is taken, and where it leads.
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest'
import type { Viewer } from '../../src/model/access.ts'
import { digestOf } from '../../src/web/access/session.ts'
import { app } from '../../src/web/app.ts'
import { asPasted, submitLimits, wrongAuthors } from '../../src/web/submit/asked.ts'
import { type Flow, openFlow, project } from '../fakes/flow.ts'
import { letter } from '../fakes/list.ts'
import { type Browser, browser } from './browser.ts'
import { webParts } from './open.ts'

let flow: Flow

const submitter: Viewer = {
  name: 'ann@example.org',
  address: 'Ann@example.org',
  by: 'mail',
  role: 'submitter',
}
const token = 's'.repeat(43)

beforeEach(async () => {
  flow = await openFlow(async () => ({ ending: { kind: 'finished', exitCode: 0 }, output: '' }))
  const { config } = flow.wired
  const login = { ...config.web.login, submitters: ['ann@example.org'] }
  flow.wired.config = { ...config, web: { ...config.web, login } }
})
afterEach(() => flow.close())

const loggedIn = async (viewer: Viewer): Promise<Browser> => {
  const now = flow.wired.clock.now()
  const times = { createdAt: now, seenAt: now, expiresAt: now + 1e9 }
  await flow.wired.store.saveSession({ id: digestOf(token), csrf: 'c'.repeat(43), viewer, ...times })
  const one = browser(app(webParts(flow.wired)))
  one.cookies.set('grapevine', token)
  await one.get('/submit')
  return one
}

const patch = (subject: string, more = {}) => letter({ subject, ...more }).raw.toString('latin1')

const problem = async (answer: Response) => /<p class="problem"[^>]*>([^<]*)</.exec(await answer.text())?.[1]

describe('a patch that is pasted', () => {
  it('leads to its series, which is tested as it was wished for', async () => {
    const one = await loggedIn(submitter)
    // Browsers send lines so.
    const text = patch('[PATCH] count: all').replaceAll('\n', '\r\n')
    const answer = await one.post('/submit', { project: 'tally', text, image: 'busybox', base: 'v1.0' })
    expect(answer.status).toBe(303)
    const to = answer.headers.get('location') ?? ''
    const waiting = await one.get(to)
    expect(waiting.headers.get('refresh')).toBe('2')
    expect(await waiting.text()).toContain('count: all')
    await flow.settle()
    const [series] = await flow.wired.store.seriesIn({})
    expect(series).toMatchObject({
      ...{ title: 'count: all', origin: { from: 'hand' }, wish: { images: ['busybox'], against: 'v1.0' } },
    })
    expect((await one.get(to)).headers.get('location')).toBe(`/series/${series?.id}`)
    const [job] = await flow.wired.store.jobsOf(series?.id ?? '')
    expect(job?.recipe.test.images).toEqual(['busybox'])
    const [noted] = await flow.wired.store.audits({ limit: 1 })
    expect(noted).toMatchObject({ who: 'ann@example.org', what: 'hand in', about: 'project tally', came: '' })
  })

  it('is not tested twice, but shown', async () => {
    const one = await loggedIn(submitter)
    const text = patch('[PATCH] count: all')
    const first = await one.post('/submit', { project: 'tally', text })
    await flow.settle()
    const again = await one.post('/submit', { project: 'tally', text })
    expect(again.headers.get('location')).toBe(first.headers.get('location'))
    expect(await flow.wired.store.seriesIn({})).toHaveLength(1)
  })

  it('of somebody else is taken from operators alone', async () => {
    const text = patch('[PATCH] count: all', { from: 'Bob <bob@example.org>' })
    const one = await loggedIn(submitter)
    const answer = await one.post('/submit', { project: 'tally', text })
    expect(answer.status).toBe(422)
    expect(await problem(answer)).toContain('your own patches')
    expect(await flow.wired.store.mails({})).toEqual([])
    const other = await loggedIn({ ...submitter, address: 'olga@example.org', role: 'operator' })
    expect((await other.post('/submit', { project: 'tally', text })).status).toBe(303)
  })
})

it('an mbox is taken as a file', async () => {
  const one = await loggedIn(submitter)
  const mbox = ['1/2', '2/2']
    .map(n => `From 0123 Mon Sep 17 00:00:00 2001\n${patch(`[PATCH ${n}] count: ${n}`)}\n`)
    .join('')
  const form = new FormData()
  for (const [name, value] of [
    ['csrf', 'c'.repeat(43)],
    ['project', 'tally'],
    ['text', ''],
  ] as const)
    form.set(name, value)
  form.set('file', new File([mbox], '0001.mbox'))
  const pages = app(webParts(flow.wired))
  const headers = {
    ...{ cookie: `grapevine=${token}`, origin: 'http://localhost', host: 'localhost' },
    'sec-fetch-site': 'same-origin',
  }
  const answer = await pages.request('http://localhost/submit', { method: 'POST', body: form, headers })
  expect(answer.status).toBe(303)
  await flow.settle()
  const [series] = await flow.wired.store.seriesIn({})
  expect(series?.parts).toHaveLength(2)
  expect((await one.get(answer.headers.get('location') ?? '')).status).toBe(303)
})

test.each([
  ['nothing', {}, 'There is nothing in it'],
  ['no mail', { text: 'diff --git a/a b/a' }, 'no mail with a sender'],
  ['no patch', { text: patch('hello', { file: undefined }) }, 'nothing that could be tested'],
  ['an image of nobody', { text: 'x', image: 'beos' }, 'One of the images'],
  ['a base that is none', { text: 'x', base: '--upload-pack=x' }, 'The base is the name'],
  ['a project of nobody', { text: 'x', project: 'other' }, 'for which project'],
])('%s is not taken, and the form says why', async (_, fields, says) => {
  const one = await loggedIn(submitter)
  const answer = await one.post('/submit', { project: 'tally', ...fields })
  expect(answer.status).toBe(422)
  expect(await problem(answer)).toContain(says)
})

test('a new author waits for an operator, unless an operator hands it in', async () => {
  await flow.close()
  const trust = { ...project.trust, firstTime: 'hold' as const }
  flow = await openFlow(
    async () => ({ ending: { kind: 'finished', exitCode: 0 }, output: '' }),
    () => {},
    { ...project, trust },
  )
  const { config, store } = flow.wired
  const login = { ...config.web.login, submitters: ['ann@example.org'] }
  flow.wired.config = { ...config, web: { ...config.web, login } }
  const states = async () =>
    (await store.seriesIn({})).map(({ title, state }) => `${title}: ${state.at}`).sort()
  const ann = await loggedIn(submitter)
  await ann.post('/submit', { project: 'tally', text: patch('[PATCH] count: all') })
  await flow.settle()
  expect(await states()).toEqual(['count: all: held'])
  const olga: Viewer = { name: 'olga', address: 'olga@example.org', by: 'mail', role: 'operator' }
  const one = await loggedIn(olga)
  const from = { from: 'Bert <bert@example.org>' }
  await one.post('/submit', { project: 'tally', text: patch('[PATCH] count: none', from) })
  await flow.settle()
  expect(await states()).toEqual(['count: all: held', 'count: none: planned'])
})

test('who is not logged in is led to the login', async () => {
  const one = browser(app(webParts(flow.wired)))
  const answer = await one.get('/submit')
  expect(answer.headers.get('location')).toBe('/login?to=%2Fsubmit')
})

test('so many patches are taken at once', () => {
  const author = { name: '', address: 'ann@example.org' }
  const times = (n: number) => Array.from({ length: n }, () => author)
  expect(wrongAuthors(submitter, times(submitLimits.mails))).toBeUndefined()
  expect(wrongAuthors(submitter, times(submitLimits.mails + 1))).toContain('Up to')
  expect(wrongAuthors({ ...submitter, address: undefined }, times(1))).toContain('no mail address')
})

test('pasted text loses what the form adds', () => {
  expect(Buffer.from(asPasted('\r\n\r\nFrom: a\r\n\r\nb')).toString()).toBe('From: a\n\nb\n')
})
