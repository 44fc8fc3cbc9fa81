// Who hears of which verdict: the policy's table, what silences it, and what the caps keep back.
import { describe, expect, it } from 'vitest'
import { type Circumstances, decide } from '../../src/model/policy.ts'
import { saysTheSame } from '../../src/model/sameness.ts'
import type { ImageVerdict, NewFailure, Told, Verdict } from '../../src/model/verdict.ts'
import { image, verdict } from '../story/verdicts.ts'

type Finding = Verdict['finding']

const findings: Record<Exclude<Finding['kind'], 'cancelled'>, Finding> = {
  'all-well': { kind: 'all-well' },
  'new-failures': { kind: 'new-failures' },
  'does-not-apply': { kind: 'does-not-apply', position: 1, title: 'x', conflicts: [] },
  damaged: { kind: 'damaged', position: 1, title: 'x', why: 'y' },
  unsafe: { kind: 'unsafe', position: 1, title: 'x', why: 'y' },
  'already-applied': { kind: 'already-applied', positions: [1] },
  'build-broken': {
    kind: 'build-broken',
    step: 'build',
    ending: { kind: 'finished', exitCode: 2 },
    errors: ['a.c:3: error: x'],
    command: 'make',
  },
  'nothing-to-test': { kind: 'nothing-to-test' },
  'base-unknown': { kind: 'base-unknown', wanted: 'main' },
  'base-broken': { kind: 'base-broken', step: 'build', errors: [] },
  incomplete: { kind: 'incomplete', missing: [2] },
  ours: { kind: 'ours', what: 'the host was lost' },
}

const failure = (test: string): NewFailure => ({
  ...{ step: 's', test, message: '', ending: { kind: 'finished', exitCode: 1 } },
})

const given = (more: Partial<Circumstances> & { verdict: Verdict }): Circumstances => ({
  earlier: [],
  previous: undefined,
  rules: { author: 'always', list: 'new-failures', unchanged: 'silent' },
  author: { may: true },
  list: { may: true },
  sent: { thread: 0, author: 0, total: 0 },
  caps: { thread: 10, author: 50, total: 1000 },
  ...more,
})

const says = (finding: Finding, more: Partial<Verdict> = {}): Verdict => verdict({ finding, ...more })
const heard = (verdict: Verdict, told: Partial<Told> = { author: true }): Verdict => ({
  ...verdict,
  told: { author: false, list: false, digest: false, ...told },
})

/** `author list` for those who hear; with `digest` too. */
const who = (more: Partial<Circumstances> & { verdict: Verdict }): string => {
  const { told } = decide(given(more))
  const names = (['author', 'list', 'digest'] as const).filter(name => told[name])
  return names.join(' ') || 'nobody'
}

