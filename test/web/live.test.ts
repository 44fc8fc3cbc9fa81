// What a browser hears: what changed, and a log that grows.
import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { RunRecord } from '../../src/model/job.ts'
import { app } from '../../src/web/app.ts'
import { newHub, streamLimits } from '../../src/web/live/hub.ts'
import { Outlet } from '../../src/web/live/outlet.ts'
import { serve } from '../../src/web/server.ts'
import { run as runRecord } from '../contract/samples.ts'
import { type FakeClock, fakeClock } from '../fakes/clock.ts'
import { type Flow, openFlow } from '../fakes/flow.ts'
import { eventsOf, fakeLive } from './live.ts'
import { webParts } from './open.ts'

let flow: Flow
let clock: FakeClock
let fake: ReturnType<typeof fakeLive>
let ask: (path: string, headers?: Record<string, string>, method?: string) => Promise<Response>

const record = (more: Partial<RunRecord>): RunRecord => runRecord('r1', 'a-build', more)

beforeEach(async () => {
  flow = await openFlow(() => ({}) as never)
  clock = fakeClock()
  fake = fakeLive()
  const pages = app(webParts({ ...flow.wired, clock }, { live: fake.live, clock }))
  ask = async (path, headers = {}, method = 'GET') => pages.request(path, { headers, method })
  return () => flow.close()
})

describe('what changed', () => {
  it('is told of the topics that were asked for', async () => {
    await clock.advance(1_000)
    const response = await ask('/events?topic=queue&topic=series:abc')
    expect(response.headers.get('content-type')).toContain('text/event-stream')
    const events = eventsOf(response)
    fake.say(['farm'])
    fake.say(['series:abc', 'farm'])
    expect(await events.next()).toEqual({ event: 'changed', data: ['series:abc'], id: undefined })
    fake.say('lost')
    expect(await events.next()).toMatchObject({ event: 'lost' })
    await events.cancel()
  })

  it('between the making of a page and its listening is not missed', async () => {
    await clock.advance(10_000)
    fake.say(['queue'])
    await clock.advance(500)
    expect(await eventsOf(await ask('/events?topic=queue&age=2000')).next()).toMatchObject({
      event: 'changed',
      data: ['queue'],
    })
    const old = eventsOf(await ask('/events?topic=queue&age=100'))
    fake.say(['queue'])
    expect(await old.next()).toMatchObject({ event: 'changed' })
    // Longer than anybody remembers.
    expect(await eventsOf(await ask('/events?topic=farm&age=90000')).next()).toMatchObject({ event: 'lost' })
  })

  it('is not told of what is no topic, nor of too many', async () => {
    expect((await ask('/events')).status).toBe(400)
    expect((await ask('/events?topic=mood')).status).toBe(400)
    const many = Array.from({ length: 21 }, (_, n) => `topic=series:${n}`).join('&')
    expect((await ask(`/events?${many}`)).status).toBe(400)
  })

  it('is told to so many of one network, and to others still', async () => {
    const from = (address: string) => ask('/events?topic=queue', { 'x-forwarded-for': address })
    const answers = await Promise.all(Array.from({ length: streamLimits.network }, () => from('192.0.2.1')))
    expect(answers.every(({ status }) => status === 200)).toBe(true)
    expect((await from('192.0.2.1')).status).toBe(503)
    expect((await from('192.0.2.2')).status).toBe(200)
    await answers[0]?.body?.cancel()
    expect((await from('192.0.2.1')).status).toBe(200)
  })
})

const mebi = 1 << 20

const toEnd = async (events: ReturnType<typeof eventsOf>) => {
  let [read, gaps, last] = [0, 0, '']
  for (let sent = await events.next(); sent; sent = await events.next()) {
    last = sent.event
    if (sent.event !== 'piece') continue
    const { from, parts } = sent.data as { from: number; parts: string[] }
    if (from !== read) gaps += 1
    read = from + parts.join('').length
  }
  return { read, gaps, last }
}

