// What others hear by webhooks: each thing once, tried for a day, and nothing of what only operators know.
import { afterEach, describe, expect, test } from 'vitest'
import type { HookConfig } from '../../src/config/config.ts'
import { secret } from '../../src/config/secret.ts'
import { Fault } from '../../src/model/fault.ts'
import { newIncident } from '../../src/model/incident.ts'
import { again, nextDelivery, retryMs } from '../../src/stages/hooks/deliver.ts'
import { type HookMemory, hookMemory, tendHooks } from '../../src/wiring/hooks.ts'
import type { FakeClock } from '../fakes/clock.ts'
import { type Flow, openFlow } from '../fakes/flow.ts'
import { letter } from '../fakes/list.ts'

const hour = 3_600_000

describe('an answer', () => {
  const first = { at: 'pending', notBefore: 0, tries: 0 } as const
  const status = (code: number, retryAfterMs?: number) =>
    ({ on: 'answered', status: code, retryAfterMs }) as const

  test('of success ends it, a gone receiver too', () => {
    expect(nextDelivery(first, status(204), 9)).toEqual({ at: 'sent', when: 9, status: 204 })
    expect(nextDelivery(first, status(410), 9)).toMatchObject({ at: 'failed' })
  })

  test('of anything else is tried again, for a day', () => {
    let state: ReturnType<typeof nextDelivery> = first
    let [now, tries] = [0, 0]
    while (state.at === 'pending') {
      now = state.notBefore
      tries += 1
      state = nextDelivery(state, tries % 2 ? status(500) : { on: 'unreachable', why: 'no answer' }, now)
    }
    expect(state).toMatchObject({ at: 'failed', why: 'the receiver answered 500' })
    expect(tries).toBe(retryMs.length + 1)
    expect(now / hour).toBeGreaterThan(24)
    expect(now / hour).toBeLessThan(26)
    expect(again(state, now)).toEqual({ at: 'pending', tries: 0, notBefore: now })
  })

  test('says how long it wants to be left alone, within bounds', () => {
    expect(nextDelivery(first, status(429, 90_000), 0)).toMatchObject({ notBefore: 90_000 })
    expect(nextDelivery(first, status(429, 99 * hour), 0)).toMatchObject({ notBefore: 12 * hour })
  })
})

let flow: Flow
let open: Flow[] = []
afterEach(async () => {
  for (const one of open) await one.close()
  open = []
})

const hook = (name: string, events: HookConfig['events']): HookConfig => ({
  ...{ name, url: `http://${name}.example.org`, secret: secret('x'), events, ca: undefined },
})

type Sent = {
  hook: string
  id: string
  body: { type: string; timestamp: string; data: Record<string, never> }
}

const start = async (hooks: HookConfig[]) => {
  const sent: Sent[] = []
  const away = new Set<string>()
  flow = await openFlow(() => ({
    ending: { kind: 'finished', exitCode: 0 },
    output: '1..1\nok 1 - counts\n',
  }))
  open.push(flow)
  const { config } = flow.wired
  const web = { ...config.web, hooks, url: 'https://grapevine.example.org' }
  const parts = { ...flow.wired, config: { ...config, web } }
  const remember = () =>
    hookMemory(async ({ name }, { id, body }) => {
      if (away.has(name)) throw new Fault('unreachable', 'later', `webhook ${name}: no answer`)
      sent.push({ hook: name, id, body: JSON.parse(body) })
      return { status: 204, retryAfterMs: undefined }
    })
  const round = (memory: HookMemory) => tendHooks(parts, memory)
  const clock = flow.wired.clock as FakeClock
  return { sent, away, open: remember, round, clock, parts }
}

const types = (sent: Sent[]) => sent.map(({ hook, body }) => `${hook}: ${body.type}`)

