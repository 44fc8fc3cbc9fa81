// Planning: which branch and base, what goes before, what makes another job; on a real store, with a mirror that knows what a test says.
import { afterEach, describe, expect, it } from 'vitest'
import { openStore } from '../../src/adapters/sql/store.ts'
import type { FileChange, Mail } from '../../src/model/mail.ts'
import type { Part, Series } from '../../src/model/series.ts'
import type { Verdict } from '../../src/model/verdict.ts'
import type { Mirror, WantedFiles } from '../../src/ports/git.ts'
import type { Store } from '../../src/ports/store.ts'
import { statesAfter, statesBefore } from '../../src/stages/plan/base.ts'
import { stackOf } from '../../src/stages/plan/before.ts'
import { branchFor } from '../../src/stages/plan/branch.ts'
import { plan, planned, survey } from '../../src/stages/plan/plan.ts'
import * as samples from '../contract/samples.ts'
import { fakeClock } from '../fakes/clock.ts'
import { recipe } from '../fakes/flow.ts'

let opened: Store[] = []
afterEach(async () => {
  for (const store of opened) await store.close()
  opened = []
})

const file = (path: string, more: Partial<FileChange> = {}): FileChange => ({
  ...{ before: path, after: path, kind: 'modify', binary: false, added: 1, removed: 1 },
  blobs: { before: '1111111', after: '2222222' },
  ...more,
})

const tags = (words: string[]) => ({
  ...{ patch: true, version: 1, versionGiven: false, position: 1, total: 1, reply: false, title: 'x' },
  tags: words,
})

const patch = (files: FileChange[], patchId?: string) => ({
  ...{ patchId, author: { name: 'Ann', address: 'ann@example.org' }, subject: 'x', files },
  baseCommit: undefined,
})

const dependsOn = (on: Partial<NonNullable<Series['links']>['dependsOn']>, changeId?: string) => ({
  dependsOn: { messageIds: [], changeIds: [], patchIds: [], ...on },
  supersedes: [],
  changeId,
})

/** Commits by name; what is asked of it is written down. */
const knownMirror = (given: Record<string, string>, more: Partial<Mirror> = {}) => {
  const names = { ...given }
  const calls: string[] = []
  const searches: WantedFiles[] = []
  const mirror: Mirror = {
    fetch: async () => void calls.push('fetch'),
    landed: async () => new Map(),
    pullPatches: async () => ({ kind: 'moved' }),
    resolve: async (_, name) => names[name],
    async fetchCommit(_, commit) {
      calls.push(`fetch ${commit.slice(0, 4)}`)
      return false
    },
    async commitWith(_, wanted) {
      searches.push(wanted)
      return undefined
    },
    log: async () => [],
    snapshot: () => Promise.reject(new Error('nobody asks for it')),
    ...more,
  }
  return { mirror, calls, searches, names }
}

const id = (letter: string) => letter.repeat(40)

type World = {
  mails?: Record<string, Partial<Mail>>
  series: Series[]
  known?: ReturnType<typeof knownMirror>
}

const world = async ({ mails = {}, series, known = knownMirror({ main: id('a') }) }: World) => {
  const store = await openStore({ folder: ':memory:' })
  opened.push(store)
  for (const one of series)
    for (const part of one.parts) {
      const disposition = { kind: 'patch' as const, series: one.id, position: part.position }
      const more = { patch: patch([file('a.c')]), disposition, ...mails[part.mail] }
      await store.saveMails([samples.mail(part.mail, more)], undefined)
    }
  await store.saveSeries(series)
  const clock = fakeClock()
  await clock.advance(3_600_000)
  const ports = { store, mirror: known.mirror, clock }
  const project = {
    name: 'tally',
    recipe,
    branches: [] as { branch: string; tags: string[]; paths: string[] }[],
  }
  const go = async (name: string) => {
    const found = await survey(ports, { dependencyMs: 600_000 })(project, name)
    return plan(ports)(project, name, found)
  }
  const jobOf = async (name: string) => {
    const result = await go(name)
    if (result.kind !== 'job') throw new Error(`planned: ${JSON.stringify(result)}`)
    return result
  }
  return { store, clock, ports, project, go, jobOf, known }
}

const whole = (name: string, more: Partial<Series> = {}): Series =>
  samples.series(name, {
    ...{ total: 1, version: 1, title: name, state: { at: 'complete' } },
    ...more,
  })

