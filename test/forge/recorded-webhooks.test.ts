// Every webhook that was recorded of GitHub, signed and sent to our address, and on to whoever deals with it: none makes trouble, ours are
// understood, and the others are taken and forgotten.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { check, oneComment, onePull, toComment, toPull } from '../../src/adapters/github/app/answers.ts'
import { secret } from '../../src/config/secret.ts'
import { app } from '../../src/web/app.ts'
import { forgeMemory, tendForge } from '../../src/wiring/forge.ts'
import { forgeCommandMemory, tendForgeCommands } from '../../src/wiring/forge-commands.ts'
import { forgeShownMemory, tendForgeShown } from '../../src/wiring/forge-show.ts'
import { type Flow, openFlow, project } from '../fakes/flow.ts'
import { fakeForge } from '../fakes/forge.ts'
import { type FakeApp, startGithubApp } from '../fakes/github/app.ts'
import { recordedHooks } from '../fakes/github/recorded.ts'
import { webParts } from '../web/open.ts'

type Json = Record<string, unknown>
const repository = 'Codertocat/Hello-World'
const all = recordedHooks()

let flow: Flow
let github: FakeApp
let send: ReturnType<typeof app>['request']
const forge = fakeForge()
/** Pull requests whose patches were asked for. */
const fetched = new Set<number>()

beforeAll(async () => {
  github = await startGithubApp()
  flow = await openFlow(async () => ({ ending: { kind: 'finished', exitCode: 0 } }), undefined, {
    ...project,
    github: { pulls: repository, series: undefined, comment: 'words' },
  })
  const own = {
    ...{ id: github.id, key: secret(github.key), secret: secret(github.secret) },
    ...{ api: github.api, site: github.site, ca: undefined, proxy: undefined },
  }
  flow.wired.config = { ...flow.wired.config, github: own }
  Object.assign(flow.wired, { forge })
  Object.assign(flow.wired.mirror, {
    async pullPatches(_: string, { number }: { number: number }) {
      fetched.add(number)
      return { kind: 'unusable', why: 'it is empty' }
    },
  })
  const pages = app(webParts(flow.wired))
  send = pages.request.bind(pages)
})
afterAll(async () => {
  await flow.close()
  await github.close()
})

const isOurs = (name: string, { action, issue }: Json): boolean => {
  const word = `${name} ${String(action)}`
  if (/^installation(_repositories)? |^check_(run|suite) rerequested$/.test(word)) return true
  if (name === 'issue_comment') return action !== 'deleted' && (issue as Json).pull_request !== undefined
  const changes = 'opened|synchronize|reopened|closed|edited|ready_for_review|converted_to_draft'
  return new RegExp(`^pull_request (?:${changes})$`).test(word)
}

const of = (name: string, key: string): Json[] =>
  all.flatMap(({ name: one, payload }) => (one === name && payload[key] ? [payload[key] as Json] : []))

test('each is answered, and exactly those that matter are kept and dealt with', async () => {
  const wrong: string[] = []
  for (const { from, name, payload } of all) {
    const { headers, body } = github.signed(name, JSON.stringify(payload))
    const answer = await send('/api/github/webhooks', { method: 'POST', headers, body })
    const { taken } = (await answer.json()) as { taken?: boolean }
    if (answer.status !== 202 || taken !== isOurs(name, payload))
      wrong.push(`${from} ${name} ${String(payload.action)}: ${answer.status}, taken: ${taken}`)
  }
  expect(wrong).toEqual([])
  expect(all.length).toBeGreaterThan(700)

  const words = of('pull_request', 'pull_request').map(one => toPull(repository, onePull.parse(one)))
  forge.pull = async ({ number }) => words.findLast(one => one.number === number)
  const kept = (await flow.wired.store.forgeEvents(10_000)).map(({ what }) => what.kind)
  expect(new Set(kept)).toEqual(new Set(['pull', 'rerun', 'installation']))
  await tendForge(flow.wired, forgeMemory())
  await tendForgeCommands(flow.wired, forgeCommandMemory())
  await tendForgeShown(flow.wired, forgeShownMemory())
  expect(await flow.wired.store.forgeEvents(10_000)).toEqual([])
  const known = await flow.wired.store.pulls({ repository, state: 'open' })
  expect(known.map(({ number }) => number)).toEqual([...fetched])
  expect(known.length).toBeGreaterThan(0)
  expect(forge.shown()['grapevine/build']).toContain('It cannot be tested')
}, 30_000)

test('a comment on a pull request is told from one on an issue, and a deleted one is no word', async () => {
  const payload = all.find(
    ({ name, payload }) => name === 'issue_comment' && payload.action === 'edited',
  )?.payload
  const issue = { ...(payload?.issue as Json), pull_request: { url: '', html_url: '' } }
  const post = async (more: Json) => {
    const { headers, body } = github.signed('issue_comment', JSON.stringify({ ...payload, ...more }))
    const answer = await send('/api/github/webhooks', { method: 'POST', headers, body })
    return ((await answer.json()) as { taken: boolean }).taken
  }
  expect(await post({})).toBe(false)
  expect(await post({ issue })).toBe(true)
  expect(await post({ issue, action: 'deleted' })).toBe(false)
})

test('all that the recordings hold is read as an answer of the API, too', () => {
  const pulls = of('pull_request', 'pull_request').map(one => toPull(repository, onePull.parse(one)))
  expect(new Set(pulls.map(({ state }) => state))).toEqual(new Set(['open', 'closed']))
  const comments = of('issue_comment', 'comment').map(one => oneComment.parse(one))
  // None of these is on a pull request.
  expect(new Set(comments.map(toComment))).toEqual(new Set([undefined]))
  const checks = of('check_run', 'check_run').map(one => check.parse(one))
  expect(checks.length).toBeGreaterThan(10)
})
