// Tests: what failed lately, what fails by itself now and then, and how one test did over bases and images.
import { Hono } from 'hono'
import { html } from 'hono/html'
import { dayMs } from '../../model/instant.ts'
import type { TestReads } from '../../ports/reads.ts'
import { oneLine } from '../../text/clean.ts'
import { sayShare } from '../figures.ts'
import { type Html, missing, none, page } from '../layout.ts'
import { testPath } from '../links.ts'
import type { Env, Pages, WebParts } from '../parts.ts'
import { time } from '../when.ts'
import { historyBody } from './history.ts'
import { knownOf, nameOfTest } from './view.ts'

type Found = Awaited<ReturnType<TestReads['findTests']>>
type Flaky = Awaited<ReturnType<TestReads['flaky']>>

const flakyDays = 30
const most = { found: 50, flaky: 50, points: 200 }

const choice = (projects: string[], project: string): Html =>
  projects.length < 2
    ? html`<input type="hidden" name="project" value="${project}">`
    : html`<p><label for="project">Project</label><select id="project" name="project">${projects.map(one => html`<option${one === project ? html` selected` : none}>${one}</option>`)}</select></p>`

const searchForm = (
  text: string,
  projects: string[],
  project: string,
): Html => html`<form class="search" role="search" action="/tests">
<p><label for="text">Words of its name</label><input id="text" name="text" type="search" value="${text}" maxlength="200"></p>
${choice(projects, project)}
<p><button class="main">Search</button></p>
</form>`

const foundPart = (found: Found, { project, text }: { project: string; text: string }): Html => {
  const title = text === '' ? 'Failed lately' : 'Found'
  if (found.length === 0)
    return html`<h2>${title}</h2><p>${text === '' ? 'No test has failed yet.' : 'No test that ever failed has these words in its name.'}</p>`
  return html`<h2>${title}</h2>
<p class="quiet-text">Tests that failed at least once, with patches or without; the last failed first.${found.length < most.found ? '' : ` At most ${most.found} are shown: more words find fewer.`}</p>
<div class="wide" tabindex="0" role="group" aria-label="Tests that failed"><table>
<thead><tr><th scope="col">Test</th><th scope="col">Step</th><th scope="col">Failed last</th></tr></thead>
<tbody>${found.map(
    ({
      step,
      test,
      lastFailed,
    }) => html`<tr><th scope="row" class="long"><a href="${testPath({ project, step, test })}">${nameOfTest(step, test)}</a></th><td>${oneLine(step, 80)}</td><td>${time(lastFailed)}</td></tr>
`,
  )}</tbody></table></div>`
}

const flakyPart = (flaky: Flaky, project: string): Html => html`<h2>Fail now and then</h2>
<p class="quiet-text">Without patches, in the last ${flakyDays} days; what fails most often comes first. What failed every time is broken, and stands not here.</p>
${
  flaky.length === 0
    ? html`<p>None.</p>`
    : html`<div class="wide" tabindex="0" role="group" aria-label="Tests that fail now and then"><table>
<thead><tr><th scope="col">Test</th><th scope="col">Image</th><th scope="col">Failed</th><th scope="col">Share</th><th scope="col">Failed last</th></tr></thead>
<tbody>${flaky.map(
        ({
          step,
          test,
          image,
          failed,
          runs,
          lastFailed,
        }) => html`<tr><th scope="row" class="long"><a href="${testPath({ project, step, test })}">${nameOfTest(step, test)}</a></th><td>${oneLine(image, 60)}</td><td>${failed} of ${runs}</td><td>${sayShare(failed, runs)}</td><td>${time(lastFailed)}</td></tr>
`,
      )}</tbody></table></div>`
}`

const shortened = (text: string | undefined, max: number): string => (text ?? '').slice(0, max)

/** What a test's page is asked for. undefined: no test is named. */
const askedTest = (query: (name: string) => string | undefined) => {
  const [step, test, image] = [query('step'), query('test'), query('image')]
  if (step === undefined || test === undefined || step === '') return undefined
  const named = { step: step.slice(0, 300), test: test.slice(0, 2000) }
  return { ...named, image: image === undefined || image === '' ? undefined : image.slice(0, 100) }
}

export const testPages = (parts: WebParts): Pages => {
  const pages = new Hono<Env>()
  const projects = parts.config.projects.map(({ name }) => name)
  pages.get('/tests', async c => {
    const { store } = await parts.wired()
    const project = projects.find(name => name === c.req.query('project')) ?? projects[0] ?? ''
    const text = shortened(c.req.query('text'), 200)
    const since = parts.clock.now() - flakyDays * dayMs
    const [found, flaky] = await Promise.all([
      store.reads.findTests({ project, text, limit: most.found }),
      text === '' ? store.reads.flaky({ project, since, limit: most.flaky }) : undefined,
    ])
    const body = html`<h1>Tests</h1>
${searchForm(oneLine(text, 200), projects, project)}
${flaky === undefined ? none : flakyPart(flaky, project)}
${foundPart(found, { project, text: text.trim() })}`
    return page(c, parts, { title: 'Tests', here: 'tests', body })
  })
  pages.get('/tests/:project/history', async c => {
    const project = projects.find(name => name === c.req.param('project'))
    const asked = askedTest(name => c.req.query(name))
    if (project === undefined || asked === undefined)
      return missing(c, parts, {
        what: 'test',
        says: 'The address names no test of a project that is tested here.',
        remedy: 'Search for it by words of its name.',
      })
    const { store } = await parts.wired()
    const { step, test, image } = asked
    const given = { project, step, test, limit: most.points }
    const [all, known] = await Promise.all([
      store.reads.testHistory({ ...given, ...(image === undefined ? {} : { image }) }),
      store.knownFailures({ project }),
    ])
    const body = historyBody({
      ...asked,
      project,
      points: all,
      known: knownOf(known, { step, test, points: all }),
    })
    return page(c, parts, { title: nameOfTest(step, test), here: 'tests', body })
  })
  return pages
}
