import { defineConfig } from 'vitest/config'

// Files run one after another: the machine has few cores, and the guests of one test must not starve those of another.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 600_000,
    reporters: ['default', './test/closing-line.ts'],
  },
})
