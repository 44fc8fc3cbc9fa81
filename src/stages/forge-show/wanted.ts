// forge-show: what is known of a series → what should stand on the forge. Pure; what stands there is compared with it, and the difference
// is written: so nothing is ever "sent", and whatever a crash or an outage left out follows by itself.
import { listed, plural } from '../../model/words.ts'
import type { Check, Status } from '../../ports/forge.ts'
import { oneLine } from '../../text/clean.ts'
import { code, fitted, link } from '../../text/markdown.ts'
import { buildAnnotations, testAnnotations } from './annotations.ts'
import { buildStanding } from './build.ts'
import { imageStanding } from './image.ts'
import { details, headline, needsWords } from './result.ts'
import { type ShowView, type Standing, thingOf } from './view.ts'

/** GitHub takes 65,535 characters in a summary, text or comment, and 140 in a status. */
const maxMarkdown = 60_000
const maxDescription = 140
const maxTitle = 200

/** By it the one comment of ours on a pull request is found; it does not show. */
export const commentMark = 'grapevine:result'

export type Wanted = {
  /** Of a pull request's head. */
  checks: Check[]
  /** undefined: none, or what stands there stays. `needed`: false: only if there is one already. */
  comment: { text: string; needed: boolean } | undefined
  /** Of a commit that was pushed for a series of the list. */
  statuses: Status[]
  /** Where such a series stands; undefined: it has no place there (any more). */
  branch: string | undefined
}

const nothing: Wanted = { checks: [], comment: undefined, statuses: [], branch: undefined }

export const branchOf = ({ id, version }: { id: string; version: number }): string =>
  `series/${id}-v${version}`

/** All that is shown of a series: its build, then each image. */
export const standings = (view: ShowView): Standing[] => {
  const isStopped = view.verdict === undefined && view.series.state.at === 'held'
  const images = isStopped ? [] : view.images
  return [buildStanding(view), ...images.map(image => imageStanding(view, image))]
}

const checkOf = (view: ShowView, standing: Standing, head: string): Check => {
  const { name, at, conclusion, startedAt, endedAt, url, title, summary, text } = standing
  const { id, round = 0, state } = view.series
  // What was completed stays so: when it is let go, a new check begins.
  const turn = state.at === 'held' ? `${round}-held` : round
  const marks = (verdict: NonNullable<ShowView['verdict']>) =>
    name === 'build' ? buildAnnotations(view, verdict) : testAnnotations(view, verdict, name)
  return {
    name: `grapevine/${name}`,
    externalId: `${id}/${turn}/${name}`,
    ...{ head, status: at, url, title: oneLine(title, maxTitle), summary: fitted(summary, maxMarkdown) },
    ...(at === 'completed' && conclusion ? { conclusion } : {}),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(at === 'completed' && endedAt !== undefined ? { endedAt } : {}),
    ...(text === undefined ? {} : { text: fitted(text, maxMarkdown) }),
    annotations: view.verdict ? marks(view.verdict) : [],
  }
}

/** A status knows no "neither": what was not tested is no success, and not the change's failure either. */
const statusStates: Record<NonNullable<Standing['conclusion']>, Status['state']> = {
  success: 'success',
  failure: 'failure',
  neutral: 'error',
  cancelled: 'error',
  skipped: 'error',
  action_required: 'pending',
}

const statusOf = ({ name, at, conclusion, title, url }: Standing): Status => ({
  context: `grapevine/${name}`,
  state: at !== 'completed' || conclusion === undefined ? 'pending' : statusStates[conclusion],
  description: oneLine(title, maxDescription - 30).slice(0, maxDescription),
  url,
})

const imagesOf = ({ verdict }: ShowView): string[] => {
  const images = verdict?.images ?? []
  return images.length === 0
    ? []
    : [
        '| | |',
        '|---|---|',
        ...images.map(image => {
          const mark = { passed: 'well', 'new-failures': '**failed**', untested: 'not tested' }[image.kind]
          const passed = image.kind === 'untested' ? '' : ` (${plural(image.passed, 'test')} passed)`
          return `| ${code(image.image, 40)} | ${mark}${passed} |`
        }),
        '',
      ]
}

