// A project with nothing but its list: that a series landed is seen when its branch moves, also if it comes in parts and the bot restarts.
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { WantedChanges } from '../../src/ports/git.ts'
import { landedSeen, tendSeriesLanded } from '../../src/wiring/landed.ts'
import type { FakeClock } from '../fakes/clock.ts'
import { type Flow, openFlow } from '../fakes/flow.ts'
import { letter } from '../fakes/list.ts'

let flow: Flow
/** The branch: its commits in order, each with the patch that it brought. */
let branch: { commit: string; patchId: string }[]
let asked: WantedChanges[]
let seen: ReturnType<typeof landedSeen>

const commitOf = (n: number) => `${n}`.repeat(40).slice(0, 40)

beforeEach(async () => {
  branch = [{ commit: commitOf(1), patchId: 'before' }]
  asked = []
  seen = landedSeen()
  flow = await openFlow(async () => ({ ending: { kind: 'finished', exitCode: 0 } }))
  Object.assign(flow.wired.mirror, {
    resolve: async () => branch.at(-1)?.commit,
    async landed(_: string, wanted: WantedChanges) {
      asked.push(wanted)
      const after = branch.findIndex(({ commit }) => commit === wanted.after)
      const ids = new Set(wanted.changes.map(({ patchId }) => patchId))
      return new Map(
        branch
          .slice(after + 1)
          .flatMap(({ commit, patchId }) => (ids.has(patchId) ? [[patchId, commit]] : [])),
      )
    },
  })
  await flow.bring([
    letter({ subject: '[PATCH 0/2] tally: better', id: 'c', at: 0 }),
    letter({ subject: '[PATCH 1/2] count: better', id: 'a', re: 'c', file: 'a.c', at: 1 }),
    letter({ subject: '[PATCH 2/2] add: better', id: 'b', re: 'c', file: 'b.c', at: 2 }),
  ])
  await flow.settle()
})
afterEach(() => flow.close())

const tend = () => tendSeriesLanded(flow.wired, seen, what => expect.unreachable(what))
const series = async () => {
  const [one] = await flow.wired.store.seriesIn({})
  if (!one) throw new Error('there is no series')
  return one
}
const bring = async (position: number) => {
  const part = (await series()).parts[position - 1]
  const patch = (await flow.wired.store.mail(part?.mail ?? ''))?.patch
  branch.push({ commit: commitOf(branch.length + 1), patchId: patch?.patchId ?? 'none' })
}

test('it has landed once its last part is in, and each look is at what is new only', async () => {
  await tend()
  expect(asked).toEqual([])
  await bring(1)
  await tend()
  expect((await series()).landed).toBeUndefined()
  seen = landedSeen()
  await bring(2)
  await tend()
  expect((await series()).landed).toMatchObject({ branch: 'main', at: flow.wired.clock.now() })
  expect(asked.map(({ after }) => after)).toEqual([commitOf(1), undefined, commitOf(2), undefined])
  // It is not looked for any more, and nothing is while the branch stays.
  branch.push({ commit: commitOf(4), patchId: 'other' })
  await tend()
  await tend()
  expect(asked).toHaveLength(4)
})

test('a mail that comes after the push of its commits is looked for once in what was there', async () => {
  await tend()
  await bring(1)
  await bring(2)
  const one = await series()
  await flow.wired.store.saveSeries([{ ...one, state: { at: 'collecting', until: 0 } }])
  await tend()
  expect((await series()).landed).toBeUndefined()
  await flow.wired.store.saveSeries([one])
  branch.push({ commit: commitOf(4), patchId: 'other' })
  await tend()
  expect((await series()).landed).toMatchObject({ branch: 'main' })
})

test('what did not land is looked for in what is new only, from the second look on; and not if it is old', async () => {
  await tend()
  const next = async () => {
    branch.push({ commit: commitOf(branch.length + 1), patchId: 'other' })
    await tend()
    return asked.splice(0).map(({ after }) => after)
  }
  expect(await next()).toEqual([commitOf(1), undefined])
  expect(await next()).toEqual([commitOf(2)])
  await (flow.wired.clock as FakeClock).advance(8 * 24 * 3_600_000)
  seen = landedSeen()
  expect(await next()).toEqual([commitOf(3)])
})

test('what landed without ever standing on GitHub is seen where others stand there, too', async () => {
  const own = flow.wired.config.projects.map(one => ({
    ...one,
    github: { pulls: undefined, series: 'tally/series', comment: 'words' as const },
  }))
  Object.assign(flow.wired, { config: { ...flow.wired.config, projects: own } })
  await tend()
  await bring(1)
  await bring(2)
  await tend()
  expect((await series()).landed).toMatchObject({ branch: 'main' })
})
