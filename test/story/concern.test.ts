// What is tested of a series: only what its files concern, by the rules of the recipe and by what the build says of dependencies; and how
// that is told. Without machines.
import { buffer } from 'node:stream/consumers'
import { pack } from 'tar-stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Outcome } from '../../src/model/job.ts'
import type { RawMail } from '../../src/ports/mail-source.ts'
import { likelyTests } from '../../src/stages/judge/likely.ts'
import { sayOutcome } from '../../src/text/outcome.ts'
import type { Wired } from '../../src/wiring/wire.ts'
import { type Flow, openFlow, project, recipe } from '../fakes/flow.ts'

const rules: Record<string, string> = {
  'src/trim.d': 'src/trim.o: src/trim.c src/trim.h /usr/include/stdio.h\n\nsrc/trim.h:\n',
  'tests/trim.d': 'tests/trim: tests/trim.c src/trim.o\n',
  'tests/wrap.d': 'tests/wrap: tests/wrap.c src/wrap.c\n',
  'tests/many.d': 'tests/pad tests/join tests/fill: src/fill.c\ntests/roman: src/roman.c\n',
}
const sources = [
  'src/trim.c',
  'src/trim.h',
  'src/wrap.c',
  'src/fill.c',
  'src/roman.c',
  'tests/trim.c',
  'tests/wrap.c',
]

const own = {
  ...project,
  recipe: {
    ...recipe,
    test: {
      images: ['debian'],
      steps: [
        {
          name: 'strings',
          run: './strings',
          timeoutMs: 10_000,
          report: 'tap' as const,
          only: './strings {tests}',
        },
        { name: 'numbers', run: './numbers', timeoutMs: 10_000, report: 'tap' as const },
      ],
      concerns: [{ paths: ['tools/**'], steps: [], tests: [] }],
      dependencies: { files: ['**/*.d'], target: String.raw`^tests/(?<test>\w+)$` },
    },
  },
}

const archive = async (): Promise<Buffer> => {
  const tar = pack()
  for (const [name, text] of Object.entries(rules)) tar.entry({ name: `./${name}` }, text)
  tar.finalize()
  return buffer(tar)
}

const strings = ['trim', 'wrap', 'pad', 'join', 'fill']
const tap = (tests: string[]): string =>
  `1..${tests.length}\n${tests.map((test, n) => `ok ${n + 1} - ${test}\n`).join('')}`

let ran: { script: string; isPatched: boolean }[]
let isDamaged: boolean
let flow: Flow

beforeEach(async () => {
  ran = []
  isDamaged = false
  flow = await openFlow(async (command, { files }) => {
    if (command.name === 'dependencies') {
      files.set('/grapevine/dependencies/rules.tar', isDamaged ? Buffer.from('no tar') : await archive())
      files.set('/grapevine/dependencies/sources', Buffer.from(sources.join('\0')))
    }
    const good = { kind: 'finished', exitCode: 0 } as const
    if (!command.script.startsWith('./')) return { ending: good }
    ran.push({
      script: command.script,
      isPatched: [...files.values()].some(bytes => bytes.includes('diff --git')),
    })
    const [, ...only] = command.script.split(' ')
    if (command.name === 'numbers') return { ending: good, output: tap(['roman']) }
    return { ending: good, output: tap(only.length > 0 ? only : strings) }
  })
  Object.assign(flow.wired.config, { projects: [own] })
  Object.assign(flow.wired, { project: () => own } satisfies Partial<Wired>)
})
afterEach(() => flow.close())

const patch = (id: string, ...files: string[]): RawMail => ({
  raw: Buffer.from(
    `From: Rosa Quill <rosa@example.com>\nTo: tally-devel@example.org\nSubject: [PATCH] ${id}\nMessage-ID: <${id}@example.com>\nDate: Mon, 05 Jan 2026 11:00:00 +0000\n\nBetter.\n---\n${files
      .map(
        file =>
          `diff --git a/${file} b/${file}\nindex 1111111..2222222 100644\n--- a/${file}\n+++ b/${file}\n@@ -1 +1 @@\n-int a;\n+int b;\n`,
      )
      .join('')}-- \n2.39.5\n`,
  ),
  arrivedAt: Date.UTC(2026, 0, 5, 11),
  where: id,
})

