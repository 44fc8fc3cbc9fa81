// What goes in before a series: the series and patches that its mails name, and those that these name, in the order in which they build on
// each other. What is not here, or cannot be used, is told.
import type { Before, Lacking } from '../../model/job.ts'
import type { Mail, MessageId } from '../../model/mail.ts'
import { missingParts, type Part, type Series, type SeriesId } from '../../model/series.ts'
import type { Store } from '../../ports/store.ts'

export type Stack = { before: Before[]; lacking: Lacking[] }

/** Mails are untrusted: more than that is not followed, and is told. */
const limits = { series: 8, patches: 100, names: 16 }

const toApply = ({ position, title, messageId, mail }: Part) => ({
  ...{ position, title, messageId },
  blob: mail,
})

/** Series that went in before, when the same was tested earlier: a newer version of one of them is no reason to test again. */
type Used = ReadonlySet<SeriesId>
type From = { project: string; used: Used }
type Wanted = { id: string; series: Series | undefined; parts?: Part[] }

/** Of several series that hold the mail, the one that it was sent for; else the newest. */
const holding = async (store: Store, project: string, messageId: MessageId): Promise<Series | undefined> => {
  const since = Number.MAX_SAFE_INTEGER
  const all = await store.seriesNear({ project, since, holding: [messageId] })
  const own = all.filter(({ parts, cover }) =>
    [...parts, ...(cover ? [cover] : [])].some(
      part => part.messageId === messageId && part.filledFrom === undefined,
    ),
  )
  return own.at(-1) ?? all.at(-1)
}

/** `ID`, the newest version; `ID:vN`, as b4 writes it, that one. */
const byChangeId = async (
  store: Store,
  { project, used }: From,
  name: string,
): Promise<Series | undefined> => {
  const [, id = name, version] = /^(.*?)(?::v(\d{1,6}))?$/.exec(name) ?? []
  const all = await store.seriesByChangeId(id, project)
  return version === undefined
    ? (all.findLast(({ id }) => used.has(id)) ?? all.toSorted((a, b) => a.version - b.version).at(-1))
    : all.findLast(series => series.version === Number(version))
}

/** The newest mail with that patch, in the series that it was sent for. */
const byPatchId = async (store: Store, { project, used }: From, id: string): Promise<Wanted> => {
  const mails = (await store.mailsByPatchId(id, project)).filter(isPart)
  const mail = mails.findLast(({ disposition }) => used.has(disposition.series)) ?? mails.at(-1)
  const series = mail && (await store.series(mail.disposition.series))
  const part = series?.parts.find(one => one.mail === mail?.id)
  return { id, series, parts: part ? [part] : [] }
}

type PartMail = Mail & { disposition: Extract<Mail['disposition'], { kind: 'patch' }> }

const isPart = (mail: Mail): mail is PartMail => mail.disposition.kind === 'patch'

/** What is named, in the order in which it is to be applied. */
const named = async (store: Store, { project, links }: Series, used: Used): Promise<Wanted[]> => {
  const from = { project, used }
  const { messageIds = [], changeIds = [], patchIds = [] } = links?.dependsOn ?? {}
  const found: Wanted[] = []
  for (const id of messageIds.slice(0, limits.names))
    found.push({ id, series: await holding(store, project, id) })
  for (const id of changeIds.slice(0, limits.names))
    found.push({ id, series: await byChangeId(store, from, id) })
  for (const id of patchIds.slice(0, limits.patches)) found.push(await byPatchId(store, from, id))
  return found
}

const whyUseless = (series: Series, parts: Part[]): Lacking['why'] | undefined => {
  if (parts.some(part => part.unusable)) return 'unusable'
  // Nobody who may has let it run yet: not by way of another series either.
  if (series.state.at === 'held') return 'incomplete'
  return parts === series.parts && (parts.length === 0 || missingParts(series).length > 0)
    ? 'incomplete'
    : undefined
}

/** An older version of the series itself is no ground for it. */
const isItself = (other: Series, own: Series): boolean =>
  other.id === own.id ||
  (other.state.at === 'superseded' && other.state.by === own.id) ||
  (other.links?.changeId !== undefined && other.links.changeId === own.links?.changeId)

/** Reads the store only. Cycles are cut where they close. */
export const stackOf =
  (store: Store) =>
  async (own: Series, used: Used = new Set()): Promise<Stack> => {
    const before: Before[] = []
    const lacking = new Map<string, Lacking>()
    const seen = new Set([own.id])
    const taken = new Set(own.parts.map(part => part.mail))
    const lacks = (id: string, why: Lacking['why'], series?: Series) =>
      lacking.set(id, { id, ...(series ? { title: series.title } : {}), why })

    const put = (series: Series, parts: Part[]) => {
      const fresh = parts.filter(part => !taken.has(part.mail))
      for (const part of fresh) taken.add(part.mail)
      const last = before.at(-1)
      if (last?.series === series.id) last.parts.push(...fresh.map(toApply))
      else if (fresh.length > 0)
        before.push({ series: series.id, title: series.title, parts: fresh.map(toApply) })
    }
    const isTooMuch = (parts: Part[]) => taken.size - own.parts.length + parts.length > limits.patches

    const follow = async (from: Series): Promise<void> => {
      const wanted = await named(store, from, used)
      const { messageIds = [], changeIds = [], patchIds = [] } = from.links?.dependsOn ?? {}
      const [rest] = [
        ...messageIds.slice(limits.names),
        ...changeIds.slice(limits.names),
        ...patchIds.slice(limits.patches),
      ]
      if (rest !== undefined) lacks(rest, 'too-many')
      for (const { id, series, parts } of wanted) {
        if (!series) lacks(id, 'unknown')
        else if (isItself(series, own) || (parts === undefined && seen.has(series.id))) continue
        else await add(series, id, parts)
      }
    }
    const add = async (series: Series, id: string, parts: Part[] | undefined): Promise<void> => {
      const all = parts ?? series.parts
      const useless = whyUseless(series, all)
      if (useless) lacks(id, useless, series)
      else if (isTooMuch(all) || seen.size > limits.series) lacks(id, 'too-many', series)
      else {
        // Whoever names patches by their ids has named all of them.
        if (parts === undefined) {
          seen.add(series.id)
          await follow(series)
        }
        if (isTooMuch(all)) lacks(id, 'too-many', series)
        else put(series, all)
      }
    }
    await follow(own)
    return { before, lacking: [...lacking.values()] }
  }
