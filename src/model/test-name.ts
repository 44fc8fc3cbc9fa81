// Names of tests: `io > write > short` stands below `io > write`, and that below `io`.

/** Itself, and what it is below, from the top. */
export const withParents = (test: string): string[] => {
  const words = test.split(' > ')
  return words.map((_, i) => words.slice(0, i + 1).join(' > '))
}

/** Names of what stands above it: `io` of `io > write`. */
export const parentsOf = (test: string): string[] => withParents(test).slice(0, -1)

/** Without those that stand above others of them. */
export const leaves = <T extends { test: string }>(tests: T[]): T[] => {
  const parents = new Set(tests.flatMap(({ test }) => parentsOf(test)))
  return tests.filter(({ test }) => !parents.has(test))
}

/** Where a test and what is below it are named, only the upper one. */
export const topmost = (tests: string[]): string[] => {
  const all = new Set(tests)
  return tests.filter(test => !parentsOf(test).some(one => all.has(one)))
}
