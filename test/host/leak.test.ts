// Five hundred cancels, stops, deaths and refusals at random moments: no slot, no memory and no clone stays taken, and nothing is lost.
import { expect, it, vi } from 'vitest'
import { Fault } from '../../src/model/fault.ts'
import type { TaskState } from '../../src/model/job.ts'
import { cancel } from '../../src/stages/plan/cancel.ts'
import type { Closable } from '../../src/wiring/queues.ts'
import { hold } from '../contract/samples.ts'
import { fakeFarm } from '../fakes/farm.ts'
import { addBuilds, startHost, wiredFor } from '../fakes/hosts.ts'
import { random as chance } from '../fakes/random.ts'

const guests = { small: { cpus: 1, memoryMiB: 512 }, large: { cpus: 2, memoryMiB: 1024 } }
const rounds = 500

it('all slots are free in the end', async () => {
  const random = chance(7)
  const wired = await wiredFor(
    { redis: undefined, folder: ':memory:' },
    { host: 'one', slots: 4, memoryMiB: 2048 },
  )
  const { store } = wired
  let most = 0
  const farm = fakeFarm(async (_, { signal }) => {
    most = Math.max(most, farm.leased())
    const kind = random()
    if (kind < 0.2) throw new Fault('unreachable', 'soon', 'the guest is away')
    // Turns of the loop of events, not time: until it is over, or stopped.
    for (let turns = 0; turns < 30 * random() && !signal?.aborted; turns++)
      await new Promise(resolve => setImmediate(resolve))
    if (signal?.aborted) return { ending: { kind: 'cancelled' } }
    if (kind < 0.3) return { ending: { kind: 'vm-died', detail: 'x' } }
    return { ending: { kind: 'finished', exitCode: 0 } }
  })
  const start = (): Promise<Closable> => startHost(wired, farm, guests, { timing: { lookMs: 5, beatMs: 50 } })
  let host = await start()
  const names: string[] = []
  const anyOf = <T>(of: T[]): T | undefined => of[Math.floor(random() * of.length)]

  for (let round = 0; round < rounds; round++) {
    const id = `j${round}`
    await addBuilds(store, [{ id, image: random() < 0.7 ? 'small' : 'large', author: `a${round % 5}` }])
    names.push(id)
    const what = random()
    const victim = anyOf(await store.tasksAt('running'))
    if (what < 0.4 && victim) await cancel(wired)(victim.id, { why: 'x', by: 'y' }).catch(() => {})
    else if (what < 0.6) await cancel(wired)(`${anyOf(names)}`, { why: 'x', by: 'y' }).catch(() => {})
    else if (what < 0.75) await store.setHold(hold({ kind: 'host', name: 'one' }, { how: 'stop' }))
    else if (what < 0.9) await store.endHold({ kind: 'host', name: 'one' })
    else if (what < 0.95 && victim?.state.at === 'running') {
      // It was given to another host, which did not take it.
      const back: TaskState = { at: 'queued', attempt: victim.state.attempt }
      await store.moveTask(victim.id, victim.state, back)
    } else if (what > 0.97) {
      await host.close()
      expect(farm.leased()).toBe(0)
      host = await start()
    }
    for (let turns = 0; turns < 20 * random(); turns++) await new Promise(resolve => setImmediate(resolve))
  }

  await store.endHold({ kind: 'host', name: 'one' })
  // What failed waits for trouble to pass; here it is over at once.
  const skipWaits = async () => {
    for (const task of await store.tasksAt('queued'))
      if (task.state.at === 'queued' && task.state.notBefore !== undefined) {
        const { attempt } = task.state
        await store.moveTask(task.id, task.state, { at: 'queued', attempt })
      }
  }
  await vi.waitFor(
    async () => {
      await skipWaits()
      expect(await store.tasksAt('queued')).toEqual([])
      expect(await store.tasksAt('running')).toEqual([])
    },
    { timeout: 60_000, interval: 50 },
  )
  expect(farm.leased()).toBe(0)
  expect(most).toBeGreaterThan(1)
  expect(most).toBeLessThanOrEqual(4)
  await vi.waitFor(async () => expect((await store.hosts())[0]?.busy).toBe(0), 20_000)
  const over = [...(await store.tasksAt('done')), ...(await store.tasksAt('cancelled'))]
  expect(over).toHaveLength(rounds)
  await host.close()
  await wired.close()
})
