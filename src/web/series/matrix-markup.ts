// The table of tests × images.
import { html } from 'hono/html'
import type { TestOutcome } from '../../model/report.ts'
import type { Proof } from '../../model/verdict.ts'
import { shortProof } from '../../stages/reply/numbers.ts'
import { oneLine } from '../../text/clean.ts'
import { type Html, none } from '../layout.ts'
import { logPath, testPath } from '../links.ts'
import { type Cell, cellWords, type Matrix, type MatrixRow } from './matrix.ts'

type Given = { /** By image. */ runs: Map<string, string>; project: string; isJudged: boolean }

const outcomeWords: Record<TestOutcome, string> = {
  passed: 'passed',
  failed: 'failed',
  skipped: 'skipped',
  todo: 'expected to fail',
  'todo-passed': 'passed, against expectation',
  error: 'broke',
}

const bad: ReadonlySet<string> = new Set(['new', 'broken', 'worse'])

const numbers = (proof: Proof | undefined): Html => {
  const said = shortProof(proof)
  return said === '' ? none : html`<br><span class="numbers">${said}</span>`
}

const bugLink = (bug: string | undefined): Html =>
  bug === undefined
    ? none
    : /^https?:\/\//i.test(bug)
      ? html` (<a href="${bug}" rel="nofollow noreferrer">bug</a>)`
      : html` (${oneLine(bug, 60)})`

const cellOf = (cell: Cell | TestOutcome | undefined, run: string | undefined): Html => {
  if (cell === undefined) return html`<td class="quiet-text">–</td>`
  if (typeof cell === 'string') return html`<td class="quiet-text">${outcomeWords[cell]}</td>`
  const { kind, proof, line, bug } = cell
  const words = cellWords[kind]
  const said =
    run !== undefined && line !== undefined
      ? html`<a href="${logPath(run, line)}">${words}</a>`
      : html`${words}`
  return html`<td class="cell-${kind}"><span class="sign" aria-hidden="true">${bad.has(kind) ? '✗' : '·'}</span> ${said}${bugLink(bug)}${numbers(proof)}</td>`
}

const message = ({ cells }: MatrixRow): Html => {
  const said = [...cells.values()].flatMap(cell =>
    typeof cell === 'object' && cell.message !== '' ? [cell.message] : [],
  )[0]
  return said === undefined ? none : html`<br><span class="message">${oneLine(said, 160)}</span>`
}

const name = ({ step, test }: MatrixRow, project: string): Html => {
  if (test === '') return html`the whole step “${oneLine(step, 80)}”`
  const words = oneLine(test, 200)
  return step === ''
    ? html`${words}`
    : html`<a href="${testPath({ project, step, test })}">${words}</a> <span class="quiet-text">${oneLine(step, 60)}</span>`
}

const tableRow = (row: MatrixRow, images: string[], { runs, project }: Given): Html =>
  html`<tr><th scope="row">${name(row, project)}${message(row)}</th>${images.map(image => cellOf(row.cells.get(image), runs.get(image)))}</tr>
`

export const matrixTable = ({ images, rows, more }: Matrix, given: Given): Html => {
  if (rows.length === 0) return none
  return html`<h2>Tests × images</h2>
<p class="quiet-text">${given.isJudged ? 'Numbers: in how many runs it failed with the patches, without them, and on the base before.' : 'What failed in the first runs. Nothing of it is held against anybody yet.'}</p>
<div class="wide"><table class="matrix"><thead><tr><th scope="col">Test</th>${images.map(image => html`<th scope="col">${image}</th>`)}</tr></thead>
<tbody>${rows.map(row => tableRow(row, images, given))}</tbody></table></div>
${more > 0 ? html`<p>… and ${more} more; the logs have them all.</p>` : none}`
}
