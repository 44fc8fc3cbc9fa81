// What every store has to keep to about known failures.
import { expect, it } from 'vitest'
import { confirm, propose } from '../../src/model/known.ts'
import type { Store } from '../../src/ports/store.ts'

const proposal = (id: string, project = 'tally') =>
  propose(
    {
      ...{ id, project, step: undefined, test: 'net/dns [“a”]', images: ['debian'], message: 'NUL \0' },
      ...{ bug: undefined, seen: { at: 5, run: 'r', times: 2 } },
    },
    { why: 'flaky', rate: { failed: 1, runs: 9 }, now: 1000 },
  )

const confirmedFrom = (known: ReturnType<typeof proposal>) => {
  const next = confirm(known, { by: 'olga', when: 2000, bug: 'https://bugs.example.org/1' })
  if (!next) throw new Error('it was not confirmed')
  return next
}

export const knownContract = (store: () => Store) => {
  it('keeps each once, and finds them by project and state', async () => {
    expect(await store().addKnown(proposal('k2'))).toBe(true)
    expect(await store().addKnown(proposal('k1'))).toBe(true)
    expect(await store().addKnown(proposal('k3', 'other'))).toBe(true)
    expect(await store().addKnown({ ...proposal('k2'), test: 'another' })).toBe(false)
    expect(await store().knownFailures({ project: 'tally' })).toEqual([proposal('k2'), proposal('k1')])
    expect((await store().knownFailures()).map(({ id }) => id)).toEqual(['k2', 'k1', 'k3'])
    expect(await store().knownFailures({ at: 'confirmed' })).toEqual([])
    expect((await store().knownFailures({ project: 'other', at: 'proposed' })).map(({ id }) => id)).toEqual([
      'k3',
    ])
  })

  it('replaces what is as it was read, and nothing else', async () => {
    await store().addKnown(proposal('k1'))
    const [read] = await store().knownFailures()
    if (!read) throw new Error('it is not kept')
    const confirmed = confirmedFrom(read)
    expect(await store().updateKnown(confirmed, read)).toBe(true)
    expect(await store().knownFailures({ at: 'confirmed' })).toEqual([confirmed])
    expect(await store().knownFailures({ at: 'proposed' })).toEqual([])
    // Somebody else has read it before.
    expect(await store().updateKnown({ ...read, message: 'mine' }, read)).toBe(false)
    expect(await store().knownFailures()).toEqual([confirmed])
    expect(await store().updateKnown({ ...confirmed, id: 'k9' }, confirmed)).toBe(false)
  })

  it('lets one of many changes win', async () => {
    await store().addKnown(proposal('k1'))
    const [read] = await store().knownFailures()
    if (!read) throw new Error('it is not kept')
    const change = (i: number) => store().updateKnown({ ...read, message: `${i}` }, read)
    const won = await Promise.all(Array.from({ length: 10 }, (_, i) => change(i)))
    expect(won.filter(Boolean)).toHaveLength(1)
  })
}
