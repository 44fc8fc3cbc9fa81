// A whole series and those beside it: which older ones it replaces, which newer one replaces it, and which waited for it to come.
import { holds } from '../../model/assembly.ts'
import type { Mail } from '../../model/mail.ts'
import { type Kinship, replaces } from '../../model/replacing.ts'
import { head, ownParts, type Series, type SeriesId } from '../../model/series.ts'
import type { Store } from '../../ports/store.ts'

const day = 86_400_000
/** How far back a series is looked for that this one may replace, unless the thread, the change id or its author leads there. */
const memoryMs = 45 * day

export const superseded = (series: Series, by: SeriesId): Series => ({
  ...series,
  state: { at: 'superseded', by },
})

/** Tags that name a branch or a tree: `5.10.y`, `stable`, `AUTOSEL`. */
export const trees = (mail: Mail | undefined): string =>
  (mail?.tags?.tags ?? [])
    .filter(tag => /\d\.|stable|autosel/i.test(tag))
    .map(tag => tag.toLowerCase())
    .sort()
    .join(' ')

type FirstMail = (series: Series) => Promise<Mail | undefined>

/** A newer version that was here first came shortly before; beyond that its first mail is not read to see what it answers. */
const overtakenMs = 3 * day

const sameTree = async (mailOf: FirstMail, one: Series, other: Series): Promise<boolean> => {
  const [young, old] = await Promise.all([mailOf(one), mailOf(other)])
  return trees(young) === trees(old)
}

/** Mails are read only where they make a difference: an author may have thousands of series. */
const isReplaced = async (older: Series, newer: Series, kin: Kinship, mailOf: FirstMail): Promise<boolean> =>
  replaces(newer, older, { ...kin, sameTree: true }) &&
  (replaces(newer, older, { ...kin, sameTree: false }) || (await sameTree(mailOf, newer, older)))

/** Is the series an older version of the other one, which was here before it? */
const isOvertaken = async (series: Series, other: Series, mailOf: FirstMail): Promise<boolean> => {
  if (other.state.at === 'collecting' || other.state.at === 'incomplete') return false
  const mayThread = other.lastAt > series.firstAt - overtakenMs
  if (!replaces(other, series, { threaded: mayThread, sameTree: true })) return false
  const threaded = mayThread && holds(series, (await mailOf(other))?.parsed?.ancestors ?? [])
  return isReplaced(series, other, { threaded, sameTree: true }, mailOf)
}

const kin = async (store: Store, series: Series, ancestors: string[]): Promise<Series[]> => {
  const { project, author, lastAt, links } = series
  const holding = [...ancestors, ...(links?.supersedes ?? [])]
  const near = await store.seriesNear({ project, since: lastAt - memoryMs, holding, by: author })
  const versions = links?.changeId === undefined ? [] : await store.seriesByChangeId(links.changeId, project)
  return [...new Map([...near, ...versions].map(one => [one.id, one])).values()]
}

/**
 * A whole series replaces older ones, and is itself replaced by a newer one that was here before it.
 * @param known mails at hand, so that they need not be read.
 * @returns the series first, then those that it replaced.
 */
export const settle = async (store: Store, series: Series, known: Mail[]): Promise<[Series, ...Series[]]> => {
  if (series.state.at !== 'complete') return [series]
  const mailOf: FirstMail = async of => {
    const id = head(of)?.mail
    return id === undefined ? undefined : (known.find(mail => mail.id === id) ?? (await store.mail(id)))
  }
  const ancestors = (await mailOf(series))?.parsed?.ancestors ?? []
  const replaced: Series[] = []
  let own = series
  for (const other of await kin(store, series, ancestors)) {
    if (other.id === series.id || other.state.at === 'superseded') continue
    const kinship = { threaded: holds(other, ancestors), sameTree: true }
    if (await isReplaced(other, series, kinship, mailOf)) replaced.push(superseded(other, series.id))
    else if (await isOvertaken(series, other, mailOf)) own = superseded(series, other.id)
  }
  return [own, ...replaced]
}

/**
 * Series that say they come after this one, by Message-ID, change id or patch id (Links.dependsOn). For the plan to look at them again
 * when it came, or changed.
 */
export const dependants =
  ({ store }: { store: Store }) =>
  async (series: Series): Promise<Series[]> => {
    const mails = await Promise.all(ownParts(series).map(part => store.mail(part.mail)))
    const changeId = series.links?.changeId
    const found = await store.seriesDependingOn({
      project: series.project,
      messageIds: [series.cover, ...ownParts(series)].flatMap(part => part?.messageId ?? []),
      changeIds: changeId === undefined ? [] : [changeId, `${changeId}:v${series.version}`],
      patchIds: mails.flatMap(mail => mail?.patch?.patchId ?? []),
    })
    return found.filter(other => other.id !== series.id)
  }

/** Those of them that were planned without it: they are planned once more. */
export const woken = async (store: Store, series: Series): Promise<Series[]> => {
  if (series.state.at !== 'complete') return []
  const waiting = await dependants({ store })(series)
  return waiting
    .filter(({ state }) => state.at === 'planned')
    .map(other => ({ ...other, state: { at: 'complete' } }))
}