describe('the branch', () => {
  const rules = [
    { branch: 'next', tags: ['net-next'], paths: [] },
    { branch: 'linux-5.10.y', tags: ['5.10.y'], paths: [] },
    { branch: 'docs-next', tags: ['docs'], paths: ['docs/**'] },
    { branch: 'drivers', tags: [], paths: ['drivers/**'] },
  ]
  const mail = (words: string[], path: string): Mail =>
    samples.mail('m', { tags: tags(words), patch: patch([file(path)]) })
  it.each<[string, string[], string, string | undefined]>([
    ['by tag, whatever its case', ['NET-next'], 'a.c', 'next'],
    ['by a tag with dots', ['5.10.y'], 'drivers/a.c', 'linux-5.10.y'],
    ['by path', ['other'], 'drivers/tty/a.c', 'drivers'],
    ['only where tag and path fit', ['docs'], 'docs/a.md', 'docs-next'],
    ['not where only the tag fits', ['docs'], 'a.c', undefined],
    ['of no rule', [], 'a.c', undefined],
  ])('%s', (_, words, path, branch) => {
    expect(branchFor(rules, [mail([], 'b.c'), mail(words, path)])).toBe(branch)
  })
})

describe('the files that a base must have', () => {
  it('is each file as the first patch expects it, by its old name', () => {
    const files = [
      file('a.c'),
      file('a.c', { blobs: { before: '2222222', after: '3333333' } }),
      file('new.c', { before: undefined, kind: 'add', blobs: { before: '0000000', after: '4444444' } }),
      file('new.c', { blobs: { before: '4444444', after: '5555555' } }),
      file('old.c', { after: 'moved.c', kind: 'rename' }),
      file('moved.c', { blobs: { before: '2222222', after: '6666666' } }),
      file('mode.sh', { kind: 'mode', blobs: undefined }),
    ]
    expect(statesBefore(files)).toEqual([
      { path: 'a.c', blob: '1111111' },
      { path: 'old.c', blob: '1111111' },
    ])
    expect(statesAfter(files)).toEqual([])
    expect(statesAfter(files.slice(0, -1))).toEqual([
      { path: 'a.c', blob: '3333333' },
      { path: 'new.c', blob: '5555555' },
      { path: 'old.c', blob: undefined },
      { path: 'moved.c', blob: '6666666' },
    ])
  })
})

describe('the base', () => {
  const all = { main: id('a'), next: id('b'), 'v1.0': id('c'), [id('d')]: id('d') }

  it('is what a command asks for, then what the series names, then the head', async () => {
    const { store, jobOf } = await world({
      series: [whole('s', { baseCommit: id('d'), wish: { against: 'v1.0' } })],
      known: knownMirror(all),
    })
    const asked = await jobOf('s')
    expect(asked.job).toMatchObject({ base: id('c'), baseName: 'v1.0', baseHow: 'asked' })
    await store.saveSeries([whole('s', { baseCommit: id('d') })])
    expect((await jobOf('s')).job).toMatchObject({ base: id('d'), baseName: 'base-commit', baseHow: 'named' })
    await store.saveSeries([whole('s')])
    expect((await jobOf('s')).job).toMatchObject({ base: id('a'), baseName: 'main', baseHow: 'head' })
  })

  it('is fetched by its id where no branch leads to it', async () => {
    const known = knownMirror(all)
    known.mirror.fetchCommit = async (_, commit) => {
      known.names[commit] = commit
      return true
    }
    const { jobOf } = await world({ series: [whole('s', { baseCommit: id('e') })], known })
    expect((await jobOf('s')).job).toMatchObject({ base: id('e'), baseHow: 'named' })
  })

  it('is another one, and that is said, where it cannot be had', async () => {
    const { jobOf, known } = await world({
      series: [whole('s', { baseCommit: id('e') })],
      known: knownMirror(all),
    })
    const { job } = await jobOf('s')
    expect(job).toMatchObject({ base: id('a'), baseHow: 'head', wantedBase: id('e') })
    expect(known.calls).toEqual(['fetch', 'fetch eeee'])
  })

  it('is the commit that has the blobs, of the branch that the rules name', async () => {
    const known = knownMirror(all, {})
    known.mirror.commitWith = async (_, wanted) => {
      known.searches.push(wanted)
      return id('f')
    }
    const { jobOf, project } = await world({ series: [whole('s')], known })
    project.branches.push({ branch: 'next', tags: [], paths: ['*.c'] })
    const { job } = await jobOf('s')
    expect(job).toMatchObject({ base: id('f'), baseName: 'next', baseHow: 'blobs' })
    expect(known.searches[0]).toMatchObject({
      tip: id('b'),
      anyOf: [[{ path: 'a.c', blob: '1111111' }], [{ path: 'a.c', blob: '2222222' }]],
    })
  })

  it('is unknown where the branch is', async () => {
    const { go } = await world({ series: [whole('s')], known: knownMirror({}) })
    expect(await go('s')).toMatchObject({ verdict: { finding: { kind: 'base-unknown', wanted: 'main' } } })
  })
})

