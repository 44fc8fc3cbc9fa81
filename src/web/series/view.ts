// How a series stands, and why, in words. Pure.
import { firstTasks, isOver, type Task } from '../../model/job.ts'
import type { Series } from '../../model/series.ts'
import { culpritOf, type ImageVerdict, isAnswer, type Verdict } from '../../model/verdict.ts'
import { capital, plural } from '../../model/words.ts'
import { sayFinding } from '../../stages/reply/finding.ts'
import { oneLine } from '../../text/clean.ts'
import { sayTrouble } from '../../text/ending.ts'
import { sayOutcome } from '../../text/outcome.ts'
import { sayInstant } from '../../text/span.ts'
import { currentVerdict, type SeriesCase } from './case.ts'

/** `mood`: ok, not-ok, or nothing for neither. */
export type Standing = { said: string; mood: 'ok' | 'not-ok' | '' }

const good: ReadonlySet<Verdict['finding']['kind']> = new Set([
  'all-well',
  'already-applied',
  'nothing-to-test',
])
const nobodys: ReadonlySet<Verdict['finding']['kind']> = new Set([
  'ours',
  'base-broken',
  'base-unknown',
  'cancelled',
])

export const moodOf = ({ finding }: Pick<Verdict, 'finding'>): Standing['mood'] =>
  good.has(finding.kind) ? 'ok' : nobodys.has(finding.kind) ? '' : 'not-ok'

/** A sentence. */
export const sayVerdict = (verdict: Verdict, { series }: Pick<SeriesCase, 'series'>): string => {
  const { finding } = verdict
  if (finding.kind === 'cancelled') return `Cancelled: ${oneLine(finding.why, 200)}.`
  if (finding.kind === 'ours') return `I could not test it: ${oneLine(sayTrouble(finding.what), 300)}.`
  // Replies speak to the author; everybody reads the page.
  return `${capital(sayFinding(verdict, series).replace(/\byour (series|patch)\b/g, 'the $1'))}.`
}

const sayWork = (tasks: Task[]): string => {
  const { build, tests } = firstTasks(tasks)
  const open = tasks.filter(task => !isOver(task))
  const running = open.filter(({ state }) => state.at === 'running').length
  if (build && !isOver(build))
    return build.state.at === 'running' ? 'It is being built.' : 'It waits to be built.'
  if (tests.some(task => !isOver(task)))
    return `Tests: ${tests.filter(isOver).length} of ${tests.length} images are done, ${running} ${running === 1 ? 'run is' : 'runs are'} under way.`
  if (open.length > 0)
    return `What failed is run again, with and without it: ${open.length} ${open.length === 1 ? 'run is' : 'runs are'} still to come.`
  return 'All runs are over; it is being judged.'
}

const sayLanded = ({ landed }: Series): string =>
  landed === undefined ? '' : ` It has landed on ${oneLine(landed.branch, 100)}.`

/** How it stands, in a sentence. */
export const standingOf = (found: SeriesCase): Standing => {
  const { series, tasks } = found
  const verdict = currentVerdict(found)
  const { state } = series
  const quiet = (said: string): Standing => ({ said, mood: '' })
  switch (state.at) {
    case 'superseded':
      return quiet(
        `A newer version took its place.${verdict ? ` Of this one: ${sayVerdict(verdict, found)}` : ''}`,
      )
    case 'collecting':
      return quiet(
        `${series.parts.length} of ${series.total} patches are here; the others are waited for until ${sayInstant(state.until)}.`,
      )
    case 'held':
      return quiet(`It waits for somebody who lets it go: ${oneLine(state.why, 200)}.`)
    case 'complete':
      return quiet('It is complete, and about to be planned.')
    case 'incomplete':
      return verdict
        ? { said: sayVerdict(verdict, found), mood: moodOf(verdict) }
        : quiet(`Of ${series.total} patches these are missing: ${state.missing.slice(0, 20).join(', ')}.`)
    case 'planned':
      if (verdict) return { said: sayVerdict(verdict, found) + sayLanded(series), mood: moodOf(verdict) }
      return quiet(state.job === undefined ? oneLine(state.why ?? 'It is not tested.', 300) : sayWork(tasks))
  }
}

/** Further sentences on why the verdict is what it is. */
export const reasonsOf = (verdict: Verdict, { series }: SeriesCase): string[] => {
  const { finding, lacking = [], unbuildable = [], warnings = [], extra, told } = verdict
  const culprit = culpritOf(verdict)
  const said = [
    culprit &&
      series.total > 1 &&
      `Patch ${culprit.position} of ${series.total} (“${oneLine(culprit.title, 100)}”) ${culprit.only ? `does it, as far as ${plural(culprit.only.length, 'test')} of these ${culprit.only.length === 1 ? 'is' : 'are'} concerned` : 'does it'}: found by building and running the series' beginnings.`,
    ...unbuildable.map(
      one =>
        `After patch ${one.position} (“${oneLine(one.title, 100)}”) the tree does not build, although it does at the end.`,
    ),
    finding.kind === 'damaged' || finding.kind === 'unsafe'
      ? `${capital(oneLine(finding.why, 300))}.`
      : undefined,
    finding.kind === 'base-unknown' &&
      `It asks for the base ${oneLine(finding.wanted, 80)}, which is not known here.`,
    finding.kind === 'base-broken' &&
      `Step “${oneLine(finding.step, 80)}” fails on the unpatched base, too.${finding.waits ? ' It is tested by itself when the base is good again.' : ''}`,
    ...lacking.map(({ id }) => `It says that it needs ${oneLine(id, 120)}, which was not found.`),
    warnings.length > 0 &&
      `The compiler warns ${plural(warnings.length, 'time')} with it that it did not without.`,
    extra &&
      extra.runs > 0 &&
      (extra.runs === 1
        ? 'For proof there was one further run, in a fresh virtual machine.'
        : `For proof there were ${extra.runs} further runs, each in a fresh virtual machine.`),
    told?.silence && isAnswer(verdict)
      ? `Not everybody was told by mail: ${oneLine(told.silence.why, 200)}.`
      : undefined,
  ]
  return said.filter(one => typeof one === 'string')
}

