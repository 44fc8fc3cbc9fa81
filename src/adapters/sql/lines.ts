// What lists show of a series, in a narrow table of its own with the words that it is found by. Written in the transaction of the series or
// verdict that it is of; the same functions fill it from what an older Grapevine kept.
import { type RawBuilder, type Selectable, sql } from 'kysely'
import type { Series } from '../../model/series.ts'
import type { Verdict } from '../../model/verdict.ts'
import type { SeriesRow } from '../../ports/reads.ts'
import { fromJson } from './columns.ts'
import type { Flavour } from './make-table.ts'
import type { Db, Tables } from './tables.ts'

/** What is only shown. */
type Brief = Pick<SeriesRow, 'title' | 'author' | 'version' | 'total' | 'firstAt' | 'origin'>

type LineRow = Selectable<
  Pick<
    Tables['series_line'],
    'series' | 'project' | 'state_at' | 'last_at' | 'verdict_kind' | 'verdict_at' | 'brief'
  >
>

export const lineColumns = [
  'series_line.series',
  'series_line.project',
  'series_line.state_at',
  'series_line.last_at',
  'series_line.verdict_kind',
  'series_line.verdict_at',
  'series_line.brief',
] as const

export const toLine = (row: LineRow): SeriesRow => ({
  id: row.series,
  project: row.project,
  lastAt: row.last_at,
  at: row.state_at as SeriesRow['at'],
  ...fromJson<Brief>(row.brief, `series ${row.series}`),
  verdict:
    row.verdict_at === null
      ? undefined
      : { kind: row.verdict_kind as Verdict['finding']['kind'], at: row.verdict_at },
})

/** Longest title or name that is shown, and looked through for words: both are other people's. */
const maxShown = 500
const [maxWords, maxWord] = [60, 40]

/** The words of a text as they are compared: letters and digits, without case and accents, each once. */
export const wordsIn = (text: string): string[] => {
  const plain = text.slice(0, maxShown).normalize('NFKD').toLowerCase().replace(/\p{M}/gu, '')
  const words = plain.match(/[\p{L}\p{N}]+/gu) ?? []
  return [...new Set(words.map(word => [...word].slice(0, maxWord).join('')))].slice(0, maxWords)
}

const shown = (text: string): string => text.slice(0, maxShown).toWellFormed()

const briefOf = ({ title, author, version, total, firstAt, origin }: Series): Brief => ({
  title: shown(title),
  author: { name: shown(author.name), address: shown(author.address) },
  ...{ version, total, firstAt, origin: origin.from },
})

const wordsOf = ({ title, author }: Brief) => ({
  title: wordsIn(title),
  author: wordsIn(`${author.name} ${author.address}`),
})

/** In PostgreSQL a word of the author stands there twice, the second time so that it can be looked for as the author's. */
const vector = (brief: Brief): RawBuilder<string> => {
  const { title, author } = wordsOf(brief)
  const all = [...new Set([...title, ...author]), ...author.map(word => `a:${word}`)]
  return sql<string>`array_to_tsvector(${all}::text[])`
}

/** How each database is asked for words that begin so. undefined: there is no word in what is asked, and so nothing is found. */
export const askedWords = (
  flavour: Flavour,
  { text = '', author = '' }: { text?: string | undefined; author?: string | undefined },
): string | undefined => {
  const [words, authors] = [wordsIn(text), wordsIn(author)]
  if (words.length + authors.length === 0) return undefined
  return flavour === 'sqlite'
    ? [...words.map(word => `"${word}"*`), ...authors.map(word => `(author : "${word}"*)`)].join(' AND ')
    : [...words, ...authors.map(word => `a:${word}`)].map(word => `'${word}':*`).join(' & ')
}

/** The full-text table of SQLite takes no conflict: what was there goes first. */
const replaceWords = async (db: Db, rows: { seq: number; brief: Brief }[]): Promise<void> => {
  for (const { seq, brief } of rows) {
    const { title, author } = wordsOf(brief)
    await sql`delete from series_words where rowid = ${seq}`.execute(db)
    await sql`insert into series_words (rowid, title, author)
      values (${seq}, ${title.join(' ')}, ${author.join(' ')})`.execute(db)
  }
}

const lineRow = (series: Series) => ({
  series: series.id,
  project: series.project,
  state_at: series.state.at,
  last_at: series.lastAt,
  brief: JSON.stringify(briefOf(series)),
})

/** Each series once. */
export const saveLines = async (db: Db, flavour: Flavour, all: Series[]): Promise<void> => {
  const rows = all.map(lineRow)
  const ids = rows.map(({ series }) => series)
  const before = await db
    .selectFrom('series_line')
    .select(['series', 'brief'])
    .where('series', 'in', ids)
    .execute()
  const known = new Map(before.map(({ series, brief }) => [series, brief]))
  const saved = await db
    .insertInto('series_line')
    .values(
      flavour === 'sqlite'
        ? rows
        : rows.map(row => ({ ...row, words: vector(JSON.parse(row.brief) as Brief) })),
    )
    .onConflict(conflict =>
      conflict.column('series').doUpdateSet(({ ref }) => ({
        project: ref('excluded.project'),
        state_at: ref('excluded.state_at'),
        last_at: ref('excluded.last_at'),
        brief: ref('excluded.brief'),
        ...(flavour === 'sqlite' ? {} : { words: ref('excluded.words') }),
      })),
    )
    .returning(['seq', 'series', 'brief'])
    .execute()
  if (flavour !== 'sqlite') return
  const fresh = saved.filter(({ series, brief }) => known.get(series) !== brief)
  await replaceWords(
    db,
    fresh.map(({ seq, brief }) => ({ seq, brief: JSON.parse(brief) as Brief })),
  )
}

/** The newest verdict is the one that is shown. */
export const noteLineVerdict = async (
  db: Db,
  { series, decidedAt, finding }: Pick<Verdict, 'series' | 'decidedAt' | 'finding'>,
): Promise<void> => {
  await db
    .updateTable('series_line')
    .set({ verdict_kind: finding.kind, verdict_at: decidedAt })
    .where('series', '=', series)
    .where(({ eb, or }) => or([eb('verdict_at', 'is', null), eb('verdict_at', '<=', decidedAt)]))
    .execute()
}
