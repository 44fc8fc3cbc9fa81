// What every store has to keep to. One suite, run on each implementation.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DigestLine } from '../../src/model/reply.ts'
import type { Links } from '../../src/model/series.ts'
import type { Store } from '../../src/ports/store.ts'
import { blameContract } from './blames.ts'
import { commandContract } from './commands.ts'
import { figuresContract } from './figures.ts'
import { historyContract } from './history.ts'
import { knownContract } from './known.ts'
import { listContract } from './lists.ts'
import { powerContract } from './power.ts'
import { runBlobContract } from './run-blobs.ts'
import {
  builtOutcome,
  hold,
  host,
  incident,
  job,
  mail,
  part,
  pending,
  planned,
  reply,
  run,
  running,
  series,
  task,
  verdict,
} from './samples.ts'
import { upkeepContract } from './upkeep.ts'

const ids = (things: { id: string }[]) => things.map(thing => thing.id)

/** `make` gives a new, empty store. */
export const storeContract = (name: string, make: () => Promise<Store>): void => {
  describe(name, () => {
    let store: Store
    beforeEach(async () => {
      store = await make()
    })
    afterEach(() => store.close())

    describe('mails', () => mailContract(() => store))
    describe('series', () => seriesContract(() => store))
    describe('jobs and tasks', () => taskContract(() => store))
    describe('bases and history', () => historyContract(() => store))
    describe('verdicts', () => verdictContract(() => store))
    describe('figures of tests, hosts and verdicts', () => figuresContract(() => store))
    describe('replies', () => replyContract(() => store))
    describe('commands and authors', () => commandContract(() => store))
    describe('digests', () => digestContract(() => store))
    describe('hosts and holds', () => hostContract(() => store))
    describe('incidents', () => incidentContract(() => store))
    describe('known failures', () => knownContract(() => store))
    describe('blames', () => blameContract(() => store))
    describe('maintenance and requests to hosts', () => upkeepContract(() => store))
    describe('power', () => powerContract(() => store))
    describe('files of runs', () => runBlobContract(() => store))
    describe('lists for pages', () => listContract(() => store))

    it('closes twice without complaint', async () => {
      await store.close()
      await store.close()
    })
  })
}

