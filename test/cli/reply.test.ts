// What operators do about mail that did not leave, as they type it.

import { spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { openStore } from '../../src/adapters/sql/store.ts'
import { judgeRecord } from '../../src/cli/doctor/mail-out.ts'
import { newIncident } from '../../src/model/incident.ts'
import type { ReplyState } from '../../src/model/reply.ts'
import type { Store } from '../../src/ports/store.ts'
import { smallYaml } from './small.ts'

const bin = new URL('../../bin/grapevine', import.meta.url).pathname

let folder = ''
let store: Store
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'grapevine-reply-'))
  mkdirSync(join(folder, 'tally.git'))
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  writeFileSync(join(folder, 'dkim.pem'), privateKey, { mode: 0o600 })
  writeFileSync(
    join(folder, 'grapevine.yaml'),
    smallYaml('dkim: { domain: example.org, selector: grape, key: { file: dkim.pem } }'),
  )
})
beforeEach(async () => {
  rmSync(join(folder, 'data'), { recursive: true, force: true })
  store = await openStore({ folder: join(folder, 'data') })
  return () => store.close()
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const add = (id: string, state: ReplyState) =>
  store.addReply({
    ...{ id, kind: 'verdict', series: 's1', project: 'tally', thread: undefined, state },
    mail: {
      messageId: `<${id}@example.org>`,
      from: { name: 'Grapevine', address: 'grapevine@example.org' },
      to: [{ name: 'Ann', address: 'ann@example.org' }],
      cc: [],
      subject: 'Re: [PATCH] x',
      inReplyTo: undefined,
      references: [],
      headers: {},
      text: 'All is well.\n',
      date: 0,
    },
  })

const grapevine = (...args: string[]) => {
  const { PATH, HOME } = process.env
  const env = { PATH, HOME, SUDO_USER: 'olga' }
  const { status, stdout, stderr } = spawnSync(bin, args, { cwd: folder, env, encoding: 'utf8' })
  return { status, said: `${stdout}${stderr}` }
}

test('mail in doubt is listed, and sent again only by who knows what that means', async () => {
  await add('r1', { at: 'unconfirmed', since: 0 })
  await add('r2', { at: 'sent', when: 0, answer: '250 ok' })
  const { said } = grapevine('reply', 'list')
  expect(said).toMatch(
    /^r1 +verdict +ann@example\.org +Re: \[PATCH\] x +may have been sent 1970-01-01 00:00 UTC; a person must decide$/m,
  )
  expect(said).not.toContain('r2')
  expect(grapevine('reply', 'list', '--state', 'sent', '--json').said).toContain('"id":"r2"')
  const refused = grapevine('reply', 'resend', 'r1')
  expect(refused.status).toBe(64)
  expect(refused.said).toContain('reply r1 may have arrived: if it did, ann@example.org will get it twice')
  expect((await store.reply('r1'))?.state.at).toBe('unconfirmed')
  const incident = { id: 'i1', trouble: 'mail-unconfirmed', host: undefined, about: 'r1' } as const
  await store.openIncident(newIncident({ ...incident, since: 0, detail: '' }))
  expect(grapevine('reply', 'resend', 'r1', '--yes')).toMatchObject({ status: 0 })
  expect((await store.reply('r1'))?.state).toMatchObject({ at: 'pending', tries: 0 })
  expect(await store.incidents({ open: true })).toEqual([])
  expect(grapevine('reply', 'resend', 'r2').status).toBe(64)
})

test('a mail is shown, printed as it leaves, and dropped', async () => {
  await add('r1', { at: 'pending', notBefore: 0, tries: 0 })
  expect(grapevine('reply', 'show', 'r1').said).toContain('state       waits to be sent')
  const { said } = grapevine('reply', 'raw', 'r1')
  expect(said).toMatch(/^DKIM-Signature: v=1; a=rsa-sha256; c=relaxed\/relaxed; d=example\.org;/)
  expect(said).toContain('\nMessage-ID: <r1@example.org>\n')
  expect(grapevine('reply', 'drop', 'r1').said).toBe('reply r1 will not be sent\n')
  expect((await store.reply('r1'))?.state).toMatchObject({
    at: 'failed',
    why: expect.stringMatching(/^dropped by olga@/),
  })
  expect(grapevine('reply', 'show', 'none')).toMatchObject({ status: 64 })
})

test('an address that gets no mail is listed and cleared', async () => {
  const silence = { since: 0, until: undefined, why: 'unsubscribed', detail: 'asked for it' } as const
  await store.silenceAddress('ann@example.org', silence)
  expect(grapevine('address', 'list').said).toMatch(/^ann@example\.org +gets no mail: asked for it$/m)
  expect(grapevine('address', 'clear', 'Ann@example.org').said).toBe('Ann@example.org gets mail again\n')
  expect(grapevine('address', 'clear', 'ann@example.org').status).toBe(64)
})

test.each<[string, string[][], boolean, string]>([
  ['the key itself', [['v=DKIM1; k=rsa; p=AB', 'C=']], true, 'signs for example.org'],
  ['another key', [['v=DKIM1; p=XYZ']], false, 'is of another key'],
  ['nothing', [], false, 'there is no DKIM record'],
  ['two records', [['p=ABC='], ['p=ABC=']], false, '2 DKIM records'],
])('the DNS record: %s', (_, records, good, says) => {
  const answer = judgeRecord('grape._domainkey.example.org', records, 'ABC=')
  expect(answer).toMatchObject({ ok: true, says: expect.stringContaining(says) })
  expect(answer.remedy === undefined).toBe(good)
})
