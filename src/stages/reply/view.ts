// What a reply says, before it is words: everything of a verdict as clean, short text for the templates.

import { countsOf } from '../../model/counting.ts'
import type { BlobId, Conflict, Job, Lacking } from '../../model/job.ts'
import type { Address } from '../../model/mail.ts'
import { ownParts, type Series } from '../../model/series.ts'
import { culpritOf, type ImageVerdict, type Verdict } from '../../model/verdict.ts'
import { listed } from '../../model/words.ts'
import { cleanLine, oneLine } from '../../text/clean.ts'
import { sayEnding } from '../../text/ending.ts'
import { type Recipients, sayAddresses, sayIntended } from '../../text/envelope.ts'
import { fold } from '../../text/wrap.ts'
import { answered } from './envelope.ts'
import { evidence, gatherEvidence } from './evidence.ts'
import { sayFinding, sayPatches } from './finding.ts'
import { gatherOthers, others } from './others.ts'
import { repeat, short } from './repeat.ts'
import type { Room } from './room.ts'

export type ViewInput = {
  verdict: Verdict
  series: Series
  job: Job | undefined
  list: Address
  administrator: Address
  wanted: Recipients
  live: boolean
  follows?: { verdict: Verdict }
  logUrl: (blob: BlobId) => string
  seriesUrl?: string
  room: Room
  ground: Ground
}

type Ground = ReturnType<typeof gather>

/** What takes long for a verdict with thousands of failures, and is the same for any room. */
export const gather = ({ verdict, series, follows }: Pick<ViewInput, 'verdict' | 'series' | 'follows'>) => ({
  evidence: gatherEvidence(verdict.images),
  others: gatherOthers(verdict),
  images: verdict.images.slice(0, maxImages).map(image => ({ image, counts: countsOf([image]) })),
  earlier: follows ? earlierView(follows.verdict, verdict, series) : null,
})

const maxHere = 8
const maxImages = 8

/** A word of an untrusted mail that goes into a sentence: a branch, tag or commit, or nothing. */
const nameOnly = (text: string | undefined): string | undefined =>
  text === undefined ? undefined : (/^[\w./+-]{1,60}$/.exec(text.trim())?.[0] ?? undefined)

/** Everything that a template may name; absent is null, so that a misspelt name is still an error. */
export const view = (input: ViewInput) => {
  const { verdict, series, job, wanted, live, administrator, room, ground } = input
  const shown = verdict.images.slice(0, room.images)
  const thing = series.total > 1 ? 'series' : 'patch'
  return {
    live,
    intended: sayIntended(wanted, administrator),
    administrator: oneLine(sayAddresses([administrator]), 140),
    list: oneLine(sayAddresses([input.list])),
    thing,
    many: series.total > 1,
    total: series.total,
    base: baseView(verdict.base),
    earlier: ground.earlier,
    context: contextView(input),
    images: ground.images.slice(0, room.images).map(one => imageView(one, room)),
    imageNames: names(verdict.images.filter(({ kind }) => kind === 'passed')),
    untestedNames: names(verdict.images.filter(({ kind }) => kind === 'untested')),
    untestedCount: verdict.images.filter(({ kind }) => kind === 'untested').length,
    // Is something failing that is not held against the patch?
    failsAnyway: verdict.images.some(failsAnyway),
    moreImages: verdict.images.length - shown.length,
    counts: ground.evidence.counts,
    evidence: evidence(ground.evidence, { room, thing }),
    others: others(ground.others, room),
    // Where there is little room, the numbers speak for themselves.
    proven: room.rows >= 12 && proven(verdict),
    culprit: culpritView(verdict, series),
    partly: partlyView(verdict, series),
    unbuildable: unbuildableView(verdict, series, room),
    finding: findingView(verdict.finding, series, room),
    links: links(input, shown),
    repeat: repeat({ verdict, series, job, room }),
  }
}

export type View = ReturnType<typeof view>

const names = (images: ImageVerdict[]): string =>
  images.length > 4 ? `${images.length} images` : listed(images.map(({ image }) => oneLine(image, 40)))

const failsAnyway = ({ kind, known, flaky = [], unclear = [], reported = [] }: ImageVerdict): boolean =>
  kind === 'passed' && known + flaky.length + unclear.length + reported.length > 0

/** Is there anything that was run again for proof? */
const proven = ({ images }: Verdict): boolean =>
  images
    .flatMap(({ newFailures, broken, unclear = [] }) => [...newFailures, ...broken, ...unclear])
    .some(({ proof }) => proof !== undefined && proof.with.runs > 1 && proof.without.runs > 0)

