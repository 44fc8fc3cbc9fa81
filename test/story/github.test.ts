// A project on GitHub, from webhook to check and back: the App as it is, a GitHub on loopback with real signatures, tokens and repositories,
// and a farm of fakes. What people see and do there is looked at on the server.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { gitBranches } from '../../src/adapters/git/branches.ts'
import { gitMirror } from '../../src/adapters/git/mirror.ts'
import { githubForge } from '../../src/adapters/github/app/forge.ts'
import { secret } from '../../src/config/secret.ts'
import { Fault } from '../../src/model/fault.ts'
import { app } from '../../src/web/app.ts'
import { forgeMemory, tendForge } from '../../src/wiring/forge.ts'
import { forgeCommandMemory, tendForgeCommands } from '../../src/wiring/forge-commands.ts'
import { forgeShownMemory, tendForgeShown } from '../../src/wiring/forge-show.ts'
import type { FakeClock } from '../fakes/clock.ts'
import type { Behaviour } from '../fakes/farm.ts'
import { type Flow, openFlow, project, recipe } from '../fakes/flow.ts'
import { type FakeApp, owned, startGithubApp } from '../fakes/github/app.ts'
import { openGround, seriesRepository } from '../fakes/github/ground.ts'
import { checkAnswer } from '../fakes/github/shapes.ts'
import { letter } from '../fakes/list.ts'
import { webParts } from '../web/open.ts'

const mona = { login: 'mona', id: 7, type: 'User' as const }
const stranger = { login: 'stranger', id: 8, type: 'User' as const }
const minute = 60_000

let ground: ReturnType<typeof openGround>
let github: FakeApp
let flow: Flow
/** What the guest keeps of the applied patches. */
let bundle: Buffer | undefined

const tap = (isOk: boolean) =>
  `1..2\nok 1 - adds\n${isOk ? 'ok' : 'not ok'} 2 - counts\n${isOk ? '' : '# count.c:2: expected 2, got 3\n# count.c:1: beside it\n'}`

const behave: Behaviour = ({ name, script }, { image, files }) => {
  const well = { kind: 'finished' as const, exitCode: 0 }
  if (script.startsWith('git bundle create') && bundle) files.set('/grapevine/commits.bundle', bundle)
  if (name !== 'all') return { ending: well }
  const isBad = image === 'busybox' && [...files.values()].some(bytes => bytes.includes('count wrongly'))
  return { ending: { ...well, exitCode: isBad ? 1 : 0 }, output: tap(!isBad) }
}

beforeEach(async () => {
  ground = openGround({ file: 'count.c', text: 'one\nold\n' })
  github = await startGithubApp(ground.folder)
  github.repositories.add(seriesRepository)
  github.roles.set('mona', { permission: 'write', role_name: 'write' })
  flow = await openFlow(behave, undefined, {
    ...project,
    recipe: { ...recipe, repository: ground.upstream },
    github: { pulls: owned, series: seriesRepository, comment: 'words' },
  })
  const own = {
    ...{ id: github.id, key: secret(github.key), secret: secret(github.secret) },
    ...{ api: github.api, site: github.site, ca: undefined, proxy: undefined },
  }
  const mirror = gitMirror({ folder: ground.mirrors })
  await mirror.fetch(ground.upstream)
  Object.assign(flow.wired, {
    ...{ mirror, branches: gitBranches({ folder: ground.mirrors }) },
    forge: githubForge(own, {
      ...{ clock: flow.wired.clock, isPaced: false },
      uses: [{ repository: seriesRepository, use: 'series' }],
    }),
    config: { ...flow.wired.config, github: own },
  })
})
afterEach(async () => {
  await flow.wired.forge?.close()
  await flow.close()
  await github.close()
  ground.close()
  bundle = undefined
})

/** The bot's loops, as often as it is asked. */
const bot = () => {
  const [pulls, commands, shown] = [forgeMemory(), forgeCommandMemory(), forgeShownMemory()]
  return async () => {
    const errors: unknown[] = []
    for (const round of [
      () => tendForge(flow.wired, pulls),
      () => tendForgeCommands(flow.wired, commands),
      () => tendForgeShown(flow.wired, shown),
    ])
      await round().catch(error => errors.push(error))
    return errors
  }
}

