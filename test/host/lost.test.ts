// Worker processes that are killed: what they ran goes on at another host, no try is counted, nothing is run twice with two outcomes.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { heal, newMemory } from '../../src/wiring/bot.ts'
import { freeOwnTasks } from '../../src/wiring/host.ts'
import { fakeClock } from '../fakes/clock.ts'
import { addBuilds, gatedFarm, startHost, wiredFor } from '../fakes/hosts.ts'
import { startRedis, type TestRedis } from '../real/redis.ts'

let redis: TestRedis
const folder = mkdtempSync(path.join(tmpdir(), 'gv-lost-'))
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(async () => {
  await redis.stop()
  rmSync(folder, { recursive: true })
})

const guests = { small: { cpus: 1, memoryMiB: 512 } }

/** Takes a task as host `name` and is killed -9. */
const takeAndDie = async (name: string) => {
  const script = path.join(import.meta.dirname, 'rival.ts')
  const rival = spawn(process.execPath, [script, redis.socket, folder, name], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(rival, 'exit')
  const [line] = await Promise.race([once(createInterface(rival.stdout), 'line'), exited])
  expect(line).toBe('took it')
  return async () => {
    rival.kill('SIGKILL')
    await exited
  }
}

it('a worker killed -9: another host goes on with its task, and no try is counted', async () => {
  const clock = fakeClock()
  const bot = { ...(await wiredFor({ redis: redis.socket, folder, clock }, { host: 'bot' })) }
  bot.inTurn = act => act()
  await addBuilds(bot.store, [{ id: 'a' }])
  const kill = await takeAndDie('one')
  const memory = newMemory(bot)
  await heal(bot, memory)
  await kill()

  const two = await wiredFor({ redis: redis.socket, folder }, { host: 'two' })
  const { farm, running, until } = gatedFarm()
  const worker = await startHost(two, farm, guests)
  for (const pause of [0, 9_000, 9_000]) {
    await clock.advance(pause)
    await heal(bot, memory)
  }
  await clock.advance(7_000)
  const before = (await bot.store.hosts()).find(host => host.name === 'two')?.seenAt
  await vi.waitFor(async () => {
    const now = (await bot.store.hosts()).find(host => host.name === 'two')?.seenAt
    expect(now).not.toBe(before)
  }, 20_000)
  await heal(bot, memory)
  expect((await bot.store.incidents({ open: true })).map(one => one.about)).toEqual(['one'])
  await until(() => running.size === 1)
  for (const end of running.values()) end()
  await vi.waitFor(async () => {
    expect((await bot.store.task('a-build'))?.state).toMatchObject({
      at: 'done',
      attempts: 1,
      outcome: { kind: 'built' },
    })
  }, 20_000)
  const runs = await bot.store.runsOf('a-build')
  expect(runs.map(run => [run.host, run.attempt, run.outcome?.kind])).toEqual([
    ['one', 1, 'ours'],
    ['two', 1, 'built'],
  ])
  await worker.close()
  await two.close()
  await bot.close()
})

it('a worker killed -9 and started again: it frees its own task at once', async () => {
  const one = await wiredFor({ redis: redis.socket, folder }, { host: 'one' })
  await addBuilds(one.store, [{ id: 'b' }])
  const kill = await takeAndDie('one')
  // It is alive: whoever starts another of its name must not take its tasks away.
  await expect(freeOwnTasks(one)).rejects.toThrow(/^another worker, process \d+, works as host one already$/)
  await kill()
  expect((await one.store.task('b-build'))?.state.at).toBe('running')
  await freeOwnTasks(one)
  expect((await one.store.task('b-build'))?.state).toEqual({ at: 'queued', attempt: 1 })
  expect((await one.store.runsOf('b-build'))[0]?.outcome).toMatchObject({ kind: 'ours', what: 'worker-died' })
  await one.close()
})