/** What went in besides the patches themselves, and what did not. */
const contextView = ({ verdict, series, job, room }: ViewInput) => {
  const lacking = verdict.lacking ?? job?.lacking ?? []
  return {
    filled: filledView(series, room),
    before: beforeView(job, room),
    lacking: lacking.slice(0, room.names).map(one => sayLacking(one, room)),
    moreLacking: Math.max(0, lacking.length - room.names),
  }
}

const baseView = (base: Verdict['base']) =>
  base
    ? {
        commit: short(base.commit),
        name: oneLine(base.name, 60),
        // By its commit, it is not called anything else.
        plain: base.commit.startsWith(base.name),
        how: base.how ?? (base.name === 'base-commit' ? 'named' : 'head'),
        wanted: base.wanted === undefined ? null : (nameOnly(base.wanted) ?? 'something that is no commit'),
      }
    : null

/** What was said before, as the end of `then, …`. */
const earlierView = (earlier: Verdict, verdict: Verdict, series: Series) => {
  const now = new Set(verdict.images.map(({ image }) => image))
  const others = earlier.images.filter(({ image }) => !now.has(image))
  return {
    said: sayFinding(earlier, series),
    // Elsewhere: it stands beside what was said, not in its place.
    elsewhere:
      earlier.base && verdict.base && earlier.base.name !== verdict.base.name
        ? oneLine(earlier.base.name, 60)
        : null,
    // On fewer images: what was said of the others stands.
    others: now.size > 0 ? listed(others.map(({ image }) => oneLine(image, 40))) : '',
  }
}

/** Patches that this version was sent without, by the version that they were taken from. */
const filledView = (series: Series, room: Room) => {
  const versions = [...new Set(series.parts.flatMap(part => part.filledFrom ?? []))].sort((a, b) => b - a)
  return versions.slice(0, room.names).map(version => {
    const positions = series.parts.filter(part => part.filledFrom === version).map(part => part.position)
    return {
      version,
      own: series.version,
      patches: sayPatches(positions, series.total),
      count: positions.length,
    }
  })
}

/** What goes in first. */
const beforeView = (job: Job | undefined, room: Room) => {
  const before = job?.before ?? []
  return {
    series: before.slice(0, room.names).map(({ title, parts }) => ({
      title: oneLine(title),
      count: parts.length,
      id: oneLine(parts[0]?.messageId ?? '', 300),
    })),
    more: Math.max(0, before.length - room.names),
  }
}

const lackingWhy: Record<Lacking['why'], string> = {
  unknown: 'I do not know it',
  incomplete: 'a part of it is missing',
  unusable: 'it cannot be applied',
  'too-many': 'there are too many before it',
}

const sayLacking = ({ id, title, why }: Lacking, room: Room): string =>
  `${oneLine(title === undefined ? id : title, room.width)} (${lackingWhy[why]})`

const imageView = ({ image, counts }: Ground['images'][number], room: Room) => {
  const { fresh, worse, flaky, unclear, reported } = counts
  return {
    ...{ name: oneLine(image.image, 40), kind: image.kind, passed: image.passed, known: image.known },
    ...{ fresh, worse, flaky, unclear, reported },
    broken: brokenNames(image),
    why: oneLine(image.why, Math.min(200, 2 * room.width)),
  }
}

const maxBroken = 3

const brokenNames = ({ broken }: ImageVerdict): string => {
  const names = broken.slice(0, maxBroken).map(({ step }) => `"${oneLine(step, 40)}"`)
  return broken.length > maxBroken
    ? `${names.join(', ')} and ${broken.length - maxBroken} more`
    : listed(names)
}

/** The patch that does it; of a single patch nobody needs to be told. */
const culpritView = (verdict: Verdict, series: Series) => {
  const culprit = culpritOf(verdict)
  if (culprit === undefined || culprit.only !== undefined || series.total < 2) return null
  const { position, title } = culprit
  return {
    position,
    title: oneLine(title, 100),
    isAnswered: answered(series, verdict)?.position === position,
  }
}

/** A patch that does only some of it, as far as is known. */
const partlyView = (verdict: Verdict, series: Series) => {
  const { position, title, only = [] } = verdict.culprit ?? {}
  if (position === undefined || title === undefined || only.length === 0) return null
  const names = only.slice(0, maxBroken).map(({ step, test }) => `"${oneLine(test || step, 40)}"`)
  const more = only.length - names.length
  return {
    position,
    title: oneLine(title, 100),
    isAnswered: answered(series, verdict)?.position === position,
    what: more > 0 ? `${names.join(', ')} and ${more} more` : listed(names),
  }
}

