// The patches of a series: all of them, one of them, and two versions beside each other. Series and mails in, pages out.
import type { Series } from '../../model/series.ts'
import type { Store } from '../../ports/store.ts'
import { oneLine } from '../../text/clean.ts'
import { missing, page } from '../layout.ts'
import { partsFrom, wholeOf } from '../links.ts'
import type { Asked, WebParts } from '../parts.ts'
import { compareParts, type Side } from './compare.ts'
import { compareBody } from './compare-markup.ts'
import { partsOn, patchBody, patchesBody, readParts, textLines } from './patches.ts'

export const showPatches = async (c: Asked, parts: WebParts): Promise<Response> => {
  const { store } = await parts.wired()
  const series = await store.series(c.req.param('id') ?? '')
  if (!series) return missing(c, parts, { what: 'series' })
  const from = partsFrom(wholeOf(c.req.query('from')) ?? 1)
  const shown = await readParts(store, series, partsOn(series, from))
  return page(c, parts, {
    ...{ title: `Patches: ${oneLine(series.title)}`, here: 'series', isWide: true },
    body: patchesBody(series, shown, from),
  })
}

export const showPatch = async (c: Asked, parts: WebParts): Promise<Response> => {
  const { store } = await parts.wired()
  const series = await store.series(c.req.param('id') ?? '')
  const position = wholeOf(c.req.param('position'))
  const part = position === 0 ? series?.cover : series?.parts.find(one => one.position === position)
  if (!series || !part || position === undefined) return missing(c, parts, { what: 'series' })
  const [shown] = await readParts(store, series, [{ part, position }])
  if (!shown) return missing(c, parts, { what: 'series' })
  return page(c, parts, {
    ...{ title: `Patch ${position}: ${oneLine(part.title)}`, here: 'series', isWide: true },
    body: patchBody(series, shown, Math.max(1, wholeOf(c.req.query('from')) ?? 1)),
  })
}

/** Patches of one version that are compared. */
const maxCompared = 200

const sidesOf = (store: Store, series: Series): Promise<Side[]> =>
  Promise.all(
    series.parts.slice(0, maxCompared).map(async part => ({
      part,
      lines: textLines(await store.mail(part.mail, series.project)),
    })),
  )

export const showComparison = async (c: Asked, parts: WebParts): Promise<Response> => {
  const { store } = await parts.wired()
  const both = await Promise.all([
    store.series(c.req.param('id') ?? ''),
    store.series(c.req.param('other') ?? ''),
  ])
  const [one, other] = both
  if (!one || !other || one.project !== other.project) return missing(c, parts, { what: 'series' })
  const [older, newer] = one.version < other.version ? [one, other] : [other, one]
  const [before, after] = await Promise.all([sidesOf(store, older), sidesOf(store, newer)])
  return page(c, parts, {
    ...{
      title: `Versions ${older.version} and ${newer.version}: ${oneLine(newer.title)}`,
      here: 'series',
      isWide: true,
    },
    body: compareBody({ older, newer }, compareParts(before, after)),
  })
}
