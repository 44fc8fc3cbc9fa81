// Invitations: what programs read of them, in mails as they leave, and the rules by which windows are repeated.
import { generateKeyPairSync } from 'node:crypto'
import { simpleParser } from 'mailparser'
import { describe, expect, test } from 'vitest'
import { dkimAuth } from '../../src/adapters/mailauth/verify.ts'
import type { Maintenance } from '../../src/model/maintenance.ts'
import type { OutgoingMail } from '../../src/model/reply.ts'
import { plannedMaintenance } from '../../src/stages/maintenance/plan.ts'
import { mailBytes } from '../../src/text/bytes.ts'
import { invitation, nextOccurrence, repeatRule, sayRepeat } from '../../src/text/calendar.ts'

const from = Date.UTC(2026, 0, 6, 10)
const hour = 3_600_000
const bot = { name: 'Grape "vine"; Ü', address: 'grapevine@bot.test' }
const window = (more: Partial<Maintenance> = {}): Maintenance => ({
  ...plannedMaintenance(
    { hosts: [], from, to: from + 2 * hour, reason: 'new; disks', by: 'olga', repeat: more.repeat },
    0,
  ),
  ...more,
})
const hostile = 'disks\r\nEND:VEVENT\r\nBEGIN:VALARM, ü€\u202e'.repeat(20)
const invite = (description: string) =>
  invitation({ window: window(), bot, summary: 'Maintenance', description, now: from - hour })

const outgoing = (more: Partial<OutgoingMail> = {}): OutgoingMail => ({
  messageId: '<n1@bot.test>',
  from: bot,
  to: [{ name: '', address: 'list@bot.test' }],
  cc: [],
  subject: 'Maintenance planned',
  inReplyTo: undefined,
  references: [],
  headers: {},
  text: 'Maintenance is planned.\n',
  calendar: invite('new disks'),
  date: from,
  ...more,
})

const bytesOf = async (mail: OutgoingMail, signer?: Parameters<typeof mailBytes>[1]): Promise<Buffer> => {
  const made = await mailBytes(mail, signer)
  if (!made.ok) throw new Error(made.why)
  return made.bytes
}

/** Lines as they are meant (RFC 5545 §3.1). */
const unfolded = (text: string) => text.replaceAll(/\r\n[ \t]/g, '').split('\r\n')

describe('a mail with an invitation', () => {
  test('has it beside its text, for programs that show it, and as a file', async () => {
    const raw = await bytesOf(outgoing())
    const parsed = await simpleParser(raw)
    expect(parsed.text?.trim()).toBe('Maintenance is planned.')
    const found = parsed.attachments.map(({ contentType, filename }) => [contentType, filename])
    expect(found).toEqual([
      ['text/calendar', undefined],
      ['application/ics', 'invitation.ics'],
    ])
    expect(String(raw)).toMatch(/Content-Type: text\/calendar; charset=utf-8; method=PUBLISH/)
    for (const { content } of parsed.attachments) expect(String(content)).toBe(outgoing().calendar?.text)
  })

  test('is the same, byte by byte, when it is sent again', async () => {
    expect((await bytesOf(outgoing())).equals(await bytesOf(outgoing()))).toBe(true)
    expect((await bytesOf(outgoing())).equals(await bytesOf(outgoing({ messageId: '<n2@bot.test>' })))).toBe(
      false,
    )
  })

  test('is signed as a whole', async () => {
    const pair = generateKeyPairSync('rsa', { modulusLength: 1024 })
    const privateKey = String(pair.privateKey.export({ type: 'pkcs8', format: 'pem' }))
    const publicKey = pair.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
    const raw = await bytesOf(outgoing({ calendar: invite(hostile) }), {
      ...{ domain: 'bot.test', selector: 'key', key: () => privateKey },
    })
    const auth = dkimAuth({ resolve: async () => [[`v=DKIM1; k=rsa; p=${publicKey}`]] })
    expect(await auth.verify(raw)).toMatchObject({ aligned: true, dkim: [{ result: 'pass', whole: true }] })
    const forged = Buffer.from(String(raw).replace('method=PUBLISH', 'method=REQUEST'))
    expect(await auth.verify(forged)).toMatchObject({ aligned: false })
  })

  test('is not sent with something else in its place', async () => {
    const calendar = { method: 'PUBLISH', text: 'hello' } as const
    expect(await mailBytes(outgoing({ calendar }), undefined)).toMatchObject({ ok: false, forGood: true })
  })
})

