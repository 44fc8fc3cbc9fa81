// What a probe runs: one step, or only some of its tests.
import type { Job, Probe } from '../../model/job.ts'
import { onlyCommand } from '../../text/only.ts'

/** A shell takes 128 KiB as one argument (Linux, MAX_ARG_STRLEN); with room for what stands around it. */
const maxCommand = 100_000

/** The job with nothing to test but what the probe is for. Where its list of tests is too long for a command, the step is run whole. */
export const probedJob = (job: Job, { step: name, tests }: Probe): Job => {
  const steps = job.recipe.test.steps
    .filter(step => step.name === name)
    .map(step => {
      const run = tests && onlyCommand(step, tests)
      return run === undefined || Buffer.byteLength(run) > maxCommand ? step : { ...step, run }
    })
  return { ...job, recipe: { ...job.recipe, test: { ...job.recipe.test, steps } } }
}
