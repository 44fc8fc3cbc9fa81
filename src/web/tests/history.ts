// The page of one test: how often it fails on each image, and run by run.
import { html } from 'hono/html'
import type { KnownFailure } from '../../model/known.ts'
import { plural } from '../../model/words.ts'
import type { TestPoint } from '../../ports/reads.ts'
import { oneLine } from '../../text/clean.ts'
import { sayInstant } from '../../text/span.ts'
import { sayShare } from '../figures.ts'
import { type Html, none } from '../layout.ts'
import { hostPath, runPath, seriesPath, testPath } from '../links.ts'
import { time } from '../when.ts'
import { type ImageLine, imageLines, nameOfTest } from './view.ts'

type Given = {
  project: string
  step: string
  test: string
  image: string | undefined
  points: TestPoint[]
  known: KnownFailure[]
}

const sayTrials = ({ failed, runs }: ImageLine['without']): string =>
  runs === 0 ? 'no runs' : `failed ${failed} of ${runs} (${sayShare(failed, runs)})`

const sayBase = ({ base }: TestPoint): string =>
  `${base.name === undefined ? '' : `${oneLine(base.name, 40)} `}${base.commit.slice(0, 12)}`

/** A tall bar is a failure, a low one a pass. */
const strip = (points: TestPoint[], words: string): Html => {
  const marks = points.map(({ failed, at, series }, index) => {
    const says = `${sayInstant(at)}: ${failed ? 'failed' : 'passed'}${series === undefined ? '' : ', with patches'}`
    return html`<rect class="${failed ? 'failed' : 'passed'}" x="${index * 4}" y="${failed ? 0 : 7}" width="3" height="${failed ? 12 : 5}"><title>${says}</title></rect>`
  })
  return html`<svg class="strip" viewBox="0 0 ${Math.max(60, points.length) * 4} 12" preserveAspectRatio="xMinYMid meet" role="img" aria-label="${words}">${marks}</svg>`
}

const imagePart = (
  { project, step, test }: Given,
  { image, without, withPatches, points }: ImageLine,
): Html => {
  const words = `${oneLine(image, 60)}: without patches ${sayTrials(without)}; with patches ${sayTrials(withPatches)}`
  return html`<figure>
<figcaption><a href="${testPath({ project, step, test })}&amp;image=${encodeURIComponent(image.toWellFormed())}">${oneLine(image, 60)}</a></figcaption>
<p>Without patches it ${sayTrials(without)}; with patches it ${sayTrials(withPatches)}.</p>
${strip(points, words)}
</figure>`
}

const knownPart = (known: KnownFailure[]): Html =>
  known.length === 0
    ? none
    : html`<p class="warning">Failures like these are ${known.some(({ state }) => state.at === 'confirmed') ? 'known' : 'written down'}: ${known
        .slice(0, 5)
        .map(
          ({ id, state }, index) =>
            html`${index === 0 ? '' : ', '}<a href="/known?state=${state.at}#${id}">${id.slice(0, 8)}</a> (${state.at})`,
        )}.</p>`

const row = (point: TestPoint): Html => {
  const { at, image, series, failed, message, run, host } = point
  return html`<tr><td><a href="${runPath(run)}">${time(at)}</a></td><td>${oneLine(image, 60)}</td><td class="${failed ? 'not-ok' : 'ok'}"><span class="sign" aria-hidden="true">${failed ? '✗' : '✓'}</span> ${failed ? 'failed' : 'passed'}</td><td>${sayBase(point)}</td><td>${series === undefined ? 'no' : html`<a href="${seriesPath(series)}">with patches</a>`}</td><td><a href="${hostPath(host)}">${oneLine(host, 60)}</a></td><td class="long">${oneLine(message, 160)}</td></tr>
`
}

export const historyBody = (given: Given): Html => {
  const { step, test, project, image, points, known } = given
  const lines = imageLines(points)
  const back = testPath({ project, step, test })
  return html`<p class="quiet-text"><a href="/tests?project=${encodeURIComponent(project)}">Tests</a> of ${oneLine(project, 60)}</p>
<h1>${nameOfTest(step, test)}</h1>
<p>In step ${oneLine(step, 80)}. ${points.length === 0 ? 'No run that is still kept tells of it.' : `The newest ${plural(points.length, 'run')} that ${points.length === 1 ? 'tells' : 'tell'} of it.`} ${image === undefined ? none : html`Only on ${oneLine(image, 60)}: <a href="${back}">all images</a>.`}</p>
${
  points.length === 0 || points.some(({ failed }) => failed)
    ? none
    : html`<p class="quiet-text">It failed in none of them; whether it was in them is not known, as only failures are kept by name.</p>`
}
${knownPart(known)}
${
  lines.length === 0
    ? none
    : html`<h2>By image</h2>
<p class="quiet-text">Each bar is a run, the newest is the last: a tall one failed, a low one passed.</p>
${lines.map(line => imagePart(given, line))}
<h2>Run by run</h2>
<div class="wide" tabindex="0" role="group" aria-label="Run by run"><table>
<thead><tr><th scope="col">When</th><th scope="col">Image</th><th scope="col">Result</th><th scope="col">Base</th><th scope="col">Patches</th><th scope="col">Test machine</th><th scope="col">What it said</th></tr></thead>
<tbody>${points.slice(0, shownRows).map(row)}</tbody></table></div>
${points.length > shownRows ? html`<p class="quiet-text">Older runs are counted above, and not listed.</p>` : none}`
}`
}

/** A page stays below 150 KB. */
const shownRows = 100
