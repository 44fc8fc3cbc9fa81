// Addresses of pages: whatever a name holds, there is one, and it stays one part of a path.
import { expect, test } from 'vitest'
import { hostPath, logPath, runPath, testPath } from '../../src/web/links.ts'
import { authorName } from '../../src/web/series/said.ts'

test('half a character in a name is shown as none', () => {
  expect(testPath({ project: 'tally', step: 'all', test: 'a\ud800b' })).toBe(
    '/tests/tally/history?step=all&test=a%EF%BF%BDb',
  )
})

test('a name ends neither its part of the path nor the query', () => {
  expect(hostPath('a/../b?c#d')).toBe('/farm/hosts/a%2F..%2Fb%3Fc%23d')
  expect(runPath('"><b>')).toBe('/runs/%22%3E%3Cb%3E')
  expect(logPath('r1', 501)).toBe('/runs/r1/log?from=501#L501')
})

test('an author without a name is not told by a whole address', () => {
  const said = (name: string) => authorName({ name, address: 'ann@example.org' })
  expect(['Ann <b>', '', 'ann@example.org', ' '].map(said)).toEqual(['Ann <b>', 'ann', 'ann', 'ann'])
})
