// Ways to a Bugzilla: TLS with an authority of one's own, a path of its own, through a proxy; and what the doctor says of it.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bugzillaTracker } from '../../src/adapters/bugzilla/tracker.ts'
import { runCheck } from '../../src/cli/doctor/check.ts'
import { trackerChecks } from '../../src/cli/doctor/trackers.ts'
import type { BugzillaConfig, Config } from '../../src/config/config.ts'
import { secret } from '../../src/config/secret.ts'
import { bot, type FakeBugzilla, startBugzilla } from '../fakes/bugzilla/server.ts'
import { fakeClock } from '../fakes/clock.ts'
import { makeCertificates } from '../real/loopback.ts'

let server: FakeBugzilla
let proxy: Server
let ca = ''
let folder = ''
const tunnels: string[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'grapevine-bugzilla-'))
  const made = makeCertificates(folder)
  ca = made.ca
  const tls = { cert: readFileSync(made.cert, 'utf8'), key: readFileSync(made.key, 'utf8') }
  server = await startBugzilla({ tls, prefix: '/bugzilla' })
  server.addBug()
  proxy = createServer().on('connect', (request, socket, head) => {
    tunnels.push(request.url ?? '')
    const through = connect(Number(request.url?.split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      through.write(head)
      socket.pipe(through).pipe(socket)
    })
    for (const one of [socket, through]) one.on('error', () => one.destroy())
  })
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve))
})
afterAll(async () => {
  await server.close()
  proxy.close()
  rmSync(folder, { recursive: true, force: true })
})

const configOf = (more: Partial<BugzillaConfig> = {}): BugzillaConfig => ({
  ...{ kind: 'bugzilla', name: 'bugs', url: server.url, key: secret(bot.key), login: bot.login },
  ...{ ca, proxy: undefined, keyExpires: undefined },
  ...more,
})

const statusThrough = async (more: Partial<BugzillaConfig>) => {
  const tracker = bugzillaTracker(configOf(more), { clock: fakeClock() })
  try {
    return (await tracker.bug(`${server.url}show_bug.cgi?id=1`))?.status
  } finally {
    await tracker.close()
  }
}

test('a certificate of an authority of its own is believed when its file is named, else refused with a remedy', async () => {
  expect(await statusThrough({})).toBe('CONFIRMED')
  await expect(statusThrough({ ca: undefined })).rejects.toMatchObject({
    ...{
      kind: 'unreachable',
      retry: 'later',
      remedy: expect.stringContaining('an authority of your own: ca'),
    },
  })
  await expect(statusThrough({ ca: join(folder, 'none.pem') })).rejects.toMatchObject({ kind: 'refused' })
})

test('a proxy tunnels, and does not see the key', async () => {
  const { port } = proxy.address() as AddressInfo
  expect(await statusThrough({ proxy: `http://127.0.0.1:${port}` })).toBe('CONFIRMED')
  expect(tunnels.length).toBeGreaterThan(0)
  expect(tunnels.join()).not.toContain('K'.repeat(40))
})

const doctor = async (tracker: BugzillaConfig) => {
  const config = { trackers: [tracker], watch: { expiresMs: 14 * 86_400_000 } } as unknown as Config
  const [check] = trackerChecks(config)
  if (!check) throw new Error('no check')
  return runCheck(check, new AbortController().signal)
}

test('the doctor proves the key, and warns', async () => {
  const good = await doctor(configOf({ keyExpires: Date.now() + 3 * 86_400_000 - 1000 }))
  expect(good).toMatchObject({
    ...{ name: 'tracker bugs', ok: true, says: 'Bugzilla 5.2 answers, and knows us as bot@bugs.test' },
  })
  expect(good.remedy).toContain('its key ends in 3 days: make a new one')
  expect(good.remedy).toContain('takes the key only in addresses')
  const bad = await doctor(configOf({ key: secret('X'.repeat(40)) }))
  expect(bad).toMatchObject({
    ok: false,
    remedy: expect.stringContaining('Make a new API key for bot@bugs.test'),
  })
})
