// The page of one run.
import { html } from 'hono/html'
import type { Job, RunRecord, Task } from '../../model/job.ts'
import type { Series } from '../../model/series.ts'
import { capital } from '../../model/words.ts'
import { oneLine } from '../../text/clean.ts'
import { sayDuration } from '../../text/ending.ts'
import { type Html, none } from '../layout.ts'
import { hostPath, logPath, runPath, seriesPath, testPath } from '../links.ts'
import { time } from '../when.ts'
import { type RunView, runView, type ShownFailure, type ShownStep, sayBase, sayRun } from './view.ts'

export type RunCase = {
  run: RunRecord
  task: Task
  job: Job
  series: Series | undefined
  /** Of the same task, in order of attempt, this one among them. */
  all: RunRecord[]
}

export const sign = (isGood: boolean | undefined): Html =>
  isGood === undefined
    ? html`<span class="sign" aria-hidden="true">·</span>`
    : html`<span class="sign" aria-hidden="true">${isGood ? '✓' : '✗'}</span>`

const row = (name: string, value: Html | string): Html => html`<div><dt>${name}</dt><dd>${value}</dd></div>`

const facts = (view: RunView, { job, series, all }: RunCase): Html => html`<dl>
${row('Series', series ? html`<a href="${seriesPath(series.id)}">${oneLine(series.title)}</a>, version ${series.version}` : 'none: the unpatched base')}
${row('Base', html`<code>${sayBase(job)}</code>`)}
${row('Host', html`<a href="${hostPath(view.host)}">${view.host}</a>`)}
${row('Try', all.length > 1 ? `${view.attempt}, of ${all.length} so far` : String(view.attempt))}
${row('Began', time(view.startedAt))}
${row('Ended', view.endedAt === undefined ? 'not yet' : html`${time(view.endedAt)}, after ${sayDuration(view.endedAt - view.startedAt)}`)}
</dl>`

const step = (run: string, one: ShownStep): Html => html`<tr>
<th scope="row">${one.name}</th><td class="${one.isGood ? 'ok' : 'not-ok'}">${sign(one.isGood)} ${one.ended}</td>
<td class="number">${one.passed ?? '–'}</td><td class="number">${one.failed ?? '–'}</td>
<td><a href="${logPath(run, one.line)}">line ${one.line}</a></td></tr>`

const steps = ({ id, steps: all }: RunView): Html =>
  all.length === 0
    ? none
    : html`<h2>Steps</h2>
<div class="wide"><table><thead><tr><th scope="col">Step</th><th scope="col">How it ended</th><th scope="col" class="number">Passed</th><th scope="col" class="number">Failed</th><th scope="col">In the log</th></tr></thead>
<tbody>${all.map(one => step(id, one))}</tbody></table></div>`

const failure = (run: string, project: string, { step: name, test, message, line }: ShownFailure): Html =>
  html`<tr><th scope="row"><a href="${testPath({ project, step: name, test })}">${oneLine(test)}</a></th><td>${name}</td><td>${message}</td><td><a href="${logPath(run, line)}">line ${line}</a></td></tr>`

const failures = (view: RunView, { job }: RunCase): Html =>
  view.failures.length === 0
    ? none
    : html`<h2>What failed in this run</h2>
<p class="quiet-text">One run alone says nothing of a patch; the page of the series tells what was held against it.</p>
<div class="wide"><table><thead><tr><th scope="col">Test</th><th scope="col">Step</th><th scope="col">It said</th><th scope="col">In the log</th></tr></thead>
<tbody>${view.failures.map(one => failure(view.id, job.project, one))}</tbody></table></div>
${view.moreFailures > 0 ? html`<p>… and ${view.moreFailures} more, in the log.</p>` : none}`

const evidence = ({ id, kept, title }: RunView): Html => {
  const has = (name: string) => kept.includes(name)
  const link = (name: string, path: string, words: string) =>
    has(name) ? html`<li><a href="${runPath(id)}/${path}">${words}</a></li>` : none
  return html`<h2>What is kept</h2>
<ul>${link('log', 'log', 'Log')}${link('log', 'log.txt', 'Log as plain text')}${link('console', 'console', 'Console of the guest')}${link('manifest', 'manifest', 'Manifest: exactly what ran')}${link('screenshot', 'screenshot.png', 'Screenshot')}</ul>
${kept.length === 0 ? html`<p>Nothing yet.</p>` : none}
${has('screenshot') ? html`<p><a href="${runPath(id)}/screenshot.png"><img class="screen" src="${runPath(id)}/screenshot.png" alt="Screen of the guest at the end: ${title}" width="640" height="400" loading="lazy"></a></p>` : none}`
}

const growing = ({ id }: RunView): Html => html`<h2>Log, as it grows</h2>
<noscript><p>Without scripts the log can be read here when the run is over.</p></noscript>
<pre class="log-live" tabindex="0" aria-label="Log" data-follow="${runPath(id)}/log/stream" data-from="0"></pre>`

const attempts = ({ run, task, all }: RunCase): Html =>
  all.length < 2
    ? none
    : html`<h2>All tries at this task</h2>
<div class="wide"><table><thead><tr><th scope="col">Try</th><th scope="col">Host</th><th scope="col">Began</th><th scope="col">How it went</th></tr></thead>
<tbody>${all.map(
        one =>
          html`<tr><th scope="row">${one.id === run.id ? html`<span aria-current="page">${one.attempt}, this one</span>` : html`<a href="${runPath(one.id)}">${one.attempt}</a>`}</th><td>${one.host}</td><td>${time(one.startedAt)}</td><td>${sayRun(one, task)}</td></tr>`,
      )}</tbody></table></div>`

/** What comes in the end stands below the growing log, which must not move under its readers' eyes. */
export const runBody = (found: RunCase): Html => {
  const view = runView(found.run, found.task)
  const isOk = view.isGood === undefined ? '' : view.isGood ? 'ok' : 'not-ok'
  return html`<h1>${view.title}</h1>
<section id="run" data-live aria-live="polite">
<p class="said-of ${isOk}">${sign(view.isGood)} ${capital(view.said)}.</p>
${facts(view, found)}
</section>
${view.state === 'running' ? growing(view) : none}
<section id="results" data-live>
${view.errors.length > 0 ? html`<h2>What it complained of</h2>\n<pre tabindex="0" aria-label="Errors">${view.errors.map(line => `${line}\n`)}</pre>` : none}
${steps(view)}
${failures(view, found)}
${view.state === 'running' ? none : evidence(view)}
</section>
${attempts(found)}`
}
