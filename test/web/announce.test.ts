// What pages are told: which topics a change of the store touches, and a log in the words that are kept of it.
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openStore } from '../../src/adapters/sql/store.ts'
import type { Topic } from '../../src/ports/live.ts'
import type { Store } from '../../src/ports/store.ts'
import { journal } from '../../src/stages/run/journal.ts'
import { announced } from '../../src/wiring/announce.ts'
import { host, run, verdict } from '../contract/samples.ts'
import { addBuilds } from '../fakes/hosts.ts'

let store: Store
let said: Topic[]
let heard: () => Promise<void>
beforeEach(async () => {
  const inner = await openStore({ folder: ':memory:' })
  said = []
  let wake = () => {}
  store = announced(inner, {
    changed: (...topics) => {
      said.push(...topics)
      wake()
    },
  })
  // What is looked up first is told a moment later.
  heard = () =>
    new Promise<void>(resolve => {
      wake = resolve
    })
})
afterEach(() => store.close())

it('a run tells its series, its job and itself', async () => {
  await addBuilds(store, [{ id: 'a' }])
  expect(new Set(said)).toEqual(new Set(['series:s-a', 'job:a', 'queue']))
  said = []
  const moved = heard()
  const to = { at: 'running', attempt: 1, run: 'r', host: 'alpha', since: 1, until: 2 } as const
  expect(await store.moveTask('a-build', { at: 'queued', attempt: 1 }, to)).toBe(true)
  await moved
  expect(new Set(said)).toEqual(new Set(['job:a', 'series:s-a', 'queue', 'run:r', 'farm']))
  said = []
  expect(await store.moveTask('a-build', { at: 'queued', attempt: 1 }, to)).toBe(false)
  const saved = heard()
  await store.saveRun(run('r', 'a-build'))
  await saved
  expect(new Set(said)).toEqual(new Set(['job:a', 'series:s-a', 'run:r']))
})

it('a verdict is told once, and a sign of life not at all', async () => {
  await addBuilds(store, [{ id: 'a' }])
  said = []
  await store.addVerdict(verdict('s-a'), undefined)
  await store.addVerdict(verdict('s-a'), undefined)
  expect(said).toEqual(['series:s-a', 'verdicts'])
  said = []
  await store.saveHost(host('alpha', { seenAt: 1 }))
  await store.saveHost(host('alpha', { seenAt: 2 }))
  expect(said).toEqual(['farm'])
  await store.saveHost(host('alpha', { seenAt: 3, busy: 2 }))
  expect(said).toEqual(['farm', 'farm'])
})

it('a log is told in the characters in which it is kept', async () => {
  const told: string[] = []
  const log = journal({ write: text => void told.push(text), end: () => {} })
  const chunks = ['über\r', '\nno end of li', 'ne\r\n', 'ü', '\rover'].map(text => Buffer.from(text))
  // A character in two pieces.
  const bytes = Buffer.concat(chunks)
  const clone = {
    exec: async (_: unknown, { onOutput }: { onOutput: (chunk: Buffer) => void }) => {
      for (let at = 0; at < bytes.length; at++) onOutput(bytes.subarray(at, at + 1))
      return { kind: 'finished', exitCode: 0 }
    },
  } as never
  log.note('begin')
  const step = { name: 'make', script: 'make', folder: '/', timeoutMs: 1 }
  await log.exec(clone, step, new AbortController().signal)
  expect(told.join('')).toContain('über\nno end of line\n')
  expect(told.join('')).toBe(log.text())
})
