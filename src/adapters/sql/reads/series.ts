// Lists and searches of series, and what runs and waits, for the pages.
import type { SeriesReads } from '../../../ports/reads.ts'
import type { Flavour } from '../make-table.ts'
import type { Db } from '../tables.ts'

export const seriesReads = (_db: Db, _flavour: Flavour): SeriesReads => ({
  listSeries: async () => ({ rows: [], next: undefined }),
  latestVerdicts: async () => [],
  running: async () => [],
  waiting: async () => [],
  versionsOf: async () => [],
})
