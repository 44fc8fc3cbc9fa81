// What contributors get to read: each kind of reply against its golden mail, and the bounds that all of them keep.
import { readdirSync } from 'node:fs'
import stringWidth from 'string-width'
import { describe, expect, test } from 'vitest'
import type { OutgoingMail } from '../../src/model/reply.ts'
import type { Series } from '../../src/model/series.ts'
import type { ImageVerdict, Verdict } from '../../src/model/verdict.ts'
import { type ComposeInput, composeReply } from '../../src/stages/reply/compose.ts'
import { compose } from '../../src/text/compose.ts'
import { image, input, job, single, stories, three, verdict } from './verdicts.ts'

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
    expect(reply({ job: { ...job, id: 'j2' } }).id).not.toBe(one.id)
  })

  test('Re: is not doubled, and the subject of the mail is kept where it is known', () => {
    expect(reply({ subject: '[tally] [RFC PATCH 1/3] x' }).mail.subject).toBe('Re: [tally] [RFC PATCH 1/3] x')
    expect(reply({ subject: 'RE: [PATCH] x' }).mail.subject).toBe('RE: [PATCH] x')
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

  test('nobody is written to who is not in the mail or the configuration; the list hears what concerns it', () => {
    expect(reply().mail).toMatchObject({
      to: [{ address: 'ines.duarte@example.com' }],
      cc: [{ address: 'tally-devel@example.org' }],
    })
    for (const kind of ['all-well', 'nothing-to-test'] as const)
      expect(reply({ verdict: verdict({ finding: { kind } }) }).mail.cc).toEqual([])
    const to = (address: string) => reply({ series: { ...single, author: { name: 'x', address } } }).mail
    for (const bad of [
      '',
      'nobody',
      'a b@example.com',
      'a@b\r\nBcc: victim@example.com',
      'grapevine@example.org',
    ])
      expect(to(bad)).toMatchObject({ to: [{ address: 'tally-devel@example.org' }], cc: [] })
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
  ]
  const badImage = (bad: string): ImageVerdict =>
    image(bad.slice(0, 300), {
      kind: 'new-failures',
      why: bad,
      newFailures: Array.from({ length: 40 }, (_, i) => ({
        step: bad,
        test: `${bad} > ${i}`,
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
    })
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
    for (const [i, finding] of kinds.entries()) {
      const { mail } = composeReply(
        input({
          live: i % 2 === 0,
          series: badSeries(bad),
          subject: bad,
          verdict: verdict({
            base: { commit: bad, name: bad, wanted: bad },
            finding: finding(bad),
            images: Array.from({ length: 12 }, () => badImage(bad)),
          }),
          logUrl: blob => `https://x/${blob}`,
        }),
      )
      expectFit(mail)
      expect(mail.subject.length).toBeLessThan(320)
      expect(mail.text).not.toMatch(/^(#|-- $|From |\.$|@)/m)
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
})