/** Patches after which the tree does not build. */
const unbuildableView = ({ unbuildable = [] }: Verdict, series: Series, room: Room) => {
  const sorted = [...unbuildable].sort((a, b) => a.position - b.position)
  const [one] = sorted
  const positions = sorted.map(({ position }) => position)
  return one === undefined
    ? null
    : {
        patches: sayPatches(positions, series.total),
        count: positions.length,
        step: oneLine(one.step, 60),
        error: room.each === 0 ? '' : cleanLine(one.errors[0]?.split('\n')[0] ?? '', room.width),
      }
}

/** One shape for all findings; the template knows which fields its own kind fills. */
const findingView = (finding: Verdict['finding'], series: Series, room: Room) => ({
  kind: finding.kind,
  step: 'step' in finding ? oneLine(finding.step, 60) : '',
  said: finding.kind === 'build-broken' ? sayEnding(finding.ending) : '',
  errors: 'errors' in finding ? errorLines(finding.errors, room) : [],
  position: ('position' in finding ? finding.position : undefined) ?? 0,
  title: oneLine(('title' in finding ? finding.title : undefined) ?? series.title),
  why: 'why' in finding ? oneLine(finding.why, 300) : '',
  before: 'before' in finding && finding.before ? oneLine(finding.before.title) : null,
  conflicts: finding.kind === 'does-not-apply' ? finding.conflicts.slice(0, room.names).map(sayConflict) : [],
  // Git names a file where a patch does not fit, and none where it cannot even be read.
  damaged:
    finding.kind === 'does-not-apply' &&
    finding.conflicts.length > 0 &&
    finding.conflicts.every(({ file }) => file === ''),
  moreConflicts: finding.kind === 'does-not-apply' ? Math.max(0, finding.conflicts.length - room.names) : 0,
  wanted: finding.kind === 'base-unknown' ? (nameOnly(finding.wanted) ?? 'what it names') : '',
  missing: finding.kind === 'incomplete' ? sayPatches(finding.missing, series.total) : '',
  here: finding.kind === 'incomplete' ? herePatches(series, room) : [],
  missingCount: finding.kind === 'incomplete' ? finding.missing.length : 0,
  since: 'since' in finding && finding.since !== undefined ? short(finding.since) : '',
  waits: 'waits' in finding && finding.waits === true,
  what: finding.kind === 'ours' ? oneLine(finding.what, 300) : '',
  built: finding.kind === 'nothing-to-test' && finding.built === true,
})

const sayConflict = ({ file, line, why }: Conflict): string => {
  const place = file === '' ? '' : `${file}${line === undefined ? '' : `, near line ${line}`}: `
  return oneLine(`${place}${why}`, 220)
}

/** The first of the patches that came, for whoever must look which mail got lost. */
const herePatches = (series: Series, room: Room): string[] => {
  const most = Math.min(maxHere, 2 * room.names)
  const parts = [...(series.cover ? [series.cover] : []), ...ownParts(series)]
  const shown = parts.slice(0, most).map(part => `${part.position}/${series.total}  ${oneLine(part.title)}`)
  return parts.length > most ? [...shown, `… and ${parts.length - most} more`] : shown
}

/** Whole errors, until the budget is used up; at least the first line of the first. */
const errorLines = (errors: string[], { rows, width }: Room): string[] => {
  const lines: string[] = []
  for (const error of errors) {
    const block = error
      .split('\n')
      .map(line => cleanLine(line, width))
      .flatMap(line => fold(`    ${line}`))
    if (lines.length > 0 && lines.length + block.length > rows) break
    lines.push(...block.slice(0, Math.max(1, rows)))
  }
  return lines
}

type Link = { name: string; url: string }

/** The build's log and each image's; of what fails, console and screenshot as well. Those of what fails come first. */
const links = ({ verdict, logUrl, seriesUrl, room }: ViewInput, images: ImageVerdict[]) => {
  const link = (name: string, blob: BlobId | undefined): Link[] =>
    blob === undefined ? [] : [{ name: cleanLine(name, 60), url: cleanLine(logUrl(blob), 300) }]
  const seen = new Set<BlobId>()
  const unseen = (blob: BlobId | undefined): BlobId | undefined => {
    if (blob === undefined || seen.has(blob)) return undefined
    seen.add(blob)
    return blob
  }
  const failing = images.filter(({ kind }) => kind === 'new-failures')
  const all = [
    ...link('build', verdict.buildLog),
    ...failing.flatMap(({ image, log, console, screenshot }) => [
      ...link(oneLine(image, 60), log),
      // Guests that stop in the same way may leave the same picture.
      ...link('  console', unseen(console)),
      ...link('  screen', unseen(screenshot)),
    ]),
    ...images
      .filter(image => !failing.includes(image))
      .flatMap(({ image, log }) => link(oneLine(image, 60), log)),
  ]
  const shown = all.slice(0, room.links)
  return { logs: shown, more: all.length - shown.length, page: cleanLine(seriesUrl ?? '', 300) }
}
