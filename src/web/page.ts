// The status page: plain HTML, no script; reads from top to bottom, with and without eyes.

import { html, raw } from 'hono/html'
import { sayDate, sayInstant } from '../text/span.ts'
import type { Day, Mark } from './days.ts'
import type { ShownIncident } from './shown.ts'
import type { Line, ProjectLine, ShownWindow, StatusView } from './view.ts'
import { saySpan, time } from './when.ts'

type Html = ReturnType<typeof html>

const none = html``

/** `name`: who the page is of; `look`: which style sheet, so that a newer one is asked for. */
export const statusPage = (
  view: StatusView,
  { name, look }: { name: string; look: string },
): Html => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${view.headline} – status of ${name}</title>
<link rel="stylesheet" href="style.css?${look}">
<link rel="icon" type="image/svg+xml" href="/icon.svg">
<link rel="alternate" type="application/atom+xml" title="Status of ${name}" href="status.atom">
<link rel="alternate" type="application/feed+json" title="Status of ${name}" href="status.json">
</head>
<body>
<header>
<h1>Status of ${name}</h1>
<p class="headline ${view.mood}"><span class="sign" aria-hidden="true">${signs[view.mood]}</span> ${view.headline}</p>
${asOf(view)}
</header>
<main>
${
  view.live.length === 0
    ? none
    : section(
        'Now',
        view.live.map(one => incidentPart(one)),
      )
}
${view.windows.length === 0 ? none : section('Maintenance', view.windows.map(windowPart))}
${view.projects.length === 0 ? none : section('Projects', projectTable(view.projects))}
${view.hosts.length === 0 ? none : section('Test machines', hostTable(view.hosts))}
${view.at === undefined ? none : section('The last 90 days', past(view))}
</main>
<footer>
<p>All times are UTC. Follow this page: <a href="status.atom">Atom</a>, <a href="status.json">JSON Feed</a>.</p>
</footer>
</body>
</html>
`

const signs: Record<StatusView['mood'], string> = { works: '✓', maintenance: '⚒', trouble: '!', unknown: '?' }

const section = (title: string, body: Html | Html[]): Html => html`<section>
<h2>${title}</h2>
${body}
</section>`

const asOf = ({ at, isDatabaseHere, idleSince }: StatusView): Html => {
  if (at === undefined) return html`<p>Nothing can be read at the moment. Please look again later.</p>`
  if (!isDatabaseHere)
    return html`<p class="warning">The database cannot be read. This is how things stood at ${time(at)}. Mail that you send is not lost.</p>`
  if (idleSince !== undefined)
    return html`<p class="warning">The bot has given no sign of life since ${time(idleSince)}. Mail that you send is not lost: it is read when the bot runs again.</p>`
  return html`<p class="quiet-text">As of ${time(at)}.</p>`
}

const states: Record<ShownIncident['at'], string> = {
  open: 'open',
  monitoring: 'over, and watched for a while',
  resolved: 'resolved',
}

const fact = (name: string, value: Html | string): Html =>
  value === ''
    ? none
    : html`<div><dt>${name}</dt><dd>${value}</dd></div>
