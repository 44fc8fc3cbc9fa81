// Pull requests on a GitHub on loopback, with a real repository behind smart HTTP → series and verdicts; nobody is mailed.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../src/adapters/clock/system.ts'
import { gitMirror } from '../../src/adapters/git/mirror.ts'
import { githubForge } from '../../src/adapters/github/app/forge.ts'
import { secret } from '../../src/config/secret.ts'
import type { Series } from '../../src/model/series.ts'
import { app } from '../../src/web/app.ts'
import { forgeMemory, tendForge } from '../../src/wiring/forge.ts'
import { takePull } from '../../src/wiring/forge-pull.ts'
import { type Flow, openFlow, project, recipe } from '../fakes/flow.ts'
import { type FakeApp, owned, startGithubApp } from '../fakes/github/app.ts'
import { openGround } from '../fakes/github/ground.ts'
import { webParts } from '../web/open.ts'

let ground: ReturnType<typeof openGround>
const git = (...args: string[]) => ground.git(...args)
const commit = (file: string, text: string, message: string) => ground.commit(file, text, message)
const push = (number: number) => ground.push(number)
const reset = () => ground.reset()

beforeAll(() => {
  ground = openGround({ file: 'count.c', text: 'one\n' })
})
afterAll(() => ground.close())

let github: FakeApp
let flow: Flow
let memory: ReturnType<typeof forgeMemory>

const ownProject = () => ({
  ...project,
  recipe: { ...recipe, repository: ground.upstream },
  github: { pulls: owned, series: undefined, comment: 'words' as const },
})

const open = async (more: Partial<typeof project> = {}) => {
  flow = await openFlow(() => ({ ending: { kind: 'finished', exitCode: 0 } }), undefined, {
    ...ownProject(),
    ...more,
  })
  const { pullPatches } = gitMirror({ folder: ground.mirrors })
  const config = {
    ...{ id: github.id, key: secret(github.key), secret: secret(github.secret) },
    ...{ api: github.api, site: github.site, ca: undefined, proxy: undefined },
  }
  Object.assign(flow.wired, {
    mirror: { ...flow.wired.mirror, pullPatches },
    forge: githubForge(config, { clock: systemClock, uses: [] }),
    config: { ...flow.wired.config, github: config },
  })
  memory = forgeMemory()
}

beforeEach(async () => {
  github = await startGithubApp(ground.folder)
})
afterEach(async () => {
  await flow.wired.forge?.close()
  await flow.close()
  await github.close()
})

/** As GitHub tells it; returns what the pages answer. */
const told = async (number: number, action: string): Promise<number> => {
  const { headers, body } = github.hook('pull_request', { action, pull_request: { number } })
  const answer = await app(webParts(flow.wired)).request('/api/github/webhooks', {
    method: 'POST',
    headers,
    body,
  })
  return answer.status
}
const series = async (): Promise<Series[]> => flow.wired.store.seriesIn({})
const look = () => tendForge(flow.wired, memory)
const ref = (number: number) => ({ repository: owned, number })

test('a pull request is tested, each head as a version; nobody is mailed', async () => {
  await open()
  reset()
  commit('count.c', 'one\ntwo\n', 'tally: count to two')
  commit('more.c', 'more\n', 'tally: count more')
  const first = push(1)
  github.put(1, {
    title: 'Count to two',
    body: 'As users ask.\r\n',
    head: { sha: first, ref: 'topic', repo: null },
  })
  expect(await told(1, 'opened')).toBe(202)
  await look()
  const [v1] = await series()
  expect(v1).toMatchObject({
    ...{ title: 'Count to two', version: 1, total: 2, author: { name: 'ann' } },
    origin: { from: 'forge', pull: { repository: owned, number: 1, head: first, login: 'ann' } },
    baseCommit: git('rev-parse', 'main'),
    parts: [{ title: 'tally: count to two' }, { title: 'tally: count more' }],
  })
  await flow.settle()
  expect(await flow.wired.store.verdict(v1?.id ?? '')).toMatchObject({ told: { author: false, list: false } })

  const second = commit('count.c', 'one\ntwo\nthree\n', 'tally: count to three') && push(1)
  github.put(1, { head: { sha: second, ref: 'topic', repo: null } })
  await told(1, 'synchronize')
  await look()
  const [old, v2] = await series()
  expect(old?.state).toEqual({ at: 'superseded', by: v2?.id })
  expect(v2).toMatchObject({ version: 2, total: 3, state: { at: 'complete' } })
  await flow.settle()
  expect(flow.sent).toEqual([])
  expect(await flow.wired.store.forgeEvents(10)).toEqual([])
  // Each of its mails has its place, and is a mail that git reads.
  const mails = await flow.wired.store.mails({ project: 'tally' })
  expect(mails.map(({ disposition }) => disposition.kind).sort()).toEqual([
    ...['cover', 'cover', 'patch', 'patch', 'patch', 'patch', 'patch'],
  ])
  const raw = await flow.wired.blobs.get(v2?.parts[2]?.mail ?? '')
  expect(raw.toString()).toContain('Subject: [PATCH v2 3/3] tally: count to three\n')
})

test('what webhooks did not tell, the sweep finds; twice is once', async () => {
  await open()
  reset()
  commit('count.c', 'lost\n', 'tally: lost')
  const head = push(2)
  github.put(2, { head: { sha: head, ref: 'topic', repo: null } })
  await look()
  await look()
  await takePull(flow.wired, ref(2))
  // GitHub does not tell names apart by case.
  await takePull(flow.wired, { repository: owned.toUpperCase(), number: 2 })
  expect(await series()).toMatchObject([{ version: 1, total: 1 }])
})

