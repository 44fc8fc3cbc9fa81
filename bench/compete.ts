// The other ways back to a running guest, for comparison with a fork in the same run.
import type { Row } from './row.ts'

export const compete = async (_: {
  memoryMiB: number
  forkMs: number
  log: (line: string) => void
}): Promise<Row[]> => []
