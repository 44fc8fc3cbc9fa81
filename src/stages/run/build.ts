// A build task: the base's warm tree in a fresh clone, the series applied by `git am`, the recipe's build steps, the artifacts out.
import { Readable } from 'node:stream'
import { pack } from 'tar-stream'
import { Fault } from '../../model/fault.ts'
import type { Millis } from '../../model/instant.ts'
import type { Job, Outcome, StepOutcome } from '../../model/job.ts'
import { isGuestsDoing } from '../../model/run.ts'
import type { Blobs } from '../../ports/blobs.ts'
import type { Clone, TemplateSpec } from '../../ports/farm.ts'
import type { Mirror } from '../../ports/git.ts'
import { parseAm } from '../../text/am-log.ts'
import { boundedLog, linesOf } from '../../text/bounded-log.ts'
import { isPlainComplaint } from '../../text/build-doubt.ts'
import { firstErrors } from '../../text/build-log.ts'
import { allWarnings, changedLines, warningsOf } from '../../text/build-warnings.ts'
import { contentId } from '../../text/digest.ts'
import { sayEnding, sayOursIn } from '../../text/ending.ts'
import { collectDependencies } from './dependencies.ts'
import {
  type Applied,
  alreadyThere,
  applied,
  applying,
  applyScript,
  asSplit,
  checkout,
  command,
  mailFile,
  mailFolder,
  notApplied,
  sourceFolder,
} from './guest.ts'
import type { Journal } from './journal.ts'

/** The template of a build: the image with the base checked out and built. The same for all series on one base. */
export const buildTemplate = (
  job: Pick<Job, 'project' | 'base' | 'recipe'>,
  mirror: Mirror,
): TemplateSpec => ({
  label: `${job.recipe.build.image}, ${job.project} ${job.base.slice(0, 12)}`,
  image: job.recipe.build.image,
  content: contentId(64, job.project, job.base, job.recipe.build.prepare),
  line: contentId(64, job.project, job.recipe.repository, job.recipe.build.prepare),
  files: [{ path: sourceFolder, untar: true, bytes: () => mirror.snapshot(job.recipe.repository, job.base) }],
  prepare: [checkout(job.base), ...job.recipe.build.prepare.map(command)],
})

const tarOf = async (mails: Applied[], blobs: Blobs): Promise<Buffer> => {
  const tar = pack()
  for (const { label, mail } of mails)
    tar.entry({ name: mailFile(label) }, asSplit(Buffer.from(await blobs.get(mail.blob))))
  tar.finalize()
  return Buffer.concat(await Array.fromAsync(tar as AsyncIterable<Buffer>))
}

/** The part of the apply log that belongs to the patch tried last. */
const lastTry = (output: string): string =>
  output.slice(Math.max(0, output.lastIndexOf('grapevine: applying patch ')))

const judgeApply = (
  mails: Applied[],
  apply: { outcome: StepOutcome; output: string },
): Outcome | undefined => {
  const { outcome, output } = apply
  const { ending } = outcome
  const lines = new Set(linesOf(output))
  if (ending.kind !== 'finished') return { kind: 'build-failed', step: outcome, errors: [] }
  if (ending.exitCode !== 0) {
    const failed = mails.findLast(({ label }) => lines.has(applying(label))) ?? mails[0]
    const { conflicts } = parseAm(lastTry(output))
    // Only what git says of the patch counts against it; a guest without room or memory fails otherwise.
    if (ending.exitCode !== notApplied || conflicts.length === 0) {
      return { kind: 'ours', what: 'git am', detail: outcome.tail.at(-1) ?? `exit code ${ending.exitCode}` }
    }
    const { position = 1, title = '' } = failed?.mail ?? {}
    const before = failed?.before && { series: failed.before.series, title: failed.before.title }
    return {
      ...{ kind: 'does-not-apply', position, title, conflicts, tail: outcome.tail },
      ...(before === undefined ? {} : { before }),
    }
  }
  const own = mails.filter(({ before }) => before === undefined)
  const there = own.filter(({ label }) => lines.has(alreadyThere(label)))
  return own.length > 0 && there.length === own.length
    ? { kind: 'already-applied', positions: there.map(({ mail }) => mail.position) }
    : undefined
}

export type BuildInput = {
  job: Job
  /** Only the first so many of the series' patches; undefined: all. */
  upTo?: number | undefined
  clone: Clone
  blobs: Blobs
  journal: Journal
  signal: AbortSignal
  /** Until it is stopped. undefined: long enough for all. */
  leftMs?: () => Millis
  /** Keeps the patches as commits, a git bundle. undefined: nobody wants them. */
  keepCommits?: (bundle: Readable) => Promise<void>
}

