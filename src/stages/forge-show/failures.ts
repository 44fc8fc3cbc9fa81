// What fails on one image, as Markdown: each test with its first words and the numbers that speak for it.
import type { ImageVerdict, NewFailure, OtherFailure, Proof } from '../../model/verdict.ts'
import { plural } from '../../model/words.ts'
import { sayEnding } from '../../text/ending.ts'
import { block, code } from '../../text/markdown.ts'

/** More rows nobody reads in a check; the log has them all. */
const maxRows = 30
const maxOthers = 20
const maxTail = 8

/** `failed in 6 of 6 runs with it, and in 0 of 6 without`; '' where nothing was counted. */
export const sayNumbers = (proof: Proof | undefined): string => {
  if (proof === undefined || proof.with.runs === 0) return ''
  const { with: patched, without, history } = proof
  const said = `in ${patched.failed} of ${plural(patched.runs, 'run')} with it`
  if (without.runs > 0) return `${said}, in ${without.failed} of ${without.runs} without`
  return history && history.runs > 0
    ? `${said}, in ${history.failed} of ${history.runs} before without`
    : said
}

const firstLine = (text: string): string => text.split('\n').find(line => line.trim() !== '') ?? ''

const behind = (words: string): string => (words === '' ? '' : `: ${words}`)
const inBrackets = (words: string): string => (words === '' ? '' : ` (${words})`)

const nameOf = ({ step, test }: { step: string; test: string }): string =>
  test === '' ? `step ${code(step, 60)} as a whole` : code(test)

const row = (failure: NewFailure): string =>
  `- ${nameOf(failure)}${behind(code(firstLine(failure.message), 200))}${inBrackets(sayNumbers(failure.proof))}`

const rows = <T>(all: T[], max: number, say: (one: T) => string): string[] => [
  ...all.slice(0, max).map(say),
  ...(all.length > max ? [`- … and ${all.length - max} more`] : []),
]

/** Failures that are held against the change, besides those of steps that broke off. */
export const ownFailures = ({ newFailures, broken }: ImageVerdict): NewFailure[] =>
  newFailures.filter(({ step }) => !broken.some(other => other.step === step))

type Broken = ImageVerdict['broken'][number]

const brokenLines = ({ step, ending, why, tail, proof }: Broken): string[] => {
  const said = ending.kind === 'finished' ? `cannot be trusted${behind(code(why, 200))}` : sayEnding(ending)
  const last = tail.filter(line => line.trim() !== '').slice(-maxTail)
  return [
    `Step ${code(step, 60)} ${said}${inBrackets(sayNumbers(proof))}.`,
    ...(last.length > 0 ? ['', 'It printed last:', '', block(last)] : []),
    '',
  ]
}

/** What is held against the change, as paragraphs. `max`: so many tests of a kind. */
export const failureLines = (image: ImageVerdict, thing: string, max = maxRows): string[] => {
  const own = ownFailures(image)
  const fresh = own.filter(({ kind }) => kind !== 'worse')
  const worse = own.filter(({ kind }) => kind === 'worse')
  const group = (some: NewFailure[], words: string): string[] =>
    some.length === 0 ? [] : [words, '', ...rows(some, max, row), '']
  return [
    ...group(
      fresh,
      `${plural(fresh.length, 'test')} ${fresh.length === 1 ? 'fails' : 'fail'} with this ${thing} and ${fresh.length === 1 ? 'passes' : 'pass'} without it:`,
    ),
    ...group(
      worse,
      `${plural(worse.length, 'test')} ${worse.length === 1 ? 'fails' : 'fail'} more often with this ${thing} than without it:`,
    ),
    ...image.broken.slice(0, 3).flatMap(brokenLines),
    ...(image.broken.length > 3
      ? [`${image.broken.length - 3} more steps did not come to a good end.`, '']
      : []),
  ]
}

const otherRow = ({ step, test, proof }: OtherFailure): string =>
  `- ${nameOf({ step, test })}${inBrackets(sayNumbers(proof))}`

/** What is not held against it, for who wonders. */
export const otherLines = (image: ImageVerdict): string[] => {
  const { flaky = [], unclear = [], reported = [], vanished = [], leftOut = [], known } = image
  const group = <T>(some: T[], words: string, say: (one: T) => string): string[] =>
    some.length === 0 ? [] : [words, '', ...rows(some, maxOthers, say), '']
  return [
    ...group(unclear, 'Of these I could not tell whose doing they are:', otherRow),
    ...group(
      vanished,
      'These ran without it, and do not run with it:',
      ({ skipped, ...one }) => `- ${nameOf(one)}${skipped ? ' (skipped)' : ''}`,
    ),
    ...group(flaky, 'These failed, and fail as often without it:', otherRow),
    ...group(reported, 'These failed as their bugs say:', one => `${otherRow(one)}: ${code(one.bug, 200)}`),
    ...(known > 0
      ? [`${plural(known, 'test')} ${known === 1 ? 'fails' : 'fail'} with and without it.`, '']
      : []),
    ...group(leftOut, 'Left out:', words => `- ${code(words, 200)}`),
  ]
}
