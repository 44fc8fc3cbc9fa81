// A vitest reporter: the run's last line is `N passed, N failed, N skipped`, for people and CI to read alike; and a file with these, for run.ts.
import { writeFileSync } from 'node:fs'
import type { SerializedError } from 'vitest'
import type { Reporter, TestModule } from 'vitest/node'

/** `broken`: one text for each failure, with its file, its name and what it says. */
export type Count = { passed: number; failed: number; skipped: number; broken: readonly string[] }

/** What failed, told again where nobody has to look for it, and the numbers as the last line. */
export const sayCount = ({ passed, failed, skipped, broken }: Count): string =>
  [...broken, `${passed} passed, ${failed} failed, ${skipped} skipped`].join('\n')

const sayBroken = (where: string, errors: readonly SerializedError[]): string =>
  [`\nFAILED ${where}`, ...errors.map(error => error.stack ?? error.message)]
    .join('\n')
    .split('\n')
    .filter(line => !line.includes('/node_modules/'))
    .join('\n')
    .slice(0, 4000)

export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const sums = { passed: 0, failed: errors.length, skipped: 0 }
    const broken = errors.map(error => sayBroken('outside of the tests', [error]))
    for (const module of modules) {
      // A hook's error belongs to a suite, and counts as well.
      const suites = [module, ...module.children.allSuites()].filter(suite => suite.errors().length > 0)
      sums.failed += suites.length
      broken.push(...suites.map(suite => sayBroken(module.relativeModuleId, suite.errors())))
      for (const test of module.children.allTests()) {
        const result = test.result()
        const state = result.state === 'pending' ? 'failed' : result.state
        sums[state]++
        if (state === 'failed')
          broken.push(sayBroken(`${module.relativeModuleId} > ${test.fullName}`, result.errors ?? []))
      }
    }
    const count: Count = { ...sums, broken }
    const file = process.env.GRAPEVINE_TEST_COUNT
    if (file) {
      writeFileSync(file, JSON.stringify(count))
      return
    }
    // After the summary of the default reporter, which is written when this event has gone through all reporters.
    process.on('exit', () => console.log(sayCount({ ...count, broken: [] })))
  }
}
