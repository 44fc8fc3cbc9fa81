// A new version of some parts only whose time is up: the rest is taken from the newest older version that has it, and the reply says so.
import type { Mail } from '../../model/mail.ts'
import { fillFrom, fits, isPartial, newestFirst } from '../../model/reroll.ts'
import { head, ownParts, type Series } from '../../model/series.ts'
import type { Store } from '../../ports/store.ts'
import { settle, trees, woken } from './settle.ts'

/** How far back the version before is looked for, unless the thread or the change id leads there. */
const memoryMs = 180 * 86_400_000

const elderOf = async (store: Store, series: Series, mails: Mail[]): Promise<Series | undefined> => {
  const { project, author, lastAt, links } = series
  const ancestors = mails.flatMap(mail => mail.parsed?.ancestors ?? [])
  const since = lastAt - memoryMs
  const near = await store.seriesNear({ project, since, holding: ancestors, by: author })
  const versions = links?.changeId === undefined ? [] : await store.seriesByChangeId(links.changeId, project)
  const tree = trees(mails[0])
  for (const elder of newestFirst([...near, ...versions])) {
    if (!fits(series, elder, { ancestors, sameTree: true })) continue
    const first = head(elder)
    if (first !== undefined && trees(await store.mail(first.mail)) === tree) return elder
  }
  return undefined
}

/**
 * Fills a series that is a new version of some parts only, and saves it with all that follows: what it replaces, and what waited for it.
 * @returns the series that changed, the filled one first; empty: there is nothing to fill it from. Repeatable.
 * Faults: those of the store.
 */
export const fill =
  ({ store }: { store: Store }) =>
  async (series: Series): Promise<Series[]> => {
    if (series.state.at !== 'collecting' || !isPartial(series)) return []
    const read = await Promise.all(ownParts(series).map(part => store.mail(part.mail)))
    const mails = read.filter(mail => mail !== undefined)
    const elder = await elderOf(store, series, mails)
    if (elder === undefined) return []
    const touched = await settle(store, fillFrom(series, elder), mails)
    const waiting = await woken(store, touched[0])
    const once = new Map([...waiting, ...touched].map(one => [one.id, one]))
    const all = [touched[0], ...[...once.values()].filter(one => one.id !== series.id)]
    await store.saveSeries(all)
    return all
  }