describe('by the rules alone', () => {
  const kinds = Object.keys(findings) as (keyof typeof findings)[]
  const table = (rules: Circumstances['rules']): Record<string, string> =>
    Object.fromEntries(kinds.map(kind => [kind, who({ verdict: says(findings[kind]), rules })]))

  it('as it is if nobody says anything', () => {
    expect(table({ author: 'always', list: 'new-failures', unchanged: 'silent' })).toEqual({
      ...Object.fromEntries(kinds.map(kind => [kind, 'author'])),
      'new-failures': 'author list',
      'does-not-apply': 'author list',
      'build-broken': 'author list',
    })
  })

  it('who hears of failures only hears of a middle that does not build, once', () => {
    const rules = { author: 'failures', list: 'never', unchanged: 'silent' } as const
    const unbuildable = [{ position: 1, title: 'one', step: 'build', errors: [] }]
    const well = says(findings['all-well'], { unbuildable })
    expect(who({ verdict: says(findings['all-well']), rules })).toBe('nobody')
    expect(who({ verdict: well, rules })).toBe('author')
    const previous = { verdict: heard(says(findings['new-failures'], { unbuildable })), version: 1 }
    expect(who({ verdict: well, previous, rules })).toBe('nobody')
  })

  it('failures only, and the list always, but never how a mail was sent', () => {
    expect(table({ author: 'failures', list: 'always', unchanged: 'silent' })).toEqual({
      'all-well': 'list',
      'new-failures': 'author list',
      'does-not-apply': 'author list',
      damaged: 'author',
      unsafe: 'author',
      'already-applied': 'author list',
      'build-broken': 'author list',
      'nothing-to-test': 'list',
      'base-unknown': 'author list',
      'base-broken': 'list',
      incomplete: 'author',
      ours: 'list',
    })
  })

  it('digest and never', () => {
    expect(table({ author: 'never', list: 'digest', unchanged: 'silent' })).toEqual({
      ...Object.fromEntries(kinds.map(kind => [kind, 'digest'])),
      ...{ damaged: 'nobody', unsafe: 'nobody', incomplete: 'nobody' },
    })
    for (const kind of kinds)
      expect(
        who({
          verdict: says(findings[kind]),
          rules: { author: 'never', list: 'never', unchanged: 'say' },
        }),
      ).toBe('nobody')
  })

  it('what is flaky or unclear is no news for the list; what fails more often is', () => {
    const other = { step: 's', test: 'b', message: 'x' }
    const unclear = says(findings['all-well'], {
      images: [image('debian', { unclear: [other], flaky: [other] })],
    })
    expect(who({ verdict: unclear })).toBe('author')
    const newFailures: NewFailure[] = [{ ...failure('a'), kind: 'worse' }]
    const worse = says(findings['new-failures'], {
      images: [image('debian', { kind: 'new-failures', newFailures })],
    })
    expect(who({ verdict: worse })).toBe('author list')
  })

  it('a series that goes in first and does not apply is no news about this one', () => {
    const before = { series: 's0', title: 'x' }
    const finding: Finding = { kind: 'does-not-apply', position: 1, title: 'x', conflicts: [], before }
    expect(who({ verdict: says(finding) })).toBe('author')
  })

  it('what fails without something that it needs is no news for the list, until that is here', () => {
    const lacking = [{ id: '<a@example.org>', why: 'unknown' as const }]
    const { 'build-broken': broken, 'new-failures': fails } = findings
    for (const finding of [broken, fails]) expect(who({ verdict: says(finding, { lacking }) })).toBe('author')
    const earlier = [heard(says(broken, { lacking }))]
    expect(who({ verdict: says(broken, { lacking }), earlier })).toBe('nobody')
    expect(who({ verdict: says(broken), earlier })).toBe('author list')
  })

  it('says why nobody hears', () => {
    const rules = { author: 'failures', list: 'never', unchanged: 'say' } as const
    expect(decide(given({ verdict: says(findings['all-well']), rules })).told.silence).toEqual({
      kind: 'policy',
      why: 'the author hears of failures only; the list hears nothing',
    })
    expect(who({ verdict: says({ kind: 'cancelled', why: 'x', by: 'y' }) })).toBe('nobody')
  })
})

