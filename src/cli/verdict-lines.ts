// A verdict as `grapevine series show` prints it: what was ruled on each test, with the numbers behind it. The counts are those of the reply.
import { countsOf } from '../model/counting.ts'
import type { Task } from '../model/job.ts'
import type { Series } from '../model/series.ts'
import {
  type Culprit,
  culpritOf,
  type ImageVerdict,
  type OtherFailure,
  type Verdict,
} from '../model/verdict.ts'
import { shortFinding } from '../stages/reply/finding.ts'
import { shortProof } from '../stages/reply/numbers.ts'
import { cleanLine, oneLine } from '../text/clean.ts'
import { sayDuration, sayEnding } from '../text/ending.ts'
import { sayOutcome } from '../text/outcome.ts'

/** Without `all`, so many lines of each kind. */
const maxLines = 20

const name = ({ step, test }: { step: string; test: string }): string =>
  test === '' ? `step ${oneLine(step, 80)}` : `${oneLine(step, 80)}: ${oneLine(test, 200)}`

const failure =
  (kind: string) =>
  (one: Partial<Pick<OtherFailure, 'proof'>> & { step: string; test: string; bug?: string }): string => {
    const proof = shortProof(one.proof)
    return `    ${kind.padEnd(9)} ${name(one)}${proof === '' ? '' : `  ${proof}`}${one.bug ? `  ${one.bug}` : ''}`
  }

const cut = (lines: string[], all: boolean): string[] =>
  all || lines.length <= maxLines
    ? lines
    : [...lines.slice(0, maxLines), `    … and ${lines.length - maxLines} more; --tests shows all`]

const countLine = (image: ImageVerdict): string => {
  const { fresh, worse, unclear, flaky, reported, steps, vanished } = countsOf([image])
  const counts: [number, string][] = [
    ...([
      [fresh, 'new'],
      [worse, 'worse'],
      [steps, 'broken off'],
      [image.passed, 'passed'],
    ] as const),
    ...([
      [unclear, 'unclear'],
      [flaky, 'flaky'],
      [reported, 'known'],
      [image.known, 'failing anyway'],
    ] as const),
    ...([
      [vanished, 'vanished'],
      [image.mended.length, 'mended'],
    ] as const),
  ].map(([count, word]) => [count, word])
  const said = counts.filter(([count, word]) => count > 0 || word === 'passed')
  return said.map(([count, word]) => `${count} ${word}`).join(', ')
}

const imageLines = (image: ImageVerdict, all: boolean): string[] => {
  const { newFailures, broken, unclear = [], flaky = [], reported = [], failing = [], vanished = [] } = image
  const isOwn = ({ step }: { step: string }) => !broken.some(other => other.step === step)
  return [
    `  ${image.image}: ${image.kind === 'untested' ? 'not tested' : countLine(image)}${image.why === '' ? '' : `; ${oneLine(image.why, 200)}`}`,
    ...broken.map(one => {
      const proof = shortProof(one.proof)
      return `    broken    step ${oneLine(one.step, 80)} ${sayEnding(one.ending)}${proof === '' ? '' : `  ${proof}`}`
    }),
    ...cut(
      newFailures.filter(isOwn).map(one => failure(one.kind ?? 'new')(one)),
      all,
    ),
    ...cut(newFailures.filter(one => !isOwn(one)).map(failure('cut off')), all),
    ...cut(unclear.map(failure('unclear')), all),
    ...cut(flaky.map(failure('flaky')), all),
    ...cut(reported.map(failure('known')), all),
    ...cut(failing.map(failure('anyway')), all),
    ...cut(vanished.map(failure('vanished')), all),
    ...cut(
      image.mended.map(test => `    mended    ${oneLine(test, 200)}`),
      all,
    ),
    ...(image.leftOut ?? []).map(why => `    left out  ${oneLine(why, 200)}`),
  ]
}

const sayCulprit = ({ position, title, only }: Culprit, series: Series): string =>
  `  patch ${position}/${series.total} does ${only ? `${only.length} of them` : 'it'}: ${oneLine(title)}`

/** From `verdict …` on; [] lines follow for one that says no more than its kind. */
export const verdictLines = (verdict: Verdict, series: Series, all: boolean): string[] => {
  const culprit = culpritOf(verdict)
  const { kind } = verdict.finding
  const short = kind === 'new-failures' || kind === 'all-well' ? `: ${shortFinding(verdict, series)}` : ''
  return [
    `verdict ${kind}${short}`,
    ...verdict.images.flatMap(image => imageLines(image, all)),
    ...(culprit ? [sayCulprit(culprit, series)] : []),
    ...(verdict.unbuildable ?? []).map(
      ({ position, title, step }) =>
        `  does not build after patch ${position}/${series.total}, step ${oneLine(step, 80)}: ${oneLine(title)}`,
    ),
    ...cut(
      (verdict.warnings ?? []).map(line => `  new warning: ${cleanLine(line, 200)}`),
      all,
    ),
    ...(verdict.extra
      ? [`  ${verdict.extra.runs} runs besides the first ones, ${sayDuration(verdict.extra.ms)} of clones`]
      : []),
  ]
}

/** Runs for proof, those of one image, step and reason in a line: there may be hundreds. */
export const probeLines = (tasks: Task[]): string[] => {
  const groups = new Map<string, Task[]>()
  for (const task of tasks) {
    if (task.probe === undefined) continue
    const { why, step } = task.probe
    const key = JSON.stringify([task.image, step, why])
    groups.set(key, [...(groups.get(key) ?? []), task])
  }
  return [...groups.values()].flatMap(group => {
    const [one] = group
    if (one?.probe === undefined) return []
    const { why, step } = one.probe
    const sides = [...new Set(group.map(({ probe }) => probe?.side))]
    const said = sides.map(
      side => `${group.filter(({ probe }) => probe?.side === side).length} ${saySide(side)}`,
    )
    const open = group.filter(({ state }) => state.at === 'queued' || state.at === 'running').length
    const lost = group.flatMap(({ state }) =>
      state.at === 'done' && state.outcome.kind === 'ours' ? [sayOutcome(state.outcome)] : [],
    )
    return [
      `  test again on ${one.image} (${why}), step ${oneLine(step, 80)}: ${said.join(', ')}${open > 0 ? `; ${open} still to come` : ''}`,
      ...cut(
        [...new Set(lost)].map(line => `    ${line}`),
        false,
      ),
    ]
  })
}

const saySide = (side: NonNullable<Task['probe']>['side'] | undefined): string => {
  if (side === 'with' || side === 'without') return side
  return `with the first ${side ?? 0}`
}
