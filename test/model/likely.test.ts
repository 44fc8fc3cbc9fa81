// Which tests are worth more than one run: few that are touched, and those that failed lately beside several series.
import { expect, test } from 'vitest'
import type { Sample } from '../../src/model/history.ts'
import { likelyOf } from '../../src/model/likely.ts'
import type { TestStep } from '../../src/model/recipe.ts'

const step = (name: string): TestStep => ({ name, run: name, timeoutMs: 1, report: 'tap' })
const names = Array.from({ length: 100 }, (_, i) => `t${i}`)
const steps = [
  { step: step('a'), tests: names },
  { step: step('b'), tests: ['one', 'two'] },
]
const sample = (series: string | undefined, ...failed: string[]): Sample => ({
  ...{
    id: '',
    project: 'tally',
    image: 'debian',
    step: 'a',
    job: 'j',
    run: 'r',
    base: '',
    author: undefined,
  },
  ...{ series, host: 'h', at: 0, state: 'whole', only: undefined, count: 100 },
  failed: failed.map(test => ({ test, message: '' })),
})
const likely = (given: Partial<Parameters<typeof likelyOf>[0]>) =>
  likelyOf({ touched: [], steps, failing: [], samples: [], series: 'own', ...given })

test('touched tests, where they are few', () => {
  const five = names.slice(0, 4)
  expect(
    likely({
      touched: [
        { step: 'a', tests: five },
        { step: 'b', tests: ['two'] },
      ],
    }),
  ).toEqual([
    { step: 'a', tests: five },
    { step: 'b', tests: ['two'] },
  ])
  expect(likely({ touched: [{ step: 'a', tests: names.slice(0, 6) }] })).toEqual([])
})

test('tests that failed beside two other series; not one of those, nor its own runs, nor the base', () => {
  const samples = [
    ...[
      sample('x', 't1', 't2', 't3'),
      sample('y', 't1', 't3', 'gone'),
      sample('z', 't1'),
      sample('z', 'gone'),
    ],
    ...[sample('own', 't2'), sample(undefined, 't2')],
  ]
  const failing = [{ step: 'a', tests: ['t3'] }]
  expect(likely({ samples, failing })).toEqual([{ step: 'a', tests: [], lately: ['t1'] }])
  expect(likely({ samples, failing, touched: [{ step: 'a', tests: ['t9'] }] })).toEqual([
    { step: 'a', tests: ['t9'], lately: ['t1'] },
  ])
  expect(likely({ samples, failing, touched: [{ step: 'a', tests: ['t1'] }] })).toEqual([
    { step: 'a', tests: ['t1'] },
  ])
})

test('those that fail most often, and only so many', () => {
  const samples = [sample('x', ...names), sample('y', ...names), sample('z', 't50')]
  const [found] = likely({ samples })
  expect(found?.lately).toHaveLength(10)
  expect(found?.lately?.[0]).toBe('t50')
})
