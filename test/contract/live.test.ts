// What moves, on a real Redis: a log that grows reaches whoever follows it whole, from wherever they begin; and what changed is said.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { redisConnection } from '../../src/adapters/bullmq/connection.ts'
import { liveLimits, redisLiveOut } from '../../src/adapters/bullmq/live.ts'
import { redisLiveIn } from '../../src/adapters/bullmq/live-in.ts'
import type { LiveIn, LogPiece } from '../../src/ports/live.ts'
import { startRedis, type TestRedis } from '../real/redis.ts'

let redis: TestRedis
let prefix = ''
let tests = 0
let closings: (() => Promise<void>)[] = []

beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.stop())
beforeEach(() => {
  prefix = `live${++tests}`
})
afterEach(async () => {
  for (const close of closings) await close()
  closings = []
})

const connect = () => redisConnection({ where: redis.socket, log: () => {} })

const openOut = () => {
  const out = redisLiveOut({ connection: connect(), prefix })
  closings.push(() => out.close())
  return out
}

const openIn = () => {
  const live = redisLiveIn({ connection: connect(), prefix })
  closings.push(() => live.close())
  return live
}

/** Collects what one viewer sees; `until` resolves when that holds. */
const viewer = (live: LiveIn, run: string, from = 0) => {
  const pieces: LogPiece[] = []
  const waits = new Set<() => void>()
  const following = live.follow(run, from, piece => {
    pieces.push(piece)
    for (const wait of waits) wait()
  })
  const text = () => pieces.map(piece => piece.text).join('')
  const until = (holds: () => boolean) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const look = () => {
      if (holds()) resolve()
    }
    waits.add(look)
    look()
    return promise
  }
  return {
    pieces,
    text,
    stop: () => following.stop(),
    says: (part: string) => until(() => text().includes(part)),
    ended: () => until(() => pieces.at(-1)?.isEnd === true),
  }
}

describe('a running log', () => {
  it('reaches viewers before and after it began to grow, whole and once', async () => {
    const [out, live] = [openOut(), openIn()]
    const early = viewer(live, 'r1')
    const log = out.log('r1')
    log.write('one\n')
    await early.says('one')
    const late = viewer(live, 'r1')
    const resumed = viewer(live, 'r1', 2)
    const elsewhere = viewer(openIn(), 'r1')
    log.write('two\nthree')
    log.write(' and four\n')
    log.end()
    await Promise.all([early, late, resumed, elsewhere].map(one => one.ended()))
    const whole = 'one\ntwo\nthree and four\n'
    expect([early, late, elsewhere].map(one => one.text())).toEqual([whole, whole, whole])
    expect(resumed.text()).toBe(whole.slice(2))
    expect(resumed.pieces[0]?.from).toBe(2)
  })

  it('is told from its tail when it is long, and says where that begins', async () => {
    const [out, live] = [openOut(), openIn()]
    const log = out.log('r2')
    const flood = `${'x'.repeat(99)}\n`.repeat(2_000)
    log.write(flood)
    log.end()
    const late = viewer(live, 'r2')
    await late.ended()
    expect(late.pieces[0]?.from).toBe(flood.length - liveLimits.piece)
    expect(late.text()).toBe(flood.slice(-liveLimits.piece))
  })

  it('goes on to others when one viewer leaves, and begins anew for who comes back', async () => {
    const [out, live] = [openOut(), openIn()]
    const [stays, leaves] = [viewer(live, 'r3'), viewer(live, 'r3')]
    const log = out.log('r3')
    log.write('one\n')
    await Promise.all([stays.says('one'), leaves.says('one')])
    leaves.stop()
    log.write('two\n')
    await stays.says('two')
    expect(leaves.text()).toBe('one\n')
    stays.stop()
    log.write('three\n')
    const back = viewer(live, 'r3', 4)
    await back.says('three')
    expect(back.text()).toBe('two\nthree\n')
  })

  it('is told when Redis is back, if it was away meanwhile', async () => {
    const away = await startRedis()
    const connection = redisConnection({ where: away.socket, log: () => {} })
    const out = redisLiveOut({ connection, prefix })
    const live = redisLiveIn({ connection, prefix })
    closings.push(
      () => out.close(),
      () => live.close(),
      () => away.stop(),
    )
    const one = viewer(live, 'r4')
    const log = out.log('r4')
    log.write('before\n')
    await one.says('before')
    const heard: unknown[] = []
    const { promise: lost, resolve } = Promise.withResolvers<void>()
    live.listen(topics => {
      heard.push(topics)
      if (topics === 'lost') resolve()
    })
    const cutter = connection.open('patient')
    await cutter.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    cutter.disconnect()
    log.write('after\n')
    log.end()
    await Promise.all([one.ended(), lost])
    expect(one.text()).toBe('before\nafter\n')
    expect(heard).toContain('lost')
  })
})

it('what changed is said to all who listen, together', async () => {
  const [out, live] = [openOut(), openIn()]
  const { promise: ready, resolve: isReady } = Promise.withResolvers<void>()
  const { promise: said, resolve: say } = Promise.withResolvers<unknown>()
  const first = live.listen(() => isReady())
  await ready
  first.stop()
  live.listen(topics => say(topics))
  out.changed('series:a', 'queue')
  out.changed('queue', 'run:b')
  expect(await said).toEqual(['series:a', 'queue', 'run:b'])
})

it('words that nobody of ours said are not heard', async () => {
  const [out, live] = [openOut(), openIn()]
  const { promise: ready, resolve: isReady } = Promise.withResolvers<void>()
  const { promise: said, resolve: say } = Promise.withResolvers<unknown>()
  live.listen(topics => (topics === 'lost' ? isReady() : say(topics)))
  await ready
  const stranger = connect().open('patient')
  await stranger.publish(`${prefix}:live`, 'no JSON')
  await stranger.publish(`${prefix}:live`, '["mood"]')
  stranger.disconnect()
  out.changed('farm')
  expect(await said).toEqual(['farm'])
})
