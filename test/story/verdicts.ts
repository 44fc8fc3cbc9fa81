// Verdicts made by hand, for the replies that they must give: one small library, one contributor.
import type { Job } from '../../src/model/job.ts'
import type { Address } from '../../src/model/mail.ts'
import { decide } from '../../src/model/policy.ts'
import type { Recipe } from '../../src/model/recipe.ts'
import type { Series } from '../../src/model/series.ts'
import type { ImageVerdict, NewFailure, OtherFailure, Proof, Verdict } from '../../src/model/verdict.ts'
import { type ComposeInput, composeReply } from '../../src/stages/reply/compose.ts'

export const commit = '8f3c1a2b9d4e5f60718293a4b5c6d7e8f9012345'

const recipe: Recipe = {
  repository: 'https://example.org/tally.git',
  branch: 'main',
  build: {
    image: 'debian',
    prepare: [{ name: 'build', run: 'make -s all', timeoutMs: 60_000 }],
    steps: [{ name: 'build', run: 'make -s all', timeoutMs: 60_000 }],
    artifacts: ['tests'],
  },
  test: {
    images: ['debian', 'busybox'],
    steps: [
      { name: 'strings', run: './tests/strings-test', timeoutMs: 10_000, report: 'wine' },
      { name: 'numbers', run: './tests/numbers-test', timeoutMs: 10_000, report: 'tap' },
    ],
  },
  ignore: ['docs/**'],
}

export const job: Job = {
  id: 'j0123456789abcde',
  project: 'tally',
  series: 's1',
  baseline: 'b0123456789abcde',
  base: commit,
  baseName: 'main',
  recipe,
  parts: [],
  priority: 6,
  createdAt: 0,
}

const part = (position: number, title: string) => ({
  position,
  mail: `mail${position}`,
  messageId: `<20260914090243.4711-${position + 1}-ines.duarte@example.com>`,
  title,
})

export const single: Series = {
  id: 's1',
  project: 'tally',
  origin: { from: 'mail' },
  title: 'strings: trim tabs, too',
  author: { name: 'Inês Duarte', address: 'ines.duarte@example.com' },
  version: 1,
  total: 1,
  cover: undefined,
  parts: [part(1, 'strings: trim tabs, too')],
  firstAt: 0,
  lastAt: 0,
  baseCommit: undefined,
  state: { at: 'planned', job: 'j1' },
}

export const three: Series = {
  ...single,
  title: 'Write numbers for people',
  version: 2,
  total: 3,
  cover: part(0, 'Write numbers for people'),
  parts: [
    part(1, 'human: add a table of units'),
    part(2, 'human: round half up'),
    part(3, 'human: say "1 kB"'),
  ],
}

export const image = (name: string, more: Partial<ImageVerdict> = {}): ImageVerdict => ({
  image: name,
  kind: 'passed',
  passed: 31,
  known: 0,
  newFailures: [],
  mended: [],
  broken: [],
  why: '',
  log: `${name}-log`,
  run: `${name}-run`,
  command: './tests/strings-test',
  ...more,
})

export const verdict = (more: Partial<Verdict>): Verdict => ({
  series: 's1',
  job: job.id,
  base: { commit, name: 'main' },
  decidedAt: 0,
  buildLog: 'build-log',
  images: [],
  finding: { kind: 'all-well' },
  ...more,
})

/** Who hears by the default policy, where all can be written to. */
const hears = (verdict: Verdict, author: Address): ComposeInput['hears'] => {
  const { told } = decide({
    ...{ verdict, earlier: [], previous: undefined },
    rules: { author: 'always', list: 'new-failures', unchanged: 'silent' },
    ...{ author: { may: true }, list: { may: true } },
    sent: { thread: 0, author: 0, total: 0 },
    caps: { thread: 1, author: 1, total: 1 },
  })
  return { author: told.author ? author : undefined, list: told.list }
}

export const input = (more: Partial<ComposeInput> & { verdict: Verdict }): ComposeInput => ({
  series: single,
  hears: hears(more.verdict, (more.series ?? single).author),
  job,
  project: { name: 'tally', list: { name: 'Tally development', address: 'tally-devel@example.org' } },
  bot: { name: 'Grapevine', address: 'grapevine@example.org' },
  administrator: { name: 'Olga Operator', address: 'olga@example.org' },
  live: true,
  logUrl: blob => `https://grapevine.example.org/logs/${blob}`,
  now: Date.UTC(2026, 8, 14, 9, 30),
  ...more,
})

const ended = { kind: 'finished', exitCode: 1 } as const

