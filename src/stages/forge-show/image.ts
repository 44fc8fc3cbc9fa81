// One image's check: queued, running, looked at more closely, and what was found there in the end.
import { countsOf } from '../../model/counting.ts'
import { firstTasks, type Outcome, type Task } from '../../model/job.ts'
import { isFailure } from '../../model/report.ts'
import type { Stop } from '../../model/stop.ts'
import type { ImageVerdict, Verdict } from '../../model/verdict.ts'
import { plural } from '../../model/words.ts'
import { oneLine } from '../../text/clean.ts'
import { code, link } from '../../text/markdown.ts'
import { failureLines, otherLines } from './failures.ts'
import { type ShowView, type Standing, sayWaits, thingOf } from './view.ts'

type Found = Pick<Standing, 'title' | 'summary'> & { conclusion: NonNullable<Standing['conclusion']> }

const countWords = (image: ImageVerdict): string => {
  const { fresh, worse, steps, unclear } = countsOf([image])
  return [
    ...(fresh > 0 ? [plural(fresh, 'new failure')] : []),
    ...(worse > 0 ? [`${plural(worse, 'test')} worse`] : []),
    ...(steps > 0 ? [`${plural(steps, 'step')} broken off`] : []),
    ...(unclear > 0 ? [`${unclear} unclear`] : []),
    `${plural(image.passed, 'test')} passed`,
    ...(image.known > 0 ? [`${image.known} ${image.known === 1 ? 'fails' : 'fail'} anyhow`] : []),
  ].join(', ')
}

const foundOn = (image: ImageVerdict, thing: string): Found => {
  switch (image.kind) {
    case 'passed':
      return {
        conclusion: 'success',
        title: countWords(image),
        summary: `Nothing fails here because of this ${thing}.`,
      }
    case 'new-failures':
      return {
        conclusion: 'failure',
        title: countWords(image),
        summary: failureLines(image, thing).join('\n').trim(),
      }
    case 'untested':
      return {
        conclusion: 'neutral',
        title: `Not tested: ${oneLine(image.why, 120)}`,
        summary: `It was not tested here: ${code(image.why, 300)}. That is no fault of this ${thing}.`,
      }
  }
}

/** There is a verdict, and nothing about this image in it. */
const withoutImage = ({ finding }: Verdict, thing: string): Found => {
  switch (finding.kind) {
    case 'build-broken':
      return {
        conclusion: 'skipped',
        title: 'Not tested: it does not build',
        summary: 'See `grapevine/build`.',
      }
    case 'does-not-apply':
    case 'damaged':
    case 'unsafe':
      return {
        ...{
          conclusion: 'skipped',
          title: 'Not tested: it was not applied',
          summary: 'See `grapevine/build`.',
        },
      }
    case 'cancelled':
      return { conclusion: 'cancelled', title: 'Cancelled', summary: 'Somebody cancelled it.' }
    case 'nothing-to-test':
    case 'all-well':
    case 'new-failures':
      return {
        ...{ conclusion: 'skipped', title: 'Nothing to test here' },
        summary: `No test here is concerned by this ${thing}.`,
      }
    case 'already-applied':
      return { conclusion: 'skipped', title: 'Nothing to test', summary: 'See `grapevine/build`.' }
    case 'base-unknown':
    case 'base-broken':
    case 'incomplete':
    case 'ours':
      return { conclusion: 'neutral', title: 'Not tested', summary: 'See `grapevine/build`.' }
  }
}

const isClean = (outcome: Outcome): outcome is Extract<Outcome, { kind: 'tested' }> =>
  outcome.kind === 'tested' &&
  outcome.steps.length > 0 &&
  outcome.steps.every(
    ({ ending, report }) =>
      ending.kind === 'finished' &&
      ending.exitCode === 0 &&
      report.state === 'whole' &&
      !report.tests.some(one => isFailure(one.outcome)),
  )

/** Before the verdict. Where every test passed, the verdict cannot say anything else. */
const underway = (task: Task | undefined, stops: Stop[]): Omit<Standing, 'name' | 'url'> => {
  const state = task?.state
  if (state?.at === 'running')
    return { at: 'in_progress', title: 'Being tested', summary: 'The tests run.', startedAt: state.since }
  if (state?.at === 'cancelled') return { at: 'queued', title: 'Stopped', summary: 'It was stopped.' }
  if (state?.at !== 'done') return { at: 'queued', title: 'Waits to be tested', summary: sayWaits(stops) }
  if (isClean(state.outcome)) {
    const passed = state.outcome.steps.flatMap(({ report }) =>
      report.tests.filter(({ outcome }) => outcome === 'passed'),
    ).length
    return {
      ...{ at: 'completed', conclusion: 'success', title: `${plural(passed, 'test')} passed` },
      summary: 'Everything that was run passed.',
    }
  }
  return {
    ...{ at: 'in_progress', title: 'Tested; what failed is looked at more closely' },
    summary:
      'Something failed. It is run again, with and without the change, before it is held against anybody.',
  }
}

const logLine = (view: ShowView, image: ImageVerdict | undefined): string[] =>
  view.pages && image?.run !== undefined ? ['', link('Log and evidence', view.pages.run(image.run))] : []

/** While the build waits, what holds that back; then what holds back this image. */
const stopsFor = ({ tasks, stops }: ShowView, name: string): Stop[] =>
  firstTasks(tasks).build?.state.at === 'queued'
    ? stops
    : stops.filter(stop => stop.on === 'queue' || stop.image === name)

/** The check of one image. */
export const imageStanding = (view: ShowView, name: string): Standing => {
  const { series, tasks, verdict, pages } = view
  const thing = thingOf(series)
  const task = firstTasks(tasks).tests.find(one => one.image === name)
  const image = verdict?.images.find(one => one.image === name)
  const running = task?.state.at === 'running' ? task.state.run : undefined
  const run = image?.run ?? running
  const url = run === undefined ? pages?.series : pages?.run(run)
  if (verdict === undefined) return { name, url, ...underway(task, stopsFor(view, name)) }
  const found = image ? foundOn(image, thing) : withoutImage(verdict, thing)
  const others = image ? otherLines(image).join('\n').trim() : ''
  return {
    ...{ name, url, at: 'completed', ...found, endedAt: verdict.decidedAt },
    summary: [found.summary, ...logLine(view, image)].join('\n'),
    ...(others === '' ? {} : { text: others }),
  }
}
