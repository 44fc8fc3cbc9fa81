// What is wrong with a configuration file: a list of problems, each with its place, as one error.
import { UsageError } from '../model/fault.ts'

export type Path = readonly (string | number)[]

/** Line and column count from 1; 0 where the problem has no place in the file. */
export type Problem = { line: number; column: number; path: string; says: string }

/** `projects.tally.test.images[1]`. */
export const showPath = (path: Path): string =>
  path
    .map(key => (typeof key === 'number' ? `[${key}]` : /^[\w-]+$/.test(key) ? `.${key}` : `["${key}"]`))
    .join('')
    .replace(/^\./, '')

const show = (file: string, { line, column, path, says }: Problem): string =>
  [line > 0 ? `${file}:${line}:${column}` : file, path, says].filter(part => part !== '').join(': ')

/** A configuration that cannot be used. The message names every bad field, one a line. */
export class ConfigError extends UsageError {
  readonly problems: readonly Problem[]
  constructor(file: string, problems: readonly Problem[], remedy?: string) {
    const lines = problems.map(problem => show(file, problem))
    super(
      lines.length === 1 ? lines.join('') : [`${file}: ${lines.length} problems`, ...lines].join('\n  '),
      remedy,
    )
    this.name = 'ConfigError'
    this.problems = problems
  }
}
