// What people see who log in.
import { html } from 'hono/html'
import type { Viewer } from '../../model/access.ts'
import { type Html, none } from '../layout.ts'

type Ways = { to: string; hasGithub: boolean; oidc: string | undefined }

const withTo = (path: string, to: string): string =>
  to === '/' ? path : `${path}?to=${encodeURIComponent(to)}`

const mailForm = (to: string): Html => html`<section>
<h2>By a link in a mail</h2>
<form method="post" action="/login/mail">
<input type="hidden" name="to" value="${to}">
<label for="address">Your mail address</label>
<input id="address" name="address" type="email" autocomplete="email" required maxlength="320" size="32">
<p><button class="main">Send me a link</button></p>
</form>
</section>`

const others = ({ to, hasGithub, oidc }: Ways): Html =>
  !hasGithub && oidc === undefined
    ? none
    : html`<section>
<h2>By an account elsewhere</h2>
<ul class="ways">
${hasGithub ? html`<li><a class="button" href="${withTo('/login/github', to)}">Log in with GitHub</a></li>` : none}
${oidc === undefined ? none : html`<li><a class="button" href="${withTo('/login/oidc', to)}">Log in with ${oidc}</a></li>`}
</ul>
</section>`

export const loginBody = (ways: Ways, viewer: Viewer | undefined): Html => html`<h1>Log in</h1>
${viewer ? html`<p class="said">You are logged in as ${viewer.name}.</p>` : none}
<p>To read, nobody needs to. Operators log in to look after the service; others, where they may, to hand in patches.</p>
${mailForm(ways.to)}
${others(ways)}`

/** The same for everybody: who may log in is nobody's business. */
export const sentBody = (minutes: number): Html => html`<h1>Look into your mail</h1>
<p>If that address may log in here, a mail with a link is on its way to it. The link counts once, and for ${minutes} minutes.</p>
<p>No mail? Look whether you wrote the address as it is known here, and wait a few minutes before you ask again.</p>`

/** A button, as programs that look at mails open links, and would use it up. */
export const linkBody = ({ token, to }: { token: string; to: string }): Html => html`<h1>Log in</h1>
<p>One more step, so that only you use this link and no program that looks at your mail.</p>
<form method="post" action="/login/link">
<input type="hidden" name="token" value="${token}">
<input type="hidden" name="to" value="${to}">
<p><button class="main">Log in</button></p>
</form>`
