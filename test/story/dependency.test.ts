// A series that needs another one, through the whole flow on a farm without machines: what the other one breaks is not held against it.
import { afterEach, expect, it } from 'vitest'
import type { Behaviour } from '../fakes/farm.ts'
import { type Flow, openFlow } from '../fakes/flow.ts'
import { letter } from '../fakes/list.ts'

let open: Flow[] = []
afterEach(async () => {
  for (const flow of open) await flow.close()
  open = []
})

const play = async (behave: Behaviour) => {
  const applied: string[] = []
  const flow = await openFlow((command, guest) => {
    // Labels of the mails that go in: `1.2` is the second one of the first series that is needed.
    const labels = command.name === 'apply' ? /^all (.*)$/m.exec(command.script)?.[1] : undefined
    if (labels !== undefined) applied.push(labels)
    return behave(command, guest)
  })
  open.push(flow)
  const ground = letter({ subject: '[PATCH] ground', id: 'ground', file: 'src/ground.c' })
  const body = 'It needs the other.\n\nDepends-on: <ground@example.org>'
  const top = letter({ subject: '[PATCH] top', id: 'top', file: 'src/top.c', body })
  await flow.bring([ground, top])
  await flow.settle()
  const { store } = flow.wired
  const series = (await store.seriesIn({})).find(one => one.title === 'top')
  const verdict = series && (await store.verdict(series.id))
  return { flow, applied, verdict, series }
}

const finished = (exitCode: number, output = '') => ({
  ending: { kind: 'finished' as const, exitCode },
  output,
})

it('what it needs goes in first, also to the base that it is compared with', async () => {
  // Whatever has the ground in it fails: the ground alone, the base line with it, and the series on it.
  const { applied, verdict } = await play(({ name }, { files }) => {
    const isBuilt = [...files.keys()].includes('/grapevine/source')
    const tree = Buffer.concat([...files.values()]).toString('latin1')
    if (name === 'all' && isBuilt)
      return finished(
        0,
        `TAP version 13\n1..1\n${tree.includes('src/ground.c') ? 'not ' : ''}ok 1 - counts\n`,
      )
    return finished(0)
  })
  // What seems to break a test is built once more.
  expect([...new Set(applied)].sort()).toEqual(['1', '1.1', '1.1 1'])
  expect(verdict?.finding).toEqual({ kind: 'all-well' })
  expect(
    verdict?.images.map(({ known, flaky = [], newFailures }) => [known + flaky.length, newFailures]),
  ).toEqual([
    [1, []],
    [1, []],
  ])
})

it('that the other one does not apply is said, and not held against it', async () => {
  const said = 'error: patch failed: src/ground.c:1\nerror: src/ground.c: patch does not apply\n'
  const { verdict } = await play(({ name, script }) => {
    if (name === 'apply' && /^all 1\.1/m.test(script))
      return finished(42, `grapevine: applying patch 1.1\n${said}`)
    return finished(0, name === 'all' ? 'TAP version 13\n1..1\nok 1 - counts\n' : '')
  })
  expect(verdict?.finding).toMatchObject({
    ...{ kind: 'does-not-apply', position: 1, title: 'ground' },
    before: { title: 'ground' },
  })
})
