// Commands in comments on a pull request, and the button of a check: who may, what is done, and that it is done once.
import { afterEach, beforeEach, expect, test } from 'vitest'
import { forgeMemory, tendForge } from '../../src/wiring/forge.ts'
import { forgeCommandMemory, tendForgeCommands } from '../../src/wiring/forge-commands.ts'
import type { FakeClock } from '../fakes/clock.ts'
import type { Behaviour } from '../fakes/farm.ts'
import { pullOf, rateLimit } from '../fakes/forge.ts'
import { letter } from '../fakes/list.ts'
import { headOf, openPulls } from '../fakes/pulls.ts'

const behave: Behaviour = ({ name }) => ({
  ending: { kind: 'finished', exitCode: 0 },
  output: name === 'all' ? '1..1\nok 1 - counts\n' : '',
})

let pulls: Awaited<ReturnType<typeof openPulls>>
let memory: ReturnType<typeof forgeCommandMemory>

beforeEach(async () => {
  pulls = await openPulls(behave)
  memory = forgeCommandMemory()
  pulls.forge.permissions.set('mona', 'maintain')
  await pulls.flow.bring([letter({ subject: '[PATCH] count: better', file: 'a.c' })])
  await pulls.flow.settle()
})
afterEach(() => pulls.flow.close())

const tend = () => tendForgeCommands(pulls.flow.wired, memory)
const now = () => pulls.flow.wired.clock.now()
const series = async () => {
  const [one] = await pulls.store.seriesIn({})
  if (!one) throw new Error('there is no series')
  return one
}

const write = (login: string, text: string, id = 1) => {
  const by = { login, isBot: login.endsWith('[bot]') }
  pulls.forge.said.set(id, { id, number: 7, by, text, at: now(), changedAt: now() })
  return pulls.store.addForgeEvent({
    ...{ id: `delivery-${id}`, repository: 'tally/tally', receivedAt: now(), state: { at: 'new' } },
    what: { kind: 'comment', number: 7, comment: id },
  })
}

const press = (check: string | undefined, by: string, id = 'press-1') =>
  pulls.store.addForgeEvent({
    ...{ id, repository: 'tally/tally', receivedAt: now(), state: { at: 'new' } },
    what: { kind: 'rerun', head: headOf(1), check, by },
  })

const comment = () => pulls.forge.comments.get('tally/tally#7')?.text

test('a maintainer has it tested again, once, whoever tells of the comment how often', async () => {
  await write('mona', 'Looks good.\n\n/grapevine retest')
  await tend()
  await tend()
  memory = forgeCommandMemory()
  await tend()
  expect((await series()).round).toBe(1)
  expect(pulls.forge.reactions).toEqual([{ comment: 1, how: '+1' }])
  expect(await pulls.store.forgeEvents(9)).toEqual([])
  await pulls.flow.settle()
  await pulls.show()
  expect(pulls.forge.shown()).toMatchObject({ 'grapevine/debian': 'success: 1 test passed' })
})

test('what cannot be read holds up nothing else, and what is of no project is done with', async () => {
  const { forge, store } = pulls
  await write('mona', '/grapevine retest')
  const other = { repository: 'elsewhere/else', receivedAt: now(), state: { at: 'new' as const } }
  await store.addForgeEvent({ ...other, id: 'other', what: { kind: 'comment', number: 1, comment: 5 } })
  await write('mona', '/grapevine status', 3)
  const read = forge.comment
  forge.comment = async (repository, id) => {
    if (id === 1) throw rateLimit()
    return read(repository, id)
  }
  memory.lookedAt.set('tally/tally', now())
  await expect(tend()).rejects.toThrow('its limit of requests')
  expect((await store.forgeEvents(9)).map(({ id }) => id)).toEqual(['delivery-1'])
  expect(forge.reactions).toEqual([{ comment: 3, how: '+1' }])
})

test('the author may what the project allows, and nobody lets an own change go', async () => {
  await write('ANN', '/grapevine test on busybox')
  await write('ann', '/grapevine release', 2)
  await tend()
  expect((await series()).wish).toEqual({ images: ['busybox'] })
  expect(pulls.forge.reactions.map(({ how }) => how)).toContain('confused')
  await pulls.flow.settle()
  await pulls.show()
  expect(comment()).toContain('> Only whoever may write to this repository may do that.')
})

test('a stranger changes nothing, a program is not heard, and a quote is no command', async () => {
  await write('stranger', '/grapevine cancel')
  await write('other[bot]', '/grapevine cancel', 2)
  await write('mona', '> /grapevine cancel\n\nPlease do not.', 3)
  await tend()
  expect((await series()).round).toBeUndefined()
  expect((await pulls.store.verdict((await series()).id))?.finding.kind).toBe('all-well')
  expect(pulls.forge.reactions).toEqual([{ comment: 1, how: 'confused' }])
})

test('a held pull request waits until a maintainer lets it go', async () => {
  const held = {
    ...(await series()),
    state: { at: 'held' as const, why: 'its author never had a series tested here' },
  }
  await pulls.store.saveSeries([{ ...held, round: 1 }])
  await pulls.show()
  expect(pulls.forge.shown()['grapevine/build']).toBe('action_required: Waits for a maintainer')
  expect(comment()).toContain('    /grapevine release')
  await write('ann', '/grapevine release')
  await tend()
  expect((await series()).state.at).toBe('held')
  await write('mona', '/grapevine release', 2)
  await tend()
  expect((await series()).state.at).toBe('complete')
})

test('status, help and nonsense are answered in the one comment', async () => {
  await write('mona', '/grapevine status\n/grapevine help\n/grapevine frobnicate')
  await tend()
  await pulls.show()
  await expect(comment()).toMatchFileSnapshot('golden/answers.md')
})

