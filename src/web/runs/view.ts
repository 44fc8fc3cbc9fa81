// One run as its page shows it: what it was for, how it went, what is kept of it. Pure.
import type { Instant } from '../../model/instant.ts'
import {
  type Job,
  type RunRecord,
  type StepOutcome,
  stepsOf,
  type Task,
  type TestedStep,
} from '../../model/job.ts'
import { isFailure, type TestResult } from '../../model/report.ts'
import { leaves } from '../../model/test-name.ts'
import { capital } from '../../model/words.ts'
import { oneLine } from '../../text/clean.ts'
import { sayEnding } from '../../text/ending.ts'
import { sayOutcome, sayTask } from '../../text/outcome.ts'

export type ShownStep = {
  name: string
  ended: string
  isGood: boolean
  passed: number | undefined
  failed: number | undefined
  /** First line of it in the log, 1-based. */
  line: number
}

export type ShownFailure = { step: string; test: string; message: string; line: number }

export type RunView = {
  id: string
  title: string
  image: string
  host: string
  attempt: number
  startedAt: Instant
  endedAt: Instant | undefined
  /** running · over · lost: its task went on without it. */
  state: 'running' | 'over' | 'lost'
  /** How it went, in a line. */
  said: string
  isGood: boolean | undefined
  steps: ShownStep[]
  failures: ShownFailure[]
  moreFailures: number
  errors: string[]
  /** Names of what is kept, like log and console. */
  kept: string[]
}

const maxFailures = 200

const reportOf = (step: StepOutcome | TestedStep): TestResult[] | undefined =>
  'report' in step ? step.report.tests : undefined

const failuresOf = (tests: TestResult[]): TestResult[] =>
  leaves(tests.filter(({ outcome }) => isFailure(outcome)))

/** Many programs end with exit code 0 though tests failed: their report has a say as well. */
const isGoodStep = (step: StepOutcome | TestedStep): boolean =>
  step.ending.kind === 'finished' &&
  step.ending.exitCode === 0 &&
  failuresOf(reportOf(step) ?? []).length === 0

const shownStep = (step: StepOutcome | TestedStep): ShownStep => {
  const tests = reportOf(step)
  return {
    ...{ name: oneLine(step.name, 100), ended: sayEnding(step.ending), isGood: isGoodStep(step) },
    passed: tests?.filter(({ outcome }) => outcome === 'passed' || outcome === 'todo-passed').length,
    failed: tests && failuresOf(tests).length,
    line: step.lines[0],
  }
}

const isGoodRun = ({ outcome }: RunRecord): boolean | undefined => {
  if (outcome === undefined || outcome.kind === 'ours') return undefined
  if (outcome.kind === 'built') return true
  if (outcome.kind === 'walked') return outcome.broken.length === 0
  return outcome.kind === 'tested' && stepsOf(outcome).every(isGoodStep)
}

const stateOf = ({ id, endedAt, outcome }: RunRecord, { state }: Task): RunView['state'] => {
  if (endedAt !== undefined || outcome !== undefined) return 'over'
  return state.at === 'running' && state.run === id ? 'running' : 'lost'
}

/** How a run went, in a line. */
export const sayRun = (run: RunRecord, task: Task): string => {
  if (run.outcome) return oneLine(sayOutcome(run.outcome), 300)
  return stateOf(run, task) === 'running' ? 'runs now' : 'was cut off: its host was lost or stopped'
}

const errorsOf = ({ outcome }: RunRecord): string[] => {
  if (outcome?.kind === 'build-failed') return outcome.errors
  if (outcome?.kind === 'does-not-apply') return outcome.tail
  if (outcome?.kind === 'walked') return outcome.broken.flatMap(({ errors }) => errors)
  return []
}

export const runView = (run: RunRecord, task: Task): RunView => {
  const steps = stepsOf(run.outcome)
  const failures = steps.flatMap(step =>
    failuresOf(reportOf(step) ?? []).map(({ test, message, line }) => ({
      ...{ step: step.name, test, message: oneLine(message, 200) },
      line: step.lines[0] + Math.max(0, line - 1),
    })),
  )
  return {
    ...{ id: run.id, image: task.image, host: run.host, attempt: run.attempt, startedAt: run.startedAt },
    ...{ endedAt: run.endedAt, state: stateOf(run, task), said: sayRun(run, task), isGood: isGoodRun(run) },
    title: `${capital(sayTask(task))} on ${task.image}`,
    steps: steps.map(shownStep),
    failures: failures.slice(0, maxFailures),
    moreFailures: Math.max(0, failures.length - maxFailures),
    errors: errorsOf(run)
      .slice(0, 30)
      .map(line => oneLine(line, 300)),
    kept: Object.keys(run.evidence),
  }
}

/** `a3f2c1d on main`. */
export const sayBase = ({ base, baseName }: Pick<Job, 'base' | 'baseName'>): string =>
  `${base.slice(0, 12)} (${oneLine(baseName, 80)})`