const mailContract = (store: () => Store) => {
  it('finds a patch by its patch id', async () => {
    const patch = {
      ...{ patchId: 'f'.repeat(40), author: { name: '', address: 'a@example.org' }, subject: 'x' },
      ...{ files: [], baseCommit: undefined },
    }
    await store().saveMails([mail('a', { patch }), mail('b')], undefined)
    expect(ids(await store().mailsByPatchId('f'.repeat(40), 'tally'))).toEqual(['a'])
    expect(await store().mailsByPatchId('f'.repeat(40), 'other')).toEqual([])
  })

  it('gives back what it was given, hostile characters and all', async () => {
    const kept = mail('a', {
      tags: {
        ...{ patch: true, version: 2, versionGiven: true, position: 1, total: undefined },
        ...{ tags: [], reply: false, title: 'x' },
      },
    })
    expect(await store().saveMails([kept], undefined)).toEqual(['a'])
    expect(await store().mail('a')).toEqual(kept)
    expect(await store().mail('b')).toBeUndefined()
  })

  it('replaces a mail whose disposition is still the same kind, and no other', async () => {
    const old = mail('a', { disposition: { kind: 'not-a-patch', why: 'x' } })
    await store().saveMails([old, { ...old, project: 'other' }, mail('b')], undefined)
    const patch = {
      ...{ patchId: 'e'.repeat(40), author: { name: '', address: 'a@example.org' }, subject: 'x' },
      ...{ files: [], baseCommit: undefined },
    }
    const better = mail('a', { patch, messageId: '<better@example.org>', size: 7 })
    expect(await store().updateMail(better, 'unreadable')).toBe(false)
    expect(await store().mail('a')).toEqual(old)
    expect(await store().updateMail(better, 'not-a-patch')).toBe(true)
    expect(await store().updateMail(better, 'not-a-patch')).toBe(false)
    expect(await store().mail('a')).toEqual(better)
    expect(ids(await store().mailsByPatchId('e'.repeat(40), 'tally'))).toEqual(['a'])
    expect(ids(await store().mailsByMessageId('<better@example.org>'))).toEqual(['a'])
    expect((await store().mails({ project: 'other' })).map(({ size }) => size)).toEqual([2345])
    expect(await store().updateMail(mail('none'), 'new')).toBe(false)
    expect(await store().mailKeys({})).toEqual([
      { project: 'tally', id: 'a' },
      { project: 'other', id: 'a' },
      { project: 'tally', id: 'b' },
    ])
    expect(await store().mailKeys({ project: 'other' })).toEqual([{ project: 'other', id: 'a' }])
    expect(await store().mailKeys({ kind: 'new', limit: 1 })).toEqual([{ project: 'tally', id: 'a' }])
    expect((await store().mail('a', 'other'))?.size).toBe(2345)
    expect(await store().mail('a', 'none')).toBeUndefined()
  })

  it('reads on from a place, in order of storing', async () => {
    await store().saveMails([mail('a'), mail('b', { project: 'other' })], undefined)
    await store().saveMails([mail('c', { messageId: '<c@example.org>' }), mail('d')], undefined)
    expect(await store().mailPlace('none', '<c@example.org>')).toBe(0)
    const place = await store().mailPlace('tally', '<c@example.org>')
    const read = async (from: number, limit: number) =>
      (await store().mailsAfter({ project: 'tally', place: from, limit })).map(one => one.mail.id)
    expect(await read(0, 9)).toEqual(['a', 'c', 'd'])
    expect(await read(0, 1)).toEqual(['a'])
    expect(await read(place - 1, 9)).toEqual(['c', 'd'])
    expect(await read(place, 9)).toEqual(['d'])
    expect(await read(await store().mailPlace('other'), 9)).toEqual([])
    const [last] = await store().mailsAfter({ project: 'tally', place, limit: 9 })
    expect(last?.place).toBe(await store().mailPlace('tally'))
  })

  it('keeps the first of two mails with the same id, and names only new ones', async () => {
    await store().saveMails([mail('a')], { source: 'archive', value: { offset: 10 } })
    const second = [mail('a', { size: 1 }), mail('b'), mail('b'), mail('a', { project: 'other' })]
    expect(await store().saveMails(second, { source: 'archive', value: { offset: 20 } })).toEqual(['b', 'a'])
    expect((await store().mail('a'))?.size).toBe(2345)
    expect(await store().cursor('archive')).toEqual({ offset: 20 })
    expect(await store().mails({})).toHaveLength(3)
  })

  it('keeps cursors of any JSON value, per source', async () => {
    await store().saveMails([], { source: 'one', value: 'abc' })
    await store().saveMails([], { source: 'two', value: null })
    expect(await store().cursor('one')).toBe('abc')
    expect(await store().cursor('two')).toBeNull()
    expect(await store().cursor('three')).toBeUndefined()
  })

  it('stores neither mails nor cursor when one of the mails cannot be stored', async () => {
    const broken = mail('b', { arrivedAt: null as unknown as number })
    const saving = store().saveMails([mail('a'), broken], { source: 'archive', value: 1 })
    await expect(saving).rejects.toThrow(/null/i)
    expect(await store().mails({})).toEqual([])
    expect(await store().cursor('archive')).toBeUndefined()
  })

  it('finds mails by Message-ID in order of arrival, whatever is in that header', async () => {
    const odd = ['<same@example.org>', `<${'x'.repeat(20_000)}@example.org>`, '<nul\0@x>', '<\uD800@x>']
    for (const [i, messageId] of odd.entries()) {
      const late = mail(`late${i}`, { messageId, arrivedAt: 30 })
      const early = mail(`early${i}`, { messageId, arrivedAt: 20 })
      await store().saveMails([late, early, mail(`other${i}`, { messageId, project: 'other' })], undefined)
      expect(ids(await store().mailsByMessageId(messageId, 'tally'))).toEqual([`early${i}`, `late${i}`])
      expect(await store().mailsByMessageId(messageId)).toHaveLength(3)
    }
    expect(await store().mailsByMessageId('<none@example.org>')).toEqual([])
  })

  it('lists mails in order of arrival, then of storing', async () => {
    await store().saveMails([mail('c', { arrivedAt: 30 }), mail('b', { arrivedAt: 20 })], undefined)
    await store().saveMails([mail('z', { arrivedAt: 20 }), mail('a', { arrivedAt: 20 })], undefined)
    expect(ids(await store().mails({ project: 'tally' }))).toEqual(['b', 'z', 'a', 'c'])
    expect(ids(await store().mails({ kind: 'new', limit: 2 }))).toEqual(['b', 'z'])
    expect(await store().mails({ project: 'other' })).toEqual([])
  })

  it('changes and counts dispositions', async () => {
    await store().saveMails([mail('a'), mail('b'), mail('c'), mail('a', { project: 'other' })], undefined)
    await store().setDisposition('tally', 'a', { kind: 'patch', series: 's', position: 1 })
    expect((await store().mail('a'))?.disposition).toEqual({ kind: 'patch', series: 's', position: 1 })
    expect(ids(await store().mails({ kind: 'patch' }))).toEqual(['a'])
    expect(await store().dispositions('tally')).toEqual([
      { kind: 'new', count: 2 },
      { kind: 'patch', count: 1 },
    ])
    expect(await store().dispositions()).toContainEqual({ kind: 'new', count: 3 })
  })

  it('takes thousands of mails in one call', async () => {
    const many = Array.from({ length: 3000 }, (_, i) => mail(`m${i}`))
    expect(await store().saveMails(many, undefined)).toHaveLength(3000)
    expect(ids(await store().mails({}))).toEqual(ids(many))
  })
}

