// The branch is broken without any patch: who posts now hears once that the series waits, and gets the verdict when the branch is good again.
import { afterEach, expect, it } from 'vitest'
import { newBaseMemory, tendBranches } from '../../src/wiring/bases.ts'
import type { FakeClock } from '../fakes/clock.ts'
import { type Flow, openFlow } from '../fakes/flow.ts'
import { letter } from '../fakes/list.ts'

let open: Flow[] = []
afterEach(async () => {
  for (const flow of open) await flow.close()
  open = []
})

const play = async () => {
  const world = { tip: 'a', isBroken: true, tests: 'ok 1 - counts' }
  const flow = await openFlow(({ name }) => {
    if (name === 'build' && world.isBroken)
      return {
        ending: { kind: 'finished', exitCode: 2 },
        output: 'src/tally.c:12:3: error: expected identifier\n',
      }
    return {
      ending: { kind: 'finished', exitCode: 0 },
      output: name === 'all' ? `1..1\n${world.tests}\n` : '',
    }
  })
  open.push(flow)
  const { wired } = flow
  Object.assign(wired.mirror, { resolve: async () => world.tip.repeat(40), log: async () => [] })
  const memory = newBaseMemory()
  const move = async (to: string) => {
    world.tip = to
    await (wired.clock as FakeClock).advance(60_000)
    await tendBranches(wired, memory, () => {})
    await flow.settle()
  }
  const post = async (more = {}) => {
    await flow.bring([letter({ subject: '[PATCH] ann: better', id: 'ann', ...more })])
    await flow.settle()
  }
  const newest = async () => {
    const [series] = await wired.store.seriesIn({})
    return series && (await wired.store.verdict(series.id))
  }
  return { flow, world, move, post, newest }
}

it('told once that it waits, and tested by itself when the branch builds again', async () => {
  const { flow, world, move, post, newest } = await play()
  await move('a')
  await post()
  expect((await newest())?.finding).toMatchObject({ kind: 'base-broken', step: 'build', waits: true })
  expect(flow.sent.map(({ text }) => text.includes('waits for branch main'))).toEqual([true])

  await move('b')
  expect((await newest())?.base?.commit).toBe('a'.repeat(40))
  expect(flow.sent).toHaveLength(1)

  world.isBroken = false
  await move('c')
  const verdict = await newest()
  expect(verdict).toMatchObject({ finding: { kind: 'all-well' }, base: { commit: 'c'.repeat(40) } })
  expect(flow.sent).toHaveLength(2)
  expect(flow.sent[1]?.references).toContain('<ann@example.org>')

  await move('d')
  expect((await newest())?.job).toBe(verdict?.job)
  expect(flow.sent).toHaveLength(2)
})

it('of a commit that the series names nobody waits for a better one', async () => {
  const { flow, world, move, post, newest } = await play()
  const commit = 'a'.repeat(40)
  await post({ body: `Because.\n\nbase-commit: ${commit}` })
  const { finding } = (await newest()) ?? {}
  expect(finding).toMatchObject({ kind: 'base-broken' })
  expect(finding).not.toHaveProperty('waits')
  world.isBroken = false
  await move('c')
  expect((await newest())?.finding).toEqual(finding)
  expect(flow.sent).toHaveLength(1)
})