test('the button of one check tests that image again; nobody else has that button', async () => {
  await press('grapevine/busybox', 'stranger', 'press-0')
  await tend()
  expect((await series()).round).toBeUndefined()
  await press('grapevine/busybox', 'mona')
  await tend()
  expect(await series()).toMatchObject({ round: 1, wish: { images: ['busybox'] } })
  await pulls.flow.settle()
  await press(undefined, 'mona', 'press-2')
  await tend()
  expect((await series()).round).toBe(2)
})

test('a comment whose webhook was lost is found; one of last week is not', async () => {
  const by = { login: 'mona', isBot: false }
  const old = now() - 7 * 86_400_000
  pulls.forge.said.set(1, { id: 1, number: 7, by, text: '/grapevine cancel', at: old, changedAt: old })
  pulls.forge.said.set(2, { id: 2, number: 7, by, text: '/grapevine retest', at: now(), changedAt: now() })
  await tend()
  expect((await series()).round).toBe(1)
})

/** GitHub tells of pull request 8, a draft. */
const offerDraft = (): void => {
  const {
    project: _,
    version: __,
    series: ___,
    ...word
  } = pullOf({ number: 8, isDraft: true, head: headOf(9) })
  pulls.forge.pull = async () => word
}

test('a draft is looked at when somebody who may asks for it', async () => {
  offerDraft()
  const asked: number[] = []
  Object.assign(pulls.flow.wired.mirror, {
    pullPatches: async (_repository: string, { number }: { number: number }) => {
      asked.push(number)
      return { kind: 'unusable', why: 'it is empty' }
    },
  })
  const by = { login: 'stranger', isBot: false }
  const say = (id: number, login: string) =>
    pulls.forge.said.set(id, {
      ...{ id, number: 8, by: { ...by, login }, text: '/grapevine test' },
      ...{ at: now(), changedAt: now() },
    })
  say(1, 'stranger')
  await tend()
  expect(asked).toEqual([])
  say(2, 'mona')
  memory = forgeCommandMemory()
  await tend()
  expect(asked).toEqual([8])
  const commands = await pulls.store.commands({ project: 'tally' })
  expect(commands.at(-1)?.state).toMatchObject({ at: 'refused', why: 'It cannot be tested: `it is empty`.' })
})

test('the first test of a draft is on the images and against the base that are named, and only if there are such', async () => {
  offerDraft()
  const { mirror } = pulls.flow.wired
  const patch = letter({ subject: '[PATCH] count: better', id: 'draft', file: 'a.c' })
  Object.assign(mirror, {
    resolve: async (_: string, name: string) => (name === 'stable' ? 'b'.repeat(40) : undefined),
    fetch: async () => {},
    pullPatches: async () => ({ kind: 'patches', base: 'b'.repeat(40), patches: [patch.raw] }),
  })
  const say = (id: number, text: string) =>
    pulls.forge.said.set(id, {
      ...{ id, number: 8, by: { login: 'mona', isBot: false }, text },
      ...{ at: now(), changedAt: now() },
    })
  const wishes = async () => (await pulls.store.seriesIn({})).slice(1).map(({ wish }) => wish)
  say(1, '/grapevine test on windows')
  say(2, '/grapevine test against nowhere')
  await tend()
  expect(await wishes()).toEqual([])
  say(3, '/grapevine test on BusyBox against stable')
  memory = forgeCommandMemory()
  await tend()
  expect(await wishes()).toEqual([{ images: ['busybox'], against: 'stable' }])
  const states = (await pulls.store.commands({ project: 'tally' })).map(({ state }) => state.at)
  expect(states).toEqual(['refused', 'refused', 'done'])
})

test('while GitHub is away a command waits', async () => {
  pulls.forge.away = rateLimit()
  await write('mona', '/grapevine retest')
  await expect(tend()).rejects.toThrow('limit')
  pulls.forge.away = undefined
  await (pulls.flow.wired.clock as FakeClock).advance(60_000)
  await tend()
  expect((await series()).round).toBe(1)
})

test('who is away is not asked again at once', async () => {
  let asked = 0
  const { forge } = pulls
  const read = forge.comment
  forge.comment = async (...given) => {
    asked++
    return read(...given)
  }
  const all = forge.commentsSince
  forge.commentsSince = async (...given) => {
    asked++
    return all(...given)
  }
  forge.away = rateLimit()
  await write('mona', '/grapevine retest')
  await expect(tend()).rejects.toThrow('limit')
  expect(asked).toBe(2)
  // It is not over: the round does not look as if all were well.
  await expect(tend()).rejects.toThrow('limit')
  expect(asked).toBe(2)
  // What comes new is tried.
  await write('mona', '/grapevine status', 3)
  await expect(tend()).rejects.toThrow('limit')
  expect(asked).toBe(3)
  await (pulls.flow.wired.clock as FakeClock).advance(60_000)
  await expect(tend()).rejects.toThrow('limit')
  expect(asked).toBe(6)
})

test('nor is it for pull requests, and each round says so until the next try', async () => {
  let asked = 0
  const { forge, flow } = pulls
  forge.pullsSince = async () => {
    asked++
    if (forge.away) throw forge.away
    return []
  }
  forge.away = rateLimit()
  const looks = forgeMemory()
  const look = () => tendForge(flow.wired, looks)
  for (let round = 0; round < 3; round++) await expect(look()).rejects.toThrow('limit')
  expect(asked).toBe(1)
  forge.away = undefined
  await (flow.wired.clock as FakeClock).advance(5 * 60_000)
  await look()
  expect(asked).toBe(2)
})
