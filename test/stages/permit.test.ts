import { describe, expect, test } from 'vitest'
import type { Command, Request } from '../../src/model/command.ts'
import { needsProof } from '../../src/model/command.ts'
import type { DkimSignature } from '../../src/ports/mail-auth.ts'
import { isProven, permit } from '../../src/stages/command/permit.ts'
import { mail, series } from '../contract/samples.ts'

const request = (verb: string): Request =>
  verb === 'drain'
    ? { do: 'drain', host: 'alpha' }
    : verb === 'test'
      ? { do: 'test', images: [] }
      : ({ do: verb } as Request)

const rules = {
  test: ['author', '@friends.example'],
  retest: ['author'],
  cancel: ['author', 'mia@example.org'],
  status: ['anyone'],
  help: ['anyone'],
}
const operators = ['olga@example.org', '@ops.example']

const who = {
  author: 'sofia@example.org',
  friend: 'fred@friends.example',
  named: 'mia@example.org',
  operator: 'olga@example.org',
  colleague: 'oscar@ops.example',
  stranger: 'eve@evil.example',
  // Only looks like one.
  almost: 'eve@notfriends.example',
  nearly: 'eve@evil-ops.example',
}

type Who = keyof typeof who

/** Who may, of all of them. */
const matrix: [verb: string, may: Who[]][] = [
  ['test', ['author', 'friend', 'operator', 'colleague']],
  ['retest', ['author', 'operator', 'colleague']],
  ['cancel', ['author', 'named', 'operator', 'colleague']],
  ['status', Object.keys(who) as Who[]],
  ['help', Object.keys(who) as Who[]],
  ['subscribe', Object.keys(who) as Who[]],
  ['unsubscribe', Object.keys(who) as Who[]],
  ...['pause', 'resume', 'drain', 'release', 'notice', 'known'].map((verb): [string, Who[]] => [
    verb,
    ['operator', 'colleague'],
  ]),
]

test.each(matrix)('%s: %j', (verb, may) => {
  const allowed = (Object.keys(who) as Who[]).filter(
    one => permit({ request: request(verb), sender: who[one], series: series('s1'), rules, operators }).may,
  )
  expect(allowed).toEqual((Object.keys(who) as Who[]).filter(one => may.includes(one)))
})

test('who is refused hears who may, without addresses', () => {
  const asked = { sender: who.stranger, series: series('s1'), rules, operators }
  expect(permit({ ...asked, request: { do: 'cancel' } })).toEqual({
    may: false,
    who: 'the author of the series, some people whom the configuration names and the operators',
  })
  expect(permit({ ...asked, request: { do: 'test', images: [] } })).toEqual({
    may: false,
    who: 'the author of the series, anyone at friends.example and the operators',
  })
})

test('without a series nobody is its author; without operators nobody is one', () => {
  const asked = { sender: who.author, series: undefined, rules, operators: [] }
  expect(permit({ ...asked, request: { do: 'retest' } }).may).toBe(false)
  expect(permit({ ...asked, request: { do: 'pause' }, operators: ['anyone', 'author'] }).may).toBe(false)
})

test.each([
  ['pause', true],
  ['resume', true],
  ['drain', true],
  ['release', true],
  ['notice', true],
  ['cancel', true],
  ['unsubscribe', true],
  ['subscribe', false],
  ['test', false],
  ['retest', false],
  ['status', false],
  ['help', false],
])('%s needs a proof: %s', (verb, wanted) => {
  expect(needsProof(request(verb))).toBe(wanted)
})

describe('a proof', () => {
  const now = Date.UTC(2026, 0, 10)
  const day = 86_400_000
  const good: DkimSignature = {
    domain: 'example.org',
    result: 'pass',
    aligned: true,
    uncovered: ['dkim-signature', 'received', 'list-id'],
    whole: true,
    signedAt: now - day,
  }
  const from = { name: 'Sofia', address: 'sofia@example.org' }
  const parsed = { ...mail('m1').parsed, from, date: now - day } as NonNullable<
    ReturnType<typeof mail>['parsed']
  >
  const proven = (signature: Partial<DkimSignature>, verb = 'cancel', more: Partial<typeof parsed> = {}) => {
    const command = { request: request(verb), sender: 'sofia@example.org' } as Command
    const proof = { dkim: [{ ...good, ...signature }], aligned: true as const }
    return isProven({ mail: mail('m1', { parsed: { ...parsed, ...more } }), proof, command, now })
  }

  test.each<[what: string, signature: Partial<DkimSignature>, wanted: boolean]>([
    ['as it should be', {}, true],
    ['failed', { result: 'fail' }, false],
    ['of a key that could not be asked for', { result: 'unknown' }, false],
    ['of another domain', { aligned: false }, false],
    ['of a part of the body', { whole: false }, false],
    ['without From:', { uncovered: ['from'] }, false],
    ['without Subject:', { uncovered: ['subject'] }, false],
    ['without Message-ID:, which could be a new one on an old mail', { uncovered: ['message-id'] }, false],
    ['without In-Reply-To:, which could name another series', { uncovered: ['in-reply-to'] }, false],
    ['without References:', { uncovered: ['references'] }, false],
    ['of a week ago', { signedAt: now - 7 * day }, true],
    ['of last month', { signedAt: now - 30 * day }, false],
    ['of the day after tomorrow', { signedAt: now + 2 * day }, false],
    ['that does not say when, but signed Date:', { signedAt: undefined }, true],
    ['that does not say when, and did not', { signedAt: undefined, uncovered: ['date'] }, false],
  ])('is no signature but a good one: %s', (_, signature, wanted) => {
    expect(proven(signature)).toBe(wanted)
  })

  test('is not bound to a thread where the thread does not matter', () => {
    expect(proven({ uncovered: ['in-reply-to', 'references'] }, 'pause')).toBe(true)
  })

  test('is of From: itself, not of whom a list’s rewriting hid', () => {
    expect(proven({}, 'cancel', { from: { name: '', address: 'list@example.org' } })).toBe(false)
    expect(proven({}, 'cancel', { messageId: undefined })).toBe(false)
  })

  test('Date: of last month, without t=', () => {
    expect(proven({ signedAt: undefined }, 'pause', { date: now - 30 * day })).toBe(false)
  })
})
