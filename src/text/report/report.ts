// What a test step printed, and how it ended → one report, whatever the format. Used by the run stage, read by the judge.
import type { ReportFormat, ReportPattern } from '../../model/recipe.ts'
import type { Report } from '../../model/report.ts'
import type { Ending } from '../../model/run.ts'
import { isGap } from '../bounded-log.ts'
import { logLines } from '../clean.ts'
import { sayEnding } from '../ending.ts'
import { parseAutomake } from './automake.ts'
import { parseCargo } from './cargo.ts'
import { parseCtest } from './ctest.ts'
import { parseExitCode } from './exit-code.ts'
import type { ReportFile } from './file.ts'
import { parseGo } from './go.ts'
import { parseJunit } from './junit.ts'
import { parseKtap } from './ktap.ts'
import { parseMeson } from './meson.ts'
import { parsePattern } from './pattern.ts'
import { parsePytest } from './pytest.ts'
import { parseSparse } from './sparse.ts'
import { parseTap } from './tap.ts'
import { parseWine } from './wine.ts'

/** `files`: what the step left; undefined: none were asked for, and the report is what it printed. */
export type ReportOptions = { pattern?: ReportPattern | undefined; files?: ReportFile[] | undefined }

type Given = ReportOptions & { lines: string[]; ending: Ending; step: string }

const parsers: Record<ReportFormat, (given: Given) => Report> = {
  wine: ({ lines, ending }) => parseWine(lines, ending),
  tap: ({ lines, ending }) => parseTap(lines, ending),
  ktap: ({ lines, ending }) => parseKtap(lines, ending),
  sparse: ({ lines, ending }) => parseSparse(lines, ending),
  junit: ({ lines, ending, files }) => parseJunit(lines, ending, files),
  ctest: ({ lines, ending }) => parseCtest(lines, ending),
  automake: ({ lines, ending, files }) => parseAutomake(lines, ending, files),
  go: ({ lines, ending }) => parseGo(lines, ending),
  pytest: ({ lines, ending }) => parsePytest(lines, ending),
  cargo: ({ lines, ending }) => parseCargo(lines, ending),
  meson: ({ lines, ending }) => parseMeson(lines, ending),
  pattern: ({ lines, ending, step, pattern }) => parsePattern({ lines, ending, step, pattern }),
  'exit-code': ({ lines, ending, step }) => parseExitCode(lines, ending, step),
}

/** More tests than any project has: what a flood of them would cost the store. */
const maxTests = 100_000
/** Formats that are read from what is printed take files as more of it. */
const ownFiles: ReportFormat[] = ['junit', 'automake']
/** Formats that do not say how many tests there are in all: what is missing in the middle would be missed by nobody. */
const uncounted: ReportFormat[] = ['wine', 'automake', 'go', 'cargo', 'pattern']

/** Never throws, whatever the log holds. Line numbers count from the log's first line, 1-based. `step` names the one test
 *  of a format that has no names of its own. */
export const parseReport = (
  format: ReportFormat,
  log: string,
  ending: Ending,
  step = 'exit code',
  options: ReportOptions = {},
): Report => {
  const lines = linesFor(format, log, options.files)
  const parsed = bounded(parsers[format]({ ...options, lines, ending, step }))
  const report =
    parsed.state === 'whole' && hasGap(format, lines, options) ? { ...parsed, ...flooded } : parsed
  // What is missing from a step that was cut off is missing because of that.
  const cut = report.state === 'whole' || (report.state === 'none' && options.files !== undefined)
  return cut && ending.kind !== 'finished'
    ? { ...report, state: 'truncated', why: `the command ${sayEnding(ending)}` }
    : report
}

const flooded = {
  state: 'truncated',
  why: 'it printed so much that some of it is left out, and tests may be missing',
} as const

const hasGap = (format: ReportFormat, lines: string[], { files }: ReportOptions): boolean =>
  // Where there are files, the report is in them, and these are whole.
  uncounted.includes(format) && (files ?? []).length === 0 && lines.some(isGap)

/** The lines of files follow those of the log. */
const linesFor = (format: ReportFormat, log: string, files: ReportFile[] = []): string[] =>
  ownFiles.includes(format) ? logLines(log) : [log, ...files.map(({ text }) => text)].flatMap(logLines)

const bounded = (report: Report): Report =>
  report.tests.length <= maxTests
    ? report
    : {
        state: 'truncated',
        why: `it holds ${report.tests.length} tests; ${maxTests} are read`,
        tests: report.tests.slice(0, maxTests),
      }