const seriesContract = (store: () => Store) => {
  it('finds all versions with a change id', async () => {
    const links = {
      ...{ dependsOn: { messageIds: [], changeIds: [], patchIds: [] }, supersedes: [] },
      changeId: '20260105-count-4711',
    }
    await store().saveSeries([series('one', { links }), series('other')])
    expect(ids(await store().seriesByChangeId('20260105-count-4711', 'tally'))).toEqual(['one'])
  })

  it('finds those that name bugs, in a part or the cover letter', async () => {
    const naming = (id: string) => ({ ...part(1, id), bugs: ['7'] })
    const all = [
      series('by-part', { parts: [naming('p')], firstAt: 3 }),
      series('by-cover', { cover: { ...part(0, 'c'), bugs: ['https://bugs.example.org/8'] }, firstAt: 2 }),
      series('none'),
      series('elsewhere', { project: 'other', parts: [naming('e')] }),
      series('old', { parts: [naming('o')], lastAt: 10 }),
    ]
    await store().saveSeries(all)
    const find = async () => ids(await store().seriesNamingBugs({ project: 'tally', since: 10 }))
    expect(await find()).toEqual(['by-cover', 'by-part'])
    // A new part without the trailer took the place of the one that named it.
    await store().saveSeries([series('by-part')])
    expect(await find()).toEqual(['by-cover'])
  })

  it('keeps the newest state of a series', async () => {
    const first = series('s')
    await store().saveSeries([first])
    expect(await store().series('s')).toEqual(first)
    const second = series('s', {
      cover: part(0, 's-0'),
      parts: [part(1, 's-1'), part(2, 's-2')],
      lastAt: 1500,
    })
    const third = { ...second, state: { at: 'complete' as const } }
    await store().saveSeries([second, third])
    expect(await store().series('s')).toEqual(third)
    expect(await store().series('none')).toBeUndefined()
  })

  it('saves dispositions with it', async () => {
    await store().saveMails([mail('s-1')], undefined)
    const disposition = { kind: 'patch', series: 's', position: 1 } as const
    await store().saveSeries([series('s')], [{ project: 'tally', id: 's-1', disposition }])
    expect((await store().mail('s-1'))?.disposition).toEqual(disposition)
  })

  it('finds what a part could belong to', async () => {
    const old = { lastAt: 10, parts: [part(1, 'old-part')] }
    await store().saveSeries([
      series('new', { firstAt: 900, lastAt: 1000 }),
      series('holder', { ...old, firstAt: 5 }),
      series('covered', { ...old, firstAt: 7, cover: part(0, 'old-cover'), parts: [] }),
      series('forgotten', { lastAt: 10 }),
      series('elsewhere', { project: 'other', lastAt: 1000, parts: [part(1, 'old-part')] }),
    ])
    const near = (holding: string[]) => store().seriesNear({ project: 'tally', since: 500, holding })
    expect(ids(await near(['<old-cover@example.org>', '<old-part@example.org>']))).toEqual([
      'holder',
      'covered',
      'new',
    ])
    expect(ids(await near([]))).toEqual(['new'])
    const thread = Array.from({ length: 2000 }, (_, i) => `<${i}@example.org>`)
    expect(ids(await near([...thread, '<old-part@example.org>']))).toEqual(['holder', 'new'])
  })

  it('finds those of an author, by address or by name', async () => {
    const by = (name: string, address: string) => ({ author: { name, address }, lastAt: 1000 })
    await store().saveSeries([
      series('ann', { ...by('Ann', 'ann@example.org'), firstAt: 1 }),
      series('ann-home', { ...by('ANN', 'ann@home.example'), firstAt: 2 }),
      series('nameless', { ...by('', 'ANN@example.org'), firstAt: 3 }),
      series('bob', { ...by('Bob', 'bob@example.org'), firstAt: 4, parts: [part(1, 'of-bob')] }),
      series('unnamed', { ...by('', 'x@example.org'), firstAt: 5 }),
      series('old', { ...by('Ann', 'ann@example.org'), firstAt: 6, lastAt: 10 }),
      series('elsewhere', { ...by('Ann', 'ann@example.org'), project: 'other' }),
    ])
    const near = async (author: { name: string; address: string }, holding: string[] = []) =>
      ids(await store().seriesNear({ project: 'tally', since: 500, holding, by: author }))
    expect(await near({ name: 'Ann', address: 'ann@example.org' })).toEqual(['ann', 'ann-home', 'nameless'])
    expect(await near({ name: '', address: 'Ann@Example.org' })).toEqual(['ann', 'nameless'])
    expect(await near({ name: '', address: 'y@example.org' })).toEqual([])
    expect(await near({ name: '', address: 'y@example.org' }, ['<of-bob@example.org>'])).toEqual(['bob'])
  })

  it('finds those that say they come after one', async () => {
    const after = (dependsOn: Partial<Links['dependsOn']>) => ({
      links: {
        dependsOn: { messageIds: [], changeIds: [], patchIds: [], ...dependsOn },
        supersedes: ['<x@example.org>'],
        changeId: 'own-change',
      },
    })
    const x = '<x@example.org>'
    await store().saveSeries([
      series('by-patch', { ...after({ patchIds: ['a'.repeat(40)] }), firstAt: 3 }),
      series('by-mail', { ...after({ messageIds: [x, '<y@example.org>'] }), firstAt: 1 }),
      series('by-change', { ...after({ changeIds: ['change:v2'] }), firstAt: 2 }),
      series('elsewhere', { ...after({ messageIds: [x] }), project: 'other' }),
      series('nothing'),
    ])
    const on = async (wanted: Partial<Links['dependsOn']>) =>
      ids(
        await store().seriesDependingOn({
          ...{ project: 'tally', messageIds: [], changeIds: [], patchIds: [], ...wanted },
        }),
      )
    expect(await on({})).toEqual([])
    expect(await on({ messageIds: [x, '<y@example.org>'] })).toEqual(['by-mail'])
    expect(await on({ changeIds: ['change:v2', 'change', 'own-change', x] })).toEqual(['by-change'])
    expect(await on({ patchIds: ['a'.repeat(40)], messageIds: [x] })).toEqual(['by-mail', 'by-patch'])
    await store().saveSeries([series('by-mail', after({ messageIds: ['<z@example.org>'] }))])
    expect(await on({ messageIds: [x, '<y@example.org>'] })).toEqual([])
    expect(await on({ messageIds: ['<z@example.org>'] })).toEqual(['by-mail'])
  })

  it('no longer finds a series by a part that was taken from it', async () => {
    await store().saveSeries([series('s', { parts: [part(1, 'first')] })])
    await store().saveSeries([series('s', { parts: [part(1, 'again')] })])
    const holding = (id: string) =>
      store().seriesNear({ project: 'tally', since: 9e9, holding: [`<${id}@example.org>`] })
    expect(ids(await holding('again'))).toEqual(['s'])
    expect(await holding('first')).toEqual([])
  })

  it('lists series in order of first arrival', async () => {
    await store().saveSeries([
      series('late', { firstAt: 30 }),
      series('early', { firstAt: 10 }),
      series('middle', { firstAt: 20, state: { at: 'complete' } }),
      series('other', { firstAt: 15, project: 'other' }),
    ])
    expect(ids(await store().seriesIn({}))).toEqual(['early', 'other', 'middle', 'late'])
    expect(ids(await store().seriesIn({ project: 'tally', limit: 2 }))).toEqual(['early', 'middle'])
    expect(ids(await store().seriesIn({ at: 'collecting' }))).toEqual(['early', 'other', 'late'])
    expect(ids(await store().seriesIn({ project: 'tally', at: 'complete' }))).toEqual(['middle'])
  })

  it('knows whose time is up', async () => {
    await store().saveSeries([
      series('due', { state: { at: 'collecting', until: 100 } }),
      series('later', { state: { at: 'collecting', until: 101 } }),
      series('done', { state: { at: 'complete' } }),
    ])
    expect(ids(await store().seriesDue(100))).toEqual(['due'])
    await store().saveSeries([series('due', { state: { at: 'complete' } })])
    expect(await store().seriesDue(100)).toEqual([])
  })
}

