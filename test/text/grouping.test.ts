// What patchwork and syzkaller assert of series, on their own mails. They lie beside the repository, and only where it is developed.
import { readFileSync } from 'node:fs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { mboxSource } from '../../src/adapters/mbox/source.ts'
import { isWhole, type Series } from '../../src/model/series.ts'
import type { MailSource, RawMail } from '../../src/ports/mail-source.ts'
import { dependants } from '../../src/stages/assemble/settle.ts'
import { parseSubject } from '../../src/text/subject.ts'
import type { DryRun } from '../../src/wiring/dry-run.ts'
import { corporaHere, corpusPath, runAll } from './grouping.ts'

if (!corporaHere) console.log('skipped: the mail corpora are not here (../shared/corpora)')

const json = <T>(schema: z.ZodType<T>, path: string): T | undefined =>
  corporaHere ? schema.parse(JSON.parse(readFileSync(corpusPath(path), 'utf8'))) : undefined

/** Why a difference is left as it is. */
type Reasons = Record<string, string>

/** Mails at hand as a source, in this order. */
const sourceOf = (raws: Buffer[]): MailSource => ({
  name: 'x',
  async *read() {
    const mails: RawMail[] = raws.map((raw, n) => ({ raw, arrivedAt: n * 1000, where: `${n}` }))
    yield { mails, cursor: undefined }
  },
  watch: () => () => {},
})

const mailsIn = async (path: string): Promise<Buffer[]> => {
  const all: Buffer[] = []
  const source = mboxSource({ name: 'x', path: corpusPath(path) })
  for await (const { mails } of source.read(undefined)) all.push(...mails.map(({ raw }) => raw))
  return all
}

const ran = async (raws: Buffer[]): Promise<DryRun> => {
  const result = await runAll(sourceOf(raws))
  onTestFinished(() => result.store.close())
  return result
}

/** In order of their first mail. */
const seriesIn = ({ mails, series }: DryRun): Series[] => {
  const ids = mails.flatMap(({ disposition }) =>
    'series' in disposition && disposition.kind !== 'comment' ? [disposition.series] : [],
  )
  return [...new Set(ids)].flatMap(id => series.get(id ?? '') ?? [])
}

