// Names of tests come from guests, and go into a shell.
import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { onlyCommand, shellWord } from '../../src/text/only.ts'

describe('only some tests of a step', () => {
  it('names stay what they are, whatever is in them', () => {
    const names = ['plain:name-1.c', 'two words', "it's", '$(id) `id` "x" \\', '$&', 'a\nb', '-rf', '*', '']
    const said = execFileSync('sh', ['-c', `printf '<%s>' ${names.map(shellWord).join(' ')}`])
    expect(String(said)).toBe(names.map(name => `<${name}>`).join(''))
  })

  it('stands in the place of {tests}; a step without `only` is run whole', () => {
    expect(onlyCommand({ only: './t --only {tests} -v' }, ['a', "$& 'b"])).toBe(`./t --only a '$& '\\''b' -v`)
    const wine = { only: './t {tests}', report: 'wine' } as const
    const lines = ['tally:wrap > Test failed: one', 'tally:wrap > Test failed: two', 'tally:trim']
    expect(onlyCommand(wine, lines)).toBe('./t tally:wrap tally:trim')
    expect(onlyCommand({ ...wine, report: 'tap' }, ['io > write'])).toBe("./t 'io > write'")
    expect(onlyCommand({}, ['a'])).toBeUndefined()
    expect(onlyCommand({ only: './t {tests}' }, [])).toBeUndefined()
  })
})
