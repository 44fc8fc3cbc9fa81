// A step that says nothing but its exit code: one test, named after the step. Log → report.
import type { Report } from '../../model/report.ts'
import type { Ending } from '../../model/run.ts'
import { sayEnding } from '../ending.ts'

const maxMessageLines = 5

/** `lines`: clean lines of the log, the last of which explain a failure. */
export const parseExitCode = (lines: string[], ending: Ending, step: string): Report => {
  if (ending.kind !== 'finished')
    return { state: 'truncated', why: `the command ${sayEnding(ending)}`, tests: [] }
  const said = lines.filter(line => line.trim() !== '')
  const passed = ending.exitCode === 0 && ending.signal === undefined
  const message = [`The command ${sayEnding(ending)}.`, ...said.slice(1 - maxMessageLines)].join('\n')
  return {
    state: 'whole',
    why: '',
    tests: [
      {
        test: step,
        outcome: passed ? 'passed' : 'failed',
        message: passed ? '' : message,
        line: Math.max(1, lines.length),
      },
    ],
  }
}