describe.skipIf(!corporaHere)('patchwork', () => {
  const Count = z.object({ mbox: z.string(), covers: z.number(), patches: z.number(), comments: z.number() })
  const SeriesTest = z.object({
    test: z.string(),
    serialized: z
      .object({ patches_per_series: z.array(z.number()), covers_per_series: z.array(z.number()).optional() })
      .optional(),
    first_series_received_all: z.boolean().optional(),
    parsed_counts: z.array(Count),
  })
  const NameTest = z.object({
    test: z.string(),
    mbox: z.string(),
    steps: z
      .array(
        z.object({
          after_mail: z.number(),
          series_name: z.string().nullish(),
          series_name_equals: z.string().optional(),
        }),
      )
      .optional(),
  })
  const DependencyTest = z.object({ test: z.string() })
  const expected = json(
    z.object({
      series_tests: z.array(SeriesTest),
      series_name_tests: z.array(NameTest),
      dependency_tests: z.array(DependencyTest),
    }),
    'patchwork/expected.json',
  )

  const otherwise: Reasons = {
    'BaseSeriesTest.test_duplicated':
      'the same mails once more are duplicates here, by Message-ID and content; upstream skips the test as flaky',
  }
  const all = expected?.series_tests ?? []

  test.each(all.filter(({ test: name }) => otherwise[name] === undefined))('$test', async wanted => {
    const { serialized, parsed_counts, first_series_received_all } = wanted
    const raws = (await Promise.all(parsed_counts.map(({ mbox }) => mailsIn(`patchwork/${mbox}`)))).flat()
    const result = await ran(raws)
    const kinds = result.mails.map(({ disposition }) => disposition.kind)
    const count = (...of: string[]) => kinds.filter(kind => of.includes(kind)).length
    expect([count('cover'), count('patch', 'damaged'), count('comment')]).toEqual(
      [
        parsed_counts.map(n => n.covers),
        parsed_counts.map(n => n.patches),
        parsed_counts.map(n => n.comments),
      ].map(counts => counts.reduce((a, b) => a + b)),
    )
    const series = seriesIn(result)
    if (serialized !== undefined) {
      const { patches_per_series, covers_per_series = patches_per_series.map(() => 0) } = serialized
      const sizes = result.mails.reduce((sizes, { disposition }) => {
        if ('series' in disposition && disposition.kind !== 'comment') {
          const at = sizes.get(disposition.series ?? '') ?? [0, 0]
          at[disposition.kind === 'cover' ? 1 : 0] = (at[disposition.kind === 'cover' ? 1 : 0] ?? 0) + 1
          sizes.set(disposition.series ?? '', at)
        }
        return sizes
      }, new Map<string, number[]>())
      expect([...sizes.values()]).toEqual(patches_per_series.map((size, n) => [size, covers_per_series[n]]))
    }
    if (first_series_received_all !== undefined)
      expect(series[0] && isWhole(series[0])).toBe(first_series_received_all)
  })

  test('its series are all here', () => expect(all.length).toBe(29))

  test('the same mails again are duplicates', async () => {
    const [first] = all.find(({ test: name }) => name.endsWith('test_duplicated'))?.parsed_counts ?? []
    const raws = await mailsIn(`patchwork/${first?.mbox}`)
    const again = raws.map(raw => Buffer.concat([Buffer.from('X-Way: two\n'), raw]))
    const { mails } = await ran([...raws, ...again])
    expect(mails.map(({ disposition }) => disposition.kind)).toEqual([
      'patch',
      'patch',
      'duplicate',
      'duplicate',
    ])
  })

  const notNames: Reasons = {
    'SeriesNameTestCase.test_custom_name': 'nobody names a series here',
  }
  /** Before its cover and its first part are here, patchwork has no name for a series; here it is the first part that there is. */
  const early: Reasons = { 'SeriesNameTestCase.test_out_of_order 1': 'test: Convert to Markdown' }

  test.each((expected?.series_name_tests ?? []).filter(({ test: name }) => notNames[name] === undefined))(
    '$test',
    async ({ test: name, mbox, steps = [] }) => {
      const raws = await mailsIn(`patchwork/${mbox}`)
      for (const { after_mail, series_name } of steps) {
        const result = await ran(raws.slice(0, after_mail))
        const [series] = seriesIn(result)
        const first = result.mails.find(({ tags }) => tags?.position === 1)?.tags?.title
        expect([name, after_mail, series?.title]).toEqual([
          name,
          after_mail,
          early[`${name} ${after_mail}`] ?? series_name ?? first,
        ])
      }
    },
  )

  /** Its own addresses of series and patches are numbers in its own database. */
  const notDependencies: Reasons = {
    test_dependency_by_series_url: 'an address of patchwork’s own, a number',
    test_dependency_by_patch_url: 'an address of patchwork’s own, a number',
  }
  const ids = {
    cover: '<20240611160854.192806-1-ahassick@iol.unh.edu>',
    base: (n: number) => idsOf(baseRaws)[n] ?? '',
  }
  let baseRaws: Buffer[] = []
  const idsOf = (raws: Buffer[]): string[] =>
    raws.map(raw => /^Message-ID:\s*(<[^>]+>)/im.exec(raw.toString('latin1'))?.[1] ?? '')
  /** Their templates are for Python's format(). */
  const filled = (name: string, ...tokens: string[]): Buffer[] => {
    const text = readFileSync(corpusPath(`patchwork/series/${name}.mbox.template`), 'utf8')
      .replace('{depends_token}', tokens[0] ?? '')
      .replace('{depends_token_1}', tokens[0] ?? '')
      .replace('{depends_token_2}', tokens[1] ?? '')
      .replaceAll('{{', '{')
      .replaceAll('}}', '}')
    const starts = text.split(/^(?=From \S+@\S+ \w{3} \w{3} +\d)/m)
    return starts.filter(part => part.trim() !== '').map(part => Buffer.from(part.replace(/^From .*\n/, '')))
  }
  /** Of each series, in order of posting: which of the others say that they come after it. */
  const waiting = async (raws: Buffer[]): Promise<number[][]> => {
    const result = await ran(raws)
    const series = seriesIn(result)
    const found: number[][] = []
    for (const one of series) {
      const others = await dependants(result)(one)
      found.push(others.map(({ id }) => series.findIndex(other => other.id === id) + 1))
    }
    return found
  }

  const cases: Record<string, () => Promise<[Buffer[], number[][]]>> = {
    test_dependency_by_patch_msgid: async () => [
      [...baseRaws, ...filled('dependency-one-first-patch', ids.base(1))],
      [[2], []],
    ],
    test_dependency_by_cover_msgid: async () => [
      [...baseRaws, ...filled('dependency-one-first-patch', ids.base(0))],
      [[2], []],
    ],
    test_dependency_by_patch_msgid_on_cover: async () => [
      [...baseRaws, ...filled('dependency-one-cover', ids.base(1))],
      [[2], []],
    ],
    test_dependency_by_patch2_msgid: async () => [
      [...baseRaws, ...filled('dependency-one-cover', ids.base(2))],
      [[2], []],
    ],
    test_dependency_no_circular_relation: async () => [filled('dependency-one-first-patch', ids.cover), [[]]],
    test_dependency_multi_1: async () => {
      const second = filled('dependency-one-cover', ids.base(1))
      const third = filled('dependency-multi', ids.base(1), idsOf(second)[1] ?? '')
      return [
        [...baseRaws, ...second, ...third],
        [[2, 3], [3], []],
      ]
    },
    test_dependency_multi_2: async () => {
      const second = filled('dependency-one-cover', ids.base(1))
      const third = filled('dependency-multi-2', ids.base(1), idsOf(second)[1] ?? '')
      return [
        [...baseRaws, ...second, ...third],
        [[2, 3], [3], []],
      ]
    },
  }

  test.each(Object.keys(cases))('%s', async name => {
    baseRaws = await mailsIn('patchwork/series/dependency-base-patch.mbox')
    const [raws, wanted] = (await cases[name]?.()) ?? [[], []]
    expect(await waiting(raws)).toEqual(wanted)
  })

  test('test_dependency_no_cross_project_relation', async () => {
    baseRaws = await mailsIn('patchwork/series/dependency-base-patch.mbox')
    const one = await ran(baseRaws)
    const [series] = seriesIn(one)
    const other = await ran(filled('dependency-one-first-patch', ids.base(1)))
    expect(series && (await dependants(other)({ ...series, project: 'another' }))).toEqual([])
  })

  test('each of its tests of dependencies is here, or has a reason', () => {
    const here = [
      ...Object.keys(cases),
      ...Object.keys(notDependencies),
      'test_dependency_no_cross_project_relation',
    ]
    expect(here.sort()).toEqual(expected?.dependency_tests.map(({ test: name }) => name).sort())
  })
})