/** Brings mails in, to be applied. */
export const bringMails = async (mails: Applied[], { clone, blobs }: BuildInput): Promise<void> => {
  if (mails.length === 0) return
  const tar = await tarOf(mails, blobs)
  await clone.write(mailFolder, { size: tar.length, stream: Readable.from([tar]) }, { untar: true })
}

/** Applies mails that were brought in; `later` ones come after them. undefined: it went well. */
export const applyMails = async (
  mails: Applied[],
  later: Applied[],
  { clone, journal, signal }: BuildInput,
): Promise<Outcome | undefined> => {
  if (mails.length === 0) return undefined
  const labels = (some: Applied[]) => some.map(({ label }) => label)
  const tried = await journal.exec(clone, applyScript(labels(mails), labels(later)), signal)
  const stopped = judgeApply(mails, tried)
  // A beginning may well be in the base already, though the series is not.
  return stopped?.kind === 'already-applied' && later.length > 0 ? undefined : stopped && oursIfSo(stopped)
}

/** A part of applying, by git alone. */
const gitAct = async (
  script: string,
  { clone, journal, signal }: BuildInput,
): Promise<Outcome | undefined> => {
  const act = { name: 'apply', script, folder: sourceFolder, timeoutMs: 120_000 }
  const { ending, tail } = (await journal.exec(clone, act, signal)).outcome
  if (ending.kind === 'finished' && ending.exitCode === 0) return undefined
  return { kind: 'ours', what: ending.kind === 'finished' ? 'git' : ending.kind, detail: tail.at(-1) ?? '' }
}

/** What the series stands on, with the files of the series as new as if they were in: so the same files are built again. */
const applyAndTakeBack = async (mails: Applied[], input: BuildInput): Promise<Outcome | undefined> => {
  const own = mails.filter(({ before }) => before === undefined)
  const ground = mails.filter(({ before }) => before !== undefined)
  const kept = '"$(git rev-parse --git-path grapevine)/ground"'
  const keep = `mkdir -p "$(dirname ${kept})" && git rev-parse HEAD >${kept}`
  return (
    (await applyMails(ground, own, input)) ??
    (await gitAct(keep, input)) ??
    (await applyMails(own, [], input)) ??
    (await gitAct(`git reset -q --hard "$(cat ${kept})"`, input))
  )
}

/** Runs the recipe's steps, up to the first that fails. */
export const makeTree = async ({
  job,
  clone,
  journal,
  signal,
}: BuildInput): Promise<{ steps: StepOutcome[]; failed: Outcome | undefined; outputs: string[] }> => {
  const steps: StepOutcome[] = []
  const outputs: string[] = []
  for (const step of job.recipe.build.steps) {
    const { outcome, output } = await journal.exec(clone, command(step), signal)
    const { ending } = outcome
    steps.push(outcome)
    outputs.push(output)
    if (ending.kind === 'finished' && ending.exitCode === 0) continue
    const plain = ending.kind === 'finished' && isPlainComplaint(output, ending.exitCode)
    const failed = { kind: 'build-failed' as const, step: outcome, errors: firstErrors(output) }
    return { steps, failed: oursIfSo(plain ? { ...failed, plain } : failed), outputs }
  }
  return { steps, failed: undefined, outputs }
}

/** What became of it. An ending that the guest cannot have caused comes back as `ours`. Throws the farm's Faults. */
export const build = async (input: BuildInput): Promise<Outcome> => {
  const { job, clone, blobs, upTo } = input
  const mails = applied(job)
  const later = upTo === undefined ? [] : mails.filter(({ before }) => before === undefined).slice(upTo)
  await bringMails(mails, input)
  const stopped =
    upTo === 0
      ? await applyAndTakeBack(mails, input)
      : await applyMails(mails.slice(0, mails.length - later.length), later, input)
  if (stopped) return stopped
  await bundleCommits(input)
  const { steps, failed, outputs } = await makeTree(input)
  if (failed) return controlled(failed, input)
  const warnings = upTo === undefined ? await warningsIn(outputs, input) : []
  const { artifacts } = job.recipe.build
  const { images } = job.recipe.test
  const artifact =
    artifacts.length === 0 || images.length === 0
      ? undefined
      : await blobs.put(await clone.read(sourceFolder, { tar: artifacts }))
  const dependencies = upTo === undefined && images.length > 0 ? await collectDependencies(input) : undefined
  return {
    ...{ kind: 'built', artifact, steps },
    ...(warnings.length === 0 ? {} : { warnings }),
    ...(dependencies === undefined ? {} : { dependencies }),
  }
}

const bundleFile = '/grapevine/commits.bundle'
/** A series with more is no longer looked at by anybody. */
const maxBundle = 64 * 1024 * 1024

