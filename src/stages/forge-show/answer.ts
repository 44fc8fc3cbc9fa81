// Answers to commands in comments, as Markdown. What was simply done needs no words: a reaction shows it.
import { code } from '../../text/markdown.ts'
import { headline } from './result.ts'
import type { ShowView } from './view.ts'
import { standings } from './wanted.ts'

const signs = { queued: 'waits', in_progress: 'runs', completed: 'done' } as const

/** status: where each check stands at this moment. */
export const statusText = (view: ShowView): string => {
  const { series, verdict } = view
  if (series.state.at === 'superseded') return 'A newer version took the place of this one.'
  return [
    verdict ? `${headline(view, verdict)}.` : 'It is not decided yet. This is how it stands:',
    '',
    ...standings(view).map(({ name, at, title }) => `- ${code(name, 60)}: ${signs[at]} (${title})`),
  ].join('\n')
}

/** help: all that can be said in a comment. */
export const helpText = (usages: string[]): string =>
  [
    'I do what stands on a line of its own in a comment on a pull request:',
    '',
    ...usages.map(usage => `- ${code(usage)}`),
    '',
    'What you quote is not read, and a comment may hold three commands.',
  ].join('\n')

/** refused, not understood: why, and what else there is. */
export const refusalText = (why: string, list: string[] = []): string =>
  [why, ...(list.length > 0 ? ['', ...list.slice(0, 30).map(one => `- ${code(one, 80)}`)] : [])].join('\n')
