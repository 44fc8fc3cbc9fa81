// Who asks, as proxies say: those that are trusted, and nobody else.
import { Hono } from 'hono'
import { expect, test } from 'vitest'
import { web } from '../../src/config/schema/web.ts'
import { askerOf, saidScheme } from '../../src/web/access/asker.ts'
import type { Env, WebParts } from '../../src/web/parts.ts'

const loopback = ['127.0.0.0/8', '::1']

const ask = async (
  proxies: string[],
  { peer, ...headers }: { peer: string; for?: string; proto?: string },
): Promise<string> => {
  const parts = { config: { web: { proxies } } } as unknown as WebParts
  const pages = new Hono<Env>()
  pages.get('/', c => {
    const { network, isUs } = askerOf(c, parts)
    return c.text(`${network}${isUs ? ' us' : ''} ${saidScheme(c, parts) ?? ''}`.trim())
  })
  const named = Object.entries(headers).map(([name, value]) => [`x-forwarded-${name}`, value])
  const env = { incoming: { socket: { remoteAddress: peer } } }
  return (await pages.request('/', { headers: Object.fromEntries(named) }, env)).text()
}

test.each([
  ['a neighbour without a proxy', loopback, { peer: '203.0.113.7' }, '203.0.113.7'],
  [
    'whoever only says so',
    loopback,
    { peer: '203.0.113.7', for: '192.0.2.1', proto: 'https' },
    '203.0.113.7',
  ],
  ['this machine', loopback, { peer: '::ffff:127.0.0.1' }, '127.0.0.1 us'],
  [
    'a proxy here',
    loopback,
    { peer: '127.0.0.1', for: '192.0.2.1, 203.0.113.7', proto: 'https' },
    '203.0.113.7 https',
  ],
  ['one that says nothing of use', loopback, { peer: '127.0.0.1', for: 'unknown' }, '127.0.0.1'],
  ['a port beside it', loopback, { peer: '::1', for: '203.0.113.7:4711' }, '203.0.113.7'],
  ['IPv6, by its network', loopback, { peer: '::1', for: '[2001:db8:1:2:3::4]:99' }, '2001:db8:1:2'],
  ['another machine', ['10.1.0.0/16'], { peer: '10.1.2.3', for: '203.0.113.7' }, '203.0.113.7'],
  ['not that one', ['10.1.0.0/16'], { peer: '10.2.2.3', for: '203.0.113.7' }, '10.2.2.3'],
  ['loopback when others are named', ['10.1.0.0/16'], { peer: '127.0.0.1', for: '203.0.113.7' }, '127.0.0.1'],
  [
    'two proxies, and an invention',
    ['127.0.0.1', '2001:db8::/32'],
    { peer: '127.0.0.1', for: '127.0.0.1, 203.0.113.7, 2001:db8::5', proto: 'http, https, http' },
    '203.0.113.7 https',
  ],
  ['a network with its cable', ['fe80::/10'], { peer: 'fe80::1%eth0', for: '203.0.113.7' }, '203.0.113.7'],
])('by %s', async (_, proxies, said, asker) => {
  expect(await ask(proxies, said)).toBe(asker)
})

test('proxies are addresses or networks, and never everybody', () => {
  const takes = (text: string) => web.safeParse({ proxies: [text] }).success
  expect(['192.0.2.7', '10.0.0.0/8', '2001:db8::/32', '::1'].filter(text => !takes(text))).toEqual([])
  const wrong = ['0.0.0.0/0', '::/0', '10.0.0.0/33', '10.0.0/8', 'proxy.example.org', '10.0.0.0/', '']
  expect(wrong.filter(takes)).toEqual([])
})