test('nothing that people write gets out of its place in an invitation', () => {
  const { text } = invite(hostile)
  const lines = unfolded(text)
  expect(lines.filter(line => /^(BEGIN|END):/.test(line))).toEqual([
    ...['BEGIN:VCALENDAR', 'BEGIN:VEVENT', 'END:VEVENT', 'END:VCALENDAR'],
  ])
  expect(lines.find(line => line.startsWith('DESCRIPTION'))?.length).toBeLessThan(1300)
  for (const line of text.split('\r\n')) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(75)
})

test('one of a series that is moved is an exception of it, and the series stays', () => {
  const repeated = window({ repeat: 'FREQ=WEEKLY' })
  const series = repeated.series && { ...repeated.series, slot: from + 168 * hour }
  const moved = { ...repeated, ...(series ? { series } : {}), from: from + 170 * hour, to: from + 171 * hour }
  const make = (one: Maintenance) =>
    unfolded(invitation({ window: one, bot, summary: 'x', description: 'y', now: from }).text)
  expect(make(repeated)).toEqual(expect.arrayContaining(['DTSTART:20260106T100000Z', 'RRULE:FREQ=WEEKLY']))
  const exception = make({ ...moved, sequence: 1 })
  expect(exception).toEqual(
    expect.arrayContaining(['RECURRENCE-ID:20260113T100000Z', 'DTSTART:20260113T120000Z', 'SEQUENCE:1']),
  )
  expect(exception.join('\n')).not.toContain('RRULE')
  const uid = (lines: string[]) => lines.find(line => line.startsWith('UID'))
  expect(uid(exception)).toBe(uid(make(repeated)))
})

describe('rules', () => {
  test.each<[text: string, rule: string, next: string, said: string]>([
    ['weekly', 'FREQ=WEEKLY', '2026-01-13T10:00', 'every week'],
    [
      'RRULE:freq=monthly;byday=1tu',
      'FREQ=MONTHLY;BYDAY=1TU',
      '2026-02-03T10:00',
      'every month on the 1st Tuesday',
    ],
    ['FREQ=YEARLY', 'FREQ=YEARLY', '2027-01-06T10:00', 'every year'],
  ])('%s', (text, rule, next, said) => {
    expect(repeatRule(text, from)).toBe(rule)
    expect(nextOccurrence(rule, { start: from, after: from })).toBe(Date.parse(`${next}Z`))
    expect(sayRepeat(rule, from)).toBe(said)
  })

  test.each([
    ['often', 'it is no rule'],
    ['FREQ=WEEKLY;BYDAY=XX', 'it is no rule'],
    ['FREQ=WEEKLY\r\nDTSTART:20200101T000000Z', 'it is no rule'],
    ['FREQ=SECONDLY', 'it must be repeated by the day, week, month or year'],
    ['FREQ=DAILY;BYHOUR=1,2,3', 'it must be repeated by the day, week, month or year'],
    ['FREQ=WEEKLY;BYDAY=WE', 'by it this window itself would not be'],
    ['FREQ=WEEKLY;COUNT=1', 'it never comes again'],
  ])('%j is refused: %s', (text, why) => {
    expect(() => repeatRule(text, from)).toThrow(why)
  })

  test('end when they say so', () => {
    const rule = 'FREQ=WEEKLY;COUNT=2'
    expect(nextOccurrence(rule, { start: from, after: from })).toBe(from + 168 * hour)
    expect(nextOccurrence(rule, { start: from, after: from + 168 * hour })).toBeUndefined()
  })
})
