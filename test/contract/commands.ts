// Commands and authors: what any store promises of them.
import { expect, it } from 'vitest'
import type { Command } from '../../src/model/command.ts'
import type { Store } from '../../src/ports/store.ts'
import { job, reply, series, task, verdict } from './samples.ts'

export const command = (id: string, more: Partial<Command> = {}): Command => ({
  id,
  project: 'tally',
  mail: `mail of ${id}`,
  messageId: `<${id}@example.org>`,
  position: 1,
  sender: 'sofia@example.org',
  line: '/grapevine test on “debian” \0',
  request: { do: 'test', images: ['debian'] },
  series: undefined,
  createdAt: 1000,
  state: { at: 'received' },
  ...more,
})

const refusedState: Command['state'] = { at: 'refused', when: 2000, why: 'not so' }

const ids = (things: { id: string }[]) => things.map(thing => thing.id)

export const commandContract = (store: () => Store) => {
  it('keeps a command once, and gives it back', async () => {
    expect(await store().addCommands([command('c1'), command('c2')])).toEqual(['c1', 'c2'])
    expect(await store().addCommands([command('c1', { line: 'other' }), command('c3')])).toEqual(['c3'])
    const [first] = await store().commands({})
    expect(first).toEqual(JSON.parse(JSON.stringify(command('c1'))))
    expect(await store().addCommands([])).toEqual([])
  })

  it('finds commands by what they are asked by', async () => {
    await store().addCommands([
      command('c1', { sender: 'a@example.org', mail: 'm1' }),
      command('c2', { sender: 'b@example.org', mail: 'm1', createdAt: 2000, series: 's1' }),
      command('c3', { project: 'other', mail: 'm1', state: { at: 'waiting', token: 'x', until: 9 } }),
    ])
    const found = async (filter: Parameters<Store['commands']>[0]) => ids(await store().commands(filter))
    expect(await found({ mail: 'm1', project: 'tally' })).toEqual(['c1', 'c2'])
    expect(await found({ sender: 'b@example.org' })).toEqual(['c2'])
    expect(await found({ series: 's1' })).toEqual(['c2'])
    expect(await found({ since: 1000 })).toEqual(['c2'])
    expect(await found({ at: 'waiting' })).toEqual(['c3'])
    expect(await found({ at: 'received', limit: 1 })).toEqual(['c1'])
  })

  it('moves a command once, together with its answer and its series', async () => {
    await store().addCommands([command('c1')])
    const done = command('c1', { series: 's1', state: { at: 'done', when: 2000, what: 'tested' } })
    const also = { reply: reply('a1', 's1', { kind: 'answer' }), series: series('s1', { round: 1 }) }
    expect(await store().moveCommand(done, 'received', also)).toBe(true)
    expect(await store().commands({})).toEqual([JSON.parse(JSON.stringify(done))])
    expect((await store().series('s1'))?.round).toBe(1)
    expect((await store().reply('a1'))?.kind).toBe('answer')

    const again = { reply: reply('a2', 's1'), series: series('s1', { round: 2 }) }
    expect(await store().moveCommand(done, 'received', again)).toBe(false)
    expect((await store().series('s1'))?.round).toBe(1)
    expect(await store().reply('a2')).toBeUndefined()
    expect(await store().moveCommand(command('c9'), 'received')).toBe(false)
  })

  it('marks what may have changed of a series, and of no other', async () => {
    const marks = () => store().seriesMarks(['s', 't', 'none'])
    await store().saveSeries([series('s'), series('t')])
    const seen = [await marks()]
    expect([...(seen[0]?.keys() ?? [])].sort()).toEqual(['s', 't'])
    const changes = [
      () => store().saveSeries([series('s', { round: 1 })]),
      () => store().addJob(job('j', { series: 's' }), [task('a', 'j')]),
      () => store().moveTask('a', task('a', 'j').state, { at: 'cancelled', why: 'so' }),
      () => store().addCommands([command('c', { series: 's' })]),
      () => store().moveCommand(command('c', { series: 's', state: refusedState }), 'received'),
      () => store().addVerdict(verdict('s', { job: 'j' }), undefined),
      () => store().addVerdict(verdict('s', { job: 'k' }), undefined),
    ]
    for (const change of changes) {
      await change()
      seen.push(await marks())
      expect(seen.at(-1)?.get('s')).not.toBe(seen.at(-2)?.get('s'))
      expect(await marks()).toEqual(seen.at(-1))
    }
    expect(new Set(seen.map(one => one.get('t'))).size).toBe(1)
    expect(await store().seriesMarks([])).toEqual(new Map())
  })

  it('moves a command once, whoever tries at the same time', async () => {
    await store().addCommands([command('c1')])
    const done = command('c1', { state: { at: 'done', when: 2000, what: 'tested' } })
    const tries = Array.from({ length: 10 }, () => store().moveCommand(done, 'received'))
    expect((await Promise.all(tries)).filter(Boolean)).toHaveLength(1)
  })

  it('knows an author by address, from the first time on', async () => {
    expect(await store().author('tally', 'sofia@example.org')).toBeUndefined()
    await store().addAuthor('tally', { address: 'Sofia@Example.org', at: 5, signed: false })
    await store().addAuthor('tally', { address: 'sofia@example.org', at: 9, signed: true })
    await store().addAuthor('tally', { address: 'sofia@example.org', at: 10, signed: false })
    expect(await store().author('tally', 'SOFIA@example.org')).toEqual({ firstAt: 5, signed: true })
    expect(await store().author('other', 'sofia@example.org')).toBeUndefined()
  })

  it('lets a held series go, once', async () => {
    await store().saveSeries([series('s1', { state: { at: 'held', why: 'new' } }), series('s2')])
    expect(await store().releaseSeries('s1')).toBe(true)
    expect(await store().series('s1')).toMatchObject({ state: { at: 'complete' }, released: ['s1-1'] })
    expect(ids(await store().seriesIn({ at: 'complete' }))).toEqual(['s1'])
    expect(await store().releaseSeries('s1')).toBe(false)
    expect(await store().releaseSeries('s2')).toBe(false)
    expect(await store().releaseSeries('s3')).toBe(false)
  })

  it('never saves a series over what somebody did to it since it was read', async () => {
    await store().saveSeries([series('s1'), series('s2')])
    const [read, other] = [await store().series('s1'), await store().series('s2')]
    if (!read || !other) throw new Error('they are there')
    expect(await store().updateSeries({ ...read, round: 1 }, read)).toBe(true)
    const stale = store().saveSeries([
      { ...other, title: 'also' },
      { ...read, title: 'a reply came' },
    ])
    await expect(stale).rejects.toMatchObject({ kind: 'refused', retry: 'soon' })
    expect(await store().series('s1')).toMatchObject({ title: read.title, round: 1 })
    expect((await store().series('s2'))?.title).toBe(other.title)
    const again = await store().series('s1')
    if (again) await store().saveSeries([{ ...again, title: 'a reply came' }])
    expect(await store().series('s1')).toMatchObject({ title: 'a reply came', round: 1 })
    expect(await store().updateSeries({ ...read, round: 2 }, read)).toBe(false)
  })
}
