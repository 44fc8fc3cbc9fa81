// Our adapters against exchanges with api.github.com that were recorded: each request that we make is answered with what GitHub said to it.
import { generateKeyPairSync } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { systemClock as clock } from '../../src/adapters/clock/system.ts'
import { issues } from '../../src/adapters/github/answers.ts'
import { githubForge } from '../../src/adapters/github/app/forge.ts'
import { orGone } from '../../src/adapters/github/fault.ts'
import { openHttp } from '../../src/adapters/github/http.ts'
import { githubIssues } from '../../src/adapters/github/issues.ts'
import { secret } from '../../src/config/secret.ts'
import { type Exchange, recordedExchanges } from '../fakes/github/recorded.ts'
import { installationAnswer, tokenAnswer, userAnswer } from '../fakes/github/shapes.ts'

type Asked = { method: string; path: string; body: unknown }

let server: Server
let api = ''
let recorded: Exchange[] = []
let asked: Asked[] = []

/** What is not recorded: who we are. */
const ofOurselves = (path: string): unknown => {
  if (path.endsWith('/installation')) return installationAnswer({ id: 77, app: 1, permissions: {} })
  if (path.endsWith('/access_tokens')) return tokenAnswer('ghs_0123456789', {})
  return path === '/user'
    ? userAnswer({ login: 'octokit-fixture-user-a', id: 1000, type: 'User' })
    : undefined
}

