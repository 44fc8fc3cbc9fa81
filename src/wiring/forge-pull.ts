// One pull request, looked at: it becomes a series, its next version, or is left alone. Repeatable at any step: what follows from it has ids
// of its content, and is saved before the look is over.

import { Fault } from '../model/fault.ts'
import type { Pull, PullRef } from '../model/forge.ts'
import type { Series, SeriesId, Wish } from '../model/series.ts'
import { isCancelled } from '../model/verdict.ts'
import type { Forge, PullWord } from '../ports/forge.ts'
import type { PullPatches } from '../ports/git.ts'
import { dutyOf, notedAs } from '../stages/forge/duty.ts'
import { authorOf, pullSeries, pullSeriesId, type Written } from '../stages/forge/series.ts'
import { cancel } from '../stages/plan/cancel.ts'
import { understand } from '../stages/receive/understand.ts'
import { pushes } from '../stages/upkeep/sweep.ts'
import { oneLine } from '../text/clean.ts'
import { coverOf, markedPatch } from '../text/pull-mail.ts'
import { afterAssembly } from './assembled.ts'
import type { Wired } from './wire.ts'

const maxPatches = 100
const maxBytes = 20 << 20

/** What came of a look, in a line for operators. */
export type Taken = {
  what: 'nothing' | 'tested' | 'withdrawn' | 'resumed' | 'unusable'
  series?: SeriesId
  why?: string
}

export type TakeOptions = {
  /** Somebody who may asked for it: a draft is tested then, too. */
  asked?: boolean
  /** What they asked for. */
  wish?: Wish | undefined
  /** As it was read just now. */
  word?: PullWord
  /** Found by the first look at a repository, and not changed for long. */
  isOld?: boolean
}

/** The project whose pull requests these are. GitHub does not tell names apart by case. */
export const projectOf = ({ config }: Pick<Wired, 'config'>, repository: string) =>
  config.projects.find(({ github }) => github?.pulls?.toLowerCase() === repository.toLowerCase())

const replaced = async ({ store }: Wired, id: SeriesId | undefined, by: SeriesId): Promise<Series[]> => {
  const old = id === undefined || id === by ? undefined : await store.series(id)
  if (!old || old.state.at === 'superseded') return []
  return [{ ...old, state: { at: 'superseded', by } }]
}

/** Nothing more is run for it; what has its verdict keeps it. */
const withdrawn = async (wired: Wired, id: SeriesId, why: string): Promise<boolean> => {
  try {
    const cancelled = await cancel(wired)(id, { why, by: 'GitHub' })
    if (cancelled && cancelled.tasks.length > 0) await wired.queue.wake()
    return cancelled !== undefined
  } catch (error) {
    if (!(error instanceof Fault) || error.kind !== 'refused') throw error
    return false
  }
}

/** A series that was withdrawn as its pull request was closed goes on, as a new round. */
const resumed = async (wired: Wired, id: SeriesId): Promise<boolean> => {
  const series = await wired.store.series(id)
  if (!series || series.state.at === 'superseded') return false
  if (!isCancelled(await wired.store.verdict(id), series)) return false
  await wired.store.saveSeries([{ ...series, round: (series.round ?? 0) + 1, state: { at: 'complete' } }])
  await wired.queue.push(pushes.plan(id))
  return true
}

const fetched = async (
  wired: Wired,
  forge: Forge,
  { project, word, version }: { project: string; word: PullWord; version: number },
): Promise<PullPatches> => {
  const { repository, number, head, base } = word
  const title = oneLine(word.title, 200) || 'pull request'
  const found = await wired.mirror.pullPatches(wired.project(project).recipe.repository, {
    remote: await forge.remote(repository),
    ...{ number, head, base: base.branch, version, title, author: authorOf(word), maxPatches, maxBytes },
  })
  // Whoever looks next reads it anew.
  if (found.kind === 'moved')
    throw new Fault('unreachable', 'soon', `${repository}#${number}: its head moved while it was fetched`)
  return found
}

/** The mails that it becomes, their bytes kept. */
const writtenMails = async (wired: Wired, raws: Buffer[]): Promise<Written[]> => {
  const understood = await understand(wired)(raws, [])
  const blobs = await Promise.all(raws.map(raw => wired.blobs.put(raw)))
  return understood.map((one, n) => ({
    understood: one,
    blob: blobs[n] ?? '',
    size: raws[n]?.length ?? 0,
  }))
}

type Version = {
  project: string
  word: PullWord
  version: number
  before: Pull | undefined
  wish: Wish | undefined
}

