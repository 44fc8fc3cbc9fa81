// What GitHub shows for each thing that can be found, as people read it there (golden; vitest -u), and that hostile words stay words.
import { describe, expect, test } from 'vitest'
import type { Series } from '../../src/model/series.ts'
import type { ImageVerdict, Verdict } from '../../src/model/verdict.ts'
import { maxAnnotations } from '../../src/stages/forge-show/annotations.ts'
import { permitComment } from '../../src/stages/forge-show/permit.ts'
import type { ShowView } from '../../src/stages/forge-show/view.ts'
import { wantedOn } from '../../src/stages/forge-show/wanted.ts'
import { shortFinding } from '../../src/stages/reply/finding.ts'
import { block, code, fitted } from '../../src/text/markdown.ts'
import { compilerPlaces, fileMeant, placesNamed } from '../../src/text/places.ts'

const hostile = '`@everybody` ``` <img src=x> #1 ![a](https://e.example) | \u001b[31mred\u001b[0m \u202egnp'

const part = (position: number, title: string) => ({
  ...{ position, mail: `m${position}`, messageId: undefined, title },
})

const series: Series = {
  ...{ id: 's0123456789abcdef', project: 'tally', title: hostile, version: 2, total: 2, cover: undefined },
  author: { name: 'Ann', address: 'ann@example.org' },
  parts: [part(1, 'count: better'), part(2, hostile)],
  ...{ firstAt: 0, lastAt: 0, baseCommit: undefined, state: { at: 'planned', job: 'j1' } },
  origin: {
    from: 'forge',
    pull: { repository: 'tally/tally', number: 7, head: 'c'.repeat(40), url: '', login: 'Ann' },
  },
}

const image = (more: Partial<ImageVerdict>): ImageVerdict => ({
  ...{
    image: 'debian',
    kind: 'passed',
    passed: 120,
    known: 0,
    newFailures: [],
    mended: [],
    broken: [],
    why: '',
  },
  ...{ log: undefined, run: 'run-1', command: 'make check' },
  ...more,
})

const verdictOf = (finding: Verdict['finding'], more: Partial<Verdict> = {}): Verdict => ({
  ...{ series: series.id, job: 'j1', base: { commit: 'a'.repeat(40), name: 'main' }, decidedAt: 5 },
  ...{ buildLog: undefined, images: [], finding },
  ...more,
})

const viewOf = (verdict: Verdict | undefined, more: Partial<ShowView> = {}): ShowView => ({
  ...{
    series,
    job: undefined,
    tasks: [],
    verdict,
    images: ['debian'],
    files: ['src/count.c'],
    buildLog: [],
    stops: [],
  },
  lines: new Map([['src/count.c', new Set(Array.from({ length: 400 }, (_, n) => n))]]),
  ...{ answers: [], pages: undefined, short: verdict ? shortFinding(verdict, series) : '' },
  ...more,
})

const proof = { with: { failed: 6, runs: 6 }, without: { failed: 0, runs: 6 } }
const crashed = { kind: 'crashed' as const, how: 'panic' as const }

