// What an incident casts doubt on.
import { describe, expect, it } from 'vitest'
import type { Incident, Trouble } from '../../src/model/incident.ts'
import { fateIn, isShaken, makesWait, repeated, type ShadowedRun, shadowOf } from '../../src/model/shadow.ts'
import { incident, planned, series, verdict } from '../contract/samples.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
const since = 100 * day

const of = (trouble: Trouble, more: Partial<Incident> = {}) => {
  const shadow = shadowOf(incident('i', { trouble, host: 'alpha', about: 'debian', since, ...more }))
  if (!shadow) throw new Error(`${trouble} casts no shadow`)
  return shadow
}
const over = { state: { at: 'monitoring', since: since + hour, until: since + day, how: 'mended' } } as const

const run = (endedAt: number, more: Partial<ShadowedRun> = {}): ShadowedRun => ({
  ...{ host: 'alpha', image: 'debian', startedAt: endedAt - minute, endedAt, kind: 'tested' },
  ...more,
})
const ours = (what: string) => ({ kind: 'ours' as const, what })

describe('the shadow', () => {
  it.each<[string, Trouble, Partial<Incident>, ShadowedRun, 'doubted' | 'struck' | undefined]>([
    ['while it holds', 'image-damaged', {}, run(since + hour), 'doubted'],
    ['a week before', 'image-damaged', {}, run(since - 6 * day), 'doubted'],
    ['longer before', 'image-damaged', {}, run(since - 8 * day), undefined],
    ['another image', 'image-damaged', {}, run(since, { image: 'other' }), undefined],
    ['another host', 'image-damaged', {}, run(since, { host: 'beta' }), undefined],
    ['every image of a host', 'host-unqualified', {}, run(since, { image: 'other' }), 'doubted'],
    [
      'every host of an image',
      'guests-failing',
      { host: undefined },
      run(since, { host: 'beta' }),
      'doubted',
    ],
    ['began before it was over', 'image-damaged', over, run(since + hour + minute / 2), 'doubted'],
    ['began after it was over', 'image-damaged', over, run(since + hour + minute), undefined],
    ['ended as ours', 'image-damaged', {}, run(since, ours('damaged')), 'struck'],
    ['was stopped', 'image-damaged', {}, run(since, ours('stopped')), undefined],
    ['a full disk doubts nothing', 'disk-reserve', {}, run(since), undefined],
    ['a full disk strikes', 'disk-reserve', {}, run(since, ours('exhausted')), 'struck'],
    [
      'the same outcome',
      'infra-repeats',
      { host: undefined, about: 'exit code #' },
      run(since, ours('exit code 7')),
      'struck',
    ],
    [
      'another outcome',
      'infra-repeats',
      { host: undefined, about: 'git am' },
      run(since, ours('timeout')),
      undefined,
    ],
  ])('%s', (_, trouble, more, one, fate) => {
    expect(fateIn(of(trouble, more), one)).toBe(fate)
  })

  it('is not cast by what is only suspected, or touches no runs', () => {
    const state = { at: 'suspected', until: since + hour } as const
    expect(shadowOf(incident('i', { trouble: 'disk-error', state }))).toBeUndefined()
    expect(shadowOf(incident('i', { trouble: 'mail-unreachable' }))).toBeUndefined()
    expect(shadowOf(incident('i', { trouble: 'host-lost' }))).toBeUndefined()
  })

  it('makes wait for a day at most, and for a moment after the end', () => {
    const held = incident('i', { trouble: 'image-damaged', since })
    const waits = (one: Incident, now: number) => makesWait(shadowOf(one) as never, one, now)
    expect([waits(held, since + day), waits(held, since + day + 1)]).toEqual([true, false])
    const ended = { ...held, ...over }
    expect([waits(ended, since + hour + minute), waits(ended, since + 2 * hour)]).toEqual([true, false])
  })
})

describe('a verdict', () => {
  const found = (kind: string, images: unknown[] = []) =>
    verdict('s', { finding: { kind } as never, images: images as never })

  it.each<[string, ReturnType<typeof verdict>, boolean, boolean]>([
    ['well', found('all-well'), false, false],
    ['of new failures', found('new-failures'), true, false],
    ['of a broken base', found('base-broken'), true, false],
    ['that something is missing', found('incomplete'), false, false],
    ['that is ours', found('ours'), true, true],
    ['well, but for an image', found('all-well', [{ kind: 'untested' }]), true, true],
  ])('%s', (_, one, doubted, struck) => {
    expect([isShaken(one, 'doubted'), isShaken(one, 'struck')]).toEqual([doubted, struck])
  })
})

describe('a series', () => {
  const given = { job: 'j', shadow: of('image-damaged', over), verdict: undefined }
  const one = series('s', { state: planned('j') })

  it('is run again once, against a fresh base, rather elsewhere', () => {
    const next = repeated(one, given)
    expect(next).toMatchObject({
      round: 1,
      again: { incident: 'i', avoid: 'alpha' },
      state: { at: 'complete' },
    })
    expect(repeated(next && { ...next, state: planned('j') }, given)).toBeUndefined()
  })

  it('is run again if the trouble came back', () => {
    const next = repeated(one, given)
    const back = { ...given, shadow: of('image-damaged', { ...over, flaps: 1 }) }
    const again = repeated(next && { ...next, state: planned('j') }, back)
    expect(again).toMatchObject({ round: 2, again: { incident: 'i.1' } })
  })

  it('is left alone that went on, was cancelled, or was run often enough', () => {
    const stopped = verdict('s', { finding: { kind: 'cancelled', why: '', by: 'olga' } })
    expect(repeated(series('s', { state: planned('other') }), given)).toBeUndefined()
    expect(repeated(series('s', { state: { at: 'superseded', by: 't' } }), given)).toBeUndefined()
    expect(repeated(one, { ...given, verdict: stopped })).toBeUndefined()
    expect(repeated({ ...one, round: 6 }, given)).toBeUndefined()
  })
})
