// Series of the list on GitHub: pushed as branches with their results, and removed when they are over.
import { afterEach, expect, test } from 'vitest'
import { Fault } from '../../src/model/fault.ts'
import type { FakeClock } from '../fakes/clock.ts'
import type { Behaviour } from '../fakes/farm.ts'
import { project } from '../fakes/flow.ts'
import { letter } from '../fakes/list.ts'
import { github, openPulls } from '../fakes/pulls.ts'

let pulls: Awaited<ReturnType<typeof openPulls>>
afterEach(() => pulls.flow.close())

let scripts: string[] = []
const behave: Behaviour = ({ name, script }) => {
  scripts.push(script)
  return { ending: { kind: 'finished', exitCode: 0 }, output: name === 'all' ? '1..1\nok 1 - counts\n' : '' }
}

const open = async () => {
  scripts = []
  const own = { ...project, github: { ...github, pulls: undefined, series: 'tally/series' } }
  pulls = await openPulls(behave, { own, isPull: false })
}

const post = async (subject: string, at = 0) => {
  await pulls.flow.bring([letter({ subject, id: subject, file: 'a.c', at })])
  await pulls.flow.settle()
  const found = (await pulls.store.seriesIn({})).at(-1)
  if (!found) throw new Error('there is no series')
  return found
}

const clock = () => pulls.flow.wired.clock as FakeClock

test('what was applied is kept before anything of it is built, and stands there with a status of each', async () => {
  await open()
  const { id } = await post('[PATCH] count: better')
  const [bundled, applied] = [
    scripts.findIndex(script => script.startsWith('git bundle create')),
    scripts.findIndex(script => script.includes('grapevine: applying patch')),
  ]
  expect(scripts[bundled]).toContain(`'^${'a'.repeat(40)}'`)
  expect(bundled).toBe(applied + 1)
  await pulls.show()
  expect([...pulls.elsewhere.there.keys()]).toEqual([`series/${id}-v1`])
  expect(pulls.elsewhere.pushes).toMatchObject([
    { base: 'a'.repeat(40), most: 1, repository: '/upstream.git' },
  ])
  expect(
    pulls.forge.statuses.map(({ status }) => `${status.context} ${status.state}: ${status.description}`),
  ).toEqual([
    'grapevine/build success: Applies and builds',
    'grapevine/debian success: 1 test passed',
    'grapevine/busybox success: 1 test passed',
  ])
  const before = pulls.forge.writes.length
  pulls.restart()
  await pulls.show()
  expect(pulls.forge.writes.length).toBe(before)
  expect(pulls.elsewhere.pushes.length).toBe(1)
})

test('a newer version takes the place of the older one', async () => {
  await open()
  const first = await post('[PATCH] count: better')
  await pulls.show()
  const second = await post('[PATCH v2] count: better', 5)
  await pulls.show()
  expect([...pulls.elsewhere.there.keys()]).toEqual([`series/${second.id}-v2`])
  expect(await pulls.store.shown({ series: first.id })).toEqual([])
})

test('what has landed is removed', async () => {
  await open()
  const series = await post('[PATCH] count: better')
  await pulls.show()
  const patchId = (await pulls.store.mail(series.parts[0]?.mail ?? ''))?.patch?.patchId ?? ''
  const tip = 'b'.repeat(40)
  Object.assign(pulls.flow.wired.mirror, {
    resolve: async () => tip,
    landed: async () => new Map([[patchId, tip]]),
  })
  await clock().advance(120_000)
  await pulls.show()
  expect([...pulls.elsewhere.there.keys()]).toEqual([])
  expect(await pulls.store.shown({ kind: 'branch' })).toEqual([])
  expect(await pulls.store.series(series.id)).toMatchObject({ landed: { branch: 'main', at: clock().now() } })
})

test('a push that fails is tried again, and one that is refused for good holds up nothing', async () => {
  await open()
  const { state, there } = pulls.elsewhere
  state.refuse = new Fault('unreachable', 'soon', 'GitHub: nobody answers')
  await post('[PATCH] count: better')
  await pulls.show()
  expect([...there.keys()]).toEqual([])
  state.refuse = undefined
  await clock().advance(3_600_000)
  await pulls.show()
  expect(there.size).toBe(1)
  state.refuse = new Fault('refused', 'never', 'an App may not push changes of workflows')
  await post('[PATCH] other: better', 9)
  await pulls.show()
  const [troubled] = await pulls.store.shown({ trouble: true })
  expect(troubled?.trouble?.why).toContain('workflows')
})

test('without a repository for series no commits are kept', async () => {
  pulls = await openPulls(behave, { own: project, isPull: false })
  scripts = []
  await post('[PATCH] count: better')
  expect(scripts.filter(script => script.includes('bundle'))).toEqual([])
})
