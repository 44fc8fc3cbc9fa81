// A test task: the artifacts in a fresh clone of the test image, then each test step and its report.
import type { Chosen } from '../../model/concern.ts'
import { Fault } from '../../model/fault.ts'
import type { BlobId, Job, Outcome, TestedStep } from '../../model/job.ts'
import type { TestStep } from '../../model/recipe.ts'
import { isGuestsDoing } from '../../model/run.ts'
import type { Blobs } from '../../ports/blobs.ts'
import type { Clone, TemplateSpec } from '../../ports/farm.ts'
import { sayOursIn } from '../../text/ending.ts'
import { onlyCommand } from '../../text/only.ts'
import { skippedOf } from './chosen.ts'
import { command, sourceFolder } from './guest.ts'
import type { Journal } from './journal.ts'
import { clearReports, fetchReports, reportOfStep } from './report-files.ts'

/** The template of a test: the image as it comes up, for all projects and bases. */
export const testTemplate = (image: string): TemplateSpec => ({
  label: image,
  image,
  content: 'as booted',
  files: [],
  prepare: [],
})

export type TestInput = {
  job: Job
  artifact: BlobId | undefined
  /** What is run of each step; undefined: everything. */
  chosen?: Chosen[] | undefined
  /** A fresh clone, answering. Called again after a step that ruined the one before. */
  lease: () => Promise<Clone>
  blobs: Blobs
  journal: Journal
  signal: AbortSignal
}

const bring = async ({ artifact, lease, blobs }: TestInput): Promise<Clone> => {
  const clone = await lease()
  if (artifact === undefined) return clone
  const size = await blobs.size(artifact)
  // Without what was built every test fails, and the patch would be blamed for it.
  if (size === undefined) throw new Fault('damaged', 'later', `the build's artifact ${artifact} is gone`)
  await clone.write(sourceFolder, { size, stream: blobs.stream(artifact) }, { untar: true })
  return clone
}

/** Runs all steps; each one that did not end by itself costs its clone, and the next begins in a fresh one. Throws the farm's Faults. */
export const test = async (input: TestInput): Promise<Outcome> => {
  const { job, chosen = [], journal, signal } = input
  const steps: TestedStep[] = []
  let clone: Clone | undefined
  for (const step of job.recipe.test.steps) {
    const choice = chosen.find(one => one.step === step.name)
    if (choice?.run === 'none') continue
    clone ??= await bring(input)
    await clearReports(clone, step, signal)
    const { outcome, output } = await journal.exec(clone, command(chosenStep(step, choice)), signal)
    if (!isGuestsDoing(outcome.ending)) {
      return { kind: 'ours', what: outcome.ending.kind, detail: sayOursIn(outcome) }
    }
    const { ending } = outcome
    // After another ending the clone is gone, and its files with it.
    const lives = ending.kind === 'finished' || ending.kind === 'timed-out'
    const found = lives
      ? await fetchReports(clone, step, signal)
      : step.files && { files: [], trouble: undefined }
    const report = reportOfStep(step, { output, ending, found })
    const leftOut = choice?.run === 'some' ? { leftOut: { tests: choice.leftOut, why: choice.why } } : {}
    steps.push({ ...outcome, format: step.report, report, ...leftOut })
    if (outcome.ending.kind !== 'finished') clone = undefined
  }
  const skipped = skippedOf(chosen)
  return { kind: 'tested', steps, ...(skipped.length > 0 ? { skipped } : {}) }
}

/** The step as it is run: whole, or only the chosen tests. */
const chosenStep = (step: TestStep, choice: Chosen | undefined): TestStep => {
  const run = choice?.run === 'some' ? onlyCommand(step, choice.tests) : undefined
  return run === undefined ? step : { ...step, run }
}
