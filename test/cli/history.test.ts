// What operators see of bases and of history.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openStore } from '../../src/adapters/sql/store.ts'
import { base } from '../../src/cli/base.ts'
import type { CliDeps } from '../../src/cli/deps.ts'
import { history, sayShare } from '../../src/cli/history.ts'
import { aboutBase } from '../../src/model/base-health.ts'
import type { Sample } from '../../src/model/history.ts'
import { newIncident } from '../../src/model/incident.ts'
import type { Outcome } from '../../src/model/job.ts'
import type { Store } from '../../src/ports/store.ts'
import { ownBaseline } from '../../src/stages/plan/own-baseline.ts'
import { builtOutcome } from '../contract/samples.ts'
import { project } from '../fakes/flow.ts'

const own = { ...project, branches: [{ branch: 'stable', tags: ['stable'], paths: [] }] }
const start = Date.UTC(2026, 8, 14, 2)

let data: string
beforeAll(async () => {
  data = mkdtempSync(join(tmpdir(), 'grapevine-history-'))
  const store = await openStore({ folder: data })
  for (let n = 1; n <= 10; n++) await addBase(store, n)
  await store.close()
})
afterAll(() => rmSync(data, { recursive: true, force: true }))

const commit = (n: number): string => `${n}`.padStart(12, '0').padEnd(40, 'e')

/** The last two bases fail in `net > \u001b[31mdns`; every third in `timer`; all in `old`. */
const failedOn = (n: number): string[] => [
  'old',
  ...(n % 3 === 0 ? ['timer'] : []),
  ...(n > 8 ? ['net > \u001b[31mdns'] : []),
]

const addBase = async (store: Store, n: number, branch = 'main') => {
  const of = { base: commit(n), branch, priority: 7, now: start + n }
  const { job, tasks } = ownBaseline(own, n === 10 ? { ...of, night: '2026-09-14' } : of)
  const tests = ['old', 'timer', 'net > \u001b[31mdns'].map((name, line) => ({
    ...{ test: name, outcome: failedOn(n).includes(name) ? ('failed' as const) : ('passed' as const) },
    ...{ message: '', line },
  }))
  const ending = { kind: 'finished' as const, exitCode: 1 }
  const tested: Outcome = {
    kind: 'tested',
    steps: [
      {
        ...{ name: 'all', ending, tail: [], lines: [1, 2], format: 'tap' },
        report: { state: 'whole', why: '', tests },
      },
    ],
  }
  await store.addJob(
    job,
    tasks.map(task => ({
      ...task,
      state: { at: 'done', attempts: 1, outcome: task.kind === 'build' ? builtOutcome : tested },
    })),
  )
  const samples = tasks
    .filter(({ kind }) => kind === 'test')
    .map(
      ({ image }): Sample => ({
        ...{ id: `${n} ${image}`, project: 'tally', image, step: 'all', job: job.id, run: `${n} ${image}` },
        ...{
          base: commit(n),
          baseName: branch,
          series: undefined,
          author: undefined,
          host: 'alpha',
          at: start + n,
        },
        ...{ state: 'whole', only: undefined, count: 3 },
        failed: failedOn(n).map(name => ({ test: name, message: `${name} broke` })),
      }),
    )
  await store.addSamples(samples)
}

const say = async (make: (deps: CliDeps) => ReturnType<typeof history>, ...words: string[]) => {
  let said = ''
  const stdout = new Writable({
    write(chunk, _, done) {
      said += String(chunk)
      done()
    },
  })
  const config = async () => ({ data, projects: [own], databaseUrl: undefined })
  await make({ config, stdout, env: {} } as unknown as CliDeps).parseAsync(words, { from: 'user' })
  return said
}

test('history tells rates as numbers, the most frequent first', async () => {
  const said = (await say(history, 'tally')).split('\n')
  expect(said[0]).toMatch(/^failed\/runs {2}share {2}image {3,}step {2}last +test$/)
  expect(said[2]).toMatch(/^10\/10 +100 % +\w+ +all +0{10}10 2026-09-14 02:00 UTC +old$/)
  expect(said.slice(4, 8).map(line => line.replace(/ {2,}/g, '|').split('|').slice(0, 2))).toEqual([
    ...[
      ['3/10', '30 %'],
      ['3/10', '30 %'],
      ['2/10', '20 %'],
      ['2/10', '20 %'],
    ],
  ])
  expect(said.at(-2)).toBe('20 runs on 10 unpatched bases')
  expect(said.join('\n')).not.toContain('\u001b')
})