describe('one reply for each version', () => {
  const failing = says(findings['new-failures'], {
    images: [
      image('debian', {
        kind: 'new-failures',
        newFailures: [{ step: 's', test: 't', message: 'line 3', ending: { kind: 'finished', exitCode: 1 } }],
      }),
    ],
  })
  const well = says(findings['all-well'], { images: [image('debian')] })

  it('the same twice is said once, whoever asked for it', () => {
    const again = { ...failing, job: 'j2', buildLog: 'another-log' }
    const { told, follows } = decide(given({ verdict: again, earlier: [heard(failing)] }))
    expect(told).toMatchObject({ author: false, list: false, silence: { kind: 'said' } })
    expect(follows).toEqual(heard(failing))
  })

  it('who heard what was wrong hears that it is so no more', () => {
    const earlier = [heard(failing, { author: true, list: true })]
    expect(who({ verdict: well, earlier })).toBe('author list')
    const rules = { author: 'failures', list: 'new-failures', unchanged: 'silent' } as const
    expect(who({ verdict: well, earlier, rules })).toBe('author list')
    expect(who({ verdict: well, earlier: [heard(failing, { author: true })], rules })).toBe('author')
    const never = { author: 'never', list: 'never', unchanged: 'silent' } as const
    expect(who({ verdict: well, earlier, rules: never })).toBe('nobody')
    expect(decide(given({ verdict: well, earlier })).follows).toBe(earlier[0])
  })

  it('a late part: first incomplete, then tested', () => {
    const earlier = [heard(says(findings.incomplete, { job: undefined }))]
    expect(who({ verdict: well, earlier })).toBe('author')
    expect(who({ verdict: says(findings.ours), earlier })).toBe('author')
  })

  it('what could not be told takes back nothing that was', () => {
    for (const kind of ['ours', 'base-broken', 'base-unknown', 'damaged'] as const)
      expect(who({ verdict: says(findings[kind]), earlier: [heard(well)] })).toBe('nobody')
  })

  it('is compared with what was told, not with what was kept silent', () => {
    const ours = heard(says(findings.ours), {
      author: false,
      silence: { kind: 'said', why: 'it stands' },
    })
    expect(who({ verdict: failing, earlier: [heard(failing), ours] })).toBe('nobody')
    const capped = heard(failing, { author: false, silence: { kind: 'caps', why: 'too many' } })
    expect(who({ verdict: failing, earlier: [capped] })).toBe('author list')
  })

  it('nothing changed since the version before: silence, unless the project wants to hear it', () => {
    const previous = { verdict: heard(failing), version: 1 }
    const { told } = decide(given({ verdict: failing, previous }))
    expect(told.silence).toEqual({ kind: 'unchanged', why: 'nothing has changed since v1' })
    expect(
      who({
        verdict: failing,
        previous,
        rules: { author: 'always', list: 'new-failures', unchanged: 'say' },
      }),
    ).toBe('author list')
    expect(who({ verdict: well, previous })).toBe('author')
    const silent = { verdict: { ...failing, told }, version: 2 }
    expect(who({ verdict: failing, previous: silent })).toBe('nobody')
    const unheard = heard(failing, { author: false, silence: { kind: 'forbidden', why: 'a bot' } })
    expect(who({ verdict: failing, previous: { verdict: unheard, version: 1 } })).toBe('author list')
  })

  it('what is wrong with the mail, or with us, is told of each version', () => {
    for (const kind of ['damaged', 'unsafe', 'incomplete', 'ours'] as const) {
      const one = says(findings[kind])
      expect(who({ verdict: one, previous: { verdict: heard(one), version: 1 } })).toBe('author')
    }
  })
})