/** What it complained of, for findings that have words of a program. */
export const complaintOf = ({ finding }: Verdict): string[] => {
  if (finding.kind === 'build-broken' || finding.kind === 'base-broken') return lines(finding.errors)
  if (finding.kind === 'does-not-apply')
    return lines(
      finding.conflicts.map(
        ({ file, line, why }) => `${file}${line === undefined ? '' : `:${line}`}: ${why}`,
      ),
    )
  return []
}

const lines = (all: string[]): string[] => all.slice(0, 30).map(line => oneLine(line, 300))

export type ImageLine = {
  image: string
  said: string
  mood: Standing['mood']
  counts: string
  run: string | undefined
  log: string | undefined
  console: string | undefined
  screenshot: string | undefined
}

const countsOn = (one: ImageVerdict): string => {
  const worse = one.newFailures.filter(({ kind }) => kind === 'worse').length
  const counts: [number, string][] = [
    [one.newFailures.length - worse, 'fail newly'],
    [worse, 'fail more often'],
    [one.broken.length, one.broken.length === 1 ? 'step broke off' : 'steps broke off'],
    [one.passed, 'passed'],
    [one.unclear?.length ?? 0, 'unclear'],
    [one.flaky?.length ?? 0, 'flaky'],
    [one.reported?.length ?? 0, 'known'],
    [one.known, 'fail without it, too'],
    [one.mended.length, 'mended'],
  ]
  return counts
    .filter(([count]) => count > 0)
    .map(([count, word]) => `${count} ${word}`)
    .join(', ')
}

const imageWords: Record<ImageVerdict['kind'], [string, Standing['mood']]> = {
  passed: ['passed', 'ok'],
  'new-failures': ['new failures', 'not-ok'],
  untested: ['not tested', ''],
}

export const imageLine = (one: ImageVerdict): ImageLine => {
  const [said, mood] = imageWords[one.kind]
  const why = one.why === '' ? '' : oneLine(one.why, 200)
  return {
    ...{ image: one.image, mood, said, counts: [countsOn(one), why].filter(Boolean).join('; ') },
    ...{ run: one.run, log: one.log, console: one.console, screenshot: one.screenshot },
  }
}

/** How a task stands, in words. */
export const sayTaskState = ({ state }: Task): string => {
  if (state.at === 'done') return oneLine(sayOutcome(state.outcome), 300)
  if (state.at === 'cancelled') return `cancelled: ${oneLine(state.why, 200)}`
  if (state.at === 'running') return `runs on ${state.host}`
  return state.attempt > 1 ? `waits for try ${state.attempt}` : 'waits'
}

export type ProbeLine = {
  why: string
  image: string
  step: string
  with: string
  without: string
  open: number
}

const probeWords: Record<NonNullable<Task['probe']>['why'], string> = {
  likely: 'likely to be touched',
  screen: 'failed, looked at again',
  proof: 'in turn, with and without',
  bisect: 'to find the patch',
}

const failedIn = ({ state }: Task): boolean =>
  state.at === 'done' &&
  state.outcome.kind === 'tested' &&
  state.outcome.steps.some(
    ({ report, ending }) =>
      ending.kind !== 'finished' ||
      report.tests.some(({ outcome }) => outcome === 'failed' || outcome === 'error'),
  )

const sayRuns = (tasks: Task[]): string => {
  const over = tasks.filter(({ state }) => state.at === 'done' && state.outcome.kind === 'tested')
  return over.length === 0 ? '–' : `${over.filter(failedIn).length} of ${over.length}`
}

/** Runs for proof, in groups. */
export const probeLines = (tasks: Task[]): ProbeLine[] => {
  const probes = tasks.flatMap(task => (task.probe ? [{ task, probe: task.probe }] : []))
  const groups = Map.groupBy(probes, ({ task, probe }) => JSON.stringify([probe.why, task.image, probe.step]))
  return [...groups.values()].slice(0, 60).flatMap(group => {
    const [first] = group
    if (!first) return []
    const on = (isSide: boolean) =>
      group.filter(({ probe }) => (probe.side !== 'without') === isSide).map(({ task }) => task)
    return {
      ...{ why: probeWords[first.probe.why], image: first.task.image, step: oneLine(first.probe.step, 80) },
      ...{ with: sayRuns(on(true)), without: sayRuns(on(false)) },
      open: group.filter(({ task }) => !isOver(task)).length,
    }
  })
}
