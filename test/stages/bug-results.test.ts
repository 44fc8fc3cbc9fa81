// What bugs are told of series that name them, on a real database with a tracker in memory: the comments as their readers see them, once each,
// again only with news, what rules change, and as which commits it landed.
import { readdirSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openStore } from '../../src/adapters/sql/store.ts'
import { meaningOf } from '../../src/model/bug-change.ts'
import { bugsNamed, type Series } from '../../src/model/series.ts'
import type { Verdict } from '../../src/model/verdict.ts'
import type { WantedChanges } from '../../src/ports/git.ts'
import type { Store } from '../../src/ports/store.ts'
import { type LandedSettings, landedMemory, writeLanded } from '../../src/stages/bugs/landed.ts'
import { type ResultSettings, writeResults } from '../../src/stages/bugs/results.ts'
import { landedText, resultText } from '../../src/stages/bugs/say.ts'
import { shortFinding } from '../../src/stages/reply/finding.ts'
import { mail } from '../contract/samples.ts'
import { fakeClock } from '../fakes/clock.ts'
import { fakeTracker } from '../fakes/tracker.ts'
import { image, single, stories, three, verdict } from '../story/verdicts.ts'

const archive = 'https://lore.example.org/tally/{id}/'
const bug = 'https://bugs.example.org/7'
const tracker = fakeTracker()

let store: Store
let clock = fakeClock()
beforeEach(async () => {
  store = await openStore({ folder: ':memory:' })
  clock = fakeClock()
})
afterEach(() => store.close())

const rule = {
  ...{ from: [], status: undefined, resolution: undefined, whiteboard: undefined },
  ...{ addKeywords: [], removeKeywords: [], seeAlso: [] },
}

const settings: ResultSettings = {
  ...{ name: 'tally', tracker: 'bugs', archive, live: true, results: true, rules: [] },
  addressOf: named => tracker.addressOf(named),
  short: shortFinding,
}

const naming = (series: Series, position: number, ...bugs: string[]): Series => ({
  ...series,
  ...(position === 0 && series.cover ? { cover: { ...series.cover, bugs } } : {}),
  parts: series.parts.map(part => (part.position === position ? { ...part, bugs } : part)),
})

const broken = verdict({
  ...{ job: 'j2', finding: { kind: 'new-failures' } },
  images: [
    image('debian', {
      kind: 'new-failures',
      newFailures: [
        { step: 'numbers', test: 'roman 4', message: 'no', ending: { kind: 'finished', exitCode: 1 } },
      ],
    }),
  ],
})
const well = (job: string) => verdict({ job, images: [image('debian'), image('busybox')] })

/** Gives a verdict, as the flow does. */
const give = async (series: Series, given: Verdict, more: Partial<ResultSettings> = {}) => {
  const own = { ...given, series: series.id }
  await store.saveSeries([series])
  await store.addVerdict(own, undefined)
  return writeResults({ store, clock })({ series, verdict: own }, { ...settings, ...more })
}

/** The outbox has written all of it. */
const writeAll = async () => {
  for (const { id, state } of await store.bugWrites({ at: 'pending' }))
    await store.moveBugWrite(id, state, { at: 'written', when: clock.now(), bug, comment: undefined })
}

const comments = async () => (await store.bugWrites({ bug })).flatMap(({ text }) => text ?? [])

