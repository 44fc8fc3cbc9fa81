// Report files of a test step: a real shell, find and tar in a folder that stands for the guest.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Fault } from '../../src/model/fault.ts'
import type { Job } from '../../src/model/job.ts'
import type { TestStep } from '../../src/model/recipe.ts'
import type { Ending } from '../../src/model/run.ts'
import type { Clone } from '../../src/ports/farm.ts'
import { journal } from '../../src/stages/run/journal.ts'
import { clearReports, fetchReports } from '../../src/stages/run/report-files.ts'
import { test as runTests } from '../../src/stages/run/test.ts'
import { memoryBlobs } from '../fakes/blobs.ts'
import { recipe } from '../fakes/flow.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'reports-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const put = (path: string, text: string) => {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), text)
}
const signal = new AbortController().signal

/** `ends`: how commands of these names end, whatever they do. */
const guest = (ends: Record<string, Ending> = {}): Clone => ({
  run: 'run-1',
  exec: async ({ name, script }, { onOutput } = {}) => {
    const child = spawn('sh', ['-c', script], { cwd: folder })
    child.stdout.on('data', chunk => onOutput?.(chunk))
    child.stderr.on('data', chunk => onOutput?.(chunk))
    const exitCode = await new Promise<number>(resolve => child.on('close', code => resolve(code ?? 1)))
    return ends[name] ?? { kind: 'finished', exitCode }
  },
  write: async () => {},
  read: async (_, { tar = [], limit = 1e9 } = {}) => {
    const { stdout, status } = spawnSync('tar', ['-c', '--', ...tar], { cwd: folder, maxBuffer: 1e9 })
    if (status !== 0) throw new Fault('refused', 'never', 'tar: no such file')
    if (stdout.length > limit) throw new Fault('refused', 'never', `it has more than ${limit} bytes`)
    return Readable.from([stdout])
  },
  evidence: async () => ({}),
  release: async () => {},
})

const odd = "it's $(odd) name.xml"

test('globs find what lies below their folders, whatever it is called', async () => {
  put('out/a.xml', 'a')
  put(`out/deep/er/${odd}`, 'b')
  put('out/c.txt', 'c')
  put('d.xml', 'd')
  put('logs/x.log', 'x')
  const found = async (...files: string[]) =>
    (await fetchReports(guest(), { files }, signal))?.files.map(({ path, text }) => `${path}=${text}`)
  expect(await found('out/**/*.xml')).toEqual(['out/a.xml=a', `out/deep/er/${odd}=b`])
  expect(await found('*.xml')).toEqual(['d.xml=d'])
  expect(await found('**/*.xml', 'out/*.xml')).toEqual(['d.xml=d', 'out/a.xml=a', `out/deep/er/${odd}=b`])
  expect(await found('out/*.{xml,txt}')).toEqual(['out/a.xml=a', 'out/c.txt=c'])
  expect(await found('d.xml', 'nowhere/*.xml')).toEqual(['d.xml=d'])
  expect(await fetchReports(guest(), {}, signal)).toBeUndefined()
})

test('what the globs match is removed before the step, and nothing else', async () => {
  put(`out/${odd}`, 'old')
  put('out/keep.txt', 'x')
  await clearReports(guest(), { files: ['out/*.xml'] }, signal)
  expect(existsSync(join(folder, `out/${odd}`))).toBe(false)
  expect(existsSync(join(folder, 'out/keep.txt'))).toBe(true)
})

test('too many files, or too many bytes, are told as trouble', async () => {
  put('big.xml', 'x'.repeat(33 * 1024 * 1024))
  expect(await fetchReports(guest(), { files: ['*.xml'] }, signal)).toMatchObject({
    trouble: expect.stringMatching(/cannot be read: it has more than/),
  })
  for (let i = 0; i < 2001; i++) put(`many/${i}.xml`, '')
  expect(await fetchReports(guest(), { files: ['many/*'] }, signal)).toEqual({
    files: [],
    trouble: 'it left 2001 report files; 2000 are read',
  })
})

const step = (run: string): TestStep => ({
  ...{ name: 'unit', run, timeoutMs: 10_000 },
  ...{ report: 'junit', files: ['out/*.xml'] },
})
const suite = '<testsuite name="s" tests="1"><testcase name="adds"/></testsuite>'
const runStep = async (run: string, ends: Record<string, Ending> = {}) => {
  const job = { recipe: { ...recipe, test: { images: ['debian'], steps: [step(run)] } } } as Job
  const input = { job, artifact: undefined, lease: async () => guest(ends), blobs: memoryBlobs() }
  return runTests({ ...input, journal: journal(), signal })
}

test('a step is judged by the files that it leaves', async () => {
  expect(await runStep(`mkdir -p out; echo '${suite}' > out/a.xml`)).toMatchObject({
    steps: [{ format: 'junit', report: { state: 'whole', tests: [{ test: 'adds', outcome: 'passed' }] } }],
  })
})

test('a file from before the step does not count', async () => {
  put('out/a.xml', suite)
  expect(await runStep('true')).toMatchObject({
    steps: [{ report: { state: 'none', why: 'it left no JUnit report file' } }],
  })
})

test('after a time-out they are read, and the report is cut off; a guest that is gone has none', async () => {
  const run = `mkdir -p out; echo '${suite}' > out/a.xml`
  const slow: Ending = { kind: 'timed-out', afterMs: 1000 }
  expect(await runStep(run, { unit: slow })).toMatchObject({
    steps: [{ report: { state: 'truncated', tests: [{ test: 'adds' }] } }],
  })
  expect(await runStep(run, { unit: { kind: 'crashed', how: 'panic' } })).toMatchObject({
    steps: [{ report: { state: 'truncated', why: expect.stringMatching(/panic/), tests: [] } }],
  })
})

test('files that cannot be listed are never a report that passed', async () => {
  const list: Ending = { kind: 'timed-out', afterMs: 120_000 }
  await expect(runStep('true', { 'list the report files': list })).rejects.toThrow(/did not end/)
  expect(
    await fetchReports(guest({ 'list the report files': list }), { files: ['*'] }, signal),
  ).toMatchObject({
    trouble: expect.stringMatching(/cannot be read/),
  })
  const died = guest({ 'list the report files': { kind: 'vm-died', detail: '' } })
  await expect(fetchReports(died, { files: ['*'] }, signal)).rejects.toThrow(/vm-died/)
})