describe('the same finding, by content', () => {
  const failures = (tests: string[], line: number): Verdict =>
    says(findings['new-failures'], {
      images: [
        image('debian', {
          kind: 'new-failures',
          log: `log${line}`,
          passed: line,
          newFailures: tests.map(test => ({
            ...{ step: 's', test, message: `x.c:${line}: no` },
            ending: { kind: 'finished' as const, exitCode: 1 },
          })),
        }),
      ],
    })
  const build = (error: string) => says({ ...findings['build-broken'], errors: [error] } as Finding)

  it('does not look at words, lines and logs', () => {
    expect(saysTheSame(failures(['a', 'b'], 1), failures(['b', 'a'], 2))).toBe(true)
    expect(saysTheSame(build('a.c:3:7: error: x'), build('a.c:14:1: error: x'))).toBe(true)
    const reverse = { ...failures(['a'], 1), images: [image('z'), image('a')] }
    expect(saysTheSame(reverse, { ...reverse, images: [...reverse.images].reverse() })).toBe(true)
  })

  it('does not look at numbers, nor at what is flaky or unclear', () => {
    const proof = (failed: number) => ({ with: { failed, runs: 6 }, without: { failed: 0, runs: 6 } })
    const one = (more: Partial<ImageVerdict>, kind: 'new' | 'worse' = 'new', failed = 6) =>
      says(findings['new-failures'], {
        images: [
          image('debian', {
            kind: 'new-failures',
            newFailures: [{ ...failure('a'), kind, proof: proof(failed), lines: [failed, failed] }],
            ...more,
          }),
        ],
      })
    const other = { step: 's', test: 'b', message: 'x', proof: proof(3) }
    expect(saysTheSame(one({}), one({}, 'worse', 5))).toBe(true)
    expect(saysTheSame(one({ flaky: [other] }), one({ unclear: [other] }))).toBe(true)
    expect(saysTheSame(one({}), one({ vanished: [other] }))).toBe(false)
  })

  it('another patch that does it is news; that it was not looked for again is not', () => {
    const by = (position: number | undefined) =>
      says(findings['build-broken'], position === undefined ? {} : { culprit: { position, title: 'x' } })
    expect(saysTheSame(by(2), by(2))).toBe(true)
    expect(saysTheSame(by(2), by(3))).toBe(false)
    expect(saysTheSame(by(undefined), by(3))).toBe(false)
    expect(saysTheSame(by(2), by(undefined))).toBe(true)
  })

  it('looks at tests, steps, images and files', () => {
    expect(saysTheSame(failures(['a'], 1), failures(['a', 'b'], 1))).toBe(false)
    const one = failures(['a'], 1)
    expect(saysTheSame(one, { ...one, images: one.images.map(i => ({ ...i, image: 'other' })) })).toBe(false)
    expect(saysTheSame(build('a.c:3: error: x'), build('b.c:3: error: x'))).toBe(false)
    const well = says(findings['all-well'], { images: [image('debian')] })
    expect(saysTheSame(well, { ...well, images: [image('debian', { kind: 'untested' })] })).toBe(false)
    expect(saysTheSame(says(findings.ours), says(findings['all-well']))).toBe(false)
  })
})

describe('who cannot be written to', () => {
  const failing = says(findings['new-failures'])

  it('is left out, and why is kept', () => {
    const forged = { may: false, why: 'forged' } as const
    const { told } = decide(given({ verdict: failing, author: forged }))
    expect(told).toEqual({
      ...{ author: false, list: true, digest: false },
      silence: { kind: 'forbidden', why: 'not to the author: forged' },
    })
    expect(who({ verdict: failing, author: forged, list: { may: false, why: 'gone' } })).toBe('nobody')
    expect(who({ verdict: says(findings['all-well']), author: forged })).toBe('nobody')
  })
})

describe('caps', () => {
  const failing = says(findings['new-failures'])
  const sent = (more: Partial<Circumstances['sent']>) => ({ thread: 0, author: 0, total: 0, ...more })

  it('keep a mail back, and say so', () => {
    for (const over of [sent({ total: 1000 }), sent({ thread: 10 })]) {
      const decision = decide(given({ verdict: failing, sent: over }))
      expect(decision.told).toMatchObject({ author: false, list: false, silence: { kind: 'caps' } })
      expect(decision.over).toMatchObject({ author: true, list: true })
    }
    expect(who({ verdict: failing, sent: sent({ thread: 9, author: 49, total: 999 }) })).toBe('author list')
  })

  it('of an author do not keep it from the list', () => {
    expect(who({ verdict: failing, sent: sent({ author: 50 }) })).toBe('list')
  })

  it('do not concern what waits for a digest, nor what nobody would have heard', () => {
    const rules = { author: 'never', list: 'digest', unchanged: 'silent' } as const
    expect(who({ verdict: failing, rules, sent: sent({ total: 5000 }) })).toBe('digest')
    const silent = { author: 'failures', list: 'never', unchanged: 'silent' } as const
    const quiet = decide(given({ verdict: says(findings.ours), rules: silent, sent: sent({ total: 5000 }) }))
    expect(quiet.over).toBeUndefined()
    expect(quiet.told.silence?.kind).toBe('policy')
  })
})
