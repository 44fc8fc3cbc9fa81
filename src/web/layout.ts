// What all pages share: the head, the way around, how things stand, and who is logged in.
import { html, raw } from 'hono/html'
import type { Topic } from '../ports/live.ts'
import { assets } from './assets.ts'
import type { Asked, WebParts } from './parts.ts'
import { takeSaid } from './said.ts'
import type { StatusView } from './view.ts'

export type Html = ReturnType<typeof html>

export const none = html``

export type Page = {
  /** Plain text; what is other people's is cleaned before (text/clean.ts). */
  title: string
  /** Which entry of the way around is the page's. */
  here?: Place
  body: Html
  /** What it is about: when one of these changes, elements with an id and `data-live` are read again and exchanged. */
  topics?: Topic[]
  /** Uses the whole width. */
  isWide?: boolean
  status?: 200 | 400 | 401 | 403 | 404 | 409 | 410 | 413 | 422 | 429 | 500 | 503
}

const places = [
  ['home', '/', 'Now'],
  ['series', '/series', 'Series'],
  ['tests', '/tests', 'Tests'],
  ['known', '/known', 'Known failures'],
  ['farm', '/farm', 'Farm'],
  ['incidents', '/incidents', 'Incidents'],
  ['statistics', '/statistics', 'Statistics'],
  ['submit', '/submit', 'Submit'],
] as const

export type Place = (typeof places)[number][0] | 'operations' | 'login'

const signs: Record<StatusView['mood'], string> = { works: '✓', maintenance: '⚒', trouble: '!', unknown: '?' }

const link = (here: Place | undefined, [place, path, name]: readonly [Place, string, string]): Html =>
  html`<li><a href="${path}"${here === place ? raw(' aria-current="page"') : none}>${name}</a></li>`

const who = (c: Asked): Html => {
  const viewer = c.get('viewer')
  if (!viewer) return html`<a href="/login">Log in</a>`
  return html`<form method="post" action="/logout"><span class="who">${viewer.name}</span> <input type="hidden" name="csrf" value="${c.get('csrf')}"><button>Log out</button></form>`
}

/** Answers with a page. */
export const page = async (
  c: Asked,
  parts: WebParts,
  { title, here, body, topics = [], isWide = false, status = 200 }: Page,
): Promise<Response> => {
  const { mood, headline } = await parts.status()
  const isOperator = c.get('viewer')?.role === 'operator'
  const said = takeSaid(c, parts)
  c.header('cache-control', said ? 'no-store' : c.get('viewer') ? 'private, no-cache' : 'no-cache')
  c.header('vary', 'Cookie')
  return c.html(
    html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} – ${parts.name}</title>
<link rel="stylesheet" href="/style.css?${assets.style.id}">
<link rel="icon" type="image/svg+xml" href="/icon.svg?${assets.icon.id}">
<link rel="alternate" type="application/atom+xml" title="Status of ${parts.name}" href="/status.atom">
<script src="/script.js?${assets.script.id}" defer></script>
</head>
<body class="${isWide ? 'pages wide-page' : 'pages'}" data-topics="${topics.join(' ')}">
<a class="skip" href="#main">Skip to the content</a>
<header class="top">
<p class="brand"><a href="/">${parts.name}</a></p>
<nav aria-label="Pages"><ul>
${places.map(place => link(here, place))}${isOperator ? link(here, ['operations', '/operations', 'Operations']) : none}
</ul></nav>
<p class="mood ${mood}" id="mood" data-live><a href="/status"><span class="sign" aria-hidden="true">${signs[mood]}</span> ${headline}</a></p>
<div class="account">${who(c)}</div>
</header>
<main id="main">
${said ?? none}${body}
</main>
<footer><p>All times are UTC. <a href="/status">Status</a> · <a href="/api">API</a></p></footer>
</body>
</html>
`,
    status,
  )
}

/** `what`: a noun, as in "There is no such run". */
export const missing = (
  c: Asked,
  parts: WebParts,
  {
    what,
    says = 'Perhaps the address was cut off in a mail.',
    remedy = '',
  }: { what: string; says?: string; remedy?: string },
): Promise<Response> => trouble(c, parts, { status: 404, title: `There is no such ${what}`, says, remedy })

/** A page that says what is wrong, and what to do about it. */
export const trouble = (
  c: Asked,
  parts: WebParts,
  {
    status,
    title,
    says,
    remedy = '',
  }: { status: NonNullable<Page['status']>; title: string; says: string; remedy?: string | Html },
): Promise<Response> =>
  page(c, parts, {
    ...{ title, status },
    body: html`<h1>${title}</h1>
<p>${says}</p>
${remedy === '' ? none : html`<p>${remedy}</p>`}`,
  })