describe.skipIf(!corporaHere)('syzkaller', () => {
  const Root = z
    .object({
      Subject: z.string(),
      Version: z.number(),
      Patches: z.array(z.object({ Seq: z.number() })).nullable(),
      Corrupted: z.string().optional(),
    })
    .nullable()
  const expected = json(
    z.object({
      series: z.object({ files: z.array(z.string()), expected_by_root: z.record(z.string(), Root) }),
      threads: z.object({ files: z.array(z.string()) }),
      parse_patch_subject: z.array(
        z.object({
          subj: z.string(),
          ret: z.object({
            Title: z.string(),
            Tags: z.array(z.string()).optional(),
            Version: z.number().optional(),
            Seq: z.number().optional(),
            Total: z.number().optional(),
          }),
        }),
      ),
      discussion_type: z.array(z.object({ msg: z.object({ Subject: z.string() }), ret: z.string() })),
    }),
    'syzkaller/expected.json',
  )

  /** Its ids have no `@`; here those are no ids (they are bogus in real mails), so they get one. */
  const withIds = (path: string): Buffer =>
    Buffer.from(
      readFileSync(corpusPath(`syzkaller/${path}`), 'utf8').replace(
        /^((?:Message-ID|In-Reply-To): <[^>@]+)>/gim,
        '$1@x>',
      ),
    )

  const otherwise: Reasons = {
    '<Second>': 'the cover and the parts are by two people; nobody adds parts to somebody else’s series here',
    '<Fourth>': '[PATCH] without a patch is no series here, but a mail with a reason',
  }

  test('series', async () => {
    const result = await ran((expected?.series.files ?? []).map(withIds))
    const roots = Object.entries(expected?.series.expected_by_root ?? {}).filter(
      ([id]) => otherwise[id] === undefined,
    )
    const said = roots.map(([id]) => {
      const mail = result.mails.find(({ parsed }) => parsed?.messageId === id.replace('>', '@x>'))
      const at = mail?.disposition
      const series = at !== undefined && 'series' in at ? result.series.get(at.series ?? '') : undefined
      return [
        id,
        series?.title,
        series?.version,
        series?.parts.map(part => part.position),
        series && isWhole(series),
      ]
    })
    expect(said).toEqual(
      roots.map(([id, root]) => [
        id,
        root?.Subject,
        root?.Version,
        root?.Patches?.map(({ Seq }) => Seq),
        root?.Corrupted === undefined,
      ]),
    )
  })

  test('threads: of bug reports and talk nothing becomes a series', async () => {
    const { series, mails } = await ran((expected?.threads.files ?? []).map(withIds))
    expect([series.size, mails.length]).toEqual([0, 9])
  })

  test.each(expected?.parse_patch_subject ?? [])('$subj', ({ subj, ret }) => {
    const { title, tags, version, position, total } = parseSubject(subj)
    expect([title, tags, version, position ?? 1, total ?? 1]).toEqual([
      ret.Title,
      ret.Tags ?? [],
      ret.Version ?? 1,
      ret.Seq ?? 1,
      ret.Total ?? 1,
    ])
  })

  test.each(expected?.discussion_type ?? [])('$msg.Subject is $ret', ({ msg, ret }) =>
    expect(parseSubject(msg.Subject).patch).toBe(ret === 'dashapi.DiscussionPatch'),
  )
})
