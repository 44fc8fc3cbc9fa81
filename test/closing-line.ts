// A vitest reporter: the run's last line is `N passed, N failed, N skipped`, for people and CI to read alike; and a file with these, for run.ts.
import { writeFileSync } from 'node:fs'
import type { Reporter, TestModule } from 'vitest/node'

export type Count = { passed: number; failed: number; skipped: number }

export const sayCount = ({ passed, failed, skipped }: Count): string =>
  `${passed} passed, ${failed} failed, ${skipped} skipped`

export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const count: Count = { passed: 0, failed: errors.length, skipped: 0 }
    for (const module of modules) {
      if (module.errors().length > 0) count.failed++
      for (const test of module.children.allTests()) {
        const state = test.result().state
        count[state === 'pending' ? 'failed' : state]++
      }
    }
    const file = process.env.GRAPEVINE_TEST_COUNT
    if (file) {
      writeFileSync(file, JSON.stringify(count))
      return
    }
    // After the summary of the default reporter, which is written when this event has gone through all reporters.
    process.on('exit', () => console.log(sayCount(count)))
  }
}