/** What was run with the patch, first runs only, and what was said of it. */
const play = async (id: string, ...files: string[]) => {
  await flow.bring([patch(id, ...files)])
  await flow.settle()
  const { clock, store } = flow.wired as unknown as Wired & { clock: { advance(ms: number): Promise<void> } }
  await clock.advance(120_000)
  await flow.settle()
  const series = (await store.seriesIn({})).find(one => one.title === id)
  const verdict = series && (await store.verdict(series.id))
  const tasks = verdict?.job ? await store.tasksOf(verdict.job) : []
  const outcomes = tasks
    .filter(({ probe }) => !probe)
    .map(({ state }) => (state.at === 'done' ? state.outcome : undefined))
  const [built] = outcomes.filter((one): one is Extract<Outcome, { kind: 'built' }> => one?.kind === 'built')
  return {
    scripts: [...new Set(ran.filter(({ isPatched }) => isPatched).map(({ script }) => script))],
    finding: verdict?.finding,
    leftOut: verdict?.images[0]?.leftOut ?? [],
    likely: likelyTests({ tasks }, 'debian'),
    built,
    said: outcomes.map(outcome => outcome && sayOutcome(outcome)),
    mail: flow.sent.at(-1)?.text ?? '',
  }
}

describe('a series', () => {
  it('is tested by what needs its files, and the base by everything', async () => {
    // The base line of another series: which tests there are is known.
    await play('before', 'README')
    ran = ran.filter(({ isPatched }) => !isPatched)
    const { scripts, finding, leftOut, likely, said } = await play('one', 'src/trim.h')
    expect(ran.filter(({ isPatched }) => !isPatched).map(({ script }) => script)).toEqual([
      './strings',
      './numbers',
    ])
    expect(scripts).toEqual(['./strings trim'])
    expect(finding).toEqual({ kind: 'all-well' })
    expect(leftOut).toEqual([
      '4 tests of step "strings": the changed files do not concern them',
      '1 test of step "numbers": the changed files do not concern them',
    ])
    expect(likely).toEqual([{ step: 'strings', tests: ['trim'] }])
    expect(said).toEqual(['built', 'tests: 1 passed, 0 failed; left out: numbers'])
  })

  it('of which a file is not told of is tested by everything', async () => {
    const { scripts, leftOut, built } = await play('two', 'src/trim.c', 'src/other.c')
    expect(scripts).toEqual(['./strings', './numbers'])
    expect(leftOut).toEqual([])
    expect(built?.concern).toEqual({ kind: 'all', why: 'nothing tells which tests src/other.c concerns' })
  })

  it('that concerns nothing is built, and its author is told that there was nothing to test', async () => {
    const { scripts, finding, mail, said } = await play('three', 'tools/count.pl')
    expect(scripts).toEqual([])
    expect(finding).toEqual({ kind: 'nothing-to-test', built: true })
    expect(said).toEqual(['built', 'nothing to test: no step is concerned'])
    expect(mail).toContain('Your patch applies and builds. There was nothing to test:')
  })

  it('that only touches what is ignored is not even built', async () => {
    const { scripts, finding, built } = await play('four', 'docs/x.txt')
    expect({ scripts, finding, built }).toEqual({
      ...{ scripts: [], built: undefined },
      finding: { kind: 'nothing-to-test' },
    })
  })

  it('is tested by everything where the dependencies cannot be read', async () => {
    isDamaged = true
    const { scripts, finding } = await play('five', 'src/trim.c')
    expect(scripts).toEqual(['./strings', './numbers'])
    expect(finding).toEqual({ kind: 'all-well' })
  })
})
