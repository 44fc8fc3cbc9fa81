// When failures of several authors are taken for our own fault, and when they are not.

import { describe, expect, it } from 'vitest'
import { type AlikeRules, alike, authorsOf, headsOf } from '../../src/model/alike.ts'
import type { Blame } from '../../src/model/blame.ts'
import { tailOf } from '../../src/model/chance.ts'
import { type Incident, newIncident } from '../../src/model/incident.ts'
import { random } from '../fakes/random.ts'

const hour = 3_600_000

let count = 0
const blame = (author: string, more: Partial<Blame> = {}): Blame => ({
  ...{ id: `f${count++}`, project: 'tally', job: `job of ${author}`, series: `series of ${author}` },
  ...{ author: `${author}@example.org`, base: 'a'.repeat(40), image: 'debian', host: 'here' },
  ...{ step: 'all', test: 'sums', sign: 'expected # got #', at: hour, builtOn: 'here' },
  ...more,
})

const rules = (more: Partial<AlikeRules> = {}): AlikeRules => ({
  ...{ authors: 3, withinMs: 2 * hour, now: hour },
  ...more,
})

const three = () => [blame('ann'), blame('ben'), blame('cleo')]

const incident = (about: string, more: Partial<Incident> = {}): Incident =>
  newIncident({
    ...{ id: 'i1', trouble: 'alike-failures', host: undefined, about, since: hour, detail: '' },
    ...more,
  })

const last = (blames: Blame[]): Blame[] => blames.slice(-1)

describe('failures that are alike', () => {
  it('of as many authors as the rules want are held back', () => {
    const all = three()
    expect(alike(last(all), all, rules())).toMatchObject({
      ...{ about: 'tally: test "sums" of step "all" on image debian', authors: 3, host: 'here' },
    })
  })

  it('of fewer are told', () => {
    const all = three().slice(1)
    expect(alike(last(all), all, rules())).toBeUndefined()
  })

  it.each([
    ['one author, whose address is written in two ways', { author: 'ANN@example.org' }],
    ['two versions of one series', { kin: ['series of ann'] }],
    ['a series that another one needs', { series: 'series of ann' }],
  ] as [string, Partial<Blame>][])('count once: %s', (_, more) => {
    const all = [blame('ann'), blame('ben', more), blame('cleo')]
    expect(authorsOf(all)).toBe(2)
    expect(alike(last(all), all, rules())).toBeUndefined()
  })

  it('are those of the same time', () => {
    const all = [blame('ann', { at: 0 }), blame('ben', { at: 2 * hour }), blame('cleo', { at: 2.5 * hour })]
    expect(alike(last(all), all, rules())).toBeUndefined()
    expect(alike(last(all), all, rules({ withinMs: 3 * hour }))).toBeDefined()
  })

  it('are those on one image, host or base', () => {
    const elsewhere = three().map((one, i) => ({ ...one, image: `image-${i}`, host: `host-${i}` }))
    expect(alike(last(elsewhere), elsewhere, rules())?.about).toMatch(/on base aaaaaaaaaaaa$/)
    const nowhere = elsewhere.map((one, i) => ({ ...one, base: String(i).repeat(40) }))
    expect(alike(last(nowhere), nowhere, rules())).toBeUndefined()
  })

  it('are broken builds with the same first error, and steps that end alike; not just in the same step', () => {
    const build = (author: string, sign: string) => blame(author, { step: 'build', test: '', sign })
    const same = [
      build('ann', 'cc1: out of memory'),
      build('ben', 'cc1: out of memory'),
      build('cleo', 'cc1: out of memory'),
    ]
    expect(alike(last(same), same, rules())?.about).toContain('cc1: out of memory')
    const own = [
      build('ann', "a.c: 'x' undeclared"),
      build('ben', 'b.c: no such file'),
      build('cleo', "c.c: expected ';'"),
    ]
    expect(alike(last(own), own, rules())).toBeUndefined()
  })

  it('are different tests with one telling message, of twice as many authors; never with one that says nothing', () => {
    const authors = ['ann', 'ben', 'cleo', 'dora', 'emil', 'fay']
    const of = (sign: string) => authors.map((author, i) => blame(author, { test: `test ${i}`, sign }))
    const full = of('cannot write: no space left on device')
    expect(alike(last(full), full, rules())?.about).toContain('no space left on device')
    expect(alike(full.slice(4, 5), full.slice(0, 5), rules())).toBeUndefined()
    expect(alike(last(of('expected # got #')), of('expected # got #'), rules())).toBeUndefined()
  })
})

