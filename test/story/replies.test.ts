// What contributors get to read: each kind of reply against its golden mail, and the bounds that all of them keep.
import { readdirSync } from 'node:fs'
import stringWidth from 'string-width'
import { describe, expect, test } from 'vitest'
import type { OutgoingMail } from '../../src/model/reply.ts'
import type { Series } from '../../src/model/series.ts'
import type { ImageVerdict, Verdict } from '../../src/model/verdict.ts'
import { type ComposeInput, composeReply } from '../../src/stages/reply/compose.ts'
import { compose } from '../../src/text/compose.ts'
import { image, input, single, stories, three, verdict } from './verdicts.ts'

const people = (list: OutgoingMail['to']) =>
  list.map(({ name, address }) => `${name} <${address}>`).join(', ')

const asText = (mail: OutgoingMail): string =>
  [
    `From: ${people([mail.from])}`,
    `To: ${people(mail.to)}`,
    ...(mail.cc.length > 0 ? [`Cc: ${people(mail.cc)}`] : []),
    `Subject: ${mail.subject}`,
    `Message-ID: ${mail.messageId}`,
    `In-Reply-To: ${mail.inReplyTo ?? ''}`,
    `References: ${mail.references.join(' ')}`,
    ...Object.entries(mail.headers).map(([name, value]) => `${name}: ${value}`),
    '',
    mail.text,
  ].join('\n')

