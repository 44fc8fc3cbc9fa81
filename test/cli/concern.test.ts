// `grapevine concern`: what would be tested, as operators ask for it.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { fileBlobs } from '../../src/adapters/blobs/files.ts'
import { openStore } from '../../src/adapters/sql/store.ts'
import { loadConfig } from '../../src/config/load.ts'
import type { Job } from '../../src/model/job.ts'
import { tasksOf } from '../../src/stages/plan/plan.ts'

const bin = new URL('../../bin/grapevine', import.meta.url).pathname

const yaml = `administrator: { address: ada@example.org }
bot: { address: grapevine@example.org }
mail: { maildir: ./outbox }
farm: { images: { busybox: { kind: busybox } } }
projects:
  tally:
    list: { address: tally-devel@example.org }
    repository: ./tally.git
    build: { image: busybox }
    test:
      images: [busybox]
      steps:
        - { name: strings, run: ./strings, report: tap, only: './strings {tests}' }
        - { name: numbers, run: ./numbers, report: tap }
      concerns: [{ paths: ['src/roman.*'], steps: [numbers] }]
      dependencies: { files: ['**/*.d'], target: '^tests/(?<test>.*)$' }
    ignore: ['docs/**']
`

let folder = ''
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'grapevine-concern-'))
  mkdirSync(join(folder, 'tally.git'))
  const file = join(folder, 'grapevine.yaml')
  writeFileSync(file, yaml)
  const { data, projects } = await loadConfig({ file, env: {} })
  const [tally] = projects
  if (!tally) throw new Error('there is no project')
  const blobs = fileBlobs({ folder: join(data, 'blobs') })
  const map = { trim: ['src/trim.c'], wrap: ['src/wrap.c'], pad: [], join: [], roman: ['src/roman.c'] }
  const dependencies = await blobs.put(gzipSync(JSON.stringify(map)))
  const job: Job = {
    ...{
      id: 'b1',
      project: 'tally',
      series: undefined,
      baseline: undefined,
      base: 'a'.repeat(40),
      baseName: 'main',
    },
    ...{ recipe: tally.recipe, parts: [], priority: 4, createdAt: 0 },
  }
  const step = (name: string, tests: string[]) => ({
    ...{
      name,
      ending: { kind: 'finished' as const, exitCode: 0 },
      tail: [],
      lines: [1, 1] as [number, number],
    },
    format: 'tap' as const,
    report: {
      ...{ state: 'whole' as const, why: '' },
      tests: tests.map(test => ({ test, outcome: 'passed' as const, message: '', line: 1 })),
    },
  })
  const outcomes = {
    build: { kind: 'built' as const, artifact: undefined, steps: [], dependencies },
    test: {
      kind: 'tested' as const,
      steps: [step('strings', ['trim', 'wrap', 'pad', 'join']), step('numbers', ['roman'])],
    },
  }
  const store = await openStore({ folder: data })
  await store.addJob(
    job,
    tasksOf(job).map(task => ({ ...task, state: { at: 'done', attempts: 1, outcome: outcomes[task.kind] } })),
  )
  await store.close()
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const grapevine = (...args: string[]) => {
  const { PATH, HOME } = process.env
  const { stdout, stderr } = spawnSync(bin, args, { cwd: folder, env: { PATH, HOME }, encoding: 'utf8' })
  return `${stdout}${stderr}`
}

test('it shows what each file concerns, and what would be run', () => {
  expect(grapevine('concern', 'tally', 'src/trim.c', 'src/roman.h')).toBe(`file         concerns
-----------  -------------------------------------------------------------------
src/trim.c   tests that need it: trim; tests whose needs the build does not tell
src/roman.h  steps: numbers

What tests need: as in aaaaaaaaaaaa.

image    step     what is run
-------  -------  -----------------------------------
busybox  strings  trim; 3 left out
busybox  numbers  whole: the changed files concern it
`)
})

test('for a new file that no rule names it is everything', () => {
  const said: unknown = JSON.parse(grapevine('concern', 'tally', '--new', '--json', 'src/trim.c'))
  expect(said).toMatchObject({
    ...{ branch: 'main', base: 'a'.repeat(40), ignored: false },
    concern: { kind: 'all', why: 'src/trim.c is new, and no rule names it' },
    images: [{ image: 'busybox', steps: [{ run: 'all' }, { run: 'all' }] }],
  })
})