/** Somebody asked for some images only: of the others an earlier verdict still holds. */
const onlyLine = ({ series: { wish } }: ShowView): string[] =>
  wish?.images === undefined || wish.images.length === 0
    ? []
    : [
        `Only ${listed(wish.images.slice(0, 10).map(image => code(image, 40)))} ${wish.images.length === 1 ? 'was' : 'were'} asked for this time; the other checks stand as they were.`,
        '',
      ]

const resultLines = (view: ShowView, head: string): string[] => {
  const { verdict, series, pages } = view
  const commit = code(head.slice(0, 12))
  const pageLine = pages ? [link('All results, logs and evidence', pages.series), ''] : []
  if (verdict === undefined)
    return series.state.at === 'held'
      ? [
          `**This pull request waits for a maintainer**, because ${oneLine(series.state.why, 200)}. Nothing of it is run before somebody with write access lets it go by a comment:`,
          '',
          '    /grapevine release',
          '',
        ]
      : [`**It is being tested** (${commit}). What is found will stand here.`, '', ...pageLine]
  return [
    `**${headline(view, verdict)}** (${commit}).`,
    '',
    ...imagesOf(view),
    ...onlyLine(view),
    ...details(view, verdict),
    ...pageLine,
  ]
}

/** Quoted, so that nobody takes it for words of ours. */
const answerLines = ({ answers }: ShowView): string[] =>
  answers
    .slice(-3)
    .flatMap(({ who, line, text }) => [
      `To ${code(line, 200)} by ${code(who, 60)}:`,
      '',
      ...text.split('\n').map(one => `> ${one}`.trimEnd()),
      '',
    ])

const foot = (view: ShowView): string =>
  `<sub>I am a program. A comment with \`/grapevine help\` on a line of its own tells what I can do; \`/grapevine retest\` tests this ${thingOf(view.series)} once more.</sub>`

/** One that is there already is never left with old words. */
const commentOf = (view: ShowView, head: string): Wanted['comment'] => {
  const { verdict, series, answers } = view
  const lines = [...resultLines(view, head), ...answerLines(view)]
  const needed =
    answers.length > 0 || (verdict === undefined ? series.state.at === 'held' : needsWords(verdict))
  const text = `${fitted(lines.join('\n').trim(), maxMarkdown)}\n\n${foot(view)}`
  return { text, needed }
}

/** What should stand on the forge. A version that was replaced has no place there any more; what is finished of it stays as it was. */
export const wantedOn = (view: ShowView): Wanted => {
  const { series } = view
  const { origin, state } = series
  if (state.at === 'superseded' || state.at === 'collecting') return nothing
  if (origin.from !== 'forge')
    return { ...nothing, statuses: standings(view).map(statusOf), branch: branchOf(series) }
  const { head } = origin.pull
  return {
    ...nothing,
    checks: standings(view).map(standing => checkOf(view, standing, head)),
    comment: commentOf(view, head),
  }
}

/** A pull request whose head cannot be tested: a check and a comment that say why. */
export const wantedOfUnusable = ({ head, why }: { head: string; why: string }): Wanted => ({
  ...nothing,
  checks: [
    {
      ...{ name: 'grapevine/build', externalId: `unusable/${head}`, head, url: undefined, annotations: [] },
      ...{ status: 'completed', conclusion: 'neutral', title: 'It cannot be tested' },
      summary: `I cannot test this: ${code(why, 400)}.`,
    },
  ],
  comment: {
    text: `**I cannot test this** (${code(head.slice(0, 12))}): ${code(why, 400)}.`,
    needed: true,
  },
})

/** A check that was begun and that nobody waits for any more. */
export const abandoned = (check: { name: string; externalId: string; head: string; why: string }): Check => ({
  ...{ name: check.name, externalId: check.externalId, head: check.head },
  ...{ status: 'completed', conclusion: 'cancelled', url: undefined, annotations: [] },
  ...{ title: 'Not tested any more', summary: `${check.why}.` },
})
