// A series of four patches through the whole flow, on a farm without machines: which patch breaks a test, after which it does not build, and
// under which mail the reply stands.
import { afterEach, describe, expect, it } from 'vitest'
import type { Behaviour, Said } from '../fakes/farm.ts'
import { type Flow, openFlow } from '../fakes/flow.ts'
import { letter } from '../fakes/list.ts'

let open: Flow[] = []
afterEach(async () => {
  for (const flow of open) await flow.close()
  open = []
})

const finished = (exitCode: number, output = ''): Said => ({ ending: { kind: 'finished', exitCode }, output })

const applied = '/applied'
const error = 'src/a.c:3:1: error: expected expression\nmake: *** [a.o] Error 1\n'

/** A project in which patches break what they say. `breaks`: the test, from then on · `broken`: the build, after these. */
const project = (of: { breaks?: number; broken?: number[] }): Behaviour => {
  const patchesIn = (files: Map<string, Buffer>): number => {
    const tree = Buffer.concat([...files.values()]).toString('latin1')
    return Number(/has (\d+) of them/.exec(tree)?.[1] ?? 0)
  }
  return ({ name, script }, { files }) => {
    if (name === 'apply') {
      const left = Number(/^left=(\d+)$/m.exec(script)?.[1])
      const labels = /^all (.*)$/m.exec(script)?.[1]?.split(' ') ?? []
      files.set(applied, Buffer.from(`has ${labels[labels.length - 1 - left]} of them`))
      return finished(0)
    }
    const patches = patchesIn(files)
    if (name === 'build') return of.broken?.includes(patches) ? finished(2, error) : finished(0)
    const fails = of.breaks !== undefined && patches >= of.breaks
    return finished(fails ? 1 : 0, `TAP version 13\n1..1\n${fails ? 'not ' : ''}ok 1 - counts\n`)
  }
}

const mails = (version: string) =>
  [1, 2, 3, 4].map(n => {
    const more = n > 1 ? { re: `p1${version.trim()}` } : {}
    const subject = `[PATCH${version} ${n}/4] part ${n}`
    return letter({ subject, id: `p${n}${version.trim()}`, file: `src/part${n}.c`, ...more })
  })

const play = async (behave: Behaviour) => {
  const flow = await openFlow(behave)
  open.push(flow)
  await flow.bring(mails(''))
  await flow.settle()
  const { store } = flow.wired
  const [series] = await store.seriesIn({})
  const verdict = series && (await store.verdict(series.id))
  const tasks = verdict?.job === undefined ? [] : await store.tasksOf(verdict.job)
  return { flow, verdict, tasks }
}

describe('a series of four patches', () => {
  it.each([1, 3])('whose patch %i breaks a test is answered there', async breaks => {
    const { flow, verdict, tasks } = await play(project({ breaks }))
    expect(verdict).toMatchObject({
      finding: { kind: 'new-failures' },
      culprit: { position: breaks, title: `part ${breaks}` },
    })
    expect(verdict?.culprit).not.toHaveProperty('only')
    expect(verdict).not.toHaveProperty('unbuildable')
    expect(flow.sent.map(mail => mail.inReplyTo)).toEqual([`<p${breaks}@example.org>`])
    expect(tasks.every(({ state }) => state.at === 'done')).toBe(true)
    expect(flow.leased()).toBe(0)
  })

  it('that does not build since one of them is answered there', async () => {
    const { flow, verdict } = await play(project({ broken: [2, 3, 4] }))
    expect(verdict?.finding).toMatchObject({ kind: 'build-broken', position: 2, title: 'part 2' })
    expect(flow.sent.map(mail => mail.inReplyTo)).toEqual(['<p2@example.org>'])
  })

  it('whose middle does not build is told so, once', async () => {
    const { flow, verdict } = await play(project({ broken: [3] }))
    expect(verdict).toMatchObject({
      finding: { kind: 'all-well' },
      unbuildable: [{ position: 3, title: 'part 3', step: 'build' }],
    })
    expect(flow.sent.length).toBe(1)
    await flow.bring(mails(' v2'))
    await flow.settle()
    const { store } = flow.wired
    const second = (await store.seriesIn({})).find(({ version }) => version === 2)
    const again = second && (await store.verdict(second.id))
    expect(again).toMatchObject({ unbuildable: [{ position: 3 }], told: { author: false } })
    expect(flow.sent.length).toBe(1)
  })
})

it('one patch that does not build is answered before the base is tested', async () => {
  let toldBefore: number | undefined
  const behave = project({ broken: [1] })
  const flow = await openFlow((command, guest) => {
    if (command.name === 'all') toldBefore ??= flow.sent.length
    return behave(command, guest)
  })
  open.push(flow)
  await flow.bring([letter({ subject: '[PATCH] part 1', id: 'p1', file: 'src/part1.c' })])
  await flow.settle()
  expect(toldBefore).toBe(1)
})
