// What operators may do with the series that they look at. The page of operations does the same by its id.
import { html } from 'hono/html'
import type { Series } from '../../model/series.ts'
import { deedForm, deeds, textField } from '../deed-form.ts'
import { type Html, none } from '../layout.ts'
import { seriesPath } from '../links.ts'

export type Operating = {
  csrf: string
  /** Those that it may be tested on. */
  images: string[]
}

const reason = (id: string): Html =>
  textField({ id: `${id}-reason`, name: 'reason', label: 'Reason; others will read it', isNeeded: true })

/** Behind a summary, as most who come here read. */
export const seriesDeeds = ({ id, state }: Series, { csrf, images }: Operating): Html => {
  const common = { csrf, back: seriesPath(id) }
  const release = deedForm({
    ...{ ...common, does: 'release', fields: { series: id } },
    body: html`${reason('release')}<p><button class="main">Let it go: it is tested</button></p>`,
  })
  const retest = deedForm({
    ...{ ...common, does: 'retest', fields: { series: id } },
    body: html`${textField({ id: 'retest-images', name: 'images', label: 'Images; empty: all', hint: images.slice(0, 3).join(' ') })}
${textField({ id: 'retest-against', name: 'against', label: 'Base; empty: as planned', hint: 'branch, tag or commit' })}
${reason('retest')}<p><button class="main">Test again</button></p>`,
  })
  const cancel = deedForm({
    ...{ ...common, does: 'cancel', fields: { id } },
    body: html`${reason('cancel')}<p><button class="danger">Cancel: nothing more is run, and nobody gets mail</button></p>`,
  })
  return deeds('Test again, or cancel', html`${state.at === 'held' ? release : none}${retest}${cancel}`)
}
