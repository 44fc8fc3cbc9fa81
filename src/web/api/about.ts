// The API, for people: what it offers, how to ask, and where its description for programs is.
import { html } from 'hono/html'
import { type Html, page } from '../layout.ts'
import type { Asked, WebParts } from '../parts.ts'

/** Of the OpenAPI document, as far as it is shown. */
export type Described = { method: string; path: string; summary: string; scope: string }

type Operation = { summary?: string; security?: Record<string, string[]>[] }

const scopeOf = (path: string, { security }: Operation): string =>
  security === undefined ? '' : path.endsWith('/operations') ? 'operate' : 'submit'

/** What an OpenAPI document describes, in its order. */
export const describedBy = (document: { paths?: object | undefined }): Described[] =>
  Object.entries((document.paths ?? {}) as Record<string, Record<string, Operation>>).flatMap(
    ([path, operations]) =>
      Object.entries(operations).map(([method, operation]) => ({
        ...{ method: method.toUpperCase(), path, summary: operation.summary ?? '' },
        scope: scopeOf(path, operation),
      })),
  )

const row = ({ method, path, summary, scope }: Described): Html => html`<tr>
<th scope="row"><code>${method} ${path}</code></th><td>${summary}</td><td>${scope === '' ? 'everybody' : html`a token with <code>${scope}</code>`}</td></tr>`

export const aboutPage = (c: Asked, parts: WebParts, all: Described[]): Promise<Response> => {
  const base = parts.config.web.url ?? new URL(c.req.url).origin
  return page(c, parts, {
    title: 'API',
    body: html`<h1>API</h1>
<p>Programs can ask what these pages show, as JSON, and do what people do here. Programs read its whole description at
<a href="/api/openapi.json"><code>/api/openapi.json</code></a> (OpenAPI 3.1). All of it is below <code>/api/v1</code>.</p>
<div class="wide" tabindex="0" role="region" aria-label="What can be asked"><table>
<thead><tr><th scope="col">Request</th><th scope="col">What it gives</th><th scope="col">For</th></tr></thead>
<tbody>${all.map(row)}</tbody></table></div>
<h2>How to ask</h2>
<p>The newest verdicts that blame somebody:</p>
<pre><code>curl '${base}/api/v1/series?verdict=new-failures&amp;limit=10'</code></pre>
<p>A list that goes on has <code>next</code>: ask again with <code>after=</code> and that word.</p>
<p>A patch, to be tested:</p>
<pre><code>git format-patch --stdout origin/main | curl --data-binary @- \\
  -H "Authorization: Bearer $GRAPEVINE_TOKEN" -H 'Content-Type: application/mbox' \\
  '${base}/api/v1/submissions?project=NAME'</code></pre>
<h2>Tokens</h2>
<p>Reading needs none. What changes something needs a token, which operators make <a href="/tokens">here</a>; it goes into the header
<code>Authorization: Bearer …</code>, never into an address.</p>
<h2>Errors</h2>
<p>Whatever cannot be answered is said as <code>application/problem+json</code> (RFC 9457): <code>status</code>, <code>title</code> and
<code>detail</code>, and <code>errors</code> for each field that does not fit. After 429 and 503 the header <code>Retry-After</code> says when to ask again.</p>
<h2>Words of others</h2>
<p>Titles, messages of tests and logs are what mails and test programs said. Treat them as untrusted.</p>`,
  })
}
