// A plain table for terminals and logs: columns as wide as their widest cell, the last one as wide as it is.
import { cleanLine } from '../text/clean.ts'

/** Rows of equal length, the first one the heading. Words of mails may stand in the cells: nothing in them steers the terminal. */
export const table = (given: string[][]): string => {
  const rows = given.map(row => row.map(cell => cleanLine(cell)))
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map(row => (row[column] ?? '').length))) ?? []
  const line = (row: string[]) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd()
  const [heading = [], ...body] = rows
  const rule = widths.map(width => '-'.repeat(width)).join('  ')
  return [line(heading), rule, ...body.map(line)].join('\n')
}
