// The command that runs only some tests of a step: for the shell of a guest, and for people who repeat a failure.
import type { TestStep } from '../model/recipe.ts'

/** One word for a POSIX shell (sh, 2.2.2), whatever is in it. NUL cannot be in any. */
export const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll('\0', '').replaceAll("'", String.raw`'\''`)}'`

type Runnable = Pick<TestStep, 'only'> & Partial<Pick<TestStep, 'report'>>

/** What can be run of the step: a Wine test runs units, and a line of one only with it. */
const runnable = ({ report }: Runnable, tests: string[]): string[] =>
  report === 'wine' ? [...new Set(tests.map(test => test.split(' > ', 1)[0] ?? test))] : tests

/** `only` of the step with the names, each quoted; undefined: the step can only be run whole. */
export const onlyCommand = (step: Runnable, tests: string[]): string | undefined =>
  step.only === undefined || tests.length === 0
    ? undefined
    : step.only.replaceAll('{tests}', () => runnable(step, tests).map(shellWord).join(' '))