const failures: NewFailure[] = [
  {
    step: 'strings',
    test: "tally:trim > trim.c: Test failed: expected 'a', got ' a'",
    message: "trim.c:22: Test failed: expected 'a', got ' a'",
    ending: ended,
  },
  {
    step: 'strings',
    test: 'tally:trim > trim.c: Test failed: N blanks left',
    message: 'trim.c:31: Test failed: 2 blanks left',
    ending: ended,
  },
]
const grouped: NewFailure = {
  step: 'numbers',
  test: 'group -123456',
  message: "wanted: '-123,456'\ngot: '-,123,456'",
  ending: ended,
}

const timedOut = { kind: 'timed-out', afterMs: 10_000 } as const
const segfault = { kind: 'finished', exitCode: 139 } as const

const crash: ImageVerdict['broken'][number] = {
  step: 'numbers',
  ending: segfault,
  why: 'the command was ended by signal 11 (segmentation fault)',
  tail: ['1..27', 'ok 1 - group 0', 'ok 2 - group 999', 'Segmentation fault'],
}
const endless: ImageVerdict['broken'][number] = {
  step: 'strings',
  ending: timedOut,
  why: 'the command did not end within 10 seconds',
  tail: ['tally:wrap start tests/wrap.c -'],
}
const powerOff: ImageVerdict['broken'][number] = {
  step: 'numbers',
  ending: { kind: 'powered-off' },
  why: 'the command switched the virtual machine off',
  tail: ['1..27', 'ok 1 - group 0'],
}

const lacking: NonNullable<Job['lacking']> = [
  { id: '<20260901120000.99-1-tomás@example.net>', why: 'unknown' },
  { id: '20260901-units-4711', title: 'Units that nobody asked for', why: 'incomplete' },
]
const before: NonNullable<Job['before']> = [
  {
    series: 's0',
    title: 'A table of units for all',
    parts: [1, 2].map(position => ({
      position,
      title: `units: step ${position}`,
      messageId: `<20260912110000.12-${position}-tomas@example.net>`,
      blob: `b${position}`,
    })),
  },
]
const filled: Series = {
  ...three,
  parts: three.parts.map(part => (part.position === 2 ? part : { ...part, filledFrom: 1 })),
}

const withoutJob = (finding: Verdict['finding']): Verdict =>
  verdict({ job: undefined, base: undefined, buildLog: undefined, finding })

/** What was said before of the same series. */
const earlierReply = (series: Series) =>
  composeReply(input({ series, verdict: withoutJob({ kind: 'incomplete', missing: [2] }) })).mail

const proof = (withIt: [number, number], without: [number, number], before?: [number, number]): Proof => ({
  with: { failed: withIt[0], runs: withIt[1] },
  without: { failed: without[0], runs: without[1] },
  ...(before ? { history: { failed: before[0], runs: before[1] } } : {}),
})

const proven: NewFailure = {
  ...grouped,
  kind: 'new',
  proof: proof([6, 6], [0, 6], [0, 40]),
  lines: [118, 121],
}
const worse: NewFailure = {
  step: 'strings',
  test: 'tally:wrap',
  message: 'wrap.c:51: Test failed: a line of 73 columns',
  ending: ended,
  kind: 'worse',
  proof: proof([9, 10], [2, 10], [3, 40]),
}
const flaky: OtherFailure = {
  step: 'strings',
  test: 'tally:count',
  message: 'count.c:9: Test failed',
  proof: proof([3, 12], [4, 12], [9, 40]),
}
const unclear: OtherFailure = {
  step: 'numbers',
  test: 'roman 3999',
  message: "wanted: 'MMMCMXCIX'",
  proof: proof([3, 12], [1, 12]),
}
const reported = {
  step: 'numbers',
  test: 'roman 4000',
  message: "wanted: ''",
  bug: 'https://bugs.example.org/show_bug.cgi?id=4711',
}
const warnings = [
  "src/human.c:12:7: warning: unused variable 'unit' [-Wunused-variable]",
  "src/human.c:19:9: warning: comparison of integer expressions of different signedness: 'int' and 'size_t' [-Wsign-compare]",
  'src/human.c:31:1: warning: control reaches end of non-void function [-Wreturn-type]',
  'src/units.c:8:3: warning: implicit declaration of function',
]
const picky: Job = {
  ...job,
  recipe: {
    ...recipe,
    test: {
      ...recipe.test,
      steps: recipe.test.steps.map(step =>
        step.name === 'numbers' ? { ...step, only: './tests/numbers-test --only {tests}' } : step,
      ),
    },
  },
}
const second = { position: 2, title: 'human: round half up' }