test('closed is withdrawn, reopened goes on, merged is over', async () => {
  await open()
  reset()
  commit('count.c', 'close\n', 'tally: close')
  const head = push(3)
  github.put(3, { head: { sha: head, ref: 'topic', repo: null } })
  await takePull(flow.wired, ref(3))
  github.put(3, { state: 'closed' })
  expect(await takePull(flow.wired, ref(3))).toMatchObject({ what: 'withdrawn' })
  const [one] = await series()
  expect(await flow.wired.store.verdict(one?.id ?? '')).toMatchObject({
    finding: { kind: 'cancelled', why: 'its pull request was closed' },
  })
  github.put(3, { state: 'open' })
  expect(await takePull(flow.wired, ref(3))).toMatchObject({ what: 'resumed' })
  await flow.settle()
  expect(await flow.wired.store.verdict(one?.id ?? '')).toMatchObject({
    job: expect.stringMatching(/^j/),
  })
  github.put(3, { state: 'closed', merged_at: '2026-11-22T12:00:00Z' })
  expect(await takePull(flow.wired, ref(3))).toMatchObject({ what: 'nothing' })
  expect(await flow.wired.store.pull(ref(3))).toMatchObject({ state: 'merged' })
})

test('a draft waits until it is ready, or somebody asks for it', async () => {
  await open()
  reset()
  commit('count.c', 'draft\n', 'tally: draft')
  const head = { sha: push(4), ref: 'topic', repo: null }
  github.put(4, { draft: true, head })
  expect(await takePull(flow.wired, ref(4))).toEqual({ what: 'nothing' })
  expect(await takePull(flow.wired, ref(4), { asked: true })).toMatchObject({ what: 'tested' })
  git('push', '--quiet', ground.upstream, 'HEAD:refs/pull/5/head')
  github.put(5, { draft: true, head })
  await takePull(flow.wired, ref(5))
  github.put(5, { draft: false })
  expect(await takePull(flow.wired, ref(5))).toMatchObject({ what: 'tested' })
})

test('merges among its commits make it one patch; what cannot be tested says why', async () => {
  await open()
  reset()
  commit('a.c', 'a\n', 'tally: a')
  git('checkout', '--quiet', '-B', 'side', 'main')
  commit('b.c', 'b\n', 'tally: b')
  git('checkout', '--quiet', 'topic')
  git('merge', '--quiet', '--no-ff', '--message', 'merge', 'side')
  github.put(6, { title: 'Both: ä', head: { sha: push(6), ref: 'topic', repo: null } })
  await takePull(flow.wired, ref(6))
  expect(await series()).toMatchObject([{ total: 1, title: 'Both: ä', parts: [{ title: 'Both: ä' }] }])
  const files = (await flow.wired.store.mails({})).flatMap(mail => mail.patch?.files ?? [])
  expect(files.map(({ after }) => after)).toEqual(['a.c', 'b.c'])

  git('checkout', '--quiet', 'main')
  github.put(7, { head: { sha: push(7), ref: 'topic', repo: null } })
  expect(await takePull(flow.wired, ref(7))).toEqual({
    what: 'unusable',
    why: 'it changes nothing that is not in main already',
  })
  git('checkout', '--quiet', '--orphan', 'other')
  commit('c.c', 'c\n', 'other: begin')
  github.put(8, { head: { sha: push(8), ref: 'topic', repo: null } })
  expect(await takePull(flow.wired, ref(8))).toMatchObject({ why: 'it shares no history with main' })
  expect(await flow.wired.store.pull(ref(8))).toMatchObject({ unusable: 'it shares no history with main' })
  git('checkout', '--quiet', 'main')
})

test('who never had anything tested here is held, and nobody but operators hears of it', async () => {
  await open({ trust: { ...project.trust, firstTime: 'hold' } })
  reset()
  commit('count.c', 'first\n', 'tally: first')
  github.put(9, { head: { sha: push(9), ref: 'topic', repo: null } })
  await takePull(flow.wired, ref(9))
  await flow.settle()
  expect(await series()).toMatchObject([
    { state: { at: 'held', why: 'its author never had a series tested here' } },
  ])
  expect(flow.sent.map(({ to }) => to.map(({ address }) => address))).toEqual([['olga@example.org']])
})

test('a webhook that is not signed is refused, the same twice is once, and nothing is there without an App', async () => {
  await open()
  const { headers, body } = github.hook('pull_request', { action: 'opened', pull_request: { number: 1 } })
  const pages = app(webParts(flow.wired))
  const post = (more: object = {}) =>
    pages.request('/api/github/webhooks', { method: 'POST', headers: { ...headers, ...more }, body })
  expect((await post({ 'x-hub-signature-256': 'sha256=0' })).status).toBe(401)
  expect((await post()).status).toBe(202)
  expect(await (await post()).json()).toEqual({ taken: false, why: 'it is known already' })
  expect(await flow.wired.store.forgeEvents(10)).toHaveLength(1)
  const without = { ...flow.wired, config: { ...flow.wired.config, github: undefined } }
  const none = app(webParts(without))
  expect((await none.request('/api/github/webhooks', { method: 'POST', headers, body })).status).not.toBe(202)
})
