// What every store has to keep to: what is held against patches, and what waits because of it.
import { expect, it } from 'vitest'
import type { Blame } from '../../src/model/blame.ts'
import type { Store } from '../../src/ports/store.ts'
import { incident, job, running, series, task } from './samples.ts'

const blame = (id: string, more: Partial<Blame> = {}): Blame => ({
  ...{ id, project: 'tally', job: 'j', series: 's', author: 'sofia@example.org', base: '0'.repeat(40) },
  ...{ image: 'debian', host: 'alpha', step: 'all', test: 'sums', sign: 'is #', at: 1000 },
  ...more,
})

export const blameContract = (store: () => Store) => {
  it('keeps blames as they were first, by project and time', async () => {
    const whole = blame('f1', {
      ...{
        builtOn: 'beta',
        without: { failed: 0, runs: 6 },
        kin: ['s0'],
        confirmed: ['tally: test "sums" '],
      },
    })
    await store().addBlames([whole, blame('f3', { at: 3000 })])
    await store().addBlames([
      blame('f1', { at: 9000 }),
      blame('f2', { at: 2000, sign: 'NUL \0 and a lone surrogate \uD800' }),
      blame('f4', { project: 'other' }),
    ])
    expect((await store().blames({ project: 'tally', since: 0 })).map(({ id }) => id)).toEqual([
      'f1',
      'f2',
      'f3',
    ])
    expect((await store().blames({ project: 'tally', since: 0 }))[0]).toEqual(whole)
    expect((await store().blames({ project: 'tally', since: 1000 })).map(({ id }) => id)).toEqual([
      'f2',
      'f3',
    ])
    await store().addBlames([])
  })

  it('lets the old blames of a project go', async () => {
    const two = [blame('f1'), blame('f2', { at: 2000 })]
    await store().addBlames([...two, blame('f3', { project: 'other' })])
    expect(await store().pruneBlames(2000, 'tally')).toBe(1)
    expect(await store().pruneBlames(2000, 'tally')).toBe(0)
    const left = (await store().blames({ project: 'tally', since: 0 })).map(({ id }) => id)
    expect([left, (await store().blames({ project: 'other', since: 0 })).length]).toEqual([['f2'], 1])
  })

  it('keeps what was said of an incident, and why a series is run again', async () => {
    await store().openIncident(incident('i1'))
    const resolved = { at: 3000, how: 'the patches do it', real: true } as const
    await store().resolveIncidents(incident('i1'), resolved)
    expect(await store().incidents()).toMatchObject([{ id: 'i1', state: { at: 'resolved' }, resolved }])
    const again = series('s1', { round: 1, again: { incident: 'i1', avoid: 'alpha' } })
    await store().saveSeries([again])
    expect(await store().series('s1')).toEqual(again)
  })

  it('takes a task that rather runs elsewhere for the same task', async () => {
    const avoid = { host: 'alpha', until: 9000 }
    await store().addJob(job('j'), [task('t', 'j', { state: { at: 'queued', attempt: 2, avoid } })])
    expect((await store().task('t'))?.state).toEqual({ at: 'queued', attempt: 2, avoid })
    expect(await store().moveTask('t', { at: 'queued', attempt: 2 }, running('r', 2))).toBe(true)
  })
}