beforeEach(async () => {
  asked = []
  server = createServer(async (request, response) => {
    const text = (await Array.fromAsync(request)).join('')
    const method = request.method?.toLowerCase() ?? ''
    const path = (request.url ?? '').split('?')[0] ?? ''
    const own = ofOurselves(path)
    if (own !== undefined)
      return response.setHeader('content-type', 'application/json').end(JSON.stringify(own))
    const body = text === '' ? '' : JSON.parse(text)
    asked.push({ method, path, body })
    const found = recorded.find(one => one.method === method && one.path.split('?')[0] === path)
    if (found === undefined) return response.writeHead(599).end('not recorded')
    const { connection: _, 'content-length': __, 'transfer-encoding': ___, ...headers } = found.headers
    response.writeHead(found.status, headers)
    return response.end(found.status === 204 ? undefined : JSON.stringify(found.response))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  api = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterEach(() => new Promise(resolve => server.close(resolve)))

const trackerOf = (repository: string) => ({
  ...{ kind: 'github' as const, name: 'github', api, repository, token: secret('ghp_0123456789') },
  ...{ ca: undefined, proxy: undefined, keyExpires: undefined },
})

const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
})

test('a status is written as in the recording, byte for byte of its body', async () => {
  recorded = recordedExchanges('create-status')
  const repository = 'octokit-fixture-org/create-status'
  const own = {
    id: 1,
    key: secret(privateKey),
    secret: secret('hush'),
    api,
    site: api,
    ca: undefined,
    proxy: undefined,
  }
  const forge = githubForge(own, { clock, uses: [{ repository, use: 'series' }], isPaced: false })
  const commit = '0'.repeat(39).concat('1')
  const writes = recorded.filter(({ method }) => method === 'post')
  for (const { body } of writes) {
    const { state, target_url: url, description, context } = body as Record<string, string>
    if (state !== 'failure' && state !== 'success') throw new Error(`recorded: ${state}`)
    await forge.putStatus(repository, commit, {
      state,
      url,
      description: description ?? '',
      context: context ?? '',
    })
  }
  await forge.close()
  expect(asked).toEqual(writes.map(({ method, path, body }) => ({ method, path, body })))
  expect(writes).toHaveLength(2)
})

test('a repository and who may do what in it are read', async () => {
  recorded = recordedExchanges('get-repository')
  const tracker = githubIssues(trackerOf('octokit-fixture-org/hello-world'), { clock })
  expect(await tracker.probe()).toMatchObject({ version: 'GitHub', login: 'octokit-fixture-user-a' })
  await tracker.close()
})

test('issues are read, all pages of them', async () => {
  const repository = 'octokit-fixture-org/paginate-issues'
  const pages = recordedExchanges('paginate-issues')
  expect(pages.flatMap(({ response }) => issues.parse(response)).map(({ number }) => number)).toEqual(
    Array.from({ length: 13 }, (_, n) => 13 - n),
  )
  const [of] = recordedExchanges('get-repository')
  recorded = [...pages, ...(of ? [{ ...of, path: `/repos/${repository}` }] : [])]
  const tracker = githubIssues(trackerOf(repository), { clock })
  const { bugs, more } = await tracker.sweep(undefined, { products: [], keywords: [] } as never)
  expect(bugs.map(({ summary }) => summary)).toEqual(['Test issue 13', 'Test issue 12', 'Test issue 11'])
  expect(more).toBe(false)
  await tracker.close()
})

const refusals: [
  string,
  { scenario: string; method: 'GET' | 'POST' | 'PATCH'; path: string; says: RegExp; status: number },
][] = [
  [
    'a field that is no good',
    {
      scenario: 'errors',
      method: 'POST',
      path: '/repos/octokit-fixture-org/errors/labels',
      says: /HTTP 422: Validation Failed/,
      status: 422,
    },
  ],
  [
    'a repository that has another name now',
    {
      scenario: 'rename-repository',
      method: 'GET',
      path: '/repos/octokit-fixture-org/rename-repository',
      says: /it has moved/,
      status: 301,
    },
  ],
  [
    'what is not there',
    {
      scenario: 'branch-protection',
      method: 'GET',
      path: '/repos/octokit-fixture-org/branch-protection/branches/main/protection',
      says: /HTTP 404: Branch not protected/,
      status: 404,
    },
  ],
]

test.each(refusals)('%s is a clear no', async (_, { scenario, method, path, says, status }) => {
  recorded = recordedExchanges(scenario).filter(one => one.status === status)
  const http = openHttp(trackerOf('octokit-fixture-org/x'), { clock })
  const ask = () =>
    http.ask({ method, path, answer: z.unknown(), ...(method === 'GET' ? {} : { body: { name: 'foo' } }) })
  await expect(ask()).rejects.toMatchObject({
    kind: 'refused',
    retry: 'never',
    status,
    message: expect.stringMatching(says),
  })
  if (status !== 422) expect(await orGone(ask())).toBeUndefined()
  await http.close()
})

test('a write to a repository that has another name now is not done elsewhere', async () => {
  recorded = recordedExchanges('rename-repository').filter(one => one.status === 307)
  const http = openHttp(trackerOf('octokit-fixture-org/rename-repository'), { clock })
  const path = '/repos/octokit-fixture-org/rename-repository'
  const ask = http.ask({ method: 'PATCH', path, body: { name: 'x' }, answer: z.unknown() })
  await expect(ask).rejects.toMatchObject({ kind: 'refused', status: 307 })
  expect(asked).toHaveLength(1)
  await http.close()
})

test('labels are added as in the recording', async () => {
  recorded = recordedExchanges('add-labels-to-issue')
  const [made, labelled] = recorded
  if (!made || !labelled) throw new Error('nothing is recorded')
  const root = '/repos/octokit-fixture-org/add-labels-to-issue'
  recorded.push({ ...made, method: 'get', path: `${root}/issues/1`, status: 200 })
  const tracker = githubIssues(trackerOf('octokit-fixture-org/add-labels-to-issue'), { clock })
  const { labels } = labelled.body as { labels: string[] }
  const bug = tracker.addressOf('1') ?? ''
  await tracker.write(bug, { mark: 'm', text: undefined, link: undefined, change: { addKeywords: labels } })
  await tracker.close()
  expect(asked.at(-1)).toEqual({ method: 'post', path: labelled.path, body: labelled.body })
})