describe('golden comments', () => {
  const told = Object.entries(stories).filter(([, story]) => meaningOf(story.verdict) !== 'silent')
  const landed = {
    'landed-one': landedText({
      ...{ series: single, parts: single.parts, commits: ['8f3c1a2b9d4e5f60718293a4b5c6d7e8f9012345'] },
      ...{ branch: 'main', archive },
    }),
    'landed-three': landedText({
      ...{ series: three, parts: three.parts, branch: 'main', archive: undefined },
      commits: ['a', 'b', 'c'].map(letter => letter.repeat(40)),
    }),
    'again-other-version': resultText({
      ...{ series: three, verdict: well('j3'), parts: three.parts.slice(1, 2), archive },
      before: { version: 1, found: '2 new failures' },
    }),
    'again-same-version': resultText({
      ...{ series: single, verdict: broken, parts: single.parts, archive },
      before: { version: 1, found: 'all well' },
    }),
  }
  const results = told.map(([name, { series, verdict }]): [string, string] => [
    `result-${name}`,
    resultText({ series, verdict, parts: series.parts, archive, before: undefined }),
  ])
  const all: [string, string][] = [...results, ...Object.entries(landed)]

  test.each(all)('%s', async (name, text) => {
    expect(text.split('\n').filter(line => line.length > 76 && !line.includes('https://'))).toEqual([])
    expect(text).not.toMatch(/undefined|\[object|NaN|\n\n\n|\n$/)
    // No address of anybody stands in a bug; Message-IDs look like some.
    expect(text.replace(/^.*(https:|Message-ID).*$/gm, '')).not.toMatch(/\S+@\S+\.\S+/)
    await expect(`${text}\n`).toMatchFileSnapshot(`golden-bugs/${name}.txt`)
  })

  test('none is left over', () => {
    const files = readdirSync(new URL('golden-bugs/', import.meta.url))
    expect(files.sort()).toEqual(all.map(([name]) => `${name}.txt`).sort())
  })

  test('a name that is an address is not shown', () => {
    const author = { name: 'ines.duarte@example.com', address: 'ines.duarte@example.com' }
    const text = resultText({
      ...{ series: { ...single, author }, verdict: well('j'), parts: single.parts },
      ...{ archive, before: undefined },
    })
    expect(text.split('\n').slice(2, 4)).toEqual([
      '    [PATCH] strings: trim tabs, too',
      '    https://lore.example.org/tally/20260914090243.4711-2-ines.duarte@example.com/',
    ])
  })
})

describe('a verdict', () => {
  test('goes to each bug that the series names, once', async () => {
    const series = naming(naming(three, 2, '7', `${bug}`, 'https://elsewhere.example.org/1'), 3, '8')
    const first = await give(series, well('j1'))
    expect(first.map(write => [write.bug, write.kind, write.state.at])).toEqual([
      [bug, 'result', 'pending'],
      ['https://bugs.example.org/8', 'result', 'pending'],
    ])
    expect(first[0]).toMatchObject({ series: 's1', project: 'tally', tracker: 'bugs', change: undefined })
    expect(first[0]?.link).toBe(
      'https://lore.example.org/tally/20260914090243.4711-1-ines.duarte@example.com/',
    )
    expect(await give(series, well('j1'))).toEqual([])
  })

  test('is told again when it changes, and not when it does not', async () => {
    const series = naming(single, 1, '7')
    await give(series, well('j1'))
    await writeAll()
    expect(await give(series, well('j2'))).toEqual([])
    const [changed] = await give(series, { ...broken, job: 'j3' })
    expect(changed?.text).toMatch(/^I tested this once more, with another result than before:/)
    expect(changed?.text).toMatch(/Before, I said: all well\.$/)
    await writeAll()
    // Back to what was said first: that is news again.
    expect(await give(series, well('j4'))).toHaveLength(1)
    expect(await comments()).toHaveLength(3)
  })

  test('of another version is told if it differs', async () => {
    const old = naming({ ...single, id: 's0' }, 1, '7')
    await give(old, { ...broken, job: 'j0' })
    await writeAll()
    await store.saveSeries([{ ...old, state: { at: 'superseded', by: 's2' } }])
    const next = naming({ ...single, id: 's2', version: 2 }, 1, '7')
    const [fresh] = await give(next, well('j5'))
    expect(fresh?.text).toMatch(/Of version 1 I said: 1 new failure\.$/)
    await writeAll()
    await store.saveSeries([{ ...next, state: { at: 'superseded', by: 's3' } }])
    expect(await give(naming({ ...single, id: 's3', version: 3 }, 1, '7'), well('j6'))).toEqual([])
  })

  test('that nobody read yet gives way to a newer one', async () => {
    const series = naming(single, 1, '7')
    const rules = [{ ...rule, on: 'failed' as const, status: 'REOPENED', seeAlso: ['{mail}'] }]
    await give(series, well('j1'))
    await writeAll()
    expect(await give(series, { ...broken, job: 'j2' }, { rules })).toHaveLength(2)
    // The tracker was away all the time; what stands there is true again.
    expect(await give(series, well('j3'), { rules })).toEqual([])
    expect(await store.bugWrites({ at: 'pending' })).toEqual([])
    const [again] = await give(series, { ...broken, job: 'j4' })
    expect(again?.text).toMatch(/Before, I said: all well\.$/)
    expect((await store.bugWrites({ at: 'failed' })).map(({ state }) => 'why' in state && state.why)).toEqual(
      ['not written: a newer verdict took its place', 'not written: a newer verdict took its place'],
    )
  })

  test('that says nothing about the patch is not told', async () => {
    const series = naming(single, 1, '7')
    for (const finding of [
      { kind: 'ours' as const, what: 'the disk is full' },
      { kind: 'incomplete' as const, missing: [2] },
      { kind: 'base-broken' as const, step: 'build', errors: [] },
      {
        kind: 'does-not-apply' as const,
        position: 1,
        title: 't',
        conflicts: [],
        before: { series: 's9', title: 'x' },
      },
    ])
      expect(await give(series, verdict({ job: finding.kind, finding }))).toEqual([])
  })

  test('is kept, and not written, until mail is live; then the next one is news', async () => {
    const series = naming(single, 1, '7')
    const [kept] = await give(series, well('j1'), { live: false })
    expect(kept?.state).toEqual({
      ...{ at: 'failed', when: clock.now(), why: 'not written: mail.live is false' },
    })
    expect(await store.bugWrites({ at: 'pending' })).toEqual([])
    const [told] = await give(series, well('j2'))
    expect(told?.text).toMatch(/^A patch that names this bug was tested:/)
  })

  test('names no more bugs than anybody would', async () => {
    const many = Array.from({ length: 40 }, (_, n) => String(n + 1))
    expect(await give(naming(single, 1, ...many), well('j1'))).toHaveLength(16)
  })
})

describe('rules', () => {
  test('change the bug with the comment; see_also goes alone and first, as trackers refuse some', async () => {
    const rules = [
      { ...rule, on: 'passed' as const, from: ['NEW'], status: 'ASSIGNED', seeAlso: ['{mail}'] },
      { ...rule, on: 'passed' as const, addKeywords: ['tested'], whiteboard: 'passed' },
      { ...rule, on: 'failed' as const, removeKeywords: ['tested'] },
    ]
    const writes = await give(naming(single, 1, '7'), well('j1'), { rules })
    expect(writes.map(({ text, change }) => [text !== undefined, change])).toEqual([
      [
        false,
        {
          from: ['NEW'],
          addSeeAlso: ['https://lore.example.org/tally/20260914090243.4711-2-ines.duarte@example.com/'],
        },
      ],
      [true, { from: ['NEW'], status: 'ASSIGNED' }],
      [false, { addKeywords: ['tested'], whiteboard: 'passed' }],
    ])
    const failed = await give(naming(single, 1, '7'), broken, { rules, results: false })
    expect(failed.map(({ text, change }) => [text, change])).toEqual([
      [undefined, { removeKeywords: ['tested'] }],
    ])
  })

  test('are not followed where nobody can say whose doing it is', async () => {
    const rules = [{ ...rule, on: 'failed' as const, status: 'REOPENED' }]
    const lacking = [{ id: '<x@example.org>', why: 'unknown' as const }]
    const [write] = await give(naming(single, 1, '7'), { ...broken, lacking }, { rules })
    expect(write?.change).toBeUndefined()
    expect(write?.text).toContain('other patches that I could not find')
  })
})

describe('landed', () => {
  const landedSettings: LandedSettings = {
    ...{ name: 'tally', tracker: 'bugs', archive, live: true, rules: [], landed: 'resolve' },
    ...{ repository: '/tally.git', addressOf: named => tracker.addressOf(named) },
  }
  /** Patches of the series, by position; those are in the base. */
  const look = async (
    inBase: Record<string, string>,
    more: Partial<LandedSettings> = {},
    { tip, memory }: { tip: string; memory: ReturnType<typeof landedMemory> } = {
      ...{ tip: 'f', memory: landedMemory() },
    },
  ) => {
    const asked: WantedChanges[] = []
    const mirror = {
      landed: async (_: string, wanted: WantedChanges) => {
        asked.push(wanted)
        return new Map(Object.entries(inBase))
      },
    }
    const at = { branch: 'main', tip: tip.repeat(40) }
    const writes = await writeLanded({ store, clock, mirror })(at, { ...landedSettings, ...more }, memory)
    return { writes, asked }
  }
  const keep = async (series: Series) => {
    const now = clock.now()
    const patches = series.parts.map(part =>
      mail(part.mail, {
        patch: {
          ...{
            patchId: `id-${part.mail}`,
            author: series.author,
            subject: part.title,
            baseCommit: undefined,
          },
          files: [
            {
              ...{ before: `src/${part.mail}.c`, after: `src/${part.mail}.c`, kind: 'modify' as const },
              ...{ binary: false, blobs: undefined, added: 1, removed: 1 },
            },
          ],
        },
      }),
    )
    await store.saveMails(patches, undefined)
    await store.saveSeries([{ ...series, firstAt: now, lastAt: now }])
  }

  test('a bug is told when all that names it is in the base, once, and resolved where it is open', async () => {
    await keep(naming(naming(three, 1, '7'), 3, '7', '8'))
    const none = await look({})
    expect(none.writes).toEqual([])
    const [one, , last] = three.parts
    expect(none.asked[0]?.changes).toEqual([
      { patchId: 'id-mail1', path: 'src/mail1.c', title: one?.title, messageId: one?.messageId },
      { patchId: 'id-mail3', path: 'src/mail3.c', title: last?.title, messageId: last?.messageId },
    ])
    const some = await look({ 'id-mail3': 'c'.repeat(40) })
    expect(some.writes.map(write => write.bug)).toEqual(['https://bugs.example.org/8'])
    const all = await look({ 'id-mail1': 'a'.repeat(40), 'id-mail3': 'c'.repeat(40) })
    expect(all.writes.map(write => write.bug)).toEqual([bug])
    expect(all.writes[0]?.change).toMatchObject({ status: 'RESOLVED', resolution: 'FIXED' })
    expect(all.writes[0]?.change?.from).toContain('NEW')
    expect(all.writes[0]?.change?.from).not.toContain('VERIFIED')
    expect(all.writes[0]?.text).toContain('aaaaaaaaaaaa')
    const again = await look({ 'id-mail1': 'a'.repeat(40), 'id-mail3': 'c'.repeat(40) })
    expect(again.writes).toEqual([])
    // Nothing waits any more: the repository is not even looked through.
    expect(again.asked).toEqual([])
  })

  test('two versions with the same patch are told once, and a rule takes the place of RESOLVED FIXED', async () => {
    const old = naming({ ...single, id: 's0' }, 1, '7')
    await keep({ ...old, state: { at: 'superseded', by: 's1' } })
    await keep(naming({ ...single, version: 2 }, 1, '7'))
    const rules = [{ ...rule, on: 'landed' as const, status: 'STAGED' }]
    const { writes } = await look({ 'id-mail1': 'a'.repeat(40) }, { rules })
    expect(writes.map(({ series, change }) => [series, change])).toEqual([['s1', { status: 'STAGED' }]])
  })

  test('what the cover letter names waits for all patches', async () => {
    await keep(naming(three, 0, '7'))
    expect([...bugsNamed(naming(three, 0, '7')).values()].map(parts => parts.length)).toEqual([3])
    const two = await look({ 'id-mail1': 'a'.repeat(40), 'id-mail2': 'b'.repeat(40) })
    expect(two.writes).toEqual([])
  })

  test('a history is read through once: afterwards only what is new in it', async () => {
    const memory = landedMemory()
    await keep(naming(naming(three, 1, '7'), 3, '7'))
    await look({ 'id-mail1': 'a'.repeat(40) }, {}, { tip: '1', memory })
    await keep(
      naming({ ...single, id: 's9', parts: single.parts.map(part => ({ ...part, mail: 'other' })) }, 1, '9'),
    )
    const next = await look({ 'id-mail3': 'c'.repeat(40) }, {}, { tip: '2', memory })
    expect(next.asked.map(({ after, changes }) => [after, changes.map(one => one.patchId)])).toEqual([
      ['1'.repeat(40), ['id-mail1', 'id-mail3']],
      [undefined, ['id-other']],
    ])
    // The two patches landed at different times.
    expect(next.writes.map(write => write.bug)).toEqual([bug])
  })

  test('what was in the base before it was sent does not count', async () => {
    await keep(naming(single, 1, '7'))
    await store.addVerdict(verdict({ finding: { kind: 'already-applied', positions: [1] } }), undefined)
    expect((await look({ 'id-mail1': 'a'.repeat(40) })).asked).toEqual([])
  })

  test('a long time after nobody looks', async () => {
    await keep(naming(single, 1, '7'))
    await clock.advance(181 * 86_400_000)
    expect((await look({ 'id-mail1': 'a'.repeat(40) })).asked).toEqual([])
  })
})