const found: Record<string, Verdict> = {
  'nothing to say': verdictOf({ kind: 'all-well' }, { images: [image({})] }),
  'unclear, and does not build in the middle': verdictOf(
    { kind: 'all-well' },
    {
      images: [image({ unclear: [{ step: 'all', test: 'wraps', message: '', proof }], known: 2 })],
      unbuildable: [{ position: 1, title: 'count: better', step: 'build', errors: ['x'] }],
      warnings: ['src/count.c: unused variable ‘n’'],
    },
  ),
  'new failures, worse, a step that broke off, and what is not held against it': verdictOf(
    { kind: 'new-failures' },
    {
      images: [
        image({
          ...{ kind: 'new-failures', passed: 117 },
          newFailures: [
            {
              step: 'all',
              test: 'counts',
              message: `src/count.c:12: ${hostile}`,
              ending: { kind: 'finished', exitCode: 1 },
              proof,
            },
            {
              ...{ step: 'all', test: hostile, message: '', ending: { kind: 'finished', exitCode: 1 } },
              ...{ kind: 'worse', proof: { with: { failed: 5, runs: 9 }, without: { failed: 1, runs: 9 } } },
            },
          ],
          broken: [{ step: 'kernel', ending: crashed, why: '', tail: ['Kernel panic', hostile], proof }],
          flaky: [
            {
              step: 'all',
              test: 'now and then',
              message: '',
              proof: { with: { failed: 2, runs: 9 }, without: { failed: 2, runs: 9 } },
            },
          ],
          vanished: [
            { step: 'all', test: 'gone' },
            { step: 'all', test: 'left', skipped: true },
          ],
          leftOut: ['12 tests of step "slow": your files do not concern them'],
        }),
      ],
      culprit: { position: 1, title: 'count: better' },
    },
  ),
  'not tested on an image': verdictOf(
    { kind: 'all-well' },
    { images: [image({ kind: 'untested', why: 'no host has it' })] },
  ),
  'does not apply': verdictOf({
    ...{ kind: 'does-not-apply', position: 2, title: hostile },
    conflicts: [{ file: 'src/count.c', line: 12, why: 'patch does not apply' }],
  }),
  'what it needs does not apply': verdictOf({
    ...{
      kind: 'does-not-apply',
      position: 1,
      title: 'x',
      conflicts: [],
      before: { series: 's2', title: 'prepare' },
    },
  }),
  unsafe: verdictOf({ kind: 'unsafe', position: 1, title: 'count: better', why: 'it changes .git/config' }),
  'in the base already': verdictOf({ kind: 'already-applied', positions: [1, 2] }),
  'does not build': verdictOf({
    ...{ kind: 'build-broken', step: 'build', ending: { kind: 'finished', exitCode: 2 }, command: 'make' },
    ...{
      errors: [`../src/count.c:7:3: error: ${hostile}\n    7 | x\n      | ^`],
      position: 2,
      title: hostile,
    },
  }),
  'nothing concerned': verdictOf({ kind: 'nothing-to-test', built: true }),
  'base unknown': verdictOf({ kind: 'base-unknown', wanted: hostile }),
  'base broken': verdictOf({ kind: 'base-broken', step: 'build', errors: ['y.c:1: error: no'], waits: true }),
  ours: verdictOf({ kind: 'ours', what: 'a test machine ran out of room' }),
  cancelled: verdictOf({ kind: 'cancelled', why: 'asked for on GitHub', by: 'mona on GitHub' }),
}

const asText = (verdict: Verdict): string => {
  const { checks, comment } = wantedOn(viewOf(verdict))
  return [
    ...checks.flatMap(({ name, conclusion, title, summary, text, annotations }) => [
      `--- ${name}: ${conclusion}: ${title}`,
      summary,
      ...(text === undefined ? [] : ['--- more', text]),
      ...annotations.map(one => `@ ${one.path}:${one.startLine} ${one.level}: ${one.title}: ${one.message}`),
    ]),
    ...(comment?.needed ? ['--- comment', comment.text.split('\n\n<sub>')[0] ?? ''] : []),
  ].join('\n')
}

test('all that can be found', async () => {
  const text = Object.entries(found).map(([name, verdict]) => `######## ${name}\n${asText(verdict)}\n`)
  await expect(text.join('\n')).toMatchFileSnapshot('golden-forge/found.md')
})

describe('as statuses of a series of the list', () => {
  const list: Series = { ...series, origin: { from: 'mail' } }
  const states = (verdict: Verdict) =>
    wantedOn(viewOf(verdict, { series: list })).statuses.map(
      ({ state, description }) => `${state}: ${description}`,
    )

  test('what was not tested is no success', () => {
    expect(wantedOn(viewOf(undefined, { series: list })).branch).toBe('series/s0123456789abcdef-v2')
    expect(states(found['does not build'] as Verdict)).toEqual([
      'failure: It does not build',
      'error: Not tested: it does not build',
    ])
    expect(states(found['not tested on an image'] as Verdict)[1]).toBe('error: Not tested: no host has it')
  })

  test('no description is longer than GitHub takes', () => {
    const why = 'x'.repeat(500)
    for (const line of states(
      verdictOf({ kind: 'all-well' }, { images: [image({ kind: 'untested', why })] }),
    ))
      expect(line.split(': ').slice(1).join(': ').length).toBeLessThanOrEqual(140)
  })
})

