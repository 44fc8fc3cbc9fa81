// The form, and what follows it, as people see them.
import { html } from 'hono/html'
import type { ProjectConfig } from '../../config/config.ts'
import type { Mail } from '../../model/mail.ts'
import { oneLine } from '../../text/clean.ts'
import { type Html, none } from '../layout.ts'
import { submitLimits } from './asked.ts'

export type Form = {
  projects: ProjectConfig[]
  project: ProjectConfig
  csrf: string
  /** What was wrong with the last try; what was pasted then is shown again. */
  why?: string | undefined
  text?: string
  base?: string
  /** Those that were chosen; undefined: all. */
  images?: string[] | undefined
}

const otherProjects = (projects: ProjectConfig[], project: ProjectConfig): Html =>
  projects.length < 2
    ? none
    : html`<nav aria-label="Project"><p>For another project: ${projects
        .filter(other => other !== project)
        .map(
          ({ name }) => html`<a href="/submit?project=${encodeURIComponent(name)}">${name}</a> `,
        )}</p></nav>`

const imageBoxes = (
  { recipe }: ProjectConfig,
  chosen = recipe.test.images,
): Html => html`<fieldset><legend>Test on</legend>
${recipe.test.images.map(
  image =>
    html`<label class="inline"><input type="checkbox" name="image" value="${image}"${chosen.includes(image) ? html` checked` : none}> ${image}</label>`,
)}</fieldset>`

export const formBody = ({
  projects,
  project,
  csrf,
  why,
  text = '',
  base = '',
  images,
}: Form): Html => html`<h1>Hand in patches for ${project.name}</h1>
${why === undefined ? none : html`<p class="problem" role="alert">${why}</p>`}
<p>They are tested like patches of the list; only their author is answered. Write them with <code>git format-patch --stdout</code>.</p>
${otherProjects(projects, project)}
<form method="post" action="/submit" enctype="multipart/form-data" class="submit">
<input type="hidden" name="csrf" value="${csrf}">
<input type="hidden" name="project" value="${project.name}">
<label for="file">A file: one mail, or an mbox</label>
<input id="file" name="file" type="file" accept=".patch,.eml,.mbox,text/plain" aria-describedby="size">
<p class="quiet-text" id="size">Up to ${submitLimits.bytes >> 20} MiB and ${submitLimits.mails} patches. A patch of files whose lines end in CR LF is better sent as a file.</p>
<label for="text">Or paste it</label>
<textarea id="text" name="text" rows="14" spellcheck="false" autocomplete="off" placeholder="From 0123abcd Mon Sep 17 00:00:00 2001&#10;From: You &lt;you@example.org&gt;&#10;Subject: [PATCH] …">${text === '' ? none : html`\n${text}`}</textarea>
${imageBoxes(project, images)}
<label for="base">Against another base</label>
<input id="base" name="base" size="40" maxlength="200" value="${base}" autocomplete="off" spellcheck="false" aria-describedby="about-base">
<p class="quiet-text" id="about-base">A branch, a tag or a commit. Left empty: what the patches name, or else ${project.recipe.branch}.</p>
<p><button class="main">Hand in</button></p>
</form>`

const subjectOf = ({ parsed }: Mail): string => oneLine(parsed?.subject ?? '(no subject)')

export const waitBody = (mail: Mail): Html => html`<h1>Taken</h1>
<div role="status">
<p class="said">${subjectOf(mail)}</p>
<p>Its series is put together; this page leads there by itself. With many mails before it that can take a minute.</p>
<p><a href="">Look again</a></p>
</div>`

export const becameBody = (mail: Mail, became: string): Html => html`<h1>Not tested</h1>
<p class="problem">${subjectOf(mail)}: ${became}.</p>
<p><a href="/submit?project=${encodeURIComponent(mail.project)}">Hand in other patches</a></p>`
