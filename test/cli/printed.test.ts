// What a terminal is shown: words of mails and of mail servers stand in it, and must not steer it.
import { expect, test, vi } from 'vitest'
import { table } from '../../src/cli/table.ts'
import { openLog } from '../../src/wiring/log.ts'

const evil = 'cursor \u001b[2J\u001b]0;owned\u0007 and \u202etxt.exe'

test('cells of a table are clean, and as wide as what is seen', () => {
  expect(
    table([
      ['title', 'id'],
      [evil, '1'],
    ]),
  ).toBe(['title                id', '-------------------  --', 'cursor  and txt.exe  1'].join('\n'))
})

test('lines of the log are clean; those of a stack stay lines', () => {
  const written: string[] = []
  const spy = vi.spyOn(process.stdout, 'write').mockImplementation(text => {
    written.push(String(text).slice(9))
    return true
  })
  openLog('lines')('warn', `${evil}\n    at here`, { mail: evil })
  spy.mockRestore()
  expect(written).toEqual(['warning: cursor  and txt.exe\n    at here  (mail cursor  and txt.exe)\n'])
})
