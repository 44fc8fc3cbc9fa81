// Figures: how long verdicts take, how busy the farm is, what was taken back, and how the queue stood.
import { Hono } from 'hono'
import { html } from 'hono/html'
import { dayMs } from '../../model/instant.ts'
import { plural } from '../../model/words.ts'
import { oneLine } from '../../text/clean.ts'
import { sayDate } from '../../text/span.ts'
import { barChart } from '../charts/bars.ts'
import { asTable } from '../charts/frame.ts'
import { type Line, lineChart, thinned } from '../charts/lines.ts'
import { sayDuration, sayShare } from '../figures.ts'
import { type Html, none, page } from '../layout.ts'
import { hostPath } from '../links.ts'
import type { Env, Pages, WebParts } from '../parts.ts'
import { type StatisticsView, statisticsView } from './view.ts'

const ranges = [7, 30, 90]

/** More verdicts than these are not asked for: the newest tell enough. */
const maxVerdicts = 20_000

const weeksBack = 26

const turnaroundPart = ({ turnaround, byDay, spread, from, now, days }: StatisticsView): Html => {
  if (turnaround === undefined)
    return html`<h2>From patch to verdict</h2><p>No verdict was given in the last ${days} days.</p>`
  const { p50, p90, p99, count } = turnaround
  const unit = unitOf(Math.max(...byDay.map(day => day.p90)))
  const line = (name: string, className: Line['className'], key: 'p50' | 'p90'): Line => ({
    ...{ name, className },
    points: byDay.map(day => ({ at: Math.min(day.at + dayMs / 2, now), value: day[key] / unit.ms })),
  })
  const words = `Of ${plural(count, 'first verdict')} half came within ${sayDuration(p50)}, nine of ten within ${sayDuration(p90)}, 99 of 100 within ${sayDuration(p99)}.`
  return html`<h2>From patch to verdict</h2>
<p>The time from the last part of a series to its first verdict.</p>
<dl class="figures">
<div><dt>Half within</dt><dd>${sayDuration(p50)}</dd></div>
<div><dt>Nine of ten within</dt><dd>${sayDuration(p90)}</dd></div>
<div><dt>99 of 100 within</dt><dd>${sayDuration(p99)}</dd></div>
<div><dt>First verdicts</dt><dd>${count}</dd></div>
</dl>
${lineChart({
  ...{ id: 'turnaround', title: 'Time to the first verdict, by day', words, from, to: now },
  lines: [line('half within', 'one', 'p50'), line('nine of ten within', 'two', 'p90')],
  say: value => `${value} ${unit.name}`,
  below: asTable('These figures as a table', dayTable(byDay)),
})}
${barChart({
  ...{ id: 'spread', title: 'How many verdicts took how long' },
  words: spread
    .filter(one => one.count > 0)
    .map(one => `${sayUpTo(one.upTo)}: ${one.count}`)
    .join('; '),
  bars: spread.map(({ upTo, count: many }) => ({
    ...{ label: sayUpTo(upTo), title: `${sayUpTo(upTo)}: ${plural(many, 'verdict')}` },
    parts: [{ className: 'whole', value: many }],
  })),
  say: String,
  legend: [],
})}`
}

/** Round figures on the axis. */
const unitOf = (longest: number): { ms: number; name: string } => {
  if (longest >= 2 * dayMs) return { ms: dayMs, name: 'd' }
  return longest >= 2 * 3_600_000 ? { ms: 3_600_000, name: 'h' } : { ms: 60_000, name: 'min' }
}

const sayUpTo = (upTo: number | undefined): string =>
  upTo === undefined ? 'longer' : `≤ ${sayDuration(upTo)}`

const dayTable = (byDay: StatisticsView['byDay']): Html => html`<table>
<thead><tr><th scope="col">Day</th><th scope="col">Verdicts</th><th scope="col">Half within</th><th scope="col">Nine of ten within</th><th scope="col">99 of 100 within</th></tr></thead>
<tbody>${byDay.toReversed().map(
  ({ day, count, p50, p90, p99 }) =>
    html`<tr><th scope="row">${day}</th><td>${count}</td><td>${sayDuration(p50)}</td><td>${sayDuration(p90)}</td><td>${sayDuration(p99)}</td></tr>
`,
)}</tbody></table>`

const meter = (share: number): Html =>
  html`<svg class="meter" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect class="idle" width="100" height="10"/><rect class="busy" width="${Math.round(100 * share)}" height="10"/></svg>`

const hostsPart = ({ hosts, days }: StatisticsView): Html => html`<h2>How busy the farm was</h2>
${
  hosts.length === 0
    ? html`<p>Nothing ran in the last ${days} days.</p>`
    : html`<div class="wide chart" tabindex="0" role="group" aria-label="How busy each test machine was"><table>
<thead><tr><th scope="col">Test machine</th><th scope="col">Of its slots’ time</th><th scope="col">Runs</th><th scope="col">Failed by fault of ours</th><th scope="col">Time of runs</th></tr></thead>
<tbody>${hosts.map(
        ({ name, share, runs, ours, busyMs }) =>
          html`<tr><th scope="row"><a href="${hostPath(name)}">${oneLine(name, 60)}</a></th><td>${meter(share)} ${sayShare(share, 1)}</td><td>${runs}</td><td>${ours === 0 ? '0' : `${ours} (${sayShare(ours, runs)})`}</td><td>${sayDuration(busyMs)}</td></tr>
`,
      )}</tbody></table></div>`
}`

