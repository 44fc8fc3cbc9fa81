// The same as the page, to subscribe to: one entry for each incident and maintenance window, updated whenever something is said of it.

import { Feed } from 'feed'
import { html } from 'hono/html'
import type { Instant } from '../model/instant.ts'
import { sayInstant } from '../text/span.ts'
import type { ShownIncident } from './shown.ts'
import type { ShownWindow, StatusView } from './view.ts'

const maxEntries = 50

type Entry = { id: string; title: string; published: Instant; changed: Instant; content: string }

/** `base`: where the pages are, without "/" at its end. `titles`: what they are read as; Atom's are HTML, as this library writes them. */
export const statusFeed = (
  view: StatusView,
  { name, base, titles }: { name: string; base: string; titles: 'html' | 'text' },
): Feed => {
  const entries = [...view.live, ...view.over]
    .map(fromIncident)
    .concat([...view.windows, ...view.pastWindows].map(fromWindow))
    .sort((a, b) => b.changed - a.changed)
    .slice(0, maxEntries)
  const page = `${base}/status`
  const feed = new Feed({
    ...{ title: `Status of ${name}`, id: page, link: page, language: 'en', generator: 'Grapevine' },
    description: view.headline,
    updated: new Date(entries[0]?.changed ?? 0),
    feedLinks: { atom: `${page}.atom`, json: `${page}.json` },
    author: { name },
  })
  for (const { id, title, published, changed, content } of entries)
    feed.addItem({
      ...{
        title: titles === 'html' ? String(html`${title}`) : title,
        content,
        id: `${page}#${id}`,
        link: `${page}#${id}`,
      },
      ...{ date: new Date(changed), published: new Date(published) },
    })
  return feed
}

const ends: Record<ShownIncident['at'], string> = {
  open: '',
  monitoring: ' (watched)',
  resolved: ' (resolved)',
}

const fromIncident = (one: ShownIncident): Entry => ({
  ...{ id: one.id, title: `${one.title}${ends[one.at]}`, published: one.since, changed: one.changed },
  content: String(html`${one.paragraphs.map(text => html`<p>${text}</p>`)}
<p>Since ${sayInstant(one.since)}${one.until === undefined ? '' : html`, over since ${sayInstant(one.until)}`}.</p>
${one.cause === '' ? '' : html`<p>Cause: ${one.cause}</p>`}${one.doing === '' ? '' : html`<p>What is being done: ${one.doing}</p>`}
<ul>${one.log.map(({ at, what }) => html`<li>${sayInstant(at)}: ${what}</li>`)}</ul>`),
})

const windowTitles: Record<ShownWindow['at'], string> = {
  planned: 'Planned maintenance',
  running: 'Maintenance is under way',
  done: 'Maintenance is over',
}

const fromWindow = (one: ShownWindow): Entry => ({
  ...{
    id: one.id,
    title: `${windowTitles[one.at]}: ${one.reason}`,
    published: one.changed,
    changed: one.changed,
  },
  content: String(
    html`<p>${one.hosts.length === 0 ? 'The whole service' : one.hosts.join(', ')}, from ${sayInstant(one.from)} until ${sayInstant(one.to)}.</p>`,
  ),
})