const taskContract = (store: () => Store) => {
  it('inserts what is not there and leaves what is', async () => {
    await store().addJob(job('j', { series: 's' }), [task('t1', 'j'), task('t2', 'j')])
    await store().moveTask('t1', { at: 'queued', attempt: 1 }, running('r1'))
    await store().addJob(job('j', { series: 's', baseName: 'changed' }), [task('t1', 'j'), task('t3', 'j')])
    expect(await store().job('j')).toEqual(job('j', { series: 's' }))
    expect((await store().tasksOf('j')).map(one => [one.id, one.state.at])).toEqual([
      ['t1', 'running'],
      ['t2', 'queued'],
      ['t3', 'queued'],
    ])
    expect(await store().job('none')).toBeUndefined()
    expect(await store().task('none')).toBeUndefined()
  })

  it('lists the jobs of a series', async () => {
    await store().addJob(job('second', { series: 's', createdAt: 20 }), [])
    await store().addJob(job('first', { series: 's', createdAt: 10 }), [])
    await store().addJob(job('base'), [])
    expect(ids(await store().jobsOf('s'))).toEqual(['first', 'second'])
    expect((await store().job('base'))?.series).toBeUndefined()
  })

  it('lists tasks by state, urgent ones first', async () => {
    const tasks = [
      task('low', 'j', { priority: 7 }),
      task('high', 'j', { priority: 3 }),
      task('next', 'j', { priority: 3 }),
    ]
    await store().addJob(job('j'), tasks)
    expect(ids(await store().tasksAt('queued'))).toEqual(['high', 'next', 'low'])
    await store().moveTask('high', { at: 'queued', attempt: 1 }, { at: 'cancelled', why: 'superseded' })
    expect(ids(await store().tasksAt('queued'))).toEqual(['next', 'low'])
    expect(await store().tasksAt('cancelled')).toEqual([
      task('high', 'j', { priority: 3, state: { at: 'cancelled', why: 'superseded' } }),
    ])
  })

  it('moves a task only from the state that it is in', async () => {
    await store().addJob(job('j'), [task('t', 'j')])
    const move = store().moveTask
    expect(await move('t', { at: 'queued', attempt: 2 }, running('r'))).toBe(false)
    expect(await move('t', { at: 'queued', attempt: 1 }, running('r'))).toBe(true)
    expect(await move('t', { at: 'queued', attempt: 1 }, running('r2'))).toBe(false)
    expect(await move('t', running('r2'), { at: 'queued', attempt: 2 })).toBe(false)
    expect(await move('t', running('r', 2), { at: 'queued', attempt: 2 })).toBe(false)
    expect(await move('none', running('r'), { at: 'queued', attempt: 2 })).toBe(false)
    expect((await store().task('t'))?.state).toEqual(running('r'))
    expect(await store().outcome('t')).toBeUndefined()
    expect(await move('t', running('r'), { at: 'done', attempts: 1, outcome: builtOutcome })).toBe(true)
    expect(await store().outcome('t')).toEqual(builtOutcome)
    expect(await store().outcome('none')).toBeUndefined()
  })

  it('lets exactly one of a hundred concurrent moves win', async () => {
    await store().addJob(job('j'), [task('t', 'j')])
    const rivals = Array.from({ length: 100 }, (_, i) =>
      store().moveTask('t', { at: 'queued', attempt: 1 }, running(`r${i}`)),
    )
    const won = (await Promise.all(rivals)).flatMap((win, i) => (win ? [i] : []))
    expect(won).toHaveLength(1)
    expect((await store().task('t'))?.state).toEqual(running(`r${won[0]}`))
  })

  it('lets one of many concurrent adds win', async () => {
    const add = (i: number) =>
      store().addJob(job('j', { baseName: `${i}` }), [task('t1', 'j'), task('t2', 'j')])
    await Promise.all(Array.from({ length: 30 }, (_, i) => add(i)))
    expect(await store().tasksOf('j')).toHaveLength(2)
  })

  it('keeps every run', async () => {
    await store().saveRun(run('r2', 't', { attempt: 2 }))
    await store().saveRun(run('r1', 't'))
    await store().saveRun(run('other', 'u'))
    const ended = run('r1', 't', {
      endedAt: 2500,
      outcome: builtOutcome,
      evidence: { log: 'b', console: 'c' },
    })
    await store().saveRun(ended)
    expect(await store().runsOf('t')).toEqual([ended, run('r2', 't', { attempt: 2 })])
    expect(await store().run('r1')).toEqual(ended)
    expect(await store().run('none')).toBeUndefined()
  })

  it('tells how runs ended, the newest first', async () => {
    await store().addJob(job('j'), [task('t', 'j'), task('u', 'j', { image: 'busybox' })])
    const ours = { kind: 'ours' as const, what: 'disk-error', detail: 'in step "all"' }
    await store().saveRun(run('r1', 't', { endedAt: 2500, outcome: builtOutcome }))
    await store().saveRun(run('r2', 'u', { host: 'beta', endedAt: 2400, outcome: ours }))
    await store().saveRun(run('r3', 'u'))
    const common = { job: 'j', project: 'tally', startedAt: 2000 }
    const first = { run: 'r1', task: 't', image: 'debian', host: 'alpha', endedAt: 2500, kind: 'built' }
    const second = { run: 'r2', task: 'u', image: 'busybox', host: 'beta', endedAt: 2400, kind: 'ours' }
    expect(await store().runEnds({ since: 0, limit: 10 })).toEqual([
      { ...common, ...first },
      { ...common, ...second, what: 'disk-error', sick: 'disk' },
    ])
    expect(await store().runEnds({ since: 2400, limit: 10 })).toHaveLength(1)
    expect(await store().runEnds({ since: 0, limit: 1 })).toHaveLength(1)
  })
}

