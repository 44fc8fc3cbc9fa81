// How well series are put together, measured on real lists whose sending runs are known from the Message-IDs alone. For the tests and the bench.
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { publicInboxSource } from '../../src/adapters/public-inbox/source.ts'
import type { Mail } from '../../src/model/mail.ts'
import type { MailSource } from '../../src/ports/mail-source.ts'
import { type DryRun, dryRun } from '../../src/wiring/dry-run.ts'

const corpora = new URL('../../../shared/corpora/', import.meta.url).pathname

/** Real mails that nobody here wrote lie beside the repository, and only where it is developed. */
export const corporaHere = existsSync(corpora)
export const corpusPath = (path: string): string => join(corpora, path)

export const Label = z.object({
  n: z.number(),
  blob: z.string(),
  subject: z.string(),
  posting: z.object({ key: z.string() }).optional(),
  git_mailinfo: z
    .object({ author: z.string(), subject: z.string(), patch_id: z.string().nullable() })
    .nullish(),
})
export type Label = z.infer<typeof Label>

export const lists: { list: string; listTags: string[]; patches: number }[] = [
  { list: 'lore-ltp', listTags: ['LTP'], patches: 457 },
  { list: 'lore-linux-serial', listTags: [], patches: 574 },
]

/** A source through receive and assemble, with the archive's own time. The caller closes the store. */
export const runAll = (
  source: MailSource,
  { name = 'list', listTags = [] as string[], onMail = (_: { raw: Buffer }) => {} } = {},
): Promise<DryRun> =>
  dryRun({
    project: { name, listTags },
    assemble: { quietMs: 10_000, deadlineMs: 3_600_000, partialMs: 600_000 },
    source,
    onMail,
  })

export type Labelled = {
  result: DryRun
  labels: Label[] /** By git's id of the raw mail. */
  mails: Map<string, Mail>
}

/** The labelled slice of a list. */
export const runLabelled = async ({ list, listTags }: (typeof lists)[number]): Promise<Labelled> => {
  const labels = readFileSync(corpusPath(`${list}/dev.labels.jsonl`), 'utf8')
    .trim()
    .split('\n')
    .map(line => Label.parse(JSON.parse(line)))
  const blobs = new Map<string, string>()
  const source = publicInboxSource({ name: list, path: corpusPath(`${list}/dev.public-inbox.bundle`) })
  const result = await runAll(source, {
    name: list,
    listTags,
    onMail: ({ raw }) => {
      const object = createHash('sha1').update(`blob ${raw.length}\0`).update(raw).digest('hex')
      blobs.set(createHash('sha256').update(raw).digest('hex'), object)
    },
  })
  return { result, labels, mails: new Map(result.mails.map(mail => [blobs.get(mail.id) ?? '', mail])) }
}

/** Of all pairs of mails: those of one sending run that are one series, those of one series alone, those of one run alone. */
export type Pairs = { both: number; series: number; run: number }

export const pairsOf = ({ labels, mails }: Labelled): Pairs => {
  const rows = labels.flatMap(({ n, blob, posting }) => {
    const disposition = mails.get(blob)?.disposition
    const isPlaced = disposition !== undefined && 'series' in disposition && disposition.kind !== 'comment'
    return posting === undefined
      ? []
      : [{ key: posting.key, series: isPlaced ? disposition.series : `none ${n}` }]
  })
  const counts = { both: 0, series: 0, run: 0 }
  rows.forEach((one, n) => {
    for (const other of rows.slice(n + 1)) {
      const [run, series] = [one.key === other.key, one.series === other.series]
      if (run && series) counts.both += 1
      else if (series) counts.series += 1
      else if (run) counts.run += 1
    }
  })
  return counts
}

/** Shares of pairs, 0 to 1. */
export const precision = ({ both, series }: Pairs): number => both / (both + series)
export const recall = ({ both, run }: Pairs): number => both / (both + run)
