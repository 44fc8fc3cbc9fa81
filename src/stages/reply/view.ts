// What a reply says, before it is words: everything of a verdict as clean, short text for the templates.
import type { BlobId, Commit, Conflict, Job, Lacking } from '../../model/job.ts'
import type { Address } from '../../model/mail.ts'
import type { Recipe, Step } from '../../model/recipe.ts'
import { ownParts, type Part, type Series } from '../../model/series.ts'
import type { ImageVerdict, Verdict } from '../../model/verdict.ts'
import { cleanLine, oneLine } from '../../text/clean.ts'
import { sayEnding } from '../../text/ending.ts'
import { fold, foldCommand } from '../../text/wrap.ts'
import { type Recipients, sayAddresses } from './envelope.ts'
import { evidence, list } from './evidence.ts'
import { sayFinding, sayPatches } from './finding.ts'

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
  /** Rows that failures and errors may take. */
  budget: number
}

const maxImages = 8
const maxParts = 5
const maxCommandLines = 6
const maxNames = 5
const maxHere = 8

const short = (commit: Commit): string =>
  /^[0-9a-f]{12,}$/.test(commit) ? commit.slice(0, 12) : oneLine(commit, 40)

/** A word of an untrusted mail that goes into a sentence: a branch, tag or commit, or nothing. */
const nameOnly = (text: string | undefined): string | undefined =>
  text === undefined ? undefined : (/^[\w./+-]{1,60}$/.exec(text.trim())?.[0] ?? undefined)

/** Everything that a template may name; absent is null, so that a misspelt name is still an error. */
export const view = (input: ViewInput) => {
  const { verdict, series, job, wanted, live, administrator, budget } = input
  const { finding } = verdict
  const shown = verdict.images.slice(0, maxImages)
  const applied = job ? appliedMails(series, job, finding) : []
  const own = applied.filter(({ messageId }) => series.parts.some(part => part.messageId === messageId))
  return {
    live,
    intended: wanted.to.length > 0 ? oneLine(sayAddresses([...wanted.to, ...wanted.cc]), 300) : 'nobody',
    administrator: oneLine(sayAddresses([administrator]), 140),
    list: oneLine(sayAddresses([input.list])),
    thing: series.total > 1 ? 'series' : 'patch',
    many: series.total > 1,
    total: series.total,
    base: baseView(verdict.base),
    earlier: input.follows ? earlierView(input.follows.verdict, verdict, series) : null,
    filled: filledView(series),
    before: beforeView(job),
    lacking: (verdict.lacking ?? job?.lacking ?? []).slice(0, maxNames).map(sayLacking),
    repository: publicUrl(job?.recipe.repository),
    images: shown.map(imageView),
    imageNames: list(
      verdict.images.filter(({ kind }) => kind === 'passed').map(({ image }) => oneLine(image, 40)),
    ),
    knownFailures: verdict.images.some(({ kind, known }) => kind === 'passed' && known > 0),
    untested: verdict.images.some(({ kind }) => kind === 'untested'),
    moreImages: verdict.images.length - shown.length,
    evidence: evidence(verdict.images, budget),
    mended: mended(verdict.images),
    finding: findingView(finding, series, budget),
    logs: logs(input, shown),
    steps: job && applied.length > 0 ? reproduction({ verdict, applied, job }) : null,
    mails: mails(applied, series),
    manyMails: applied.length > maxParts,
    onlyOwn: own.length === applied.length,
    needsFirst: own.length > 0 && own.length < applied.length,
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

/** Where others can get it, too; a path on our own disk helps nobody. */
const publicUrl = (repository = ''): string =>
  /^(?:https?|git|ssh):\/\/[^\s@]+$/.test(repository) ? oneLine(repository) : ''

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
    others: now.size > 0 ? list(others.map(({ image }) => oneLine(image, 40))) : '',
  }
}