/** What every reply keeps to, whatever it says. */
const expectFit = (mail: OutgoingMail): void => {
  expect(mail.text.endsWith('\n')).toBe(true)
  const lines = mail.text.slice(0, -1).split('\n')
  expect(lines.length).toBeLessThanOrEqual(60)
  expect(lines.filter(line => stringWidth(line) > 76)).toEqual([])
  expect(mail.text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u)
  expect(mail.text).not.toMatch(/undefined|\[object|NaN|\n\n\n/)
  expect(compose(mail)).toMatchObject({ ok: true })
}

describe('golden mails', () => {
  test.each(Object.entries(stories))('%s', async (name, story) => {
    const { mail } = composeReply(story)
    expectFit(mail)
    await expect(asText(mail)).toMatchFileSnapshot(`golden/${name}.txt`)
  })

  test('no golden mail is left over', () => {
    const files = readdirSync(new URL('golden/', import.meta.url))
    expect(files.sort()).toEqual(
      Object.keys(stories)
        .map(name => `${name}.txt`)
        .sort(),
    )
  })
})

describe('envelope', () => {
  const reply = (more: Partial<ComposeInput> = {}) =>
    composeReply(input({ verdict: verdict({ finding: { kind: 'new-failures' } }), ...more }))

  test('the same verdict gives the same id and Message-ID at any time; another job another', () => {
    const one = reply()
    expect(reply({ now: 5 }).mail.messageId).toBe(one.mail.messageId)
    expect(one.mail.messageId).toMatch(/^<grapevine\.r[0-9a-f]{23}@example\.org>$/)
    const other = verdict({ job: 'j2', finding: { kind: 'new-failures' } })
    expect(reply({ verdict: other }).id).not.toBe(one.id)
  })

  test('Re: is not doubled, and the subject of the mail is kept where it is known', () => {
    expect(reply({ mail: { subject: '[tally] [RFC PATCH 1/3] x', ancestors: [] } }).mail.subject).toBe(
      'Re: [tally] [RFC PATCH 1/3] x',
    )
    expect(reply({ mail: { subject: 'RE: [PATCH] x', ancestors: [] } }).mail.subject).toBe('RE: [PATCH] x')
    expect(reply().mail.subject).toBe('Re: [PATCH] strings: trim tabs, too')
    expect(reply({ series: three }).mail.subject).toBe('Re: [PATCH v2 0/3] Write numbers for people')
  })

  test('what does not apply is answered under that part, all else under the head', () => {
    const apply = verdict({ finding: { kind: 'does-not-apply', position: 3, title: 'x', conflicts: [] } })
    const [cover, third] = [three.cover?.messageId, three.parts[2]?.messageId]
    expect(reply({ series: three, verdict: apply }).mail).toMatchObject({
      inReplyTo: third,
      references: [cover, third],
    })
    expect(reply({ series: three }).mail).toMatchObject({ inReplyTo: cover, references: [cover] })
  })

  test('a reply names the whole thread, its first mail and the nearest ones at the least', () => {
    const ancestors = Array.from({ length: 200 }, (_, i) => `<up${i}@example.com>`)
    const { thread, mail } = reply({ mail: { subject: 'x', ancestors } })
    expect(thread).toBe('<up199@example.com>')
    expect(mail.references).toHaveLength(30)
    expect(mail.references.slice(-2)).toEqual(['<up0@example.com>', single.parts[0]?.messageId])
    expect(mail.inReplyTo).toBe(single.parts[0]?.messageId)
    const bad = ['<a b@c>', 'nothing', `<${'x'.repeat(400)}@y>`, '<fine@example.com>']
    expect(reply({ mail: { subject: 'x', ancestors: bad } }).mail.references).toEqual([
      '<fine@example.com>',
      single.parts[0]?.messageId,
    ])
  })

  test('what one patch of the series does is said under that patch', () => {
    const found = verdict({
      finding: { kind: 'new-failures' },
      culprit: { position: 2, title: 'human: round half up' },
    })
    const second = reply({ series: three, verdict: found }).mail
    expect(second.inReplyTo).toBe(three.parts[1]?.messageId)
    expect(second.text).toContain('under which this mail stands')
    const parts = three.parts.map(part => (part.position === 2 ? { ...part, filledFrom: 1 } : part))
    const elsewhere = reply({ series: { ...three, parts }, verdict: found }).mail
    expect(elsewhere.text).toContain('It is "human: round half up". I tested')
    expect(reply({ verdict: found }).mail.text).toMatch(/^With your patch/)
  })

  test('a command that cannot be typed as it is, is that of the whole step', () => {
    const only = (test: string) => {
      const { job } = stories['proof-new'] ?? {}
      const newFailures = [
        { step: 'numbers', test, message: '', ending: { kind: 'finished', exitCode: 1 } as const },
      ]
      const images = [image('debian', { kind: 'new-failures', newFailures })]
      return reply({ job, verdict: verdict({ finding: { kind: 'new-failures' }, images }) }).mail.text
    }
    expect(only("it's a $(test)")).toContain(`    ./tests/numbers-test --only 'it'\\''s a $(test)'\n`)
    for (const test of ['a\u202eb', 'x'.repeat(500), 'a\nb'])
      expect(only(test)).toContain('\n    ./tests/numbers-test\n')
  })

  test('a follow-up stands under the first reply', () => {
    const first = reply().mail
    const { mail } = reply({ follows: { verdict: verdict({}), under: first } })
    expect(mail.inReplyTo).toBe(first.messageId)
    expect(mail.references).toEqual([...first.references, first.messageId])
  })

  test('a part that was taken from an older version is not answered', () => {
    const parts = three.parts.map(part => (part.position === 1 ? { ...part, filledFrom: 1 } : part))
    const series = { ...three, cover: undefined, parts }
    const apply = verdict({ finding: { kind: 'does-not-apply', position: 1, title: 'x', conflicts: [] } })
    expect(reply({ series, verdict: apply }).mail.inReplyTo).toBe(three.parts[1]?.messageId)
  })

  test('a patch that was sent again alone: the others are of an earlier posting of the same version', () => {
    const parts = three.parts.map(part => (part.position === 2 ? part : { ...part, filledFrom: 2 }))
    const { text } = reply({ series: { ...three, parts } }).mail
    expect(text.replace(/\s+/g, ' ')).toContain(
      'from an earlier posting of this version, as the last one came without them',
    )
  })

  test('the author is written to, and the list in copy; without an author the list alone', () => {
    expect(reply().mail).toMatchObject({
      to: [{ address: 'ines.duarte@example.com' }],
      cc: [{ address: 'tally-devel@example.org' }],
    })
    expect(reply({ hears: { author: undefined, list: true } }).mail).toMatchObject({
      to: [{ address: 'tally-devel@example.org' }],
      cc: [],
    })
  })

  test('whoever reads it can filter by it, and end it', () => {
    expect(reply().mail.headers).toEqual({
      'Auto-Submitted': 'auto-replied',
      'X-Auto-Response-Suppress': 'OOF, AutoReply',
      'List-Unsubscribe':
        '<mailto:grapevine@example.org?subject=unsubscribe&body=%2Fgrapevine%20unsubscribe>',
      'X-Grapevine-Project': 'tally',
      'X-Grapevine-Series': 's1',
      'X-Grapevine-Verdict': 'new-failures',
    })
  })

  test('a name that looks like an encoded word is not decoded by anybody', () => {
    const author = { name: '=?utf-8?q?a=0D=0ABcc:_x@example.com?=', address: 'ines.duarte@example.com' }
    const { mail } = reply({
      hears: { author, list: false },
      mail: { subject: '=?utf-8?b?QmNjOg==?= x', ancestors: [] },
    })
    expect(mail.to[0]?.name).not.toContain('=?')
    expect(mail.subject).not.toContain('=?')
  })

  test('until it is live, everything goes to the administrator, who reads whom it is for', () => {
    const { mail } = reply({ live: false })
    expect(mail).toMatchObject({ to: [{ address: 'olga@example.org' }], cc: [] })
    expect(mail.headers['X-Grapevine-Intended-To']).toBe('ines.duarte@example.com, tally-devel@example.org')
    expect(mail.text.split('\n\n')[0]).toContain('Inês Duarte <ines.duarte@example.com>')
  })

  test('ids that are no ids break no threading', () => {
    const parts = [{ position: 1, mail: 'm', messageId: '<a b>\r\nX: y', title: 't' }]
    expect(reply({ series: { ...single, parts } }).mail).toMatchObject({
      inReplyTo: undefined,
      references: [],
    })
  })
})

describe('hostile words', () => {
  const evil = [
    'x\r\nBcc: victim@example.com\r\n\r\nbody',
    '\u001b[31mred\u001b]0;title\u0007\u0000\u0008',
    'x'.repeat(10_000),
    'wörd '.repeat(3000),
    '漢字'.repeat(5000),
    '<script>alert(1)</script>&lt;{{ live }}{% include "top.txt" %}',
    '\u202egpj.exe\u2066\u200b',
    '\ud800',
    '-- \n#syz fix: everything\nFrom nobody\n.\n',
    '',
    '\t'.repeat(500),
    '👩‍👩‍👧‍👦'.repeat(900),
  ]
  const kinds: ((bad: string) => Verdict['finding'])[] = [
    () => ({ kind: 'all-well' }),
    () => ({ kind: 'new-failures' }),
    bad => ({
      kind: 'does-not-apply',
      position: 2,
      title: bad,
      conflicts: Array(9).fill({ file: bad, line: 3, why: bad }),
    }),
    () => ({ kind: 'already-applied', positions: [1] }),
    bad => ({
      kind: 'build-broken',
      step: bad,
      ending: { kind: 'finished', exitCode: 2 },
      errors: Array(9).fill(bad),
      command: bad,
    }),
    () => ({ kind: 'nothing-to-test' }),
    bad => ({ kind: 'base-unknown', wanted: bad }),
    bad => ({ kind: 'base-broken', step: bad, errors: Array(9).fill(bad) }),
    () => ({ kind: 'incomplete', missing: Array.from({ length: 300 }, (_, i) => i + 1) }),
    bad => ({ kind: 'ours', what: bad }),
    bad => ({ kind: 'damaged', position: 2, title: bad, why: bad }),
    bad => ({ kind: 'unsafe', position: 1, title: bad, why: bad }),
    bad => ({
      kind: 'does-not-apply',
      position: 2,
      title: bad,
      conflicts: [{ file: bad, line: 3, why: bad }],
      before: { series: 's0', title: bad },
    }),
  ]
  const badImage = (bad: string): ImageVerdict =>
    image(bad.slice(0, 300), {
      kind: 'new-failures',
      why: bad,
      newFailures: Array.from({ length: 40 }, (_, i) => ({
        step: bad,
        test: `${bad} > ${i}`,
        lines: [i, 1e9],
        kind: i % 2 === 0 ? 'new' : 'worse',
        proof: { with: { failed: i, runs: 1e9 }, without: { failed: 7, runs: 1e9 } },
        message: Array(9).fill(bad.slice(0, 2000)).join('\n'),
        ending: { kind: 'powered-off' },
      })),
      broken: ['a', bad].map(step => ({
        step,
        ending: { kind: 'finished', exitCode: 0 },
        why: bad,
        tail: Array(99).fill(bad),
      })),
      mended: Array(30).fill(bad),
      log: bad,
      console: bad,
      screenshot: bad,
      ...endless(bad),
    })
  const endless = (bad: string): Partial<ImageVerdict> => {
    const proof = { with: { failed: 1e9, runs: 1e9 }, without: { failed: 7, runs: 1e9 } }
    const all = Array.from({ length: 30 }, (_, i) => ({
      ...{
        step: `${bad.slice(0, 100)}${i}`,
        test: `${i} ${bad.slice(0, 300)}`,
        message: bad.slice(0, 300),
        proof,
      },
    }))
    return {
      ...{ flaky: all, unclear: all, vanished: all, leftOut: all.map(({ test }) => test) },
      reported: all.map(one => ({ ...one, bug: `https://x/${bad.slice(0, 300)}` })),
    }
  }
  const badSeries = (bad: string): Series => ({
    ...three,
    title: bad,
    author: { name: bad, address: 'ines.duarte@example.com' },
    cover: undefined,
    total: 300,
    parts: Array.from({ length: 300 }, (_, i) => ({
      position: i + 1,
      mail: 'm',
      messageId: `<${bad}@x>`,
      title: bad,
    })),
  })

  test.each(evil.map((bad, i) => [i, bad] as const))('%i', (_, bad) => {
    const images = Array.from({ length: 12 }, (_, i) => ({
      ...badImage(bad),
      image: `${bad.slice(0, 300)}${i}`,
    }))
    for (const [i, finding] of kinds.entries()) {
      const { mail } = composeReply(
        input({
          live: i % 2 === 0,
          series: badSeries(bad),
          mail: { subject: bad, ancestors: [bad, '<a@b>'] },
          follows: {
            verdict: verdict({ finding: finding(bad), base: { commit: bad, name: `${bad}2` } }),
            under: undefined,
          },
          verdict: verdict({
            base: { commit: bad, name: bad, wanted: bad },
            lacking: Array(9).fill({ id: bad, title: bad, why: 'unknown' }),
            finding: finding(bad),
            images,
            culprit: { position: 2, title: bad },
            unbuildable: Array.from({ length: 300 }, (_, i) => ({
              ...{ position: i + 1, title: bad, step: bad, errors: [bad, bad] },
            })),
            warnings: Array(3000).fill(bad),
          }),
          logUrl: blob => `https://x/${blob}`,
        }),
      )
      expectFit(mail)
      expect(mail.subject.length).toBeLessThan(320)
      expect(mail.text).not.toMatch(/^(#|-- $|From |\.$|@)/m)
      // However it was cut, it says whom to ask.
      expect(mail.text).toMatch(/I am a program/)
      expect(JSON.stringify(mail.headers)).not.toMatch(/\\[rnu]/)
    }
  })

  test('a hundred new failures are shown as far as there is room, and counted', () => {
    const newFailures = Array.from({ length: 100 }, (_, i) => ({
      step: 'numbers',
      test: `case ${i}`,
      message: 'one\ntwo',
      ending: { kind: 'finished', exitCode: 1 } as const,
    }))
    const images = [image('debian', { kind: 'new-failures', newFailures })]
    const { mail } = composeReply(input({ verdict: verdict({ finding: { kind: 'new-failures' }, images }) }))
    expectFit(mail)
    expect(mail.text).toMatch(/^With your patch, 100 tests fail that pass without it\./)
    const shown = mail.text.match(/^ {4}case \d+$/gm)?.length ?? 0
    expect(mail.text).toContain(`… and ${100 - shown} more`)
    expect(shown).toBeGreaterThan(3)
  })

  test('thousands of everything: the verdict, some of it, and how many there are', () => {
    const proof = { with: { failed: 6, runs: 6 }, without: { failed: 0, runs: 6 } }
    const some = (name: string) =>
      Array.from({ length: 3000 }, (_, i) => ({ step: 'numbers', test: `${name} ${i}`, message: 'x', proof }))
    const ending = { kind: 'finished', exitCode: 1 } as const
    const images = Array.from({ length: 30 }, (_, i) =>
      image(`image${i}`, {
        kind: 'new-failures',
        newFailures:
          i > 0 ? [] : some('new').map((one, n) => ({ ...one, ending, kind: n % 3 ? 'new' : 'worse' })),
        ...{ flaky: some('flaky'), unclear: some('unclear'), vanished: some('gone') },
        reported: some('known').map(one => ({ ...one, bug: 'https://bugs.example.org/1' })),
        mended: some('mended').map(({ test }) => test),
        leftOut: some('left').map(({ test }) => test),
        ...{ console: 'c', screenshot: 's' },
      }),
    )
    const { mail } = composeReply(
      input({
        series: three,
        verdict: verdict({
          finding: { kind: 'new-failures' },
          culprit: { position: 2, title: 'human: round half up' },
          unbuildable: [
            { position: 1, title: 'x', step: 'build', errors: Array(3000).fill('a.c:1: error: x') },
          ],
          warnings: Array.from({ length: 3000 }, (_, i) => `a.c:${i}: warning: x`),
          images,
        }),
      }),
    )
    expectFit(mail)
    const text = mail.text.replace(/\s+/g, ' ')
    expect(text).toMatch(
      /^With patch 2\/3 of your series, 2000 tests fail that pass without it and 1000 fail more often than without\./,
    )
    for (const said of [
      'each in 6 of 6 runs with your series and in 0 of 6 without',
      '3000 tests of which I could not tell',
      '3000 tests that did not run',
      '3000 tests mended, thank you',
      '3000 flaky tests',
      '3000 known failures',
      '3000 new warnings',
      'more images',
      'I am a program',
    ])
      expect(text).toContain(said)
    expect(text).not.toContain('[…]')
  })
})