/** The patches as commits, before anything of theirs is run: whoever is to fetch them gets what was applied. Without it the test goes on. */
const bundleCommits = async ({ job, clone, journal, signal, keepCommits }: BuildInput): Promise<void> => {
  if (keepCommits === undefined) return
  const script = `git bundle create ${bundleFile} HEAD '^${job.base}' >/dev/null 2>&1`
  const bundle = { name: 'keep the commits', script, folder: sourceFolder, timeoutMs: 120_000 }
  try {
    const ending = await clone.exec(bundle, { signal })
    if (ending.kind !== 'finished' || ending.exitCode !== 0)
      return journal.note(`the commits could not be kept: git bundle ${sayEnding(ending)}`)
    await keepCommits(await clone.read(bundleFile, { limit: maxBundle }))
  } catch (error) {
    // A clone that died tells so in the next step.
    if (!(error instanceof Fault)) throw error
    journal.note(`the commits could not be kept: ${error.message}`)
  }
}

const lastName = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

/** Last parts of the names of the files that the series changes; none: nobody can tell. */
const changedNames = async ({ job, clone, signal }: BuildInput): Promise<string[]> => {
  const names = boundedLog(maxDiff)
  const script = `git --no-pager diff -z --name-only --no-renames ${job.base} HEAD --`
  const asked = { name: 'which files are changed', script, folder: sourceFolder, timeoutMs: 60_000 }
  const ending = await clone.exec(asked, { onOutput: chunk => names.add(chunk), signal })
  if (ending.kind !== 'finished' || ending.exitCode !== 0) return []
  const text = names.text()
  return text.endsWith('\0') ? text.split('\0').flatMap(name => lastName(name) || []) : []
}

/** What another try at the build may take. */
const againMs = ({ recipe }: Job): Millis => recipe.build.steps.reduce((sum, step) => sum + step.timeoutMs, 0)

/**
 * The base was built from nothing, and of the series only what it changes: a recipe whose second build fails fails for everybody. So where
 * the errors are in none of the files that are changed, the tree is set back, which makes these files newer again, and built once more.
 */
const controlled = async (failed: Outcome, input: BuildInput): Promise<Outcome> => {
  const { job, clone, journal, signal, upTo, leftMs } = input
  if (failed.kind !== 'build-failed' || failed.step.ending.kind !== 'finished') return failed
  if (upTo === 0 || job.parts.length === 0 || (job.before ?? []).length > 0) return failed
  if (leftMs !== undefined && leftMs() < againMs(job)) return failed
  const names = await changedNames(input)
  if (names.length === 0 || failed.errors.some(error => names.some(name => error.includes(name))))
    return failed
  const script = `git reset -q --hard ${job.base}`
  const back = { name: 'back to the base', script, folder: sourceFolder, timeoutMs: 120_000 }
  const { ending } = (await journal.exec(clone, back, signal)).outcome
  if (ending.kind !== 'finished' || ending.exitCode !== 0) return failed
  const { failed: alike } = await makeTree(input)
  if (alike?.kind !== 'build-failed' || alike.step.name !== failed.step.name) return failed
  const what = `step "${failed.step.name}" fails without any patch, too, once the files that are changed are built again`
  return { kind: 'ours', what, detail: alike.errors[0]?.split('\n')[0] ?? '', hopeless: true }
}

/** How much of a diff is looked at. */
const maxDiff = 8 * 1024 * 1024

/** The warnings of a build: of a series, those about lines that are not the base's, as the base's build says nothing of files that were built before it. */
const warningsIn = async (outputs: string[], { job, clone, signal }: BuildInput): Promise<string[]> => {
  const all = allWarnings(outputs.map(output => warningsOf(output)))
  if (job.parts.length === 0 || all.length === 0) return all
  const diff = boundedLog(maxDiff)
  const script = `git --no-pager diff -U0 --no-color --no-ext-diff --no-renames ${job.base} --`
  const asked = { name: 'which lines are new', script, folder: sourceFolder, timeoutMs: 60_000 }
  const ending = await clone.exec(asked, { onOutput: chunk => diff.add(chunk), signal })
  if (ending.kind !== 'finished' || ending.exitCode !== 0) return []
  const changed = changedLines(diff.text())
  return allWarnings(outputs.map(output => warningsOf(output, changed)))
}

/** A failed step whose ending only our side can have caused is no outcome of the patch. */
const oursIfSo = (outcome: Outcome): Outcome =>
  outcome.kind === 'build-failed' && !isGuestsDoing(outcome.step.ending)
    ? { kind: 'ours', what: outcome.step.ending.kind, detail: sayOursIn(outcome.step) }
    : outcome