test('thousands of failures and errors stay within what GitHub takes', () => {
  const newFailures = Array.from({ length: 1000 }, (_, n) => ({
    ...{
      step: 'all',
      test: `${n} ${'t'.repeat(400)}`,
      message: `src/count.c:${n + 1}: ${'m'.repeat(5000)}`,
    },
    ending: { kind: 'finished' as const, exitCode: 1 },
  }))
  const images = Array.from({ length: 12 }, (_, n) =>
    image({ image: `image-${n}`, kind: 'new-failures', newFailures }),
  )
  const names = images.map(one => one.image)
  const { checks, comment } = wantedOn(
    viewOf(verdictOf({ kind: 'new-failures' }, { images }), { images: names }),
  )
  for (const { summary, title, annotations } of checks) {
    expect(summary.length).toBeLessThan(65_535)
    expect(title.length).toBeLessThan(256)
    expect(annotations.length).toBeLessThanOrEqual(maxAnnotations)
  }
  expect(comment?.text.length).toBeLessThan(65_535)
  const buildLog = Array.from({ length: 900 }, (_, n) => `src/count.c:${n + 1}:1: error: no ${n}`)
  const broken = wantedOn(viewOf(found['does not build'], { buildLog }))
  expect(broken.checks[0]?.annotations.length).toBe(maxAnnotations)
})

test('words of others stay words', () => {
  expect(code(hostile)).toBe(
    '```` `@everybody` ``` <img src=x> #1 ![a](https://e.example) | red gnp ````'.replace('```` `', '```` `'),
  )
  expect(code('')).toBe('')
  expect(block(['```', 'x'])).toBe('````text\n```\nx\n````')
  expect(fitted(`${block(['x'.repeat(90)])}\n${'y\n'.repeat(100)}`, 120)).toMatch(/```\n\n\[…\]$/)
})

test('compilers and tests name files as they see them', () => {
  const lines = [
    'src\\x.c(3,5): error C2065: no',
    'error[E0425]: cannot find value',
    '  --> src/main.rs:3:5',
    './main.go:7:2: undefined: x',
    'a.c:1:2: warning: unused',
    'no place here',
  ]
  expect(compilerPlaces(lines).map(({ path, line, level }) => `${path}:${line} ${level}`)).toEqual([
    'src\\x.c:3 failure',
    'src/main.rs:3 failure',
    './main.go:7 failure',
    'a.c:1 warning',
  ])
  expect(
    placesNamed('t/a.py", line 12 and b.c:7: x (c.c(3))').map(({ path, line }) => `${path}:${line}`),
  ).toEqual(['t/a.py:12', 'b.c:7', 'c.c:3'])
  expect(fileMeant('../src\\count.c', ['src/count.c', 'x/count.h'])).toBe('src/count.c')
  expect(fileMeant('/grapevine/source/src/count.c', ['src/count.c'])).toBe('src/count.c')
  expect(fileMeant('count.c', ['a/count.c', 'b/count.c'])).toBeUndefined()
})

test('who may what in a comment', () => {
  const rules = { retest: ['author'], status: ['anyone'], test: ['someone@example.org'] }
  const may = (
    verb: 'retest' | 'release' | 'status' | 'test' | 'cancel',
    isAuthor: boolean,
    permission: 'read' | 'write',
  ) => permitComment({ request: { do: verb, images: [] } as never, permission, isAuthor, rules }).may
  expect(may('retest', true, 'read')).toBe(true)
  expect(may('retest', false, 'read')).toBe(false)
  expect(may('status', false, 'read')).toBe(true)
  expect(may('test', true, 'read')).toBe(false)
  expect(may('release', true, 'read')).toBe(false)
  expect(may('release', false, 'write')).toBe(true)
  expect(may('cancel', false, 'write')).toBe(true)
})
