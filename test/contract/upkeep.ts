// What every store has to keep to about what is done with hosts: windows of maintenance, and what their workers are asked.
import { expect, it } from 'vitest'
import { type HostRequest, type Maintenance, nextMaintenance } from '../../src/model/maintenance.ts'
import type { Store } from '../../src/ports/store.ts'

const window = (id: string, from: number, more: Partial<Maintenance> = {}): Maintenance => ({
  ...{ id, hosts: ['alpha'], from, to: from + 100, reason: 'NUL \0 “disks”', by: 'olga@alpha', createdAt: 1 },
  ...{ repeat: undefined, sequence: 0, state: { at: 'planned' } },
  ...more,
})

const request = (id: string, host: string): HostRequest => ({
  ...{ id, host, ask: 'verify', why: 'power-on', at: 5, state: { at: 'asked' } },
})

export const upkeepContract = (store: () => Store) => {
  const live = async () => (await store().maintenances({ live: true })).map(({ id }) => id)

  it('keeps windows, each once, by their beginning; those that are over as long as they are asked for', async () => {
    const series = { id: 'm1', start: 200, lengthMs: 100, slot: 200 }
    const repeated = window('m1', 200, { repeat: 'FREQ=WEEKLY', series })
    expect(await store().addMaintenance(repeated)).toBe(true)
    expect(await store().addMaintenance(window('m2', 100))).toBe(true)
    expect(await store().addMaintenance(window('m1', 300))).toBe(false)
    expect(await store().maintenances()).toEqual([window('m2', 100), repeated])
    const ended = await store().changeMaintenance('m2', one =>
      nextMaintenance(one, { on: 'cancelled', by: 'olga', why: 'rain' }, 500),
    )
    expect(ended?.state).toEqual({ at: 'cancelled', when: 500, by: 'olga', why: 'rain' })
    expect(await live()).toEqual(['m1'])
    expect((await store().maintenances({ since: 499 })).map(({ id }) => id)).toEqual(['m2', 'm1'])
    expect((await store().maintenances({ since: 500 })).map(({ id }) => id)).toEqual(['m1'])
    expect(await store().changeMaintenance('m9', one => one)).toBeUndefined()
  })

  it('changes a window by all who do so at once', async () => {
    await store().addMaintenance(window('m1', 200))
    const grow = (one: Maintenance): Maintenance => ({ ...one, sequence: one.sequence + 1 })
    await Promise.all(Array.from({ length: 8 }, () => store().changeMaintenance('m1', grow)))
    expect((await store().maintenances())[0]?.sequence).toBe(8)
    await store().changeMaintenance('m1', one => ({ ...one, from: 50 }))
    await store().addMaintenance(window('m0', 60))
    expect(await live()).toEqual(['m1', 'm0'])
  })

  it('keeps what hosts are asked, and moves each from where it is only', async () => {
    for (const one of [request('q1', 'alpha'), request('q2', 'beta'), request('q3', 'alpha')])
      expect(await store().addHostRequest(one)).toBe(true)
    expect(await store().addHostRequest(request('q1', 'beta'))).toBe(false)
    const asked = { at: 'asked' } as const
    const running = { at: 'running', since: 6 } as const
    expect(await store().moveHostRequest('q1', asked, running)).toBe(true)
    expect(await store().moveHostRequest('q1', asked, running)).toBe(false)
    expect(await store().hostRequests({ host: 'alpha', open: true })).toMatchObject([
      { id: 'q1', state: running },
      { id: 'q3', state: asked },
    ])
    expect(await store().moveHostRequest('q1', running, { at: 'passed', when: 7 })).toBe(true)
    expect((await store().hostRequests({ open: true })).map(({ id }) => id)).toEqual(['q2', 'q3'])
    expect((await store().hostRequests({})).map(({ id }) => id)).toEqual(['q1', 'q2', 'q3'])
    expect(await store().moveHostRequest('q9', asked, running)).toBe(false)
  })
}