/** What only runs with and without the patch can tell. */
const proofs: Record<string, ComposeInput> = {
  'proof-new': input({
    job: picky,
    verdict: verdict({
      finding: { kind: 'new-failures' },
      images: [
        image('debian', {
          kind: 'new-failures',
          passed: 30,
          newFailures: [proven],
          console: 'debian-console',
          screenshot: 'debian-screenshot',
        }),
        image('busybox', { kind: 'new-failures', passed: 30, known: 1, newFailures: [{ ...proven }] }),
      ],
    }),
  }),
  'proof-worse': input({
    verdict: verdict({
      finding: { kind: 'new-failures' },
      images: [image('debian', { kind: 'new-failures', passed: 30, newFailures: [worse] }), image('busybox')],
    }),
  }),
  'proof-culprit-and-all': input({
    series: three,
    job: picky,
    verdict: verdict({
      finding: { kind: 'new-failures' },
      culprit: second,
      unbuildable: [
        {
          position: 1,
          title: 'human: add a table of units',
          step: 'build',
          errors: ["src/human.c:7:5: error: 'units' undeclared"],
        },
      ],
      warnings,
      extra: { runs: 34, ms: 400_000 },
      images: [
        image('debian', {
          kind: 'new-failures',
          passed: 27,
          known: 1,
          newFailures: [proven, worse],
          flaky: [flaky],
          unclear: [unclear],
          reported: [reported],
          mended: ['tally:trim'],
          leftOut: ['12 tests of step "docs": your files do not concern them'],
        }),
        image('busybox', {
          passed: 29,
          flaky: [{ ...flaky, proof: proof([1, 12], [2, 12]) }],
          reported: [reported],
          leftOut: ['12 tests of step "docs": your files do not concern them'],
        }),
      ],
    }),
  }),
  'proof-first-patch-crashes': input({
    series: three,
    verdict: verdict({
      finding: { kind: 'new-failures' },
      culprit: { position: 1, title: 'human: add a table of units' },
      images: [
        image('debian', {
          kind: 'new-failures',
          passed: 6,
          broken: [{ ...crash, proof: proof([6, 6], [0, 6]), lines: [40, 52] }],
          console: 'debian-console',
        }),
        image('busybox', {
          kind: 'new-failures',
          passed: 31,
          newFailures: [proven],
        }),
      ],
    }),
  }),
  'proof-culprit-of-some': input({
    series: three,
    verdict: verdict({
      finding: { kind: 'new-failures' },
      culprit: { ...second, only: [{ step: 'numbers', test: 'group -123456' }] },
      images: [image('debian', { kind: 'new-failures', passed: 27, newFailures: [proven, worse] })],
    }),
  }),
  'nothing-concerned': input({ verdict: verdict({ finding: { kind: 'nothing-to-test', built: true } }) }),
  'build-broken-by-one': input({
    series: three,
    verdict: verdict({
      finding: {
        kind: 'build-broken',
        step: 'build',
        ending: { kind: 'finished', exitCode: 2 },
        command: 'make -s all',
        errors: ["src/human.c:14:17: error: 'half' undeclared (first use in this function)"],
      },
      culprit: second,
    }),
  }),
  'all-well-but-one': input({
    series: three,
    verdict: verdict({
      images: [image('debian'), image('busybox')],
      unbuildable: [
        { ...second, step: 'build', errors: ['src/human.c:7:5: error: expected expression'] },
        { position: 1, title: 'human: add a table of units', step: 'build', errors: [] },
      ],
    }),
  }),
  'all-well-flaky': input({
    verdict: verdict({
      images: [
        image('debian', { passed: 29, flaky: [flaky], reported: [reported] }),
        image('busybox', { leftOut: ['step "strings": your files do not concern it'] }),
      ],
      warnings: warnings.slice(0, 1),
    }),
  }),
  unclear: input({
    verdict: verdict({ images: [image('debian', { passed: 30, unclear: [unclear] }), image('busybox')] }),
  }),
  vanished: input({
    series: three,
    verdict: verdict({
      images: ['debian', 'busybox'].map(name =>
        image(name, {
          passed: 29,
          vanished: [
            { step: 'numbers', test: 'roman 1' },
            { step: 'numbers', test: 'roman 4' },
          ],
        }),
      ),
    }),
  }),
  'untested-waits': input({
    verdict: verdict({
      finding: {
        kind: 'base-broken',
        step: 'build',
        errors: ['src/wrap.c:3:10: fatal error: tally-config.h: No such file or directory'],
        since: '1b2c3d4e5f60718293a4b5c6d7e8f90123456789',
        waits: true,
      },
    }),
  }),
}

