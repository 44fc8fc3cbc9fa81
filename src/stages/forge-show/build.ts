// The check of the build: whether it applies and builds, and, where nothing can be tested, why.
import { firstTasks } from '../../model/job.ts'
import type { Verdict } from '../../model/verdict.ts'
import { plural } from '../../model/words.ts'
import { oneLine } from '../../text/clean.ts'
import { code } from '../../text/markdown.ts'
import { details, headline } from './result.ts'
import { type ShowView, type Standing, sayWaits, thingOf } from './view.ts'

type Put = Omit<Standing, 'name' | 'url'>

const conclusions: Record<Verdict['finding']['kind'], NonNullable<Standing['conclusion']>> = {
  'all-well': 'success',
  'new-failures': 'success',
  'nothing-to-test': 'success',
  'does-not-apply': 'failure',
  damaged: 'failure',
  unsafe: 'failure',
  'build-broken': 'failure',
  'already-applied': 'neutral',
  'base-unknown': 'neutral',
  'base-broken': 'neutral',
  incomplete: 'neutral',
  ours: 'neutral',
  cancelled: 'cancelled',
}

/** Of what somebody else has to mend nobody here is to blame. */
const conclusionOf = ({ finding }: Verdict): NonNullable<Standing['conclusion']> =>
  finding.kind === 'does-not-apply' && finding.before !== undefined ? 'neutral' : conclusions[finding.kind]

const warned = (count: number): string => (count === 0 ? '' : `, ${plural(count, 'new warning')}`)

const decided = (view: ShowView, verdict: Verdict): Put => {
  const { finding, warnings = [] } = verdict
  const isBuilt = finding.kind === 'all-well' || finding.kind === 'new-failures'
  const { total } = view.series
  const of = total === 1 ? '1 patch' : `${total} patches`
  const title = isBuilt ? `Applies and builds${warned(warnings.length)}` : headline(view, verdict)
  // What tests found stands at the images.
  const said = isBuilt ? { ...verdict, finding: { kind: 'all-well' as const } } : verdict
  const more = [...details(view, said), ...lackingLines(verdict)]
  // The title stands above it.
  const summary = isBuilt || more.length === 0 ? [`${title}${isBuilt ? ` (${of})` : ''}.`, '', ...more] : more
  return {
    ...{ at: 'completed', conclusion: conclusionOf(verdict), title, endedAt: verdict.decidedAt },
    summary: summary.join('\n').trim(),
  }
}

const lackingLines = ({ lacking = [] }: Verdict): string[] =>
  lacking.length === 0
    ? []
    : [
        'It was tested without this, which it says that it needs:',
        '',
        ...lacking.slice(0, 10).map(({ id, title }) => `- ${code(title ?? id, 120)}`),
        '',
      ]

const underway = ({ series, tasks, stops }: ShowView): Put => {
  const { state } = series
  const thing = thingOf(series)
  if (state.at === 'held')
    return {
      ...{ at: 'completed', conclusion: 'action_required', title: 'Waits for a maintainer' },
      summary: `This ${thing} is not tested yet: ${oneLine(state.why, 200)}. A maintainer lets it go by a comment: \`/grapevine release\`.`,
    }
  const task = firstTasks(tasks).build?.state
  if (task?.at === 'running')
    return {
      at: 'in_progress',
      title: 'Being built',
      summary: 'It is applied and built.',
      startedAt: task.since,
    }
  if (task?.at !== 'done') return { at: 'queued', title: 'Waits to be built', summary: sayWaits(stops) }
  if (task.outcome.kind === 'built')
    return {
      ...{ at: 'completed', conclusion: 'success', title: 'Applies and builds' },
      summary: 'It applies and builds; what the tests say stands at the images.',
    }
  return {
    ...{ at: 'in_progress', title: 'It failed; why is looked at more closely' },
    summary: 'Something failed. Nothing is held against anybody before the base has passed the same step.',
  }
}

/** The check of the build. */
export const buildStanding = (view: ShowView): Standing => {
  const { verdict, pages, tasks } = view
  const state = firstTasks(tasks).build?.state
  const url = state?.at === 'running' ? pages?.run(state.run) : pages?.series
  return { name: 'build', url, ...(verdict ? decided(view, verdict) : underway(view)) }
}
