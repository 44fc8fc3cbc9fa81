// What every test that matters did on every image: new failures first, and so many rows at most. Pure.
import { type Task, testedSteps } from '../../model/job.ts'
import { isFailure, type TestOutcome } from '../../model/report.ts'
import { leaves } from '../../model/test-name.ts'
import type { ImageVerdict, Proof, Verdict } from '../../model/verdict.ts'
import { sayEnding } from '../../text/ending.ts'

/** In this order. `failed`: in a first run, and nobody has judged it. */
export type CellKind =
  | 'new'
  | 'broken'
  | 'worse'
  | 'failed'
  | 'unclear'
  | 'vanished'
  | 'flaky'
  | 'reported'
  | 'failing'
  | 'mended'

export const cellOrder: readonly CellKind[] = [
  ...(['new', 'broken', 'worse', 'failed', 'unclear', 'vanished'] as const),
  ...(['flaky', 'reported', 'failing', 'mended'] as const),
]

export const cellWords: Record<CellKind, string> = {
  new: 'fails newly',
  broken: 'breaks off',
  worse: 'fails more often',
  failed: 'failed, not judged yet',
  unclear: 'unclear',
  vanished: 'does not run any more',
  flaky: 'fails as often without',
  reported: 'known failure',
  failing: 'fails without it, too',
  mended: 'mended',
}

export type Cell = {
  kind: CellKind
  message: string
  proof: Proof | undefined
  /** First line of it in the image's log, 1-based. */
  line: number | undefined
  bug: string | undefined
}

/** `test` '': the step itself. */
export type MatrixRow = {
  step: string
  test: string
  kind: CellKind
  /** By image; where nothing is told of it: what the first run gave, or undefined. */
  cells: Map<string, Cell | TestOutcome | undefined>
}

export type Matrix = { images: string[]; rows: MatrixRow[]; more: number }

type Found = { image: string; step: string; test: string; cell: Cell }

const cell = (
  kind: CellKind,
  one: { message?: string; proof?: Proof; lines?: [number, number]; bug?: string },
): Cell => ({
  ...{ kind, message: one.message ?? '', proof: one.proof, line: one.lines?.[0], bug: one.bug },
})

const judgedOn = (verdict: ImageVerdict): Found[] => {
  const { image, newFailures, broken, mended } = verdict
  const of = (kind: CellKind, all: { step: string; test: string; message?: string }[] = []) =>
    all.map(one => ({ image, step: one.step, test: one.test, cell: cell(kind, one) }))
  return [
    ...newFailures.flatMap(one => of(one.kind ?? 'new', [one])),
    ...broken.map(one => ({
      ...{ image, step: one.step, test: '' },
      cell: cell('broken', { ...one, message: one.why === '' ? sayEnding(one.ending) : one.why }),
    })),
    ...of('unclear', verdict.unclear),
    ...of('vanished', verdict.vanished),
    ...of('flaky', verdict.flaky),
    ...of('reported', verdict.reported),
    ...of('failing', verdict.failing),
    ...mended.map(test => ({ image, step: '', test, cell: cell('mended', {}) })),
  ]
}

const failedOn = (task: Task): Found[] =>
  testedSteps(task).flatMap(step =>
    leaves(step.report.tests.filter(({ outcome }) => isFailure(outcome))).map(({ test, message, line }) => ({
      ...{ image: task.image, step: step.name, test },
      cell: { ...cell('failed', { message }), line: step.lines[0] + line - 1 },
    })),
  )

const rank = (kind: CellKind): number => cellOrder.indexOf(kind)

/** What first runs gave, for cells of which the verdict does not tell. */
const outcomesOf = (tests: Task[], rows: MatrixRow[]): void => {
  for (const task of tests) {
    const wanted = new Map(rows.filter(({ cells }) => !cells.has(task.image)).map(row => [row.test, row]))
    if (wanted.size === 0) continue
    for (const step of testedSteps(task))
      for (const { test, outcome } of step.report.tests) {
        const row = wanted.get(test)
        if (row && (row.step === step.name || row.step === '')) row.cells.set(task.image, outcome)
      }
  }
}

/** `tests`: the first test task of each image. `maxRows` bounds the page. */
export const matrixOf = (
  { verdict, tests, images }: { verdict: Verdict | undefined; tests: Task[]; images: string[] },
  maxRows: number,
): Matrix => {
  const found =
    verdict && verdict.images.length > 0 ? verdict.images.flatMap(judgedOn) : tests.flatMap(failedOn)
  const rows = new Map<string, MatrixRow>()
  for (const { image, step, test, cell: one } of found) {
    const key = JSON.stringify([step, test])
    const row = rows.get(key) ?? { step, test, kind: one.kind, cells: new Map() }
    const known = row.cells.get(image)
    if (known === undefined || typeof known === 'string' || rank(one.kind) < rank(known.kind))
      row.cells.set(image, one)
    if (rank(one.kind) < rank(row.kind)) row.kind = one.kind
    rows.set(key, row)
  }
  const all = [...rows.values()].sort((a, b) => rank(a.kind) - rank(b.kind))
  const shown = all.slice(0, maxRows)
  outcomesOf(tests, shown)
  return { images, rows: shown, more: all.length - shown.length }
}
