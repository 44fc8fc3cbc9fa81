// A patch in the middle that does not build: what is said of it again, and what is not.
import { expect, it } from 'vitest'
import { saysTheSame, untold } from '../../src/model/sameness.ts'
import { verdict } from '../story/verdicts.ts'

const middle = (title: string, position = 1) => ({ position, title, step: 'build', errors: ['a.c:1: error'] })
const well = (...unbuildable: ReturnType<typeof middle>[]) =>
  verdict({ finding: { kind: 'all-well' }, ...(unbuildable.length === 0 ? {} : { unbuildable }) })

it('the same patches in the middle say the same, wherever they stand and whatever the compiler says', () => {
  expect(saysTheSame(well(middle('one')), well({ ...middle('one', 2), errors: ['a.c:9: error'] }))).toBe(true)
  expect(saysTheSame(well(), well(middle('one')))).toBe(false)
  expect(saysTheSame(well(middle('one')), well())).toBe(false)
  expect(saysTheSame(well(middle('one')), well(middle('two')))).toBe(false)
})

it('what was told before is told no more', () => {
  const said = well(middle('one'), middle('two', 2))
  expect(untold(said, [])).toEqual(said.unbuildable)
  expect(untold(said, [well(), well(middle('one'))])).toEqual([middle('two', 2)])
  expect(untold(well(), [said])).toEqual([])
})