`

/** `isAlone`: its page has its title, and nothing else. */
export const incidentPart = (
  one: ShownIncident,
  { isAlone = false } = {},
): Html => html`<article id="${one.id}" class="${one.at === 'open' ? one.severity : 'over'}">
${isAlone ? none : html`<h3>${one.title}</h3>`}
${one.paragraphs.map(
  text => html`<p>${text}</p>
`,
)}
<dl>
${fact('State', states[one.at])}${fact('Since', time(one.since))}${one.until === undefined ? none : fact('Until', time(one.until))}${fact('Cause', one.cause)}${fact('What is being done', one.doing)}${one.nextWord === undefined ? none : fact('Next word at the latest', time(one.nextWord))}${fact('Test machines', one.hosts.join(', '))}${fact('Projects', one.projects.join(', '))}${one.bug === undefined ? none : fact('Bug', html`<a href="${one.bug}">${one.bug}</a>`)}
</dl>
${one.series.length === 0 ? none : seriesPart(one, isAlone ? raw('h2') : raw('h4'))}
${one.log.length === 0 ? none : logPart(one, isAlone ? raw('h2') : raw('h4'))}
</article>
`

type Tag = ReturnType<typeof raw>

const seriesPart = (
  { series, more }: ShownIncident,
  tag: Tag,
): Html => html`<${tag}>Series that wait for it, or are run again by themselves</${tag}>
<ul>
${series.map(
  title => html`<li>${title}</li>
`,
)}${
  more === 0
    ? none
    : html`<li>and ${more} more</li>
`
}</ul>`

const logPart = ({ log }: ShownIncident, tag: Tag): Html => html`<${tag}>What was seen and done</${tag}>
<ol class="log">
${log.map(
  ({ at, by, what }) => html`<li>${time(at)} <span>${what}</span> <span class="by">(${by})</span></li>
`,
)}</ol>`

export const windowPart = (one: ShownWindow): Html => html`<article id="${one.id}" class="maintenance">
<h3>${one.at === 'running' ? 'Under way' : 'Planned'}: ${one.reason}</h3>
<p>${one.hosts.length === 0 ? 'The whole service rests' : `Test machines: ${one.hosts.join(', ')}`}, ${one.isLate ? html`since ${time(one.from)}. It was to end at ${time(one.to)}, and takes longer.` : html`from ${time(one.from)} until ${time(one.to)}.`} ${one.hosts.length === 0 ? 'What is sent meanwhile is tested afterwards.' : 'Results may come later than usual meanwhile.'}</p>
</article>
`

const cell = ({ ok, says }: Line): Html =>
  html`<td class="${ok ? 'ok' : 'not-ok'}"><span class="sign" aria-hidden="true">${ok ? '✓' : '!'}</span> ${says}</td>`

const sayWaiting = ({ waiting, oldest }: ProjectLine): Html =>
  waiting === 0
    ? html`none`
    : html`${waiting}${oldest === undefined ? none : html`, the oldest since ${time(oldest)}`}`

const projectTable = (lines: ProjectLine[]): Html => html`<div class="wide"><table>
<thead><tr><th scope="col">Project</th><th scope="col">State</th><th scope="col">Series that wait</th><th scope="col">Last verdict</th></tr></thead>
<tbody>
${lines.map(
  line => html`<tr><th scope="row">${line.name}</th>${cell(line)}<td>${sayWaiting(line)}</td><td>${line.last === undefined ? 'none yet' : time(line.last)}</td></tr>
`,
)}</tbody>
</table></div>`

const hostTable = (lines: Line[]): Html => html`<div class="wide"><table>
<thead><tr><th scope="col">Machine</th><th scope="col">State</th></tr></thead>
<tbody>
${lines.map(
  line => html`<tr><th scope="row">${line.name}</th>${cell(line)}</tr>
`,
)}</tbody>
</table></div>`

/** The newest first, whatever it was. */
const pastList = ({ over, pastWindows }: StatusView): Html[] =>
  [
    ...over.map(one => ({ at: one.since, part: overPart(one) })),
    ...pastWindows.map(one => ({ at: one.from, part: pastWindow(one) })),
  ]
    .sort((a, b) => b.at - a.at)
    .map(({ part }) => part)

const past = (view: StatusView): Html => {
  const list = pastList(view)
  return html`${legend}
${[...view.projects, ...view.hosts].map(barPart)}
${list.length === 0 ? html`<p>No incident.</p>` : html`<ul class="past">${list}</ul>`}`
}

const marks: [Mark, string][] = [
  ['quiet', 'no trouble noted'],
  ['maintenance', 'maintenance'],
  ['minor', 'delays'],
  ['major', 'results were in doubt'],
]

const legend = html`<p class="quiet-text">Each bar is a day, the last one is today.</p>
<ul class="legend" aria-hidden="true">
${marks.map(
  ([
    mark,
    words,
  ]) => html`<li><svg class="key" viewBox="0 0 3 8"><rect class="${mark}" y="${top(mark)}" width="3" height="${8 - top(mark)}"/></svg> ${words}</li>
`,
)}</ul>`

/** Colour alone tells nothing to some: what is worse is higher. */
function top(mark: Mark): number {
  return { quiet: 5, maintenance: 3, minor: 2, major: 0 }[mark]
}

/** In words, for those who do not see it. */
const inWords = (name: string, days: Day[]): string => {
  const bad = days.filter(({ mark }) => mark !== 'quiet')
  if (bad.length === 0) return `${name}: no trouble noted in the last ${days.length} days`
  const told = bad.slice(-10).map(({ at, what }) => `${sayDate(at)} ${what.join(', ')}`)
  return `${name}: trouble or maintenance on ${bad.length} of the last ${days.length} days: ${told.join('; ')}`
}

const barPart = ({ name, days }: Line): Html => html`<figure>
<figcaption>${name}</figcaption>
<svg class="days" viewBox="0 0 ${days.length * 4} 8" preserveAspectRatio="none" role="img" aria-label="${inWords(name, days)}">
${days.map((day, index) => html`<rect class="${day.mark}" x="${index * 4}" y="${top(day.mark)}" width="3" height="${8 - top(day.mark)}">${day.mark === 'quiet' ? none : html`<title>${sayDate(day.at)}: ${day.what.join(', ')}</title>`}</rect>`)}
</svg>
</figure>
`

const overPart = ({
  id,
  title,
  since,
  until,
  cause,
}: ShownIncident): Html => html`<li id="${id}"><strong>${title}</strong>, from ${time(since)}${until === undefined ? none : html` until ${time(until)} (${saySpan(until - since)})`}.${cause === '' ? none : html` Cause: ${cause}`}</li>
`

const pastWindow = ({
  id,
  reason,
  from,
  to,
  hosts,
}: ShownWindow): Html => html`<li id="${id}"><strong>Maintenance: ${reason}</strong>${hosts.length === 0 ? none : html` (${hosts.join(', ')})`}, from ${sayInstant(from)} until ${time(to)}.</li>
`
