// Tokens and webhooks at the command line; on a real database, without a bot.
import { expect, test } from 'vitest'
import type { Store } from '../../src/ports/store.ts'
import { heldToken } from '../../src/wiring/tokens.ts'
import { commandIn, smallHome } from './small.ts'

let store: Store
const home = smallHome('token', made => {
  store = made
})

const token = commandIn(home, 'token')
const hook = commandIn(home, 'hook')

test('a token is shown once, listed without itself, and revoked', async () => {
  expect((await token('list')).said).toBe('there is no token\n')
  const { said, status } = await token('add', 'ci', '--scope', 'submit', '--scope', 'read', '--until', '30 d')
  expect(status).toBe(0)
  const secret = said.trim().split('\n').at(-1) ?? ''
  expect(await heldToken(store, secret, Date.now())).toMatchObject({ name: 'ci', scopes: ['submit', 'read'] })
  const listed = (await token('list')).said
  expect(listed).toMatch(/^ci +submit, read +olga@.* holds until /m)
  expect(`${listed}${(await token('list', '--json')).said}`).not.toContain(secret)
  expect(await token('add', 'ci', '--scope', 'read')).toMatchObject({ status: 64 })
  expect((await token('revoke', 'ci')).said).toBe('token ci opens nothing any more\n')
  expect(await heldToken(store, secret, Date.now())).toBeUndefined()
  expect(await token('revoke', 'ci')).toMatchObject({ status: 64 })
  const audits = await store.audits({ about: 'token ci', limit: 9 })
  expect(audits.map(({ what, by }) => `${what} ${by}`).sort()).toEqual(['make token cli', 'revoke token cli'])
})

test('a scope that there is not is a mistake', async () => {
  expect(await token('add', 'x', '--scope', 'everything')).toMatchObject({ status: 64 })
  expect((await token('add', 'x')).status).not.toBe(0)
})

test('what nobody took is listed, and tried again', async () => {
  const at = Date.UTC(2026, 0, 5, 12)
  const delivery = { hook: 'chat', event: 'series.verdict', body: '{}', createdAt: at } as const
  await store.addHookDelivery({
    ...delivery,
    id: 'msg_1',
    state: { at: 'failed', when: at, why: 'no answer' },
  })
  await store.addHookDelivery({ ...delivery, id: 'msg_2', state: { at: 'sent', when: at, status: 204 } })
  const { said } = await hook('list')
  expect(said).toMatch(/^msg_1 +chat +series\.verdict .*given up 2026-01-05 12:00 UTC: no answer$/m)
  expect(said).not.toContain('msg_2')
  expect(await hook('retry', 'msg_2')).toMatchObject({ status: 64 })
  expect((await hook('retry', '--all')).said).toBe('delivery msg_1 is tried again\n')
  expect(await store.hookDeliveries({ due: Date.now(), limit: 9 })).toMatchObject([{ id: 'msg_1' }])
  expect(await hook('retry', '--all')).toMatchObject({ status: 64 })
})