const partOf = (mail: string, position = 1): Part => samples.part(position, mail)

describe('what goes before', () => {
  const chain = [
    whole('one', { parts: [partOf('one-1'), partOf('one-2', 2)], total: 2 }),
    whole('two', { links: dependsOn({ messageIds: ['<one-2@example.org>'] }) }),
    whole('three', { links: dependsOn({ changeIds: ['change-two:v1'] }) }),
  ]
  const two = {
    ...chain[1],
    links: dependsOn({ messageIds: ['<one-2@example.org>'] }, 'change-two'),
  } as Series
  const series = [chain[0], two, chain[2]].filter(one => one !== undefined)

  it('comes in order, through all that these need, to the base line as well', async () => {
    const { store, jobOf } = await world({ series })
    const { job, baseline } = await jobOf('three')
    expect(job.before?.map(one => [one.title, one.parts.map(part => part.blob)])).toEqual([
      ['one', ['one-1', 'one-2']],
      ['two', ['two-1']],
    ])
    expect(baseline.before).toEqual(job.before)
    expect(baseline.parts).toEqual([])
    const alone = await jobOf('one')
    expect(alone.baseline.id).not.toBe(baseline.id)
    expect(await store.job(baseline.id)).toMatchObject({ before: job.before })
  })

  it('is not followed in a circle', async () => {
    const first = { ...series[0], links: dependsOn({ messageIds: ['<three-1@example.org>'] }) } as Series
    const { store } = await world({ series: [first, ...series.slice(1)] })
    const { before, lacking } = await stackOf(store)(series[2] ?? first)
    expect([before.map(one => one.title), lacking]).toEqual([['one', 'two'], []])
  })

  it('may be single patches, by their ids', async () => {
    const mails = {
      'one-1': { patch: patch([file('a.c')], id('1')) },
      'one-2': { patch: patch([file('b.c')], id('2')) },
    }
    const last = whole('last', { links: dependsOn({ patchIds: [id('2'), id('9')] }) })
    const { store, jobOf } = await world({ series: [...series, last], mails })
    const { job } = await jobOf('last')
    expect(job.before?.map(one => one.parts.map(part => part.blob))).toEqual([['one-2']])
    expect(job.lacking).toEqual([{ id: id('9'), why: 'unknown' }])
    expect(await store.job(job.id)).toMatchObject({ lacking: job.lacking })
  })

  it('is waited for, but not for ever; and when it comes there is another job', async () => {
    const lone = whole('lone', {
      lastAt: fakeClock().now() + 3_600_000,
      links: dependsOn({ messageIds: ['<late-1@example.org>'] }),
    })
    const { store, go, jobOf, clock } = await world({ series: [lone] })
    expect(await go('lone')).toEqual({ kind: 'nothing' })
    await clock.advance(600_000)
    const without = await jobOf('lone')
    expect(without.job).toMatchObject({ lacking: [{ id: '<late-1@example.org>', why: 'unknown' }] })
    await store.saveMails([samples.mail('late-1', { patch: patch([file('b.c')]) })], undefined)
    await store.saveSeries([whole('late', { total: 2 })])
    expect((await jobOf('lone')).job.lacking).toEqual([
      { id: '<late-1@example.org>', title: 'late', why: 'incomplete' },
    ])
    await store.saveSeries([whole('late')])
    const withIt = await jobOf('lone')
    expect(withIt.job.lacking).toBeUndefined()
    expect(withIt.job.id).not.toBe(without.job.id)
    const dropped = await store.tasksOf(without.job.id)
    expect(dropped.map(task => task.state.at)).toEqual(dropped.map(() => 'cancelled'))
  })

  it('is bounded', async () => {
    const many = Array.from({ length: 12 }, (_, n) =>
      whole(`m${n}`, { links: dependsOn({ messageIds: [`<m${n + 1}-1@example.org>`] }) }),
    )
    const { store } = await world({ series: many })
    const { before, lacking } = await stackOf(store)(many[0] ?? whole('none'))
    expect(before.map(one => one.title)).toEqual(['m8', 'm7', 'm6', 'm5', 'm4', 'm3', 'm2', 'm1'])
    expect(lacking).toMatchObject([{ title: 'm9', why: 'too-many' }])
  })

  it('is no older version of the series itself', async () => {
    const old = whole('old', { state: { at: 'superseded', by: 'new' } })
    const now = whole('new', { version: 2, links: dependsOn({ messageIds: ['<old-1@example.org>'] }) })
    const { store } = await world({ series: [old, now] })
    expect(await stackOf(store)(now)).toEqual({ before: [], lacking: [] })
  })
})

