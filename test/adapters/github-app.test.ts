// The GitHub App against a GitHub on loopback: keys, tokens and signatures are real.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock as clock } from '../../src/adapters/clock/system.ts'
import { githubForge } from '../../src/adapters/github/app/forge.ts'
import { githubHook } from '../../src/adapters/github/app/hook.ts'
import type { GithubAppConfig } from '../../src/config/config.ts'
import { secret } from '../../src/config/secret.ts'
import type { Annotation, Check } from '../../src/ports/forge.ts'
import { type FakeApp, owned, startGithubApp } from '../fakes/github/app.ts'

let github: FakeApp
beforeEach(async () => {
  github = await startGithubApp()
})
afterEach(() => github.close())

const configOf = (more: Partial<GithubAppConfig> = {}): GithubAppConfig => ({
  ...{ id: github.id, key: secret(github.key), secret: secret(github.secret) },
  ...{ api: github.api, site: github.site, ca: undefined, proxy: undefined, ...more },
})
const open = (more: Partial<GithubAppConfig> = {}) =>
  githubForge(configOf(more), { clock, uses: [{ repository: owned, use: 'pulls' }], isPaced: false })

const head = 'a'.repeat(40)
const annotation = (line: number): Annotation => ({
  ...{ path: 'src/count.c', startLine: line, endLine: line, level: 'failure' },
  ...{ title: 'error', message: `line ${line}` },
})
const check = (more: Partial<Check> = {}): Check => ({
  ...{ name: 'debian', externalId: 's1 debian', head, status: 'queued', url: undefined },
  ...{ title: 'waits', summary: 'It waits.', annotations: [], ...more },
})

describe('reading', () => {
  test('says who it is, and what it lacks', async () => {
    github.permissions = { ...github.permissions, checks: 'read' }
    const { login, warnings } = await open().probe()
    expect(login).toBe('grapevine[bot]')
    expect(warnings).toEqual([
      'the App: it lacks the permission "checks: write"',
      'tally/tally: it lacks the permission "checks: write"',
    ])
  })

  test('tells pull requests that changed, the oldest change first, and then costs one request', async () => {
    for (let n = 1; n <= 130; n++)
      github.put(n, { updated_at: new Date(Date.UTC(2026, 10, 1, 0, n)).toISOString() })
    github.put(3, { state: 'closed', merged_at: '2026-11-01T00:03:00Z' })
    const forge = open()
    const all = await forge.pullsSince(owned, undefined)
    expect(all.map(({ number }) => number)).toEqual([1, 2, ...Array.from({ length: 127 }, (_, n) => n + 4)])
    const since = Date.UTC(2026, 10, 1, 0, 129)
    expect((await forge.pullsSince(owned, since)).map(({ number }) => number)).toEqual([129, 130])
    github.asked.length = 0
    await forge.pullsSince(owned, since)
    expect(github.asked).toEqual(['GET /repos/tally/tally/pulls 304'])
    expect((await forge.pull({ repository: owned, number: 3 }))?.state).toBe('merged')
    expect(await forge.pull({ repository: owned, number: 999 })).toBeUndefined()
  })

  test('tells comments on pull requests, and what people may', async () => {
    github.say(1, '/grapevine test')
    const issue = github.say(2, 'on an issue')
    issue.html_url = 'https://github.com/tally/tally/issues/2#issuecomment-1'
    github.roles.set('mia', { permission: 'write', role_name: 'maintain' })
    github.roles.set('own', { permission: 'write', role_name: 'release crew' })
    const forge = open()
    const said = await forge.commentsSince(owned, 0)
    expect(said.map(({ number, text, by }) => [number, text, by])).toEqual([
      [1, '/grapevine test', { login: 'ann', isBot: false }],
    ])
    const may = await Promise.all(['mia', 'own', 'nobody'].map(login => forge.permission(owned, login)))
    expect(may).toEqual(['maintain', 'write', 'none'])
  })
})

describe('writing', () => {
  test('a check is written once, also if the answer was lost, with all its annotations', async () => {
    const forge = open()
    github.trouble.lose = 'next write'
    await expect(forge.putCheck(owned, check(), undefined)).rejects.toMatchObject({ kind: 'timeout' })
    const id = await forge.putCheck(owned, check(), undefined)
    expect(github.checks.size).toBe(1)
    const over = check({
      ...{ status: 'completed', conclusion: 'failure', title: 'fails' },
      annotations: Array.from({ length: 40 }, (_, n) => annotation(n + 1)),
    })
    expect(await forge.putCheck(owned, { ...over, annotations: over.annotations.slice(0, 1) }, id)).toBe(id)
    expect(await forge.putCheck(owned, over, id)).toBe(id)
    expect(github.checks.get(Number(id))).toMatchObject({
      conclusion: 'failure',
      output: { annotations_count: 40 },
    })
    const again = await forge.putCheck(owned, check(), id)
    expect(again).not.toBe(id)
    expect(github.checks.size).toBe(2)
  }, 30_000)

  test('many annotations go out in parts, and none stands twice if a part was lost on its way back', async () => {
    const forge = open()
    const annotations = Array.from({ length: 170 }, (_, n) => annotation(n + 1))
    const over = check({ status: 'completed', conclusion: 'failure', title: 'fails', annotations })
    const id = await forge.putCheck(owned, check(), undefined)
    github.asked.length = 0
    github.trouble.lose = 'next write'
    await expect(forge.putCheck(owned, over, id)).rejects.toMatchObject({ kind: 'timeout' })
    expect(github.checks.get(Number(id))?.annotations).toHaveLength(50)
    for (let n = 0; n < 2; n++) expect(await forge.putCheck(owned, over, id)).toBe(id)
    const there = github.checks.get(Number(id))?.annotations.map(one => one.start_line)
    expect(there).toEqual(annotations.map(one => one.startLine))
    const writes = github.asked.filter(one => one.startsWith('PATCH'))
    // The lost one, three for what is left of the second time, and one that changes nothing.
    expect(writes).toHaveLength(5)
    expect(github.checks.size).toBe(1)
  }, 30_000)

  test('one comment of ours is changed in place, and taken away; those of others that hold its mark stay', async () => {
    const forge = open()
    const ref = { repository: owned, number: 1 }
    github.say(1, 'not ours\n\n<!-- grapevine -->')
    // An answer was lost: it is there.
    const bot = { login: 'grapevine[bot]', id: 5, type: 'Bot' as const }
    github.say(1, 'It fails.\n\n<!-- grapevine -->', bot, github.id)
    const words = { mark: 'grapevine', text: 'It fails.' }
    const id = await forge.putComment(ref, { ...words, text: 'It passes.' }, undefined)
    expect([...github.comments.values()].map(({ body }) => body)).toEqual([
      'not ours\n\n<!-- grapevine -->',
      'It passes.\n\n<!-- grapevine -->',
    ])
    expect(await forge.putComment(ref, { ...words, text: '' }, id)).toBe('')
    expect(github.comments.size).toBe(1)
  }, 30_000)
})

