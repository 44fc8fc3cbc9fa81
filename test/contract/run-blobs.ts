// Which files of runs may go: a part of the store's suite.
import { expect, it } from 'vitest'
import type { Outcome } from '../../src/model/job.ts'
import type { Store } from '../../src/ports/store.ts'
import { job, mail, run, task, verdict } from './samples.ts'

const built = (artifact: string): Outcome => ({ kind: 'built', artifact, steps: [] })

export const runBlobContract = (store: () => Store) => {
  const expired = async (before: number) => (await store().expiredBlobs({ before, limit: 100 })).sort()
  const ended = (id: string, taskId: string, more: Parameters<typeof run>[2]) =>
    store().saveRun(run(id, taskId, { startedAt: 1, endedAt: 1000, outcome: undefined, ...more }))

  it('names what only old runs left, and no mail', async () => {
    await store().addJob(job('j'), [task('t', 'j')])
    await store().saveMails([mail('a-mail')], undefined)
    await ended('old', 't', { evidence: { log: 'own', console: 'shared', manifest: 'a-mail' } })
    await ended('young', 't', { endedAt: 5000, evidence: { log: 'new', console: 'shared' } })
    expect(await expired(1000)).toEqual([])
    expect(await expired(2000)).toEqual(['own'])
    expect(await expired(6000)).toEqual(['new', 'own', 'shared'])
    await store().forgetBlobs({ blobs: ['own'], before: 2000 })
    expect(await expired(6000)).toEqual(['new', 'shared'])
    // The same bytes once more.
    await ended('again', 't', { endedAt: 7000, evidence: { log: 'own' } })
    expect(await expired(8000)).toContain('own')
  })

  it('keeps what was built of bases, and of jobs that are not over', async () => {
    const long = 30 * 86_400_000
    const done = { at: 'done' as const, attempts: 1, outcome: built('x') }
    await store().addJob(job('base', { series: undefined, baseline: undefined, createdAt: 1 }), [
      task('base-build', 'base', { state: done }),
    ])
    await store().addJob(job('open', { series: 's1', createdAt: 1 }), [
      task('open-build', 'open', { state: done }),
      task('open-test', 'open'),
    ])
    await store().addJob(job('over', { series: 's1', createdAt: 1 }), [
      task('over-build', 'over', { state: done }),
    ])
    await store().addVerdict(verdict('s1', { job: 'over' }), undefined)
    for (const one of ['base', 'open', 'over'])
      await ended(`run-${one}`, `${one}-build`, { outcome: built(`of-${one}`), evidence: {} })
    await ended('same', 'over-build', { outcome: built('of-base'), evidence: {} })
    expect(await expired(long)).toEqual(['of-over'])
  })
}
