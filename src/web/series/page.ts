// The page of a series.
import { html } from 'hono/html'
import { firstTasks, type RunRecord, type Task } from '../../model/job.ts'
import type { Part } from '../../model/series.ts'
import type { Verdict } from '../../model/verdict.ts'
import { mailAddress } from '../../text/archive.ts'
import { oneLine } from '../../text/clean.ts'
import { sayTask } from '../../text/outcome.ts'
import { type Html, none } from '../layout.ts'
import { comparePath, evidencePath, hostPath, logPath, patchesPath, runPath, seriesPath } from '../links.ts'
import { sayBase, sayRun } from '../runs/view.ts'
import { time } from '../when.ts'
import { currentVerdict, isListed, type SeriesCase } from './case.ts'
import { matrixOf } from './matrix.ts'
import { matrixTable } from './matrix-markup.ts'
import { type Operating, seriesDeeds } from './operators.ts'
import { authorName } from './said.ts'
import {
  complaintOf,
  type ImageLine,
  imageLine,
  probeLines,
  reasonsOf,
  type Standing,
  sayTaskState,
  sayVerdict,
  standingOf,
} from './view.ts'

const signs = { ok: '✓', 'not-ok': '✗', '': '·' } as const

export const moodSign = (mood: Standing['mood']): Html =>
  html`<span class="sign" aria-hidden="true">${signs[mood]}</span>`

const row = (name: string, value: Html | string): Html => html`<div><dt>${name}</dt><dd>${value}</dd></div>`

const origin = ({ series }: SeriesCase): Html => {
  if (series.origin.from === 'hand') return html`handed in by hand`
  if (series.origin.from === 'mail') return html`mail to the list`
  const { url, repository, number } = series.origin.pull
  const words = `pull request ${repository}#${number}`
  return /^https:\/\//.test(url)
    ? html`<a href="${url}" rel="nofollow noreferrer">${words}</a>`
    : html`${words}`
}

const facts = (found: SeriesCase): Html => {
  const { series, job } = found
  return html`<dl>
${row('Author', authorName(series.author))}
${row('Project', series.project)}
${row('From', html`${origin(found)}, ${time(series.firstAt)}`)}
${row('Version', `${series.version}`)}
${row('Id', html`<code>${series.id}</code>`)}
${job ? row('Base', html`<code>${sayBase(job)}</code>${job.wantedBase ? html`; ${oneLine(job.wantedBase, 60)}, which it asks for, was not found` : none}`) : none}
${job?.before && job.before.length > 0 ? row('After', html`${job.before.map(one => html`<a href="${seriesPath(one.series)}">${oneLine(one.title, 100)}</a> `)}`) : none}
</dl>`
}

const why = (verdict: Verdict, found: SeriesCase): Html => {
  const complaints = complaintOf(verdict)
  return html`${reasonsOf(verdict, found).map(one => html`<p>${one}</p>`)}
${complaints.length > 0 ? html`<pre tabindex="0" aria-label="What it complained of">${complaints.map(line => `${line}\n`)}</pre>` : none}
${verdict.buildLog === undefined ? none : html`<p><a href="${evidencePath(verdict.series, verdict.buildLog)}">Log of the build</a></p>`}`
}

const stateSection = (found: SeriesCase, stopped: string): Html => {
  const { said, mood } = standingOf(found)
  const verdict = currentVerdict(found)
  return html`<section id="standing" data-live aria-live="polite">
<p class="headline ${mood}">${moodSign(mood)} ${said}</p>
${
  stopped === ''
    ? none
    : html`<p class="warning">${stopped}</p>
`
}${verdict ? html`<p class="quiet-text">Decided ${time(verdict.decidedAt)}.</p>${why(verdict, found)}` : none}
</section>`
}

