// Tokens of the API, for operators: which there are, a new one (shown once), and revoking one.
import { Hono } from 'hono'
import { html } from 'hono/html'
import { type ApiToken, type Scope, scopes } from '../../model/access.ts'
import { dayMs, type Instant } from '../../model/instant.ts'
import { oneLine } from '../../text/clean.ts'
import { sayInstant } from '../../text/span.ts'
import { audited } from '../../wiring/operate.ts'
import { addToken, isHeld, revokeToken } from '../../wiring/tokens.ts'
import { requireRole } from '../access/guard.ts'
import { type Html, missing, none, page } from '../layout.ts'
import type { Asked, Env, Pages, WebParts } from '../parts.ts'
import { once, sayThere } from '../said.ts'

const stands = (token: ApiToken, now: Instant): string => {
  if (token.revokedAt !== undefined) return `revoked ${sayInstant(token.revokedAt)}`
  if (!isHeld(token, now)) return `over since ${sayInstant(token.expiresAt ?? 0)}`
  return token.expiresAt === undefined ? 'holds' : `holds until ${sayInstant(token.expiresAt)}`
}

const revoking = (token: ApiToken, csrf: string): Html => html`<form method="post" action="/tokens/revoke">
<input type="hidden" name="csrf" value="${csrf}"><input type="hidden" name="id" value="${token.id}">
<button>Revoke ${token.name}</button></form>`

const row = (token: ApiToken, { now, csrf }: { now: Instant; csrf: string }): Html => html`<tr>
<th scope="row">${token.name}</th><td>${token.scopes.join(', ')}</td><td>${token.by}, ${sayInstant(token.createdAt)}</td>
<td>${token.usedAt === undefined ? 'never' : sayInstant(token.usedAt)}</td><td>${stands(token, now)}</td>
<td>${isHeld(token, now) ? revoking(token, csrf) : none}</td></tr>`

const list = (tokens: ApiToken[], given: { now: Instant; csrf: string }): Html =>
  tokens.length === 0
    ? html`<p>There is none yet.</p>`
    : html`<div class="wide" tabindex="0" role="region" aria-label="Tokens"><table>
<thead><tr><th scope="col">Name</th><th scope="col">May</th><th scope="col">Made by</th><th scope="col">Last used</th><th scope="col">State</th><th scope="col">Revoke</th></tr></thead>
<tbody>${tokens.map(token => row(token, given))}</tbody></table></div>`

const meanings: Record<Scope, string> = {
  read: 'read what the pages show everybody, with addresses of authors',
  submit: 'hand in patches',
  operate: 'whatever an operator may do',
  metrics: 'read /metrics',
}

/** As it was typed, and what is wrong with it. */
type Typed = { name: string; given: string[]; days: string; no: string }

const empty: Typed = { name: '', given: [], days: '365', no: '' }

const form = (csrf: string, { name, given, days, no }: Typed): Html => html`<h2 id="new">A new token</h2>
${no === '' ? none : html`<p class="problem" role="alert">${no}</p>`}
<form method="post" action="/tokens">
<input type="hidden" name="csrf" value="${csrf}">
<p><label for="name">What it is for</label> <input id="name" name="name" value="${name}" required maxlength="60" autocomplete="off"></p>
<fieldset><legend>It may</legend>${scopes.map(
  scope =>
    html`<p><label class="inline"><input type="checkbox" name="scope" value="${scope}"${given.includes(scope) ? html` checked` : none}> ${meanings[scope]} (<code>${scope}</code>)</label></p>`,
)}</fieldset>
<p><label for="days">It holds for</label> <input id="days" name="days" type="number" min="1" max="3650" value="${days}" required> days</p>
<p><button>Make it</button></p>
</form>`

const madeBody = (
  token: string,
): Html => html`<section aria-labelledby="made"><h2 id="made">The new token</h2>
<p>Copy it now: it is shown once, and kept nowhere.</p><pre><code>${token}</code></pre></section>`

const show = async (c: Asked, parts: WebParts, typed = empty): Promise<Response> => {
  const { store } = await parts.wired()
  const given = { now: parts.clock.now(), csrf: c.get('csrf') }
  const tokens = await store.apiTokens()
  return page(c, parts, {
    ...{ title: 'Tokens of the API', here: 'operations', status: typed.no === '' ? 200 : 422 },
    body: html`<h1>Tokens of the API</h1>
<p>Programs that ask by the <a href="/api">API</a> say who they are by a token. The command <code>grapevine token</code> does the same as this page.</p>
${list(tokens.reverse(), given)}
${form(given.csrf, typed)}`,
  })
}

type Wanted = { name: string; scopes: Scope[]; days: number } | Typed

const wantedOf = (form: FormData): Wanted => {
  const name = oneLine(String(form.get('name') ?? ''), 60)
  const given = form.getAll('scope').map(String)
  const said = String(form.get('days') ?? '').slice(0, 20)
  const days = Number(said)
  const not = (no: string): Typed => ({ name, given, days: said, no })
  if (name === '') return not('Say what it is for.')
  if (given.length === 0) return not('Choose at least one thing that it may do.')
  if (!Number.isInteger(days) || days < 1 || days > 3650) return not('It may hold for 1 to 3650 days.')
  return { name, scopes: scopes.filter(scope => given.includes(scope)), days }
}

const who = (c: Asked): string => c.get('viewer')?.name ?? 'somebody'

export const tokenPages = (parts: WebParts): Pages => {
  const pages = new Hono<Env>()
  pages.use('/tokens', requireRole(parts, 'operator'))
  pages.use('/tokens/*', requireRole(parts, 'operator'))
  pages.get('/tokens', c => show(c, parts))
  pages.post('/tokens', async c => {
    const wanted = wantedOf(await c.req.formData())
    if ('no' in wanted) return show(c, parts, wanted)
    const { store, clock } = await parts.wired()
    const { name, scopes, days } = wanted
    const now = clock.now()
    const given = { name, scopes, by: who(c), now, expiresAt: now + days * dayMs }
    const about = `token ${name}`
    const act = () =>
      audited(
        { store, clock },
        { who: who(c), by: 'web', what: 'make token', about, reason: `may ${scopes.join(', ')}` },
        async () => ({ did: `${about} is made`, ...(await addToken(store, given)) }),
      )
    const { token } = await once(c, parts, { what: JSON.stringify([c.req.path, wanted]), act })
    return sayThere(c, parts, { path: '/tokens', says: madeBody(token) })
  })
  pages.post('/tokens/revoke', async c => {
    const id = String((await c.req.formData()).get('id') ?? '')
    const { store, clock } = await parts.wired()
    const token = await store.apiToken(id)
    if (!token) return missing(c, parts, { what: 'token', says: 'Nothing was revoked.' })
    const about = `token ${token.name}`
    await audited(
      { store, clock },
      { who: who(c), by: 'web', what: 'revoke token', about, reason: '' },
      async () => {
        await revokeToken(store, token, clock.now())
        return { did: `${about} is revoked` }
      },
    )
    return sayThere(c, parts, { path: '/tokens', says: `Token ${token.name} is revoked.` })
  })
  return pages
}