const correctionsPart = ({ weeks }: StatisticsView): Html => {
  const sum = (key: 'verdicts' | 'blaming' | 'corrected') => weeks.reduce((all, one) => all + one[key], 0)
  const [verdicts, blaming, corrected] = [sum('verdicts'), sum('blaming'), sum('corrected')]
  const words =
    blaming === 0
      ? `None of ${plural(verdicts, 'verdict')} in ${weeksBack} weeks said that a series breaks something.`
      : `In ${weeksBack} weeks, ${blaming} of ${plural(verdicts, 'verdict')} said that a series breaks something; ${corrected} of these (${sayShare(corrected, blaming)}) were taken back later.`
  return html`<h2>Blame that was taken back</h2>
<p>A verdict counts as taken back if a later one on the same patches says that they do not break anything.</p>
${
  weeks.length === 0
    ? html`<p>No verdict was given in ${weeksBack} weeks.</p>`
    : barChart({
        ...{ id: 'corrections', title: 'Verdicts that blame, by week', words },
        bars: weeks.map(({ week, ...one }) => ({
          label: sayDate(week).slice(5),
          title: `Week of ${sayDate(week)}: ${one.blaming} of ${plural(one.verdicts, 'verdict')} blamed, ${one.corrected} taken back`,
          parts: [
            { className: 'whole', value: one.blaming },
            { className: 'core', value: one.corrected },
          ],
        })),
        say: String,
        legend: [
          { className: 'whole', name: 'said that a series breaks something' },
          { className: 'core', name: 'taken back' },
        ],
        below: asTable('These figures as a table', weekTable(weeks)),
      })
}`
}

const weekTable = (weeks: StatisticsView['weeks']): Html => html`<table>
<thead><tr><th scope="col">Week of</th><th scope="col">Verdicts</th><th scope="col">Blamed</th><th scope="col">Taken back</th></tr></thead>
<tbody>${weeks.toReversed().map(
  ({ week, verdicts, blaming, corrected }) =>
    html`<tr><th scope="row">${sayDate(week)}</th><td>${verdicts}</td><td>${blaming}</td><td>${corrected}</td></tr>
`,
)}</tbody></table>`

const queuePart = ({ queue, from, now }: StatisticsView): Html => {
  const last = queue.at(-1)
  if (last === undefined) return html`<h2>The queue</h2><p>It was not noted yet how the queue stands.</p>`
  const of = (key: 'waiting' | 'running') => queue.map(one => ({ at: one.at, value: one[key] }))
  const most = Math.max(...queue.map(({ waiting }) => waiting))
  return html`<h2>The queue</h2>
${lineChart({
  ...{
    id: 'queue-over-time',
    title: 'Tasks that wait, and that run',
    from: Math.max(from, queue[0]?.at ?? from),
    to: now,
  },
  words: `Now ${plural(last.waiting, 'task')} ${last.waiting === 1 ? 'waits' : 'wait'} and ${last.running} ${last.running === 1 ? 'runs' : 'run'}; at most ${most} waited.`,
  lines: [
    { name: 'wait', className: 'one', points: thinned(of('waiting')) },
    { name: 'run', className: 'two', points: thinned(of('running')) },
  ],
  say: String,
  ...{ steps: true, isWhole: true },
})}`
}

const rangePart = (
  days: number,
  project: string | undefined,
  projects: string[],
): Html => html`<form class="search" action="/statistics">
<p><label for="days">Time</label><select id="days" name="days">${ranges.map(one => html`<option value="${one}"${one === days ? html` selected` : none}>the last ${one} days</option>`)}</select></p>
${
  projects.length < 2
    ? none
    : html`<p><label for="project">Project</label><select id="project" name="project"><option value="">all</option>${projects.map(one => html`<option${one === project ? html` selected` : none}>${one}</option>`)}</select></p>`
}
<p><button>Show</button></p>
</form>`

/** How things went lately, in figures. */
export const statisticsPages = (parts: WebParts): Pages => {
  const pages = new Hono<Env>()
  pages.get('/statistics', async c => {
    const { store } = await parts.wired()
    const { reads } = store
    const now = parts.clock.now()
    const days = ranges.find(one => String(one) === c.req.query('days')) ?? 7
    const projects = parts.config.projects.map(({ name }) => name)
    const project = projects.find(name => name === c.req.query('project'))
    const since = now - days * dayMs
    const [turnarounds, activity, weeks, queue, hosts] = await Promise.all([
      reads.turnarounds({ since, limit: maxVerdicts, ...(project === undefined ? {} : { project }) }),
      reads.activity({ since, until: now }),
      reads.corrections({ since: now - weeksBack * 7 * dayMs }),
      reads.queueOver({ since }),
      store.hosts(),
    ])
    const view = statisticsView({ turnarounds, activity, hosts, weeks, queue, days, now })
    const body = html`<h1>Statistics</h1>
${rangePart(days, project, projects)}
${turnaroundPart(view)}
${queuePart(view)}
${hostsPart(view)}
${correctionsPart(view)}`
    return page(c, parts, { title: 'Statistics', here: 'statistics', topics: ['verdicts', 'queue'], body })
  })
  return pages
}
