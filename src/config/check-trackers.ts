// Bug trackers that are named where none is, and rules that nothing follows: told when the file is read, not when a bug hears nothing.
import { didYouMean, type Look } from './check-look.ts'
import type { Path, Problem } from './problem.ts'

const unknownTracker = ({ trackers, get, problem }: Look, path: Path): Problem[] => {
  const name = get(...path)
  if (typeof name !== 'string' || trackers.includes(name)) return []
  return [problem(path, `there is no tracker "${name}" in trackers${didYouMean(name, trackers)}`)]
}

/** A resolution alone is taken by no tracker. */
const lonelyResolutions = ({ get, problem }: Look, path: Path): Problem[] => {
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
export const trackerChecks = (look: Look): Problem[] => [
  ...unknownTracker(look, ['notices', 'bug', 'tracker']),
  ...look.projects.flatMap(name => [
    ...unknownTracker(look, ['projects', name, 'bugs', 'tracker']),
    ...lonelyResolutions(look, ['projects', name, 'bugs', 'rules']),
  ]),
]