/** By the name of its golden mail. */
export const stories: Record<string, ComposeInput> = {
  ...proofs,
  'all-well': input({ verdict: verdict({ images: [image('debian'), image('busybox')] }) }),
  'all-well-and-more': input({
    series: three,
    verdict: verdict({
      base: { commit, name: 'main', wanted: 'deadbeef0123' },
      images: [
        image('debian', { known: 2, mended: ['roman 4000', 'tally:count'] }),
        image('busybox', { kind: 'untested', passed: 0, why: 'the test host was lost', log: undefined }),
      ],
    }),
  }),
  'new-failures': input({
    series: three,
    verdict: verdict({
      finding: { kind: 'new-failures' },
      images: [
        image('debian', { kind: 'new-failures', passed: 28, newFailures: [...failures, grouped] }),
        image('busybox', { kind: 'new-failures', passed: 29, known: 1, newFailures: failures }),
      ],
    }),
  }),
  'new-failures-crash': input({
    verdict: verdict({
      finding: { kind: 'new-failures' },
      images: [
        image('debian', { kind: 'new-failures', passed: 6, broken: [crash] }),
        image('busybox', { kind: 'new-failures', passed: 6, broken: [crash] }),
      ],
    }),
  }),
  'new-failures-endless': input({
    verdict: verdict({
      finding: { kind: 'new-failures' },
      images: ['debian', 'busybox'].map(name =>
        image(name, {
          kind: 'new-failures',
          passed: 27,
          broken: [endless],
          newFailures: [
            {
              step: 'strings',
              test: 'tally:wrap',
              message: 'it started, but there is no line that says that it is done',
              ending: timedOut,
            },
          ],
        }),
      ),
    }),
  }),
  'new-failures-power-off': input({
    verdict: verdict({
      finding: { kind: 'new-failures' },
      images: ['debian', 'busybox'].map(name =>
        image(name, { kind: 'new-failures', passed: 4, broken: [powerOff] }),
      ),
    }),
  }),
  'does-not-apply': input({
    series: three,
    verdict: verdict({
      finding: {
        kind: 'does-not-apply',
        position: 2,
        title: 'human: round half up',
        conflicts: [
          { file: 'src/human.c', line: 47, why: 'the lines that it changes look different there' },
          { file: 'tests/human.c', line: undefined, why: 'there is no such file' },
        ],
      },
    }),
  }),
  'does-not-apply-single': input({
    verdict: verdict({
      finding: {
        kind: 'does-not-apply',
        position: 1,
        title: single.title,
        conflicts: [{ file: '', line: undefined, why: 'the diff is damaged at its line 16' }],
      },
    }),
  }),
  'already-applied': input({
    series: three,
    verdict: verdict({ finding: { kind: 'already-applied', positions: [1, 2, 3] } }),
  }),
  'build-broken': input({
    verdict: verdict({
      finding: {
        kind: 'build-broken',
        step: 'build',
        ending: { kind: 'finished', exitCode: 2 },
        command: 'make -s all',
        errors: [
          "src/trim.c:14:17: error: 'blnk' undeclared (first use in this function)\n   14 | \tif (isspace(blnk))\n      | \t            ^~~~",
          "src/trim.c:20:1: error: expected ';' before '}' token",
        ],
      },
    }),
  }),
  'nothing-to-test': input({
    job: undefined,
    verdict: verdict({
      job: undefined,
      base: undefined,
      buildLog: undefined,
      finding: { kind: 'nothing-to-test' },
    }),
  }),
  incomplete: input({
    job: undefined,
    series: { ...three, parts: three.parts.filter(({ position }) => position !== 2) },
    verdict: verdict({
      job: undefined,
      base: undefined,
      buildLog: undefined,
      finding: { kind: 'incomplete', missing: [2] },
    }),
  }),
  'base-unknown': input({
    job: undefined,
    verdict: verdict({
      job: undefined,
      base: undefined,
      buildLog: undefined,
      finding: { kind: 'base-unknown', wanted: 'main' },
    }),
  }),
  'untested-ours': input({ verdict: verdict({ finding: { kind: 'ours', what: 'the test host was lost' } }) }),
  'untested-base-broken': input({
    verdict: verdict({
      finding: {
        kind: 'base-broken',
        step: 'build',
        errors: ['src/wrap.c:3:10: fatal error: tally-config.h: No such file or directory'],
      },
    }),
  }),
  damaged: input({
    job: undefined,
    series: three,
    verdict: withoutJob({
      kind: 'damaged',
      position: 2,
      title: 'human: round half up',
      why: 'it was sent as format=flowed, and its line 31, which must begin with a space, begins with "return"',
    }),
  }),
  'damaged-single': input({
    job: undefined,
    verdict: withoutJob({
      kind: 'damaged',
      position: 1,
      title: single.title,
      why: 'its tabs are non-breaking spaces',
    }),
  }),
  unsafe: input({
    job: undefined,
    series: three,
    verdict: withoutJob({
      kind: 'unsafe',
      position: 3,
      title: 'human: say "1 kB"',
      why: 'it writes to ".git/hooks/post-checkout"',
    }),
  }),
  'filled-and-needs': input({
    series: filled,
    job: { ...job, before, lacking },
    verdict: verdict({
      base: { commit, name: 'main', how: 'blobs' },
      lacking,
      finding: { kind: 'new-failures' },
      images: [image('debian', { kind: 'new-failures', passed: 30, newFailures: [grouped] })],
    }),
  }),
  'need-does-not-apply': input({
    series: three,
    job: { ...job, before },
    verdict: verdict({
      base: { commit, name: 'v1.2', how: 'asked' },
      finding: {
        kind: 'does-not-apply',
        position: 2,
        title: 'units: sort them',
        conflicts: [{ file: 'src/units.c', line: 12, why: 'the lines that it changes look different there' }],
        before: { series: 's0', title: 'A table of units for all' },
      },
    }),
  }),
  'named-does-not-apply': input({
    verdict: verdict({
      base: { commit, name: 'base-commit', how: 'named' },
      finding: {
        kind: 'does-not-apply',
        position: 1,
        title: single.title,
        conflicts: [{ file: 'src/trim.c', line: 9, why: 'the lines that it changes look different there' }],
      },
    }),
  }),
  'follow-up': input({
    series: three,
    verdict: verdict({ images: [image('debian'), image('busybox')] }),
    follows: {
      verdict: verdict({ job: undefined, base: undefined, finding: { kind: 'incomplete', missing: [2] } }),
      under: earlierReply(three),
    },
  }),
  'follow-up-failures': input({
    series: three,
    job: { ...job, id: 'j2' },
    verdict: verdict({ job: 'j2', images: [image('debian'), image('busybox')] }),
    hears: { author: three.author, list: true },
    follows: {
      verdict: verdict({
        finding: { kind: 'new-failures' },
        images: [image('debian', { kind: 'new-failures', newFailures: [...failures, grouped] })],
      }),
      under: earlierReply(three),
    },
  }),
  'follow-up-elsewhere': input({
    job: { ...job, id: 'j2' },
    verdict: verdict({
      job: 'j2',
      base: { commit, name: 'v1.2', how: 'asked' },
      finding: {
        kind: 'build-broken',
        step: 'build',
        ending: { kind: 'finished', exitCode: 2 },
        command: 'make -s all',
        errors: ["src/trim.c:14:17: error: 'blank' undeclared (first use in this function)"],
      },
    }),
    follows: { verdict: verdict({}), under: earlierReply(single) },
  }),
  'follow-up-fewer-images': input({
    job: { ...job, id: 'j2' },
    verdict: verdict({
      job: 'j2',
      finding: { kind: 'new-failures' },
      images: [image('busybox', { kind: 'new-failures', newFailures: [grouped] })],
    }),
    follows: {
      verdict: verdict({ images: [image('debian'), image('busybox')] }),
      under: earlierReply(single),
    },
  }),
  'handed-in': input({
    hears: { author: single.author, list: false },
    series: {
      ...single,
      origin: { from: 'hand' },
      parts: [{ ...part(1, 'strings: trim tabs, too'), messageId: undefined }],
    },
    verdict: verdict({
      finding: { kind: 'new-failures' },
      images: [image('debian', { kind: 'new-failures', passed: 30, newFailures: [grouped] })],
    }),
  }),
  'not-live-own': input({
    ...{ live: false, series: { ...single, author: { name: 'Ada', address: 'ada@example.org' } } },
    administrator: { name: 'Ada Operator', address: 'ada@example.org' },
    hears: { author: { name: 'Ada', address: 'ada@example.org' }, list: false },
    verdict: verdict({ images: [image('debian'), image('busybox')] }),
  }),
  'not-live': input({ live: false, verdict: verdict({ images: [image('debian'), image('busybox')] }) }),
}
