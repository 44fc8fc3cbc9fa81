// Sums over time, for the pages.
import type { StatisticsReads } from '../../../ports/reads.ts'
import type { Flavour } from '../make-table.ts'
import type { Db } from '../tables.ts'

export const statisticsReads = (_db: Db, _flavour: Flavour): StatisticsReads => ({
  turnarounds: async () => [],
  activity: async () => [],
  queueOver: async () => [],
  noteQueue: async () => {},
  corrections: async () => [],
})