describe('what became of an incident about the same', () => {
  const about = 'tally: test "sums" of step "all" on image debian'

  it('real, says an operator: nobody is held back for it any more', () => {
    const all = three()
    const incidents = headsOf(blame('ann')).map(one =>
      incident(one, { resolved: { at: 2 * hour, how: '', real: true } }),
    )
    expect(alike(last(all), all, rules({ incidents }))).toBeUndefined()
    const later = [...all, ...['dora', 'emil', 'fay'].map(author => blame(author, { at: 3 * hour }))]
    expect(alike(last(later), later, rules({ incidents, now: 3 * hour }))).toBeUndefined()
  })

  it('over: what was before it does not count any more, and as many new ones are another incident', () => {
    const incidents = headsOf(blame('ann')).map(one => incident(one, { resolved: { at: 2 * hour, how: '' } }))
    const later = [...three(), blame('dora', { at: 2.1 * hour }), blame('emil', { at: 2.1 * hour })]
    expect(alike(last(later), later, rules({ incidents }))).toBeUndefined()
    const more = [...later, blame('fay', { at: 2.1 * hour })]
    expect(alike(last(more), more, rules({ incidents }))?.about).toBe(about)
  })

  it('proven once more on a fresh base line: neither these are held back again, nor others who break the same', () => {
    const again = three().map(one => ({ ...one, confirmed: headsOf(one) }))
    expect(alike(last(again), again, rules())).toBeUndefined()
    const later = [...again, blame('dora')]
    expect(alike(last(later), later, rules())).toBeUndefined()
  })
})

describe('many different failures on one host', () => {
  const on = (host: string, authors: number) =>
    Array.from({ length: authors }, (_, i) => blame(`${host} ${i}`, { host, test: `${host} ${i}` }))

  it('are held back where its share of the runs does not explain them', () => {
    const all = [...on('other', 1), ...on('here', 14)]
    expect(alike(last(all), all, rules({ shares: { here: 0.5, other: 0.5 } }))).toMatchObject({
      ...{ about: 'tally: many failures on host here', host: 'here', authors: 14 },
    })
    expect(alike(last(all), all, rules({ shares: { here: 0.9, other: 0.1 } }))).toBeUndefined()
  })

  it('are told where others have as many, where few are concerned, and where there is no other host', () => {
    const both = [...on('other', 12), ...on('here', 12)]
    expect(alike(last(both), both, rules({ shares: { here: 0.5, other: 0.5 } }))).toBeUndefined()
    const few = on('here', 5)
    expect(alike(last(few), few, rules({ shares: { here: 0.01, other: 0.99 } }))).toBeUndefined()
    const alone = on('here', 30)
    expect(alike(last(alone), alone, rules({ shares: { here: 1 } }))).toBeUndefined()
  })

  it('by the exact chance of so many hits', () => {
    expect(tailOf({ n: 10, hits: 10, p: 0.5 })).toBeCloseTo(1 / 1024, 10)
    expect(tailOf({ n: 10, hits: 9, p: 0.5 })).toBeCloseTo(11 / 1024, 10)
    expect(tailOf({ n: 4, hits: 0, p: 0.3 })).toBeCloseTo(1, 10)
  })
})

describe('by chance', () => {
  /** Honest authors, who break one test each: 60 a day, of 2,000 tests, for so many days. How many of them are held back? */
  const held = (days: number, tests: number): number => {
    const next = random(42)
    const all: Blame[] = []
    let waiting = 0
    for (let i = 0; i < days * 60; i++) {
      const at = Math.floor((i / 60) * 24 * hour)
      const one = blame(`author ${i % 500}`, {
        series: `s${i}`,
        job: `j${i}`,
        at,
        test: `test ${Math.floor(next() * tests)}`,
      })
      all.push(one)
      if (alike([one], all.slice(-200), rules({ now: at }))) waiting++
    }
    return waiting
  }

  it('honest authors hardly ever wait', () => {
    expect(held(30, 2_000)).toBe(0)
    // A suite of ten tests is hit alike all the time.
    expect(held(3, 10)).toBeGreaterThan(0)
  })
})
