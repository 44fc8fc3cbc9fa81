// The numbers behind a ruling, in words.
import { describe, expect, it } from 'vitest'
import type { Proof } from '../../src/model/verdict.ts'
import { sayProof, shortProof, timesOf, together } from '../../src/stages/reply/numbers.ts'

const trials = (failed: number, runs: number) => ({ failed, runs })
const proof = (with_: [number, number], without: [number, number], history?: [number, number]): Proof => ({
  ...{ with: trials(...with_), without: trials(...without) },
  ...(history ? { history: trials(...history) } : {}),
})

describe('numbers in words', () => {
  it.each([
    [proof([6, 6], [0, 6], [0, 40]), 'in 6 of 6 runs with your patch and in 0 of 6 without'],
    [proof([1, 1], [0, 0]), 'in 1 of 1 run with your patch'],
    [proof([4, 4], [0, 0], [0, 21]), 'in 4 of 4 runs with your patch and never without'],
    [proof([4, 4], [0, 0], [3, 40]), 'in 4 of 4 runs with your patch and in 3 of 40 earlier ones without'],
    [proof([0, 0], [0, 0], [3, 40]), ''],
    [undefined, ''],
  ])('%j', (given, words) => {
    expect(sayProof(given, 'patch')).toBe(words)
  })

  it('in short, and of several images together', () => {
    const two = together([proof([3, 6], [1, 6], [2, 40]), undefined, proof([1, 6], [0, 6])])
    expect(two).toEqual(proof([4, 12], [1, 12], [2, 40]))
    expect(timesOf(two)).toBe('failed again 4 of 12 times with it, 1 of 12 without')
    expect(timesOf(proof([0, 0], [0, 0], [2, 40]))).toBe('failed 2 of 40 before')
    expect(shortProof(two)).toBe('4/12 with, 1/12 without, 2/40 before')
    expect(together([undefined])).toBeUndefined()
    expect(timesOf(undefined) + shortProof(undefined)).toBe('')
  })
})