/** As GitHub posts it; the answer's status. */
const told = async (name: string, payload: object, parts = webParts(flow.wired)): Promise<number> => {
  const { headers, body } = github.hook(name, payload)
  return (await app(parts).request('/api/github/webhooks', { method: 'POST', headers, body })).status
}
const pullTold = (action: string) => told('pull_request', { action, pull_request: { number: 1 } })
const says = (text: string, who = mona) => {
  const { id } = github.say(1, text, who)
  const issue = { number: 1, pull_request: {} }
  return told('issue_comment', { action: 'created', issue, comment: { id }, sender: who })
}
const put = (sha: string, more: object = {}) =>
  github.put(1, { title: 'Count', head: { sha, ref: 'topic', repo: null }, ...more })

/** What stands at a commit, the newest of each name. */
const checks = (sha: string): Record<string, string> =>
  Object.fromEntries(
    [...github.checks.values()]
      .filter(one => one.head_sha === sha)
      .map(one => [one.name, `${one.conclusion ?? one.status}: ${one.output.title}`]),
  )
const comments = () =>
  [...github.comments.values()].filter(one => one.performed_via_github_app !== null).map(({ body }) => body)

test('a pull request, from the first webhook to its end', async () => {
  const round = bot()
  ground.reset()
  const first = ground.commit('count.c', 'one\nnew\n', 'tally: count wrongly') && ground.push(1)
  put(first)
  expect(await pullTold('opened')).toBe(202)
  expect(await round()).toEqual([])
  expect(checks(first)).toEqual({
    'grapevine/build': 'queued: Waits to be built',
    'grapevine/debian': 'queued: Waits to be tested',
    'grapevine/busybox': 'queued: Waits to be tested',
  })

  await flow.settle()
  await round()
  expect(checks(first)).toEqual({
    'grapevine/build': 'success: Applies and builds',
    'grapevine/debian': 'success: 2 tests passed',
    'grapevine/busybox': 'failure: 1 new failure, 1 test passed',
  })
  const marks = [...github.checks.values()].flatMap(({ annotations }) => annotations)
  expect(marks).toEqual([
    {
      ...{ path: 'count.c', start_line: 2, end_line: 2, annotation_level: 'failure' },
      ...{ title: 'New failure: counts', message: expect.stringContaining('expected 2, got 3') },
    },
  ])
  expect(comments()).toEqual([expect.stringContaining('breaks something: 1 new failure')])
  expect(comments()[0]).toMatch(/\n\n<!-- grapevine:result -->$/)

  // A maintainer asks, a stranger may not; the one comment is edited.
  await says('Once more.\n\n/grapevine retest')
  await says('/grapevine cancel', stranger)
  await round()
  expect(github.reactions.map(({ content }) => content)).toEqual(['+1', 'confused'])
  expect(comments()).toEqual([
    expect.stringMatching(/It is being tested[\s\S]*To `\/grapevine cancel` by `stranger`/),
  ])
  expect(checks(first)['grapevine/busybox']).toBe('queued: Waits to be tested')
  await flow.settle()
  await round()
  expect(comments()).toEqual([expect.stringContaining('breaks something: 1 new failure')])

  // "Re-run" of one check.
  const [busybox] = [...github.checks.values()].filter(one => one.name === 'grapevine/busybox').slice(-1)
  const before = github.checks.size
  if (busybox === undefined) throw new Error('there is no such check')
  await told('check_run', { action: 'rerequested', check_run: checkAnswer(owned, busybox), sender: mona })
  await round()
  await flow.settle()
  await round()
  expect(github.checks.size).toBe(before + 2)
  expect(comments()[0]).toContain('Only `busybox` was asked for this time')

  // A better head, whose webhook is lost; and GitHub takes nothing while its verdict comes.
  ground.git('reset', '--quiet', '--soft', 'main')
  const better = ground.commit('count.c', 'one\ntwo\n', 'tally: count to two') && ground.push(1)
  put(better, { updated_at: new Date(Date.now() + minute).toISOString() })
  await round()
  expect(checks(better)).toEqual({})
  await (flow.wired.clock as FakeClock).advance(6 * minute)
  await round()
  expect(checks(better)['grapevine/build']).toBe('queued: Waits to be built')
  expect(comments()[0]).toContain(`**It is being tested** (\`${better.slice(0, 12)}\`)`)
  github.trouble.limit = 'secondary'
  await (flow.wired.clock as FakeClock).advance(6 * minute)
  await flow.settle()
  expect((await round()).every(error => error instanceof Fault)).toBe(true)
  delete github.trouble.limit
  expect(checks(better)['grapevine/build']).toBe('queued: Waits to be built')
  await (flow.wired.clock as FakeClock).advance(6 * minute)
  expect(await round()).toEqual([])
  expect(Object.values(checks(better))).toEqual([
    'success: Applies and builds',
    'success: 2 tests passed',
    'success: 2 tests passed',
  ])
  expect(comments()).toEqual([expect.stringContaining('**All is well**')])

  // One more, and it is closed before it is tested.
  const third = ground.commit('count.c', 'one\ntwo\nthree\n', 'tally: count on') && ground.push(1)
  put(third)
  await pullTold('synchronize')
  await round()
  put(third, { state: 'closed' })
  await pullTold('closed')
  await round()
  const ends = Object.values(checks(third)).map(one => one.split(':')[0])
  expect(ends).toEqual(['cancelled', 'cancelled', 'cancelled'])
  expect(await flow.wired.store.forgeEvents(10)).toEqual([])
  expect(flow.sent).toEqual([])
})

