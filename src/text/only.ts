// The command that runs only some tests of a step: for the shell of a guest, and for people who repeat a failure.
import type { TestStep } from '../model/recipe.ts'

/** One word for a POSIX shell (sh, 2.2.2), whatever is in it. NUL cannot be in any. */
export const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll('\0', '').replaceAll("'", String.raw`'\''`)}'`

/** `only` of the step with the names, each quoted; undefined: the step can only be run whole. */
export const onlyCommand = ({ only }: Pick<TestStep, 'only'>, tests: string[]): string | undefined =>
  only === undefined || tests.length === 0
    ? undefined
    : only.replaceAll('{tests}', () => tests.map(shellWord).join(' '))
