// Do two verdicts say the same? Compared by content: what was found, on which images; never by words, line numbers or log files.
import type { Ending } from './run.ts'
import { culpritOf, type ImageVerdict, type Verdict, wasTold } from './verdict.ts'

/** A hostile log may hold endless errors; the first ones tell two builds apart. */
const maxErrors = 20

const sayEnd = (ending: Ending): string =>
  ending.kind === 'finished' ? `finished ${ending.exitCode}` : ending.kind

/** A line without what differs from one run to the next: numbers, addresses, white space. */
export const stable = (line: string): string =>
  line
    .slice(0, 400)
    .replace(/0x[0-9a-f]+/gi, '#')
    .replace(/\d+/g, '#')
    .replace(/\s+/g, ' ')
    .trim()

const sorted = (texts: string[]): string[] => [...new Set(texts)].sort()

/** Flaky and unclear ones come and go, and so do the numbers behind a failure, and whether it is new or only worse: that is no other verdict. */
const imageContent = ({ image, kind, newFailures, broken, vanished = [] }: ImageVerdict): unknown[] => [
  image,
  kind,
  sorted(newFailures.map(({ step, test }) => JSON.stringify([step, test]))),
  sorted(broken.map(({ step, ending }) => JSON.stringify([step, sayEnd(ending)]))),
  sorted(vanished.map(({ step, test }) => JSON.stringify([step, test]))),
]

const findingContent = (finding: Verdict['finding']): unknown[] => {
  switch (finding.kind) {
    case 'does-not-apply':
      return [finding.before?.series, finding.position, sorted(finding.conflicts.map(({ file }) => file))]
    case 'damaged':
    case 'unsafe':
      return [finding.position, stable(finding.why)]
    case 'already-applied':
      return finding.positions
    case 'build-broken':
      return [finding.step, sayEnd(finding.ending), sorted(finding.errors.slice(0, maxErrors).map(stable))]
    case 'base-unknown':
      return [finding.wanted]
    case 'base-broken':
      return [finding.step]
    case 'incomplete':
      return finding.missing
    default:
      return []
  }
}

type Middle = NonNullable<Verdict['unbuildable']>[number]

/** By title: where in the series a patch stands may change. */
const middleContent = ({ title, step }: Middle): string => JSON.stringify([title, step])

const content = ({ finding, images, lacking = [], unbuildable = [] }: Verdict): string =>
  JSON.stringify([
    finding.kind,
    sorted(unbuildable.map(middleContent)),
    findingContent(finding),
    // Once what it needs is here, the same failure is its own.
    finding.kind !== 'all-well' && lacking.length > 0,
    images.map(imageContent).sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1)),
  ])

/** That another patch does it is news; that it could not be found this time is not. */
const sameCulprit = (a: Verdict, b: Verdict): boolean => {
  const [before, now] = [culpritOf(a), culpritOf(b)]
  return now === undefined || before?.position === now.position
}

/** Does `now` say what was said `before`: the same finding, with the same failures on the same images, by the same patch? */
export const saysTheSame = (before: Verdict, now: Verdict): boolean =>
  content(before) === content(now) && sameCulprit(before, now)

/** A patch in the middle that does not build is told once: those of a verdict that none of the earlier ones told, or had told before. */
export const untold = (
  { unbuildable = [] }: { unbuildable?: Verdict['unbuildable'] | undefined },
  earlier: Pick<Verdict, 'unbuildable' | 'told' | 'finding'>[],
): Middle[] => {
  const heard = earlier.filter(one => wasTold(one) || one.told?.silence?.kind === 'unchanged')
  const known = new Set(heard.flatMap(one => (one.unbuildable ?? []).map(middleContent)))
  return unbuildable.filter(one => !known.has(middleContent(one)))
}