const verdictContract = (store: () => Store) => {
  it('keeps the first verdict on a series and job, and its reply', async () => {
    expect(await store().addVerdict(verdict('s', { job: 'j' }), reply('first', 's'))).toBe(true)
    expect(await store().addVerdict(verdict('s', { job: 'j', decidedAt: 1 }), reply('second', 's'))).toBe(
      false,
    )
    expect(await store().verdict('s')).toEqual(verdict('s', { job: 'j' }))
    expect(await store().reply('second')).toBeUndefined()
    expect(ids(await store().repliesOf('s'))).toEqual(['first'])
  })

  it('gives the newest verdict', async () => {
    const incomplete = verdict('s', { decidedAt: 10, finding: { kind: 'incomplete', missing: [2] } })
    expect(await store().addVerdict(incomplete, undefined)).toBe(true)
    expect(await store().addVerdict({ ...incomplete, decidedAt: 20 }, undefined)).toBe(false)
    expect(await store().verdict('s')).toEqual(incomplete)
    await store().addVerdict(verdict('s', { job: 'j', decidedAt: 30 }), undefined)
    expect((await store().verdict('s'))?.decidedAt).toBe(30)
    expect(await store().verdict('none')).toBeUndefined()
  })

  it('tells when the newest verdict of a project was', async () => {
    await store().saveSeries([series('s'), series('t'), series('u', { project: 'other' })])
    expect(await store().lastVerdictAt('tally')).toBeUndefined()
    for (const [id, decidedAt] of [
      ['s', 10],
      ['t', 30],
      ['s', 20],
      ['u', 40],
    ] as const)
      await store().addVerdict(verdict(id, { job: `j${decidedAt}`, decidedAt }), undefined)
    expect(await store().lastVerdictAt('tally')).toBe(30)
  })

  it('lets exactly one of many concurrent verdicts win', async () => {
    const add = (i: number) =>
      store().addVerdict(verdict('s', { job: 'j', decidedAt: i }), reply(`reply${i}`, 's'))
    const won = await Promise.all(Array.from({ length: 50 }, (_, i) => add(i)))
    expect(won.filter(Boolean)).toHaveLength(1)
    expect(ids(await store().repliesOf('s'))).toEqual([`reply${won.indexOf(true)}`])
  })

  it('lists jobs that still need one', async () => {
    const state = { at: 'superseded', by: 'newer' } as const
    await store().saveSeries([series('open', { state: planned('j1') }), series('old', { state })])
    await store().addJob(job('j2', { series: 'open', createdAt: 20 }), [])
    await store().addJob(job('j1', { series: 'open', createdAt: 10 }), [])
    await store().addJob(job('j3', { series: 'old' }), [])
    await store().addJob(job('base'), [])
    expect(ids(await store().jobsWithoutVerdict())).toEqual(['j1', 'j2'])
    await store().addVerdict(verdict('open', { job: 'j1' }), undefined)
    expect(ids(await store().jobsWithoutVerdict())).toEqual(['j2'])
  })
}

