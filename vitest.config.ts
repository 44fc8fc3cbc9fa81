import { defineConfig } from 'vitest/config'

/** Guests and mail servers that want the machine for themselves: what they do depends on how fast it goes on. */
const machines = [
  'test/farm/**/*.test.ts',
  'test/browser/**/*.test.ts',
  'test/real/**/*.test.ts',
  'test/contract/farm.test.ts',
  'test/stages/apply.test.ts',
  'test/story/{demo,full-disk,storm}.test.ts',
]

// Files of a group run one after another: the machine has few cores, and the guests of one test must not starve those of another.
// `npm test` runs the two groups side by side (test/run.ts).
export default defineConfig({
  test: {
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 600_000,
    // Its own is one second, which a busy machine may need for anything.
    expect: { poll: { timeout: 60_000 } },
    reporters: ['default', './test/closing-line.ts'],
    projects: [
      { extends: true, test: { name: 'machines', include: machines } },
      { extends: true, test: { name: 'plain', include: ['test/**/*.test.ts'], exclude: machines } },
    ],
  },
})
