// What a verdict holds against its patches, as it is kept: one blame for each failure. Pure.
import type { Blame } from '../../model/blame.ts'
import type { Instant } from '../../model/instant.ts'
import type { Job, RunRecord, Task } from '../../model/job.ts'
import { firstTasks } from '../../model/job.ts'
import type { Ending } from '../../model/run.ts'
import type { Series } from '../../model/series.ts'
import type { ImageVerdict, Verdict } from '../../model/verdict.ts'
import { oneLine } from '../../text/clean.ts'
import { contentId } from '../../text/digest.ts'

type Of = { job: Job; series: Series; tasks: Task[]; runs: RunRecord[]; now: Instant }

/** A hundred failures of one image tell as much as thousands. */
const maxOfImage = 100

/** What differs from one clone and run to the next stands for nothing: numbers, addresses, and where things lie. */
export const signOf = (said: string): string =>
  oneLine(
    said
      .slice(0, 600)
      .replace(/\/(?:var\/)?tmp\/[^\s:'")]*/g, '/tmp/#')
      .replaceAll('/grapevine/source/', '')
      .replace(/\b[0-9a-f]{4,}-[0-9a-f-]{8,}\b/gi, '#')
      .replace(/\b(?:0x[0-9a-f]+|(?=[0-9a-f]*\d)[0-9a-f]{6,})\b/gi, '#')
      .replace(/\d+/g, '#'),
    200,
  )

const sayEnd = (ending: Ending): string =>
  ending.kind === 'finished' ? `exit code ${ending.exitCode}` : ending.kind

const lastRun = (runs: RunRecord[], task: Task | undefined): RunRecord | undefined =>
  runs.findLast(run => run.task === task?.id && run.outcome !== undefined)

type Told = Pick<Blame, 'step' | 'test' | 'sign' | 'without'>

const ofImage = ({ newFailures, broken }: ImageVerdict): Told[] => {
  const steps = new Set(broken.map(({ step }) => step))
  return [
    ...broken.map(({ step, ending, why, proof }) => ({
      ...{
        step,
        test: '',
        sign: signOf(ending.kind === 'finished' ? why || sayEnd(ending) : sayEnd(ending)),
      },
      ...(proof ? { without: proof.without } : {}),
    })),
    // What fails in a step that broke off may only have been cut off.
    ...newFailures
      .filter(({ step }) => !steps.has(step))
      .map(({ step, test, message, proof }) => ({
        ...{ step: oneLine(step), test: oneLine(test, 200), sign: signOf(message) },
        ...(proof ? { without: proof.without } : {}),
      })),
  ].slice(0, maxOfImage)
}

/** Each failure that the verdict would tell as the patches' doing; [] if it tells none. The same verdict gives the same ids. */
export const blamesOf = ({ job, series, tasks, runs, now }: Of, verdict: Verdict): Blame[] => {
  const { build, tests } = firstTasks(tasks)
  const builtOn = lastRun(runs, build)?.host
  const blame = (image: string, host: string | undefined, told: Told): Blame => ({
    id: `f${contentId(31, job.id, image, told.step, told.test, told.sign)}`,
    ...{ project: job.project, job: job.id, series: series.id, base: job.base, at: now },
    author: series.author.address.toLowerCase(),
    ...{ image, host: host ?? 'unknown' },
    ...told,
    ...(job.before?.length ? { kin: job.before.map(one => one.series) } : {}),
  })
  const { finding } = verdict
  if (finding.kind === 'build-broken') {
    const { step, errors, ending } = finding
    const image = build?.image ?? job.recipe.build.image
    return [blame(image, builtOn, { step, test: '', sign: signOf(errors[0] ?? sayEnd(ending)) })]
  }
  return verdict.images.flatMap(image => {
    const own = tests.find(task => task.image === image.image)
    const run = runs.find(({ id }) => id === image.run) ?? lastRun(runs, own)
    return ofImage(image).map(told => ({
      ...blame(image.image, run?.host, told),
      ...(builtOn === undefined ? {} : { builtOn }),
    }))
  })
}
