// What every store has to keep to about power: what was done, and that nobody acts on a picture that another is changing.
import { expect, it } from 'vitest'
import type { PowerAction } from '../../src/model/power.ts'
import type { Store } from '../../src/ports/store.ts'

const dayMs = 86_400_000

const action = (id: string, host: string, at: number): PowerAction => ({
  ...{ id, host, act: 'cycle', at, by: 'grapevine', why: 'silent', state: { at: 'begun' } },
})

export const powerContract = (store: () => Store) => {
  const ids = (actions: PowerAction[]) => actions.map(({ id }) => id)

  it('keeps an action only if it may be, by those of the last 24 hours', async () => {
    const seen: string[][] = []
    const may = (recent: PowerAction[]) => seen.push(ids(recent)) < 4
    for (const one of [action('p1', 'alpha', 1000), action('p2', 'beta', 2000)])
      expect(await store().addPowerAction(one, may)).toBe(true)
    expect(await store().addPowerAction(action('p2', 'beta', 2000), may)).toBe(false)
    expect(await store().addPowerAction(action('p3', 'beta', 1500 + dayMs), may)).toBe(true)
    expect(await store().addPowerAction(action('p4', 'beta', 1600 + dayMs), may)).toBe(false)
    expect(seen).toEqual([[], ['p1'], ['p2'], ['p3', 'p2']])
    expect(ids(await store().powerActions({ since: 0 }))).toEqual(['p3', 'p2', 'p1'])
    expect(ids(await store().powerActions({ since: 1000, host: 'beta' }))).toEqual(['p3', 'p2'])
    await store().endPowerAction('p2', { at: 'failed', when: 3000, why: 'no answer' })
    expect((await store().powerActions({ since: 0 }))[1]?.state).toEqual({
      at: 'failed',
      when: 3000,
      why: 'no answer',
    })
  })

  it('of many at once that may be alone, keeps one', async () => {
    const none = (recent: PowerAction[]) => recent.length === 0
    const names = ['alpha', 'beta', 'gamma', 'delta', 'kappa']
    const all = await Promise.all(
      names.map(name => store().addPowerAction(action(`p-${name}`, name, 1000), none)),
    )
    expect(all.filter(Boolean)).toHaveLength(1)
    expect(await store().powerActions({ since: 0 })).toHaveLength(1)
  })
}