const replyContract = (store: () => Store) => {
  it('queues a mail of no series once, and counts what left by time, thread and address', async () => {
    const alert = reply('a1', 's1', { kind: 'alert', series: undefined, thread: undefined })
    expect([await store().addReply(alert), await store().addReply(alert)]).toEqual([true, false])
    expect(await store().reply('a1')).toEqual(alert)
    await store().addReply(reply('v1', 's1'))
    await store().addReply(reply('v2', 's1', { state: { at: 'failed', when: 1, why: 'x' } }))
    const count = (more: object) => store().countReplies({ since: 3000, ...more })
    const to = alert.mail.to[0]?.address.toUpperCase() ?? ''
    expect(await count({})).toBe(2)
    expect(await count({ since: 4000 })).toBe(0)
    expect(await count({ thread: '<before@example.org>' })).toBe(1)
    expect(await count({ to, kind: 'alert' })).toBe(1)
    expect(await count({ to: 'nobody@example.org' })).toBe(0)
  })

  it('moves a reply only from the state that it is in', async () => {
    await store().addVerdict(verdict('s'), reply('r', 's'))
    const move = store().moveReply
    const sending = { at: 'sending', since: 5, tries: 1 } as const
    expect(await move('r', { at: 'pending', notBefore: 0, tries: 1 }, sending)).toBe(false)
    expect(await move('r', { at: 'pending', notBefore: 77, tries: 0 }, sending)).toBe(true)
    expect(await move('r', pending, sending)).toBe(false)
    expect(ids(await store().repliesAt('pending'))).toEqual([])
    expect(await store().repliesAt('sending')).toEqual([reply('r', 's', { state: sending })])
    expect(await move('r', sending, { at: 'sent', when: 6, answer: '250 ok' })).toBe(true)
    expect((await store().reply('r'))?.state).toEqual({ at: 'sent', when: 6, answer: '250 ok' })
  })

  it('lets exactly one of a hundred concurrent senders win', async () => {
    await store().addVerdict(verdict('s'), reply('r', 's'))
    const take = (since: number) => store().moveReply('r', pending, { at: 'sending', since, tries: 1 })
    const won = await Promise.all(Array.from({ length: 100 }, (_, i) => take(i)))
    expect(won.filter(Boolean)).toHaveLength(1)
  })

  it('finds what was sent with a Message-ID', async () => {
    await store().addVerdict(verdict('s'), reply('r', 's'))
    expect(await store().replyByMessageId('<r@bot.example.org>')).toEqual(reply('r', 's'))
    expect(await store().replyByMessageId('<none@bot.example.org>')).toBeUndefined()
  })

  it('keeps what is known of addresses, without case', async () => {
    const failure = { mail: '<r@bot.example.org>', at: 5, status: '5.1.1' }
    const silence = { since: 5, until: 90, why: 'bounced', detail: '5.1.1' } as const
    expect(await store().address('ann@example.org')).toBeUndefined()
    const changed = await store().changeAddress('Ann@Example.org', known => ({
      ...known,
      failures: [...known.failures, failure],
    }))
    expect(changed).toEqual({ address: 'ann@example.org', failures: [failure], silence: undefined })
    expect(await store().address('ANN@example.org')).toEqual(changed)
    await store().silenceAddress('ann@EXAMPLE.org', silence)
    await store().silenceAddress('ben@example.org', { ...silence, until: undefined })
    expect(await store().addresses()).toEqual([
      { address: 'ann@example.org', failures: [failure], silence },
      { address: 'ben@example.org', failures: [], silence: { ...silence, until: undefined } },
    ])
    expect(await store().forgetAddress('ANN@example.org')).toBe(true)
    expect(await store().forgetAddress('ann@example.org')).toBe(false)
    expect(await store().address('ann@example.org')).toBeUndefined()
  })

  it('loses none of the failures that are noted at the same moment', async () => {
    const ids = Array.from({ length: 12 }, (_, i) => `<r${i}@bot.example.org>`)
    const note = (mail: string) =>
      store().changeAddress('new@example.org', known => ({
        ...known,
        failures: [...known.failures, { mail, at: 5, status: '5.2.0' }],
      }))
    await Promise.all(ids.map(note))
    const noted = (await store().address('new@example.org'))?.failures.map(({ mail }) => mail)
    expect(noted?.sort()).toEqual(ids.sort())
  })

  it('knows our own mails', async () => {
    await store().addVerdict(verdict('s'), reply('r', 's'))
    expect(await store().isOurs('<r@bot.example.org>')).toBe(true)
    expect(await store().isOurs('<r@example.org>')).toBe(false)
  })
}

