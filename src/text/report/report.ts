// What a test step printed, and how it ended → one report, whatever the format. Used by the run stage, read by the judge.
import type { ReportFormat } from '../../model/recipe.ts'
import type { Report } from '../../model/report.ts'
import type { Ending } from '../../model/run.ts'
import { logLines } from '../clean.ts'
import { sayEnding } from '../ending.ts'
import { parseExitCode } from './exit-code.ts'
import { parseSparse } from './sparse.ts'
import { parseTap } from './tap.ts'
import { parseWine } from './wine.ts'

const parsers: Partial<Record<ReportFormat, (lines: string[], ending: Ending, step: string) => Report>> = {
  wine: parseWine,
  tap: parseTap,
  sparse: parseSparse,
  'exit-code': parseExitCode,
}

/** Never throws, whatever the log holds. Line numbers count from the log's first line, 1-based. `step` names the one test
 *  of a format that has no names of its own. */
export const parseReport = (
  format: ReportFormat,
  log: string,
  ending: Ending,
  step = 'exit code',
): Report => {
  const report = (parsers[format] ?? parseExitCode)(logLines(log), ending, step)
  return report.state === 'whole' && ending.kind !== 'finished'
    ? { ...report, state: 'truncated', why: `the command ${sayEnding(ending)}` }
    : report
}