describe('a log', () => {
  it('grows while its run goes on, and shows what would steer a terminal', async () => {
    await flow.wired.store.saveRun(record({ endedAt: undefined, outcome: undefined }))
    const events = eventsOf(await ask('/runs/r1/log/stream'))
    fake.grow('r1', { from: 0, text: '\u001b[31mred\u001b[0m <b>\u0007\n', isEnd: false })
    expect(await events.next()).toEqual({
      event: 'piece',
      id: '18',
      data: { from: 0, parts: [['red', 'ansi-red'], ' <b>\u2407\n'] },
    })
    fake.grow('r1', { from: 18, text: 'last\n', isEnd: true })
    expect(await events.next()).toMatchObject({ data: { from: 18, parts: ['last\n'] } })
    expect(await events.next()).toMatchObject({ event: 'over' })
    expect(await events.next()).toBeUndefined()
    expect(fake.viewers('r1')).toBe(0)
  })

  it('of a run that is over comes from what is kept, from where the viewer was', async () => {
    const log = await flow.wired.blobs.put(Buffer.from('one\ntwo\n'))
    await flow.wired.store.saveRun(record({ endedAt: 5, evidence: { log } }))
    const events = eventsOf(await ask('/runs/r1/log/stream?from=0', { 'last-event-id': '4' }))
    expect(await events.next()).toMatchObject({ id: '8', data: { from: 4, parts: ['two\n'] } })
    expect(await events.next()).toMatchObject({ event: 'over' })
    expect(await events.next()).toBeUndefined()
  })

  it('that is kept comes in pieces that cut no colour and no letter in two', async () => {
    const text = `${'x'.repeat(65_533)}\u001b[31mé\u001b[0m語\u001b[3`
    const log = await flow.wired.blobs.put(Buffer.from(text))
    await flow.wired.store.saveRun(record({ endedAt: 5, evidence: { log } }))
    const events = eventsOf(await ask('/runs/r1/log/stream'))
    const parts: unknown[] = []
    for (let sent = await events.next(); sent?.event === 'piece'; sent = await events.next())
      parts.push(...(sent.data as { parts: unknown[] }).parts)
    expect(parts).toEqual(['x'.repeat(65_533), ['é', 'ansi-red'], '語', '\u241b[3'])
  })

  it('whose host died is over when its run is', async () => {
    await flow.wired.store.saveRun(record({ endedAt: undefined, outcome: undefined }))
    const events = eventsOf(await ask('/runs/r1/log/stream'))
    fake.grow('r1', { from: 0, text: 'begun\n', isEnd: false })
    await events.next()
    await flow.wired.store.saveRun(record({ endedAt: 5, evidence: {} }))
    fake.say(['run:r1'])
    await clock.advance(2_000)
    expect(await events.next()).toMatchObject({ event: 'over' })
  })

  it('comes whole to who was too slow for it', async () => {
    await flow.wired.store.saveRun(record({ endedAt: undefined, outcome: undefined }))
    const events = eventsOf(await ask('/runs/r1/log/stream'))
    for (let n = 0; n < 9; n++)
      fake.grow('r1', { from: n * mebi, text: String(n).repeat(mebi), isEnd: n === 8 })
    expect(await toEnd(events)).toEqual({ read: 9 * mebi, gaps: 0, last: 'over' })
    expect(fake.viewers('r1')).toBe(0)
  })

  it('comes whole to who was too slow for it, from what is kept if it is over meanwhile', async () => {
    await flow.wired.store.saveRun(record({ endedAt: undefined, outcome: undefined }))
    const events = eventsOf(await ask('/runs/r1/log/stream'))
    for (let n = 0; n < 9; n++)
      fake.grow('r1', { from: n * mebi, text: String(n).repeat(mebi), isEnd: false })
    const log = await flow.wired.blobs.put(Buffer.alloc(10 * mebi, '.'))
    await flow.wired.store.saveRun(record({ endedAt: 5, evidence: { log } }))
    expect(await toEnd(events)).toEqual({ read: 10 * mebi, gaps: 0, last: 'over' })
  })

  it('is begun only so often from one network, also while its run goes on', async () => {
    await flow.wired.store.saveRun(record({ endedAt: undefined, outcome: undefined }))
    const from = async (address: string, pen: number) => {
      const answer = await ask(`/runs/r1/log/stream?from=0.${pen}`, { 'x-forwarded-for': address })
      await answer.body?.cancel()
      return answer.status
    }
    for (let n = 0; n < 240; n++) expect(await from('192.0.2.1', n % 100)).toBe(200)
    expect(await from('192.0.2.1', 1)).toBe(429)
    expect(await from('192.0.2.2', 1)).toBe(200)
  })

  it('of no run is not found', async () => {
    expect((await ask('/runs/nobody/log/stream')).status).toBe(404)
    expect((await ask('/runs/%00/log/stream')).status).toBe(404)
  })

  it('whose head alone is asked for has no viewer', async () => {
    await flow.wired.store.saveRun(record({ endedAt: undefined, outcome: undefined }))
    const answer = await ask('/runs/r1/log/stream', {}, 'HEAD')
    expect(answer.status).toBe(200)
    expect(fake.viewers('r1')).toBe(0)
  })

  it('that is never taken keeps no place for ever', () => {
    vi.useFakeTimers()
    try {
      const hub = newHub()
      const gone = vi.fn()
      hub.open({ network: 'a', isUs: false }, gone)?.send(new Uint8Array(9))
      vi.advanceTimersByTime(59 * 60_000)
      expect(gone).not.toHaveBeenCalled()
      vi.advanceTimersByTime(3 * 60_000)
      expect(gone).toHaveBeenCalledOnce()
    } finally {
      vi.useRealTimers()
    }
  })

  it('that nobody takes does not pile up', async () => {
    const outlet = new Outlet(() => {})
    const much = new Uint8Array(mebi).fill(46)
    const isTaken = Array.from({ length: 20 }, () => outlet.send(much))
    expect(isTaken.indexOf(false)).toBeGreaterThan(1)
    expect(isTaken.indexOf(false)).toBeLessThan(4)
    outlet.end(new Uint8Array(9))
    const written: number[] = []
    outlet.into({ write: bytes => written.push(bytes.length) > 0, end: () => {}, destroy: () => {} })
    expect(written.filter(length => length === mebi)).toHaveLength(isTaken.indexOf(false))
    expect(written.at(-1)).toBe(9)
  })
})

