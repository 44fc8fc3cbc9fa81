// A host that is asked to prove itself: it ends what it runs, proves, and takes work again only then.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Fault } from '../../src/model/fault.ts'
import type { HostRequest } from '../../src/model/maintenance.ts'
import type { Store } from '../../src/ports/store.ts'
import { answerRequests } from '../../src/wiring/host-requests.ts'
import { fakeClock } from '../fakes/clock.ts'
import { addBuilds, gatedFarm, startHost, wiredFor } from '../fakes/hosts.ts'

let folder = ''
let closings: (() => Promise<void>)[] = []

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'gv-requests-'))
})
afterEach(async () => {
  for (const close of closings) await close()
  closings = []
  rmSync(folder, { recursive: true })
})

const request = (id: string, more: Partial<HostRequest> = {}): HostRequest => ({
  ...{ id, host: 'one', ask: 'verify', why: 'power-on', at: 1000, state: { at: 'asked' } },
  ...more,
})

const soon = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 20_000, interval: 25 })

const stateOf = async (store: Store, id: string) =>
  (await store.hostRequests({})).find(one => one.id === id)?.state

it('what runs ends first, nothing is taken until it is proven, and then work goes on', async () => {
  const wired = await wiredFor({ redis: undefined, folder }, { host: 'one' })
  const { farm, running, started, until } = gatedFarm()
  const proof = Promise.withResolvers<undefined>()
  let proofs = 0
  const prove = () => {
    proofs++
    return proof.promise
  }
  const worker = await startHost(wired, farm, { small: { cpus: 1, memoryMiB: 512 } }, { prove })
  closings = [() => worker.close(), () => wired.close()]
  const { store } = wired
  await addBuilds(store, [{ id: 'a' }])
  await until(() => running.size === 1)
  await store.addHostRequest(request('q1'))
  await addBuilds(store, [{ id: 'b', at: 2000 }])
  await soon(async () => expect((await store.hosts())[0]?.unfit).toMatch(/proves .*power-on/))
  expect([proofs, await stateOf(store, 'q1')]).toEqual([0, { at: 'asked' }])
  for (const end of running.values()) end()
  await soon(async () => expect(await stateOf(store, 'q1')).toMatchObject({ at: 'running' }))
  expect(started).toHaveLength(1)
  proof.resolve(undefined)
  await until(() => started.length === 2)
  expect([proofs, await stateOf(store, 'q1')]).toMatchObject([1, { at: 'passed' }])
})

/** What `answerRequests` needs, on a store of its own. */
const small = async () => {
  const wired = await wiredFor({ redis: undefined, folder, clock: fakeClock(5000) }, { host: 'one' })
  closings = [() => wired.close()]
  return wired
}

it('one proof answers all that is asked of this host, with why it did not pass', async () => {
  const wired = await small()
  const theirs = request('q3', { host: 'two' })
  for (const one of [request('q1'), request('q2'), theirs]) await wired.store.addHostRequest(one)
  const prove = vi.fn(() =>
    Promise.reject(new Fault('refused', 'later', 'no QEMU is here', { remedy: 'install it' })),
  )
  const { signal } = new AbortController()
  expect(await answerRequests(wired, { prove, signal })).toBe(true)
  const failed = { at: 'failed', when: 5000, why: 'no QEMU is here; install it' }
  expect(await stateOf(wired.store, 'q1')).toEqual(failed)
  expect(await stateOf(wired.store, 'q2')).toEqual(failed)
  expect(await stateOf(wired.store, 'q3')).toEqual({ at: 'asked' })
  expect(await answerRequests(wired, { prove, signal })).toBe(false)
  expect(prove).toHaveBeenCalledTimes(1)
})

it('a proof that was broken off is begun anew by the next worker', async () => {
  const wired = await small()
  await wired.store.addHostRequest(request('q1'))
  const ended = new AbortController()
  const broken = async () => {
    ended.abort()
    throw ended.signal.reason
  }
  await answerRequests(wired, { prove: broken, signal: ended.signal })
  expect(await stateOf(wired.store, 'q1')).toEqual({ at: 'running', since: 5000 })
  await answerRequests(wired, { prove: async () => undefined, signal: new AbortController().signal })
  expect(await stateOf(wired.store, 'q1')).toEqual({ at: 'passed', when: 5000 })
})

it('a mistake in the proof is told once, and does not repeat itself for ever', async () => {
  const wired = await small()
  await wired.store.addHostRequest(request('q1'))
  const prove = () => Promise.reject(new TypeError('a bug'))
  const { signal } = new AbortController()
  await expect(answerRequests(wired, { prove, signal })).rejects.toThrow('a bug')
  expect(await stateOf(wired.store, 'q1')).toMatchObject({ at: 'failed' })
})

it('what was answered long ago is forgotten; what waits is not, nor what another host said', async () => {
  const { store } = await small()
  const passed = { at: 'passed', when: 1 } as const
  await store.addHostRequest(request('waits'))
  await store.addHostRequest(request('old', { state: passed }))
  await store.addHostRequest(request('other', { host: 'two', state: passed }))
  for (let i = 0; i < 501; i++) await store.addHostRequest(request(`q${i}`, { state: passed }))
  const left = (await store.hostRequests({})).map(({ id }) => id)
  expect([left.length, ...left.slice(0, 3)]).toEqual([503, 'waits', 'other', 'q0'])
})