/** Patches that this version was sent without, by the version that they were taken from. */
const filledView = (series: Series) => {
  const versions = [...new Set(series.parts.flatMap(part => part.filledFrom ?? []))].sort((a, b) => b - a)
  return versions.slice(0, maxNames).map(version => {
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
const beforeView = (job: Job | undefined) => {
  const before = job?.before ?? []
  return {
    series: before.slice(0, maxNames).map(({ title, parts }) => ({
      title: oneLine(title),
      count: parts.length,
      id: oneLine(parts[0]?.messageId ?? '', 300),
    })),
    more: Math.max(0, before.length - maxNames),
  }
}

const lackingWhy: Record<Lacking['why'], string> = {
  unknown: 'I do not know it',
  incomplete: 'a part of it is missing',
  unusable: 'it cannot be applied',
  'too-many': 'there are too many before it',
}

const sayLacking = ({ id, title, why }: Lacking): string =>
  `${oneLine(title === undefined ? id : title, 200)} (${lackingWhy[why]})`

const imageView = ({ image, kind, passed, known, newFailures, broken, why }: ImageVerdict) => ({
  name: oneLine(image, 40),
  kind,
  passed,
  known,
  failures: newFailures.filter(({ step }) => !broken.some(other => other.step === step)).length,
  broken: broken.map(({ step }) => `"${oneLine(step, 40)}"`).join(', '),
  why: oneLine(why, 200),
})

const mended = (images: ImageVerdict[]) => {
  const names = [...new Set(images.flatMap(image => image.mended))]
  return {
    names: names.slice(0, maxNames).map(name => oneLine(name)),
    more: Math.max(0, names.length - maxNames),
  }
}

/** One shape for all findings; the template knows which fields its own kind fills. */
const findingView = (finding: Verdict['finding'], series: Series, budget: number) => ({
  kind: finding.kind,
  step: 'step' in finding ? oneLine(finding.step, 60) : '',
  said: finding.kind === 'build-broken' ? sayEnding(finding.ending) : '',
  errors: 'errors' in finding ? errorLines(finding.errors, budget) : [],
  position: ('position' in finding ? finding.position : undefined) ?? 0,
  title: oneLine(('title' in finding ? finding.title : undefined) ?? series.title),
  why: 'why' in finding ? oneLine(finding.why, 300) : '',
  before: 'before' in finding && finding.before ? oneLine(finding.before.title) : null,
  conflicts: finding.kind === 'does-not-apply' ? finding.conflicts.slice(0, maxNames).map(sayConflict) : [],
  // Git names a file where a patch does not fit, and none where it cannot even be read.
  damaged:
    finding.kind === 'does-not-apply' &&
    finding.conflicts.length > 0 &&
    finding.conflicts.every(({ file }) => file === ''),
  moreConflicts: finding.kind === 'does-not-apply' ? Math.max(0, finding.conflicts.length - maxNames) : 0,
  wanted: finding.kind === 'base-unknown' ? (nameOnly(finding.wanted) ?? 'what it names') : '',
  missing: finding.kind === 'incomplete' ? sayPatches(finding.missing, series.total) : '',
  here: finding.kind === 'incomplete' ? herePatches(series) : [],
  missingCount: finding.kind === 'incomplete' ? finding.missing.length : 0,
  what: finding.kind === 'ours' ? oneLine(finding.what, 300) : '',
})

const sayConflict = ({ file, line, why }: Conflict): string => {
  const place = file === '' ? '' : `${file}${line === undefined ? '' : `, near line ${line}`}: `
  return oneLine(`${place}${why}`, 220)
}

/** The first of the patches that came, for whoever must look which mail got lost. */
const herePatches = (series: Series): string[] => {
  const parts = [...(series.cover ? [series.cover] : []), ...ownParts(series)]
  const shown = parts
    .slice(0, maxHere)
    .map(part => `${part.position}/${series.total}  ${oneLine(part.title)}`)
  return parts.length > maxHere ? [...shown, `… and ${parts.length - maxHere} more`] : shown
}

/** Whole errors, until the budget is used up; at least the first line of the first. */
const errorLines = (errors: string[], budget: number): string[] => {
  const lines: string[] = []
  for (const error of errors) {
    const block = error
      .split('\n')
      .map(line => cleanLine(line, 140))
      .flatMap(line => fold(`    ${line}`))
    if (lines.length > 0 && lines.length + block.length > budget) break
    lines.push(...block.slice(0, Math.max(1, budget)))
  }
  return lines
}

const logs = ({ verdict, logUrl }: ViewInput, images: ImageVerdict[]) => {
  const tests = images.flatMap(({ image, log }) =>
    log === undefined ? [] : [{ name: image, url: logUrl(log) }],
  )
  const build = verdict.buildLog === undefined ? [] : [{ name: 'build', url: logUrl(verdict.buildLog) }]
  return [...build, ...tests].map(({ name, url }) => ({ name: oneLine(name, 40), url: cleanLine(url, 300) }))
}

const commandLines = (steps: Pick<Step, 'name' | 'run'>[]): string[] => {
  const lines = steps
    .flatMap(step => step.run.split('\n'))
    .map(line => line.trimEnd())
    .filter(line => line.trim() !== '')
  const shown = lines.slice(0, maxCommandLines).flatMap(line => foldCommand(cleanLine(line, 300), 74))
  return lines.length > maxCommandLines
    ? [...shown, `# … and ${lines.length - maxCommandLines} more lines of the recipe`]
    : shown
}

const sameCommands = (a: Step[], b: Step[]): boolean =>
  a.map(step => step.run).join('\n') === b.map(step => step.run).join('\n')

/** The test steps that failed; none, all, where no single one did. */
const testSteps = (recipe: Recipe, images: ImageVerdict[]): Step[] => {
  const failed = new Set(
    images.flatMap(({ newFailures, broken }) => [...newFailures, ...broken].map(({ step }) => step)),
  )
  return recipe.test.steps.filter(step => failed.has(step.name))
}

/** What to type: the base, the patches, the build up to what failed, the tests that failed. */
const reproduction = (given: { verdict: Verdict; applied: Applied[]; job: Job }) => {
  const { verdict, applied, job } = given
  const { build } = job.recipe
  const { finding } = verdict
  const failedAt =
    finding.kind === 'build-broken' ? build.steps.findIndex(({ name }) => name === finding.step) : -1
  const steps = failedAt < 0 ? build.steps : build.steps.slice(0, failedAt + 1)
  const builds = finding.kind !== 'does-not-apply'
  return {
    checkout: `git checkout ${short(job.base)}`,
    prepare: builds && !sameCommands(build.prepare, build.steps) ? commandLines(build.prepare) : [],
    am: `git am ${applied.length === 1 ? 'patch.eml' : applied.length > maxParts ? '*.eml' : applied.map((_, i) => `${i + 1}.eml`).join(' ')}`,
    build: builds ? commandLines(steps) : [],
    test:
      builds && finding.kind !== 'build-broken' ? commandLines(testSteps(job.recipe, verdict.images)) : [],
  }
}

type Applied = Pick<Part, 'position' | 'messageId'>

/** Everything that was applied, in order, up to what did not apply: first what the series needs, then its own patches. */
const appliedMails = (series: Series, job: Job, finding: Verdict['finding']): Applied[] => {
  const before = job.before ?? []
  if (finding.kind !== 'does-not-apply') return [...before.flatMap(({ parts }) => parts), ...series.parts]
  const { position } = finding
  const failing = finding.before?.series
  if (failing === undefined)
    return [
      ...before.flatMap(({ parts }) => parts),
      ...series.parts.filter(part => part.position <= position),
    ]
  const at = before.findIndex(one => one.series === failing)
  return [
    ...before.slice(0, Math.max(0, at)).flatMap(({ parts }) => parts),
    ...(before[at]?.parts ?? []).filter(part => part.position <= position),
  ]
}

/** Which mail is which file of the `git am` above. */
const mails = (applied: Applied[], series: Series) => {
  const name = (part: Applied): string =>
    oneLine(part.messageId ?? `patch ${part.position}/${series.total}`, 300)
  if (applied.length <= maxParts)
    return applied.map((part, i) => ({
      file: applied.length === 1 ? 'patch.eml' : `${i + 1}.eml`,
      id: name(part),
    }))
  const [first, last] = [applied[0], applied.at(-1)]
  return [first, last].flatMap(part =>
    part ? [{ file: part === first ? 'first' : 'last ', id: name(part) }] : [],
  )
}