const imageRow = (series: string, one: ImageLine): Html => html`<tr><th scope="row">${one.image}</th>
<td class="${one.mood}">${moodSign(one.mood)} ${one.said}</td><td>${one.counts}</td>
<td class="links">${one.run ? html`<a href="${runPath(one.run)}">Run</a> <a href="${logPath(one.run)}">Log</a>` : one.log ? html`<a href="${evidencePath(series, one.log)}">Log</a>` : none}
${one.console ? html` <a href="${evidencePath(series, one.console)}">Console</a>` : none}${one.screenshot ? html` <a href="${evidencePath(series, one.screenshot)}">Screenshot</a>` : none}</td></tr>`

const imagesSection = (found: SeriesCase): Html => {
  const verdict = currentVerdict(found)
  if (!verdict || verdict.images.length === 0) return none
  return html`<h2>Images</h2>
<div class="wide"><table><thead><tr><th scope="col">Image</th><th scope="col">Verdict</th><th scope="col">Tests</th><th scope="col">Evidence</th></tr></thead>
<tbody>${verdict.images.map(one => imageRow(found.series.id, imageLine(one)))}</tbody></table></div>`
}

const maxRows = 100

const matrixSection = (found: SeriesCase): Html => {
  const { tests } = firstTasks(found.tasks)
  const verdict = currentVerdict(found)
  const images =
    verdict && verdict.images.length > 0
      ? verdict.images.map(({ image }) => image)
      : tests.map(({ image }) => image)
  const runs = new Map<string, string>()
  for (const task of tests) {
    const run = found.runs.get(task.id)?.findLast(({ outcome }) => outcome !== undefined)
    if (run) runs.set(task.image, run.id)
  }
  for (const { image, run } of verdict?.images ?? []) if (run) runs.set(image, run)
  const matrix = matrixOf({ verdict, tests, images: [...new Set(images)] }, maxRows)
  return matrixTable(matrix, { runs, project: found.series.project, isJudged: verdict !== undefined })
}

const attempt = (run: RunRecord, task: Task): Html =>
  html`<li><a href="${runPath(run.id)}">Try ${run.attempt}</a> on <a href="${hostPath(run.host)}">${run.host}</a>, ${time(run.startedAt)}: ${sayRun(run, task)}${run.evidence.log ? html` (<a href="${logPath(run.id)}">log</a>)` : none}</li>`

const taskRow = (
  task: Task,
  runs: RunRecord[],
): Html => html`<tr><th scope="row">${sayTask(task)}</th><td>${task.image}</td><td>${sayTaskState(task)}</td>
<td>${runs.length === 0 ? '–' : html`<ul class="tries">${runs.map(run => attempt(run, task))}</ul>`}</td></tr>`

const probes = (tasks: Task[]): Html => {
  const all = probeLines(tasks)
  if (all.length === 0) return none
  return html`<h3>Run again, for proof</h3>
<p class="quiet-text">Each in a fresh virtual machine. “With” and “without” count the runs in which something failed.</p>
<div class="wide"><table><thead><tr><th scope="col">Why</th><th scope="col">Image</th><th scope="col">Step</th><th scope="col" class="number">With</th><th scope="col" class="number">Without</th><th scope="col" class="number">To come</th></tr></thead>
<tbody>${all.map(one => html`<tr><td>${one.why}</td><td>${one.image}</td><td>${one.step}</td><td class="number">${one.with}</td><td class="number">${one.without}</td><td class="number">${one.open}</td></tr>`)}</tbody></table></div>`
}

const runsSection = ({ tasks, runs }: SeriesCase): Html => {
  if (tasks.length === 0) return none
  const listed = tasks.filter(isListed)
  return html`<h2>Runs</h2>
<div class="wide"><table><thead><tr><th scope="col">Task</th><th scope="col">Image</th><th scope="col">State</th><th scope="col">Tries</th></tr></thead>
<tbody>${listed.slice(0, 40).map(task => taskRow(task, runs.get(task.id) ?? []))}</tbody></table></div>
${probes(tasks)}`
}