const digestContract = (store: () => Store) => {
  const line = (id: string, at: number, more: Partial<DigestLine> = {}): DigestLine => ({
    ...{ id, project: 'tally', at, news: true, finding: '1 new failure', title: 'x', who: 'Ann' },
    ...{ messageId: undefined, links: [] },
    ...more,
  })
  const digest = reply('d1', 's', { kind: 'digest', series: undefined })

  it('keeps a line once, and gives those that are due', async () => {
    await store().addDigestLine(line('b', 20))
    await store().addDigestLine(line('a', 10))
    await store().addDigestLine(line('a', 99, { title: 'another' }))
    await store().addDigestLine(line('c', 30, { project: 'other' }))
    expect(ids(await store().digestLines({ project: 'tally', before: 30 }))).toEqual(['a', 'b'])
    expect(await store().digestLines({ project: 'tally', before: 20 })).toEqual([line('a', 10)])
  })

  it('keeps a line with its verdict, or neither', async () => {
    await store().addVerdict(verdict('s'), undefined, line('a', 10))
    expect(await store().addVerdict(verdict('s'), undefined, line('b', 10))).toBe(false)
    expect(ids(await store().digestLines({ project: 'tally', before: 99 }))).toEqual(['a'])
  })

  it('takes lines into a digest once', async () => {
    await store().addDigestLine(line('a', 10))
    expect(await store().addDigest(digest, ['a'])).toBe(true)
    await store().addDigestLine(line('a', 10))
    await store().addDigestLine(line('late', 11))
    expect(ids(await store().digestLines({ project: 'tally', before: 99 }))).toEqual(['late'])
    expect(await store().addDigest(digest, ['late'])).toBe(false)
    expect(ids(await store().digestLines({ project: 'tally', before: 99 }))).toEqual(['late'])
  })

  it('gives all verdicts of a series, and the versions that it replaced', async () => {
    await store().addVerdict(verdict('s', { job: 'j1', decidedAt: 9000 }), undefined)
    await store().addVerdict(verdict('s', { finding: { kind: 'incomplete', missing: [1] } }), undefined)
    const damaged = { kind: 'damaged', title: 'x', why: 'y' } as const
    for (const position of [1, 2, 2])
      await store().addVerdict(verdict('s', { finding: { ...damaged, position } }), undefined)
    const kinds = (await store().verdictsOf('s')).map(({ finding }) => finding.kind)
    expect(kinds).toEqual(['incomplete', 'damaged', 'damaged', 'all-well'])
    const old = (id: string, version: number) => series(id, { version, state: { at: 'superseded', by: 's' } })
    await store().saveSeries([old('v2', 2), old('v1', 1), series('s', { version: 3 })])
    expect(ids(await store().seriesReplacedBy('s'))).toEqual(['v1', 'v2'])
    await store().saveSeries([series('v2', { version: 2 })])
    expect(ids(await store().seriesReplacedBy('s'))).toEqual(['v1'])
  })
}

const hostContract = (store: () => Store) => {
  it('keeps the last word of each host', async () => {
    await store().saveHost(host('beta'))
    await store().saveHost(host('alpha'))
    const unfit = host('beta', { seenAt: 3000, unfit: 'the canary died', images: [] })
    await store().saveHost(unfit)
    expect(await store().hosts()).toEqual([host('alpha'), unfit])
    expect(await store().forgetHost('alpha')).toBe(true)
    expect(await store().forgetHost('alpha')).toBe(false)
    expect(await store().hosts()).toEqual([unfit])
  })

  it('keeps one hold for each thing, until it is ended', async () => {
    const [onHost, onImage] = [{ kind: 'host', name: 'x' } as const, { kind: 'image', name: 'x' } as const]
    await store().setHold(hold(onHost))
    await store().setHold(hold(onImage, { until: 5000 }))
    await store().setHold(hold({ kind: 'queue' }))
    await store().setHold(hold(onHost, { how: 'stop' }))
    const all = [hold(onHost, { how: 'stop' }), hold(onImage, { until: 5000 }), hold({ kind: 'queue' })]
    expect(await store().holds()).toEqual(all)
    expect(await store().endHold(onHost)).toBe(true)
    expect(await store().endHold(onHost)).toBe(false)
    expect(await store().endHold({ kind: 'queue' })).toBe(true)
    expect(await store().holds()).toEqual([hold(onImage, { until: 5000 })])
  })

  it('gives the tasks of several jobs', async () => {
    await store().addJob(job('j'), [task('a', 'j'), task('b', 'j')])
    await store().addJob(job('k'), [task('c', 'k')])
    await store().addJob(job('l'), [task('d', 'l')])
    expect(ids(await store().tasksOfJobs(['k', 'j']))).toEqual(['a', 'b', 'c'])
    expect(await store().tasksOfJobs([])).toEqual([])
  })
}

