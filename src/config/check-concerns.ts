// What the schema cannot tell of the rules that say what is tested: do the steps that they name exist, and does a pattern have its group?
import { didYouMean, type Look, listOf } from './check-look.ts'
import type { Path, Problem } from './problem.ts'

/** Works on the raw value: whatever is of another shape, the schema tells of. */
export const concernChecks = ({ projects, get, problem }: Look): Problem[] =>
  projects.flatMap(project => {
    const test: Path = ['projects', project, 'test']
    const names = listOf(get(...test, 'steps')).flatMap((_, i) => {
      const name = get(...test, 'steps', i, 'name')
      return typeof name === 'string' ? [name] : []
    })
    const unknown = listOf(get(...test, 'concerns')).flatMap((_, rule) => {
      const steps: Path = [...test, 'concerns', rule, 'steps']
      return listOf(get(...steps)).flatMap((step, i) =>
        typeof step !== 'string' || names.includes(step)
          ? []
          : [problem([...steps, i], `there is no test step "${step}"${didYouMean(step, names)}`)],
      )
    })
    const target: Path = [...test, 'dependencies', 'target']
    const pattern = get(...target)
    const groupless =
      typeof pattern !== 'string' || pattern.includes('(?<test>')
        ? []
        : [problem(target, 'must have a group (?<test>…): what it matches is the name of the test')]
    return [...unknown, ...groupless]
  })