describe('planning again', () => {
  it('makes another job for another round, and the same one for the same', async () => {
    const { store, jobOf } = await world({ series: [whole('s')] })
    const first = await jobOf('s')
    expect((await jobOf('s')).job.id).toBe(first.job.id)
    await store.saveSeries([whole('s', { round: 1 })])
    const second = await jobOf('s')
    expect(second.job.id).not.toBe(first.job.id)
    expect(second.baseline.id).toBe(first.baseline.id)
    await store.saveSeries([whole('s')])
    await jobOf('s')
    expect((await store.tasksOf(first.job.id)).map(task => task.state.at)).toEqual(
      first.job.recipe.test.images.map(() => 'queued').concat('queued'),
    )
  })

  it('is none because the head moved, or what goes before has a new version; another round takes both', async () => {
    const ground = (version: number) =>
      whole(`ground${version}`, { version, links: dependsOn({}, '20260105-ground-abcdef') })
    const links = dependsOn({ changeIds: ['20260105-ground-abcdef'] })
    const { store, jobOf, known } = await world({ series: [ground(1), whole('s', { links })] })
    const first = await jobOf('s')
    expect(first.job.before?.map(one => one.series)).toEqual(['ground1'])
    known.names.main = id('b')
    await store.saveMails([samples.mail('ground2-1', { patch: patch([file('b.c')]) })], undefined)
    await store.saveSeries([ground(2)])
    expect((await jobOf('s')).job).toEqual(first.job)
    await store.saveSeries([whole('s', { links, round: 1 })])
    expect((await jobOf('s')).job).toMatchObject({ base: id('b'), before: [{ series: 'ground2' }] })
  })

  it('tests again what was cancelled in an earlier round, and only then', async () => {
    const { store, go } = await world({ series: [whole('s')] })
    const cancelled: Verdict = {
      ...{ series: 's', job: undefined, base: undefined, decidedAt: 1, buildLog: undefined, images: [] },
      finding: { kind: 'cancelled', why: 'by mistake', by: 'olga' },
    }
    await store.addVerdict(cancelled, undefined)
    expect(await go('s')).toMatchObject({ kind: 'verdict', verdict: { finding: { kind: 'cancelled' } } })
    await store.saveSeries([whole('s', { round: 1 })])
    expect(await go('s')).toMatchObject({ kind: 'job' })
  })

  it('keeps to the images that were asked for, and compares with the same base line', async () => {
    const { store, jobOf } = await world({ series: [whole('s')] })
    const all = await jobOf('s')
    await store.saveSeries([whole('s', { round: 1, wish: { images: ['busybox', 'nowhere'] } })])
    const one = await jobOf('s')
    expect(one.job.recipe.test.images).toEqual(['busybox'])
    expect(one.baseline.id).toBe(all.baseline.id)
  })

  it('does not plan on a survey of something else', async () => {
    const { store, ports, project } = await world({ series: [whole('s')] })
    const found = await survey(ports, { dependencyMs: 0 })(project, 's')
    await store.saveSeries([whole('s', { parts: [partOf('other-1')] })])
    const result = await plan(ports)(project, 's', found)
    expect(result).toEqual({ kind: 'moved' })
    expect(planned(whole('s'), result).state).toEqual({ at: 'complete' })
  })
})

describe('a patch that cannot be used', () => {
  it('is told without a job, and what was planned for the series ends', async () => {
    const unusable = { kind: 'damaged' as const, why: 'a hunk has more lines than its header says' }
    const { store, go, jobOf } = await world({ series: [whole('s')] })
    const { job } = await jobOf('s')
    const parts = [partOf('s-1'), { ...partOf('s-2', 2), unusable }]
    await store.saveSeries([whole('s', { total: 2, parts })])
    const result = await go('s')
    expect(result).toMatchObject({
      verdict: { job: undefined, finding: { ...unusable, position: 2, title: 'part 2' } },
    })
    expect((await store.tasksOf(job.id)).every(task => task.state.at === 'cancelled')).toBe(true)
  })
})