test('a series of the list is a branch with results, until a newer version takes its place, or it lands', async () => {
  const round = bot()
  const subject = '[PATCH] count: better'
  const there = () =>
    execFileSync('git', ['-C', ground.series, 'for-each-ref', '--format=%(refname:short) %(objectname)'])
      .toString()
      .trim()
  const post = async (subject: string, at = 0) => {
    ground.reset()
    const tip = ground.commit('count.c', `one\n${subject}\n`, subject)
    ground.git('bundle', 'create', '--quiet', join(ground.root, 'bundle'), 'HEAD', '^main')
    bundle = readFileSync(join(ground.root, 'bundle'))
    await flow.bring([letter({ subject, id: subject, file: 'count.c', at })])
    await flow.settle()
    await round()
    return tip
  }
  const first = await post(subject)
  expect(there()).toMatch(new RegExp(`^series/s\\w+-v1 ${first}$`))
  expect(github.statuses.map(({ sha, context, state }) => `${sha} ${context} ${state}`)).toEqual(
    ['build', 'debian', 'busybox'].map(name => `${first} grapevine/${name} success`),
  )
  const second = await post('[PATCH v2] count: better', 5)
  expect(there()).toMatch(new RegExp(`^series/s\\w+-v2 ${second}$`))

  ground.git('push', '--quiet', ground.upstream, 'HEAD:main')
  await flow.wired.mirror.fetch(ground.upstream)
  await (flow.wired.clock as FakeClock).advance(2 * minute)
  await round()
  expect(there()).toBe('')
})

test('a webhook that cannot be kept is told as failed, so that GitHub shows it, and comes in when it is sent again', async () => {
  const away = async () => {
    throw new Fault('unreachable', 'soon', 'the database is away')
  }
  const { headers, body } = github.hook('pull_request', { action: 'opened', pull_request: { number: 1 } })
  const post = (parts = webParts(flow.wired)) =>
    app(parts).request('/api/github/webhooks', { method: 'POST', headers, body })
  const answer = await post(webParts(flow.wired, { wired: away }))
  expect(answer.status).toBe(503)
  expect(await answer.text()).not.toContain('the database is away')
  expect((await post()).status).toBe(202)
  expect(await flow.wired.store.forgeEvents(10)).toHaveLength(1)
})
