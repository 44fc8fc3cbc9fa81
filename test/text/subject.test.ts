import { describe, expect, test } from 'vitest'
import { parseSubject } from '../../src/text/subject.ts'

/** `patch v2 3/7 tags|title`, as short as it can be said. */
const say = (subject: string, listTags: string[] = ['LTP']) => {
  const tags = parseSubject(subject, listTags)
  const counter = tags.position === undefined ? '' : ` ${tags.position}/${tags.total ?? 'n'}`
  const words = tags.tags.length === 0 ? '' : ` {${tags.tags.join(' ')}}`
  return `${tags.reply ? 're ' : ''}${tags.patch ? 'patch' : 'plain'} v${tags.version}${tags.versionGiven ? '!' : ''}${counter}${words} | ${tags.title}`
}

describe('a subject', () => {
  test.each([
    ['[PATCH] a: b', 'patch v1 | a: b'],
    ['[LTP] [PATCH v2 1/4] lib: add', 'patch v2! 1/4 | lib: add'],
    ['[ltp][PATCH] x', 'patch v1 | x'],
    ['[v6,19/24] mm: foo', 'patch v6! 19/24 | mm: foo'],
    ['[PATCHv2 2/2] serial: x', 'patch v2! 2/2 | serial: x'],
    ['[PATCH V2 3/4] x', 'patch v2! 3/4 | x'],
    ['[PATCH (v2)] USB: x', 'patch v2! | USB: x'],
    ['[PATCH] [1/2] x', 'patch v1 1/2 | x'],
    ['[PATCH 1 of 2] contrib: x', 'patch v1 1/2 | contrib: x'],
    ['[PATCH v3.1] lib: x', 'patch v3! {v3.1} | lib: x'],
    ['[PATCH V1.1 2/2] x', 'patch v1! 2/2 {V1.1} | x'],
    ['[PATCH 3/n] x', 'patch v1 3/n | x'],
    ['[sparse PATCH resend] x', 'patch v1 {sparse resend} | x'],
    ['[PATCH 5/6] [RESEND] x', 'patch v1 5/6 {RESEND} | x'],
    ['[PATCH 0/2] [RFC] BPF', 'patch v1 0/2 {RFC} | BPF'],
    ['[RFC/PATCH 1/3] x', 'patch v1 1/3 {RFC} | x'],
    ['[PATCH/RFC v2] x', 'patch v2! {RFC} | x'],
    ['[RFC PATCH v3 00/27] x', 'patch v3! 0/27 {RFC} | x'],
    ['[PATCH1/8] x', 'patch v1 1/8 | x'],
    ['[v2PATCH1/4] x', 'patch v2! 1/4 | x'],
    ['[PATCH100/123] x', 'patch v1 100/123 | x'],
    ['[PATCH net-next v3 0/4] net: x (v3)', 'patch v3! 0/4 {net-next} | net: x (v3)'],
    ['[net,v2,1/2] net: x', 'patch v2! 1/2 {net} | net: x'],
    ['[PATCH AUTOSEL 5.6 082/129] x', 'patch v1 82/129 {AUTOSEL 5.6} | x'],
    ['[PATCH 00/15 v6.6.y] Backport', 'patch v1 0/15 {v6.6.y} | Backport'],
    ['[PATCH for v5.9] kbuild: x', 'patch v1 {for v5.9} | kbuild: x'],
    ['[Patch 2/2]: powerpc: x', 'patch v1 2/2 | powerpc: x'],
    ['PATCH V2 3/4] PM / OPP: x', 'patch v2! 3/4 | PM / OPP: x'],
    ['[LTP] [COMMITTED][PATCH 1/1] net: x', 'patch v1 1/1 {COMMITTED} | net: x'],
    ['[PATCH] x: y (v2)', 'patch v2! | x: y (v2)'],
    ['[ Patch 001 ] feature', 'patch v1 {001} | feature'],
    ['[PATCH v0.0-20200229 01/11] ez: x', 'patch v1 1/11 {v0.0-20200229} | ez: x'],
    ['[PATCH] [RFC] rewrite [a-z] regexes', 'patch v1 {RFC} | rewrite [a-z] regexes'],
    [
      '[PATCH v2 3/6] change the arch when changing -m32/64',
      'patch v2! 3/6 | change the arch when changing -m32/64',
    ],
    ['[PATCH] 32/64 bit: x', 'patch v1 | 32/64 bit: x'],
    ['[PATCH] x:\n\ty', 'patch v1 | x: y'],
  ])('%s', (subject, expected) => expect(say(subject)).toBe(expected))

  test.each([
    ['[PATCH 5.10/5.15] tty: x', 'patch v1 {5.10/5.15} | tty: x'],
    ['[PATCH 0.5/5] x', 'patch v1 {0.5/5} | x'],
    ['[PATCH v2 13/11] tty: x', 'patch v2! 13/11 | tty: x'],
    ['[6/0] x', 'plain v1 {6/0} | x'],
    ['[2020/05] Minutes', 'plain v1 {2020/05} | Minutes'],
    ['19-02-2020', 'plain v1 | 19-02-2020'],
  ])('not every a/b is a counter: %s', (subject, expected) => expect(say(subject)).toBe(expected))

  test.each([
    ['Re: [PATCH] a', 're patch v1 | a'],
    ['RE: AW: [PATCH] a', 're patch v1 | a'],
    ['Re: [LTP] [Automated-testing] [PATCH 1/2] x', 're patch v1 1/2 {Automated-testing} | x'],
    ['[LTP] Re: [PATCH] a', 're patch v1 | a'],
    ['Re[2]: [PATCH] a', 're patch v1 | a'],
    ['答复: [PATCH] a', 're patch v1 | a'],
    ['[LTP] [PATCH] Re: [PATCH] a', 'patch v1 | a'],
    ['Re meep', 're plain v1 | meep'],
    ['reset: do it', 'plain v1 | reset: do it'],
    ['[PATCH] Re-add x', 'patch v1 | Re-add x'],
  ])('an answer: %s', (subject, expected) => expect(say(subject)).toBe(expected))

  test.each([
    ['', 'plain v1 | '],
    ['[[[[', 'plain v1 | [[[['],
    ['[]', 'plain v1 | '],
    ['[GIT PULL] x', 'plain v1 {GIT PULL} | x'],
    ['[ANNOUNCE] Sparse v0.6.2-rc1', 'plain v1 {ANNOUNCE} | Sparse v0.6.2-rc1'],
    ['[tty:tty-testing] BUILD SUCCESS 81004f', 'plain v1 {tty:tty-testing} | BUILD SUCCESS 81004f'],
  ])('no patch: %s', (subject, expected) => expect(say(subject)).toBe(expected))

  test('a huge one is read as well', () => {
    expect(parseSubject('[PATCH '.repeat(100_000)).patch).toBe(false)
    expect(parseSubject('[v2] '.repeat(100_000)).version).toBe(2)
    expect(parseSubject(`[PATCH${' 1'.repeat(100_000)}/2]`).patch).toBe(false)
  })
})