const makeVersion = async (
  wired: Wired,
  given: Version,
  { base, patches }: Extract<PullPatches, { kind: 'patches' }>,
): Promise<Taken> => {
  const { project, word, version, before, wish } = given
  const { store, clock, log } = wired
  const of = { of: `${word.repository}#${word.number}`, version }
  const cover = await coverOf({
    ...{ ...of, title: word.title, body: word.body, author: authorOf(word) },
    ...{ total: patches.length, at: word.changedAt },
  })
  const [first, ...rest] = await writtenMails(wired, [cover, ...patches.map(one => markedPatch(one, of))])
  if (!first) throw new Error('a cover letter is lost')
  const { series: made, mails } = pullSeries({
    ...{ project, pull: word, version, base, cover: first, patches: rest, now: clock.now() },
    bugTrailers: wired.project(project).bugs?.trailers ?? [],
  })
  const series = wish === undefined ? made : { ...made, wish }
  await store.savePull({ ...word, project, version, series: series.id })
  await store.saveMails(mails, undefined)
  const touched = [series, ...(await replaced(wired, before?.series, series.id))]
  await store.saveSeries(touched)
  await afterAssembly(wired, touched)
  log('info', `${of.of} v${version}: ${oneLine(series.title, 100)}`, { series: series.id })
  return { what: 'tested', series: series.id }
}

const test = async (wired: Wired, forge: Forge, given: Version): Promise<Taken> => {
  const { project, word, version, before } = given
  const found = await fetched(wired, forge, given)
  return wired.inTurn(async () => {
    // Somebody else looked meanwhile, and made it.
    if (await wired.store.series(pullSeriesId({ project, pull: word, version }))) return { what: 'nothing' }
    if (found.kind === 'patches') return makeVersion(wired, given, found)
    if (found.kind !== 'unusable') return { what: 'nothing' }
    const { unusable: _, ...noted } = notedAs(project, { before, now: word })
    await wired.store.savePull({ ...noted, series: undefined, unusable: found.why })
    if (before?.series !== undefined)
      await withdrawn(wired, before.series, 'its pull request has a newer version')
    wired.log('info', `${word.repository}#${word.number} cannot be tested: ${oneLine(found.why, 200)}`)
    return { what: 'unusable', why: found.why }
  })
}

const isEqual = (one: Pull | undefined, other: Pull): boolean => JSON.stringify(one) === JSON.stringify(other)

/** Gone, and we knew it: closed. */
const wordOf = async (
  forge: Forge,
  ref: PullRef,
  before: Pull | undefined,
): Promise<PullWord | undefined> => {
  const word = await forge.pull(ref)
  if (word || !before || before.state !== 'open') return word
  return { ...before, state: 'closed' }
}

const settled = async (
  wired: Wired,
  given: Omit<Version, 'version' | 'wish'>,
  duty: 'nothing' | 'resume' | { why: string },
) =>
  wired.inTurn(async (): Promise<Taken> => {
    const { project, word, before } = given
    const noted = notedAs(project, { before, now: word })
    const isKnown = before !== undefined || word.state === 'open'
    const id = before?.series
    const act = async (): Promise<Taken> => {
      if (duty === 'nothing' || id === undefined) return { what: 'nothing' }
      if (duty === 'resume')
        return (await resumed(wired, id)) ? { what: 'resumed', series: id } : { what: 'nothing' }
      return (await withdrawn(wired, id, duty.why)) ? { what: 'withdrawn', series: id } : { what: 'nothing' }
    }
    const taken = await act()
    if (isKnown && !isEqual(before, noted)) await wired.store.savePull(noted)
    return taken
  })

/** As the configuration spells its repository: GitHub may spell it another way, and it is the same. */
const spelled = (ref: PullRef, repository: string | undefined): PullRef => ({
  ...{ repository: repository ?? ref.repository, number: ref.number },
})

/** Looks at a pull request of a project, and does what follows. Repeatable. Throws the forge's, the mirror's and the store's Faults. */
export const takePull = async (
  wired: Wired,
  named: PullRef,
  { asked = false, wish, word: given, isOld = false }: TakeOptions = {},
): Promise<Taken> => {
  const { forge, store } = wired
  const project = projectOf(wired, named.repository)
  if (!forge || !project) return { what: 'nothing', why: 'it is of no project' }
  const ref = spelled(named, project.github?.pulls)
  const before = await store.pull(ref)
  const word = given ?? (await wordOf(forge, ref, before))
  if (!word) return { what: 'nothing', why: 'it is gone' }
  const isKept = before?.series !== undefined && (await store.series(before.series)) !== undefined
  const duty = dutyOf({ before, now: word, isKept, asked, isOld })
  const common = { project: project.name, word, before }
  if (duty.do === 'test') return test(wired, forge, { ...common, version: duty.version, wish })
  return settled(wired, common, duty.do === 'withdraw' ? duty : duty.do)
}