describe('over a connection', () => {
  let site: string

  beforeEach(async () => {
    const pages = app(webParts({ ...flow.wired, clock }, { live: fake.live, clock }))
    const served = await serve(pages, { host: '127.0.0.1', port: 0 })
    site = `http://127.0.0.1:${served.port}`
    await flow.wired.store.saveRun(record({ endedAt: undefined, outcome: undefined }))
    return () => served.close()
  })

  it('a log is a stream with the headers of all pages, and ends', async () => {
    const answer = await fetch(`${site}/runs/r1/log/stream`)
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(answer.headers.get('x-hono-already-sent')).toBeNull()
    const events = eventsOf(answer)
    fake.grow('r1', { from: 0, text: 'one\n', isEnd: true })
    expect(await events.next()).toMatchObject({ event: 'piece', id: '4' })
    expect(await events.next()).toMatchObject({ event: 'over' })
    expect(await events.next()).toBeUndefined()
  })

  it('a log comes whole to who was too slow for it', async () => {
    const answer = await fetch(`${site}/runs/r1/log/stream`)
    for (let n = 0; n < 9; n++)
      fake.grow('r1', { from: n * mebi, text: String(n).repeat(mebi), isEnd: n === 8 })
    // Does not follow at the moment: too much waits.
    expect(fake.viewers('r1')).toBe(0)
    expect(await toEnd(eventsOf(answer))).toEqual({ read: 9 * mebi, gaps: 0, last: 'over' })
  })

  it('who goes away, or asks for the head alone, is no viewer', async () => {
    const answer = await fetch(`${site}/runs/r1/log/stream`)
    expect(fake.viewers('r1')).toBe(1)
    await answer.body?.cancel()
    await expect.poll(() => fake.viewers('r1')).toBe(0)
    const head = await fetch(`${site}/runs/r1/log/stream`, { method: 'HEAD' })
    expect(head.headers.get('content-type')).toContain('text/event-stream')
    expect(fake.viewers('r1')).toBe(0)
  })
})