test('history is narrowed to tests, images, flaky ones and newest bases', async () => {
  const rows = async (...words: string[]) =>
    (await say(history, 'tally', '--json', ...words))
      .split('\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line))
      .map(({ failed, runs, image, test: name }) => `${failed}/${runs} ${image} ${name}`)
  expect(await rows('--flaky', '--image', 'debian', '--test', 't*')).toEqual(['3/10 debian timer'])
  expect(await rows('--image', 'busybox', '--bases', '2', '--test', 'timer')).toEqual(['1/2 busybox timer'])
  expect(await rows('--flaky', '--test', 'old')).toEqual([])
  expect(await say(history, 'tally', '--test', 'none')).toBe(
    'nothing like that failed in 20 runs on 10 unpatched bases\n',
  )
  expect(await say(history, 'tally', '--image', 'windows')).toBe('nothing was tested without patches yet\n')
  await expect(say(history, 'wine')).rejects.toThrow('there is no project "wine"')
  await expect(say(history, 'tally', '--bases', 'x')).rejects.toThrow('--bases: "x" is no number of bases')
})

test('shares are short, and never hide that something failed', () => {
  const all = [
    { failed: 0, runs: 9 },
    { failed: 1, runs: 300 },
    { failed: 2, runs: 3 },
    { failed: 0, runs: 0 },
  ]
  expect(all.map(sayShare)).toEqual(['0 %', '0.3 %', '67 %', '0 %'])
})

test('base list shows the newest first, with build and tests', async () => {
  const said = (await say(base, 'list', 'tally')).split('\n')
  expect(said[2]).toMatch(
    /^2026-09-14 02:00 UTC {2}main +0{10}10 {2}night {2}built {2}4 failed on 2 images {2}b[0-9a-f]{15}$/,
  )
  expect(said).toHaveLength(13)
  expect(await say(base, 'list', 'tally', 'stable')).toBe('no base was tested yet\n')
  await expect(say(base, 'list', 'tally', 'gone')).rejects.toThrow('tally has no branch "gone" here')
})

test('base show says whether the branch is broken, since when, and what fails', async () => {
  const said = await say(base, 'show', 'tally')
  expect(said).toBe(`tally, main at 000000000010
  2026-09-14 02:00 UTC: 4 failed on 2 images
It builds; these fail newly:
  net > dns on busybox: 2 failures in a row since 000000000009, between 000000000008..000000000009; 0/8 before
  net > dns on debian: 2 failures in a row since 000000000009, between 000000000008..000000000009; 0/8 before
Failed on this commit, of so many runs:
  1/1 (100 %)  busybox  all  net > dns
  1/1 (100 %)  debian  all  net > dns
  1/1 (100 %)  busybox  all  old
  1/1 (100 %)  debian  all  old
`)
  const { since, after } = JSON.parse(await say(base, 'show', 'tally', 'main', '--json')).since
  expect([since, after]).toEqual([commit(9), commit(8)])
  expect(await say(base, 'show', 'tally', 'stable')).toBe('no base line of stable is over yet\n')
})

test('a branch has its own history; base show says nothing against an incident, which knows more', async () => {
  const store = await openStore({ folder: data })
  await addBase(store, 30, 'stable')
  const said = () => say(base, 'show', 'tally', 'stable')
  expect(await said()).toContain('It builds, and nothing fails newly in it.\n')
  await store.openIncident(
    newIncident({
      ...{ id: 'i1', since: start, trouble: 'base-broken', host: undefined },
      ...{ about: aboutBase('tally', 'stable'), detail: 'tally: 1 test fails on stable' },
    }),
  )
  await store.close()
  expect(await say(history, 'tally', '--branch', 'stable')).toContain('\n2 runs on 1 unpatched base\n')
  await expect(say(history, 'tally', '--branch', 'x')).rejects.toThrow('tally has no branch "x" here')
  expect(await said()).toContain('It builds.\nincident i1: tally: 1 test fails on stable\n')
})