const incidentContract = (store: () => Store) => {
  it('opens one of a kind, until it is resolved', async () => {
    const open = store().openIncident
    const others = [
      incident('i3', { host: 'beta' }),
      incident('i4', { host: undefined }),
      incident('i5', { about: 'sdb' }),
      incident('i6', { trouble: 'host-lost' }),
    ]
    expect(await open(incident('i1'))).toBe(true)
    expect(await open(incident('i2', { since: 2000 }))).toBe(false)
    expect(await open(incident('i1'))).toBe(false)
    for (const other of others) expect(await open(other)).toBe(true)
    expect(await store().incidents({ open: true })).toEqual([incident('i1'), ...others])

    const resolved = { at: 3000, how: 'another disk' }
    const over = { at: 3000, by: 'grapevine', what: 'resolved: another disk' }
    expect(await store().resolveIncidents(incident('i1'), resolved)).toBe(1)
    expect(await store().resolveIncidents(incident('i1'), { at: 4000, how: 'once more' })).toBe(0)
    expect(await store().resolveIncidents(incident('i4', { host: undefined }), resolved)).toBe(1)
    expect(ids(await store().incidents({ open: true }))).toEqual(['i3', 'i5', 'i6'])
    expect((await store().incidents({ open: false }))[0]).toEqual(incident('i1', { resolved, log: [over] }))
    expect(await open(incident('i2', { since: 5000 }))).toBe(true)
    expect(ids(await store().incidents())).toEqual(['i1', 'i3', 'i4', 'i5', 'i6', 'i2'])
  })

  it('opens one when many say so at the same time', async () => {
    const open = (i: number) => store().openIncident(incident(`i${i}`, { since: i }))
    const won = await Promise.all(Array.from({ length: 30 }, (_, i) => open(i)))
    expect(won.filter(Boolean)).toHaveLength(1)
    expect(await store().incidents({ open: true })).toHaveLength(1)
  })

  it('finds an incident by its id, and the live one of its kind', async () => {
    await store().openIncident(incident('i1', { host: undefined, state: { at: 'suspected', until: 9000 } }))
    const { trouble, host, about } = incident('i1', { host: undefined })
    expect((await store().incident('i1'))?.state).toEqual({ at: 'suspected', until: 9000 })
    expect((await store().liveIncident({ trouble, host, about }))?.id).toBe('i1')
    expect(await store().liveIncident({ trouble, host: 'alpha', about })).toBeUndefined()
    expect(await store().incident('i2')).toBeUndefined()
    await store().resolveIncidents({ trouble, host, about }, { at: 3000, how: 'it passed' })
    expect(await store().liveIncident({ trouble, host, about })).toBeUndefined()
    expect((await store().incident('i1'))?.resolved?.how).toBe('it passed')
  })

  it('changes an incident, one after another, or lets it go', async () => {
    await store().openIncident(incident('i1'))
    const note = (by: string) =>
      store().changeIncident('i1', one => ({
        ...one,
        flaps: one.flaps + 1,
        log: [...one.log, { at: 1, by, what: 'seen' }],
      }))
    await Promise.all(Array.from({ length: 10 }, (_, i) => note(`b${i}`)))
    const changed = await store().incident('i1')
    expect([changed?.flaps, changed?.log.length]).toEqual([10, 10])
    expect(await store().changeIncident('i1', one => one)).toEqual(changed)
    expect(await store().changeIncident('i9', one => one)).toBeUndefined()
    expect(await store().changeIncident('i1', () => 'forgotten')).toBeUndefined()
    expect(await store().incidents()).toEqual([])
    await store().openIncident(incident('i2'))
    await store().dropIncident('i2')
    await store().dropIncident('i2')
    expect(await store().incidents()).toEqual([])
  })

  it('tells what holds, what lives, and what is new since', async () => {
    const watched = { at: 'monitoring', since: 2000, until: 9000, how: 'quiet' } as const
    await store().openIncident(incident('i1', { about: 'a' }))
    await store().openIncident(incident('i2', { about: 'b', state: watched }))
    await store().openIncident(incident('i3', { about: 'c', state: { at: 'suspected', until: 9000 } }))
    await store().openIncident(incident('i4', { about: 'd' }))
    const late = { at: 9000, by: 'grapevine', what: 'it stayed quiet' }
    const over = { state: { at: 'resolved' }, resolved: { at: 2000, how: 'quiet' } } as const
    await store().changeIncident('i4', one => ({ ...one, ...over, log: [late] }))
    expect(ids(await store().incidents({ open: true }))).toEqual(['i1', 'i3'])
    expect(ids(await store().incidents({ live: true }))).toEqual(['i1', 'i2', 'i3'])
    expect(ids(await store().incidents({ open: false }))).toEqual(['i4'])
    // It was over at 2000, and this was known at 9000.
    expect(ids(await store().incidents({ since: 8000 }))).toEqual(['i1', 'i2', 'i3', 'i4'])
    expect(ids(await store().incidents({ since: 9000 }))).toEqual(['i1', 'i2', 'i3'])
  })
}
