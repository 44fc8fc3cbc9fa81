// What the compiler warns of: from the log of a build to the verdict, only where the series changes something.
import { expect, test } from 'vitest'
import type { Job, Outcome, Task } from '../../src/model/job.ts'
import { judge } from '../../src/stages/judge/judge.ts'
import { build } from '../../src/stages/run/build.ts'
import { journal } from '../../src/stages/run/journal.ts'
import { memoryBlobs } from '../fakes/blobs.ts'
import { fakeFarm, type Said } from '../fakes/farm.ts'
import { recipe } from '../fakes/flow.ts'

const log = `lib/x.c:3:1: warning: unused variable 'u'
lib/x.c:40:1: warning: was there before
lib/y.c:2:1: warning: known anyway
`
const diff = `diff --git a/lib/x.c b/lib/x.c
+++ b/lib/x.c
@@ -3 +3 @@
diff --git a/lib/y.c b/lib/y.c
+++ b/lib/y.c
@@ -1,2 +1,2 @@
`
const well = (output = ''): Said => ({ ending: { kind: 'finished', exitCode: 0 }, output })

const built = async (
  parts: number,
  said: Record<string, Said> = {},
  seen: (name: string) => void = () => {},
): Promise<Outcome> => {
  const blobs = memoryBlobs()
  const blob = await blobs.put(Buffer.from('Subject: x\n\n'))
  const part = { position: 1, title: 'one', messageId: undefined, blob }
  const job = {
    ...{ id: 'job-1', project: 'tally', series: 'series-1', base: 'a'.repeat(40), baseName: 'main', recipe },
    ...{ baseline: undefined, parts: Array(parts).fill(part), priority: 6, createdAt: 0 },
  } satisfies Job
  const farm = fakeFarm(({ name }) => {
    seen(name)
    return said[name] ?? well()
  })
  const template = await farm.template(
    { label: '', image: 'debian', content: '', files: [], prepare: [] },
    () => {},
  )
  const clone = await farm.lease({ run: 'run-1', template })
  const signal = new AbortController().signal
  return build({ job, clone, blobs, journal: journal(), signal })
}

test('of a series only the warnings about its lines are kept, of the base all', async () => {
  expect(await built(1, { build: well(log), 'which lines are new': well(diff) })).toMatchObject({
    kind: 'built',
    warnings: ["lib/x.c: unused variable 'u'", 'lib/y.c: known anyway'],
  })
  expect(await built(0, { build: well(log) })).toMatchObject({
    warnings: ["lib/x.c: unused variable 'u'", 'lib/x.c: was there before', 'lib/y.c: known anyway'],
  })
})

test('where git cannot tell which lines are new, and where nothing is warned of, there are none', async () => {
  const broken: Said = { ending: { kind: 'finished', exitCode: 128 } }
  expect(await built(1, { build: well(log), 'which lines are new': broken })).not.toHaveProperty('warnings')
  expect(await built(1)).not.toHaveProperty('warnings')
})

test('the verdict tells of those that the base does not have', async () => {
  const own = await built(1, { build: well(log), 'which lines are new': well(diff) })
  const done = (id: string, outcome: Outcome): Task => ({
    ...{ id, job: 'job-1', project: 'tally', kind: 'build', image: 'debian', priority: 60 },
    state: { at: 'done', attempts: 1, outcome },
  })
  const base: Outcome = { kind: 'built', artifact: undefined, steps: [], warnings: ['lib/y.c: known anyway'] }
  const job = { id: 'job-1', series: 'series-1', recipe } as unknown as Job
  const told = (baseline: Outcome) =>
    judge({
      ...{ job, build: done('build', own), tests: [], now: 0 },
      baseline: { build: done('base', baseline), tests: [] },
    })
  expect(told(base)).toMatchObject({ verdict: { warnings: ["lib/x.c: unused variable 'u'"] } })
  const ours: Outcome = { kind: 'ours', what: 'disk', detail: '' }
  expect(told(ours)).not.toHaveProperty('verdict.warnings')
})

test('a build that fails elsewhere than in what is changed has to succeed without the patches', async () => {
  const changed = { 'which files are changed': well('lib/x.c\0lib/y.h\0') }
  const broken = (output: string): Said => ({ ending: { kind: 'finished', exitCode: 2 }, output })
  const linker = broken("crt1.o: multiple definition of `_start'\n")
  expect(await built(1, { ...changed, build: linker })).toEqual({
    kind: 'ours',
    what: 'step "build" fails without any patch, too, once the files that are changed are built again',
    detail: "crt1.o: multiple definition of `_start'",
    hopeless: true,
  })
  const said = { ...changed, build: linker, 'back to the base': well() }
  const mended = (name: string) => {
    if (name === 'back to the base') said.build = well()
  }
  expect(await built(1, said, mended)).toMatchObject({ kind: 'build-failed' })
  // What fails in a changed file needs no more looking.
  const own = broken('../lib/x.c:3:1: error: expected expression\n')
  expect(await built(1, { ...changed, build: own })).toMatchObject({ kind: 'build-failed' })
  expect(await built(0, { ...changed, build: linker })).toMatchObject({ kind: 'build-failed' })
})