const versionsSection = ({ series, versions }: SeriesCase): Html => {
  if (versions.length < 2) return none
  return html`<h2>Versions</h2>
<div class="wide"><table><thead><tr><th scope="col">Version</th><th scope="col">Title</th><th scope="col">Came</th><th scope="col">Verdict</th><th scope="col">Changes</th></tr></thead>
<tbody>${versions.map(one => {
    const isThis = one.id === series.id
    return html`<tr><th scope="row">${isThis ? html`<span aria-current="page">${one.version}, this one</span>` : html`<a href="${seriesPath(one.id)}">${one.version}</a>`}</th><td>${oneLine(one.title)}</td><td>${time(one.firstAt)}</td><td>${one.verdict?.kind.replaceAll('-', ' ') ?? 'none'}</td><td>${isThis ? none : html`<a href="${comparePath(series.id, one.id)}">Compare with version ${one.version}</a>`}</td></tr>`
  })}</tbody></table></div>`
}

type Archives = { archive: string | undefined }

const archived = ({ archive }: Archives, messageId: string | undefined): Html => {
  const url = mailAddress(archive, messageId)
  return url !== undefined && /^https?:\/\//i.test(url)
    ? html` <a href="${url}" rel="nofollow noreferrer">In the archive</a>`
    : none
}

const partRow = (found: SeriesCase, part: Part, archives: Archives): Html =>
  html`<li value="${part.position}"><a href="${patchesPath(found.series.id, part.position)}">${oneLine(part.title)}</a>${part.filledFrom === undefined ? none : html` <span class="quiet-text">(taken from version ${part.filledFrom})</span>`}${part.unusable ? html` <strong>${part.unusable.kind}</strong>: ${oneLine(part.unusable.why, 200)}` : none}${archived(archives, part.messageId)}</li>`

const threadSection = (found: SeriesCase, archives: Archives): Html => {
  const { series, replies } = found
  const sent = replies.flatMap(({ mail, kind, state }) =>
    state.at === 'sent' ? [{ mail, when: state.when, toCommand: kind === 'answer' }] : [],
  )
  return html`<h2>Patches</h2>
<p><a href="${patchesPath(series.id)}">Read all with their changes</a></p>
${series.cover ? html`<p>Cover letter: <a href="${patchesPath(series.id, 0)}">${oneLine(series.cover.title)}</a>${archived(archives, series.cover.messageId)}</p>` : none}
<ol class="parts">${series.parts.slice(0, 300).map(part => partRow(found, part, archives))}</ol>
${series.parts.length > 300 ? html`<p>… and ${series.parts.length - 300} more.</p>` : none}
${sent.length > 0 ? html`<h3>What was answered</h3><ul>${sent.slice(-20).map(({ mail, when, toCommand }) => html`<li>${time(when)}: ${oneLine(mail.subject)}${toCommand ? ' (to a command)' : none}${archived(archives, mail.messageId)}</li>`)}</ul>` : none}`
}

const earlierSection = (found: SeriesCase): Html => {
  const current = currentVerdict(found)
  const earlier = found.verdicts.filter(one => one !== current)
  if (earlier.length === 0) return none
  return html`<h2>Earlier verdicts on this version</h2>
<ul>${earlier.slice(-20).map(one => html`<li>${time(one.decidedAt)}: ${sayVerdict(one, found)}</li>`)}</ul>`
}

export type SeriesPage = Archives & {
  /** undefined: a reader. */
  operating: Operating | undefined
  /** Why what waits is not begun; '': nobody holds it back. */
  stopped: string
}

export const seriesBody = (
  found: SeriesCase,
  { operating, stopped, ...archives }: SeriesPage,
): Html => html`<h1>${oneLine(found.series.title, 300)}</h1>
${stateSection(found, stopped)}
${facts(found)}
${operating ? seriesDeeds(found.series, operating) : none}
<section id="results" data-live>
${matrixSection(found)}
${imagesSection(found)}
</section>
${versionsSection(found)}
${threadSection(found, archives)}
<section id="runs" data-live>${runsSection(found)}</section>
${earlierSection(found)}`
