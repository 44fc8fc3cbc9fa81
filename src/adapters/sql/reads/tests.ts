// How tests did, for the pages.
import type { TestReads } from '../../../ports/reads.ts'
import type { Flavour } from '../make-table.ts'
import type { Db } from '../tables.ts'

export const testReads = (_db: Db, _flavour: Flavour): TestReads => ({
  findTests: async () => [],
  testHistory: async () => [],
  flaky: async () => [],
})
