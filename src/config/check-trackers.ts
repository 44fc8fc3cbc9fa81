// Bug trackers that are named where none is, and rules that nothing follows: told when the file is read, not when a bug hears nothing.
import type { Path, Problem } from './problem.ts'

type Given = {
  projects: string[]
  trackers: string[]
  get: (...path: Path) => unknown
  problem: (path: Path, says: string) => Problem
  didYouMean: (word: string, known: readonly string[]) => string
}

const unknownTracker = ({ trackers, get, problem, didYouMean }: Given, path: Path): Problem[] => {
  const name = get(...path)
  if (typeof name !== 'string' || trackers.includes(name)) return []
  return [problem(path, `there is no tracker "${name}" in trackers${didYouMean(name, trackers)}`)]
}

/** A resolution alone is taken by no tracker. */
const lonelyResolutions = ({ get, problem }: Given, path: Path): Problem[] => {
  const rules = get(...path)
  return (Array.isArray(rules) ? rules : []).flatMap((_, index) => {
    const at = [...path, index]
    const has = (key: string) => get(...at, key) !== undefined
    return has('resolution') && !has('status')
      ? [problem([...at, 'resolution'], 'needs a status beside it, one that is closed')]
      : []
  })
}

/** All of them, in any order. */
export const trackerChecks = (given: Given): Problem[] => [
  ...unknownTracker(given, ['notices', 'bug', 'tracker']),
  ...given.projects.flatMap(name => [
    ...unknownTracker(given, ['projects', name, 'bugs', 'tracker']),
    ...lonelyResolutions(given, ['projects', name, 'bugs', 'rules']),
  ]),
]