describe('trouble', () => {
  test('a wrong key, one of another App, and an App that is not installed are told with a remedy', async () => {
    await expect(open({ key: secret('nonsense') }).probe()).rejects.toMatchObject({
      kind: 'refused',
      message: 'GitHub App: github.key is no private key (PEM)',
    })
    await expect(open({ id: 1 }).probe()).rejects.toMatchObject({ status: 401, retry: 'later' })
    const forge = open()
    await expect(forge.pull({ repository: 'tally/other', number: 1 })).rejects.toMatchObject({
      kind: 'refused',
      message: 'GitHub App: it is not installed in tally/other',
    })
  })

  test.each(['primary', 'secondary'] as const)(
    'a %s limit is told, and nothing is asked before it is over',
    async limit => {
      github.trouble.limit = limit
      const forge = open()
      await expect(forge.pull({ repository: owned, number: 1 })).rejects.toMatchObject({
        kind: 'exhausted',
        retry: 'later',
      })
      const asked = github.asked.length
      await expect(forge.pull({ repository: owned, number: 1 })).rejects.toMatchObject({ kind: 'exhausted' })
      expect(github.asked.length).toBe(asked)
    },
  )
})

describe('webhooks', () => {
  const given = ({ headers, body }: ReturnType<FakeApp['hook']>) => ({
    ...{ id: headers['x-github-delivery'] ?? '', name: headers['x-github-event'] ?? '', body },
    signature: headers['x-hub-signature-256'] ?? '',
  })
  const read = (name: string, payload: object) =>
    githubHook(configOf(), { clock }).read(given(github.hook(name, payload)))

  test.each([
    ['pull_request', { action: 'synchronize', pull_request: { number: 7 } }, { kind: 'pull', number: 7 }],
    [
      'issue_comment',
      { action: 'created', issue: { number: 7, pull_request: {} }, comment: { id: 12 } },
      { kind: 'comment', number: 7, comment: 12 },
    ],
    [
      'check_run',
      { action: 'rerequested', check_run: { head_sha: head, external_id: 's1 debian', name: 'debian' } },
      { kind: 'rerun', head, check: 's1 debian', by: 'ann' },
    ],
    [
      'check_suite',
      { action: 'rerequested', check_suite: { head_sha: head } },
      { kind: 'rerun', head, check: undefined, by: 'ann' },
    ],
    ['installation', { action: 'created' }, { kind: 'installation' }],
  ])('%s is understood', async (name, payload, what) => {
    expect((await read(name, payload))?.what).toEqual(what)
  })

  test.each([
    ['pull_request', { action: 'labeled', pull_request: { number: 7 } }],
    ['issue_comment', { action: 'created', issue: { number: 7 }, comment: { id: 12 } }],
    ['check_run', { action: 'created', check_run: { head_sha: head, external_id: '', name: 'x' } }],
    ['ping', { zen: 'Keep it logically awesome.' }],
    ['constructor', {}],
  ])('%s that is nothing for us is left alone', async (name, payload) => {
    expect(await read(name, payload)).toBeUndefined()
  })

  test('what is not signed, or signed by somebody else, is refused; what makes no sense is said', async () => {
    const hook = githubHook(configOf(), { clock })
    const good = given(github.hook('pull_request', { action: 'opened', pull_request: { number: 7 } }))
    const bad = { kind: 'refused', message: 'webhook: its signature is wrong' }
    await expect(hook.read({ ...good, signature: '' })).rejects.toMatchObject(bad)
    await expect(hook.read({ ...good, body: `${good.body} ` })).rejects.toMatchObject(bad)
    const other = githubHook(configOf({ secret: secret('other') }), { clock })
    await expect(other.read(good)).rejects.toMatchObject(bad)
    await expect(hook.read({ ...good, id: 'a b' })).rejects.toMatchObject({ kind: 'malformed' })
    const senseless = given(github.signed('pull_request', '{"action":"opened"}'))
    await expect(hook.read(senseless)).rejects.toMatchObject({ kind: 'malformed' })
  })

  test('nothing starts without a secret', () => {
    expect(() => githubHook(configOf({ secret: secret(' ') }), { clock })).toThrow('github.secret is empty')
  })
})