test('a series is told when it is complete and when it is judged, once, also by a bot that comes back', async () => {
  const { sent, open, round } = await start([
    hook('chat', ['series.complete', 'series.verdict']),
    hook('board', ['series.verdict']),
  ])
  const memory = open()
  await round(memory)
  await flow.bring([letter({ subject: '[PATCH] tally: count' })])
  await flow.settle()
  await round(memory)
  await round(memory)
  await round(open())
  expect(types(sent).sort()).toEqual([
    ...['board: series.verdict', 'chat: series.complete', 'chat: series.verdict'],
  ])
  const told = sent.find(one => one.hook === 'board')
  expect(told?.id).toMatch(/^msg_[0-9a-f]{24}$/)
  expect(told?.body.data).toMatchObject({
    series: { title: 'tally: count', url: expect.stringContaining('https://grapevine.example.org/series/') },
    verdict: { kind: expect.any(String), images: [{ image: 'debian' }, { image: 'busybox' }] },
  })
  expect(JSON.stringify(sent)).not.toContain('@')
})

test('who is new hears nothing of what was', async () => {
  const { sent, open, round, clock } = await start([hook('chat', ['series.verdict'])])
  await flow.bring([letter({ subject: '[PATCH] tally: count' })])
  await flow.settle()
  await clock.advance(1000)
  await round(open())
  expect(sent).toEqual([])
})

test('one receiver that is away holds up no other, and hears all of it later', async () => {
  const { sent, away, open, round, clock, parts } = await start([
    hook('chat', ['series.complete', 'series.verdict']),
    hook('board', ['series.verdict']),
  ])
  const memory = open()
  await round(memory)
  away.add('chat')
  await flow.bring([letter({ subject: '[PATCH] tally: count' })])
  await flow.settle()
  await round(memory)
  expect(types(sent)).toEqual(['board: series.verdict'])
  const waiting = await parts.store.hookDeliveries({ at: 'pending', limit: 9 })
  // The second one waits without a try.
  expect(waiting.map(({ state }) => 'tries' in state && state.tries).sort()).toEqual([0, 1])
  away.clear()
  await clock.advance(hour)
  await round(memory)
  expect(types(sent).slice(1).sort()).toEqual(['chat: series.complete', 'chat: series.verdict'])
})

test('incidents are told as everybody may read them, each change once; maintenance as well', async () => {
  const { sent, open, round, clock, parts } = await start([
    hook('chat', ['incident.changed', 'maintenance.changed']),
  ])
  const memory = open()
  await round(memory)
  const now = clock.now()
  const common = { host: 'alpha', since: now, detail: '/srv/secret is full' }
  const full = newIncident({ id: 'ifull', trouble: 'disk-reserve', about: '/srv/secret', ...common })
  await parts.store.openIncident(full)
  await parts.store.openIncident(newIncident({ id: 'ikey', trouble: 'key-expires', about: 'key', ...common }))
  await parts.store.addMaintenance({
    ...{ id: 'm1', hosts: ['alpha'], from: now + hour, to: now + 2 * hour, reason: 'new disk', by: 'olga' },
    ...{ createdAt: now, repeat: undefined, sequence: 0, state: { at: 'planned' } },
  })
  await round(memory)
  await parts.store.changeMaintenance('m1', one => ({ ...one, state: { at: 'announced', when: now + 1 } }))
  await round(memory)
  expect(types(sent).sort()).toEqual(['chat: incident.changed', 'chat: maintenance.changed'])
  expect(JSON.stringify(sent)).not.toContain('secret')
  await clock.advance(hour)
  await parts.store.changeIncident('ifull', one => ({
    ...one,
    state: { at: 'resolved' },
    resolved: { at: clock.now(), how: 'cleaned up' },
    log: [...one.log, { at: clock.now(), by: 'olga', what: 'cleaned up' }],
  }))
  await round(memory)
  await round(memory)
  expect(sent.slice(2).map(({ body }) => body.data)).toMatchObject([{ incident: { state: 'resolved' } }])
})

test('a webhook that nobody has in the configuration any more is given up', async () => {
  const { open, round, parts } = await start([])
  const now = parts.clock.now()
  await parts.store.addHookDelivery({
    ...{ id: 'msg_1', hook: 'old', event: 'series.verdict', body: '{}', createdAt: now },
    state: { at: 'pending', notBefore: now, tries: 0 },
  })
  await round(open())
  expect(await parts.store.hookDeliveries({ at: 'failed', limit: 9 })).toMatchObject([{ id: 'msg_1' }])
})
