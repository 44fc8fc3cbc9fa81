// How to see a failure oneself: the base, the patches, the commands of the recipe, as lines to type.
import type { Commit, Job } from '../../model/job.ts'
import type { Step, TestStep } from '../../model/recipe.ts'
import type { Part, Series } from '../../model/series.ts'
import { culpritOf, type ImageVerdict, type Verdict } from '../../model/verdict.ts'
import { cleanLine, oneLine } from '../../text/clean.ts'
import { onlyCommand } from '../../text/only.ts'
import { foldCommand } from '../../text/wrap.ts'
import type { Room } from './room.ts'

const maxParts = 5
/** With more of them, it is simpler to run the whole step. */
const maxTests = 4
const maxTestName = 200
const maxCommand = 300

export const short = (commit: Commit): string =>
  /^[0-9a-f]{12,}$/.test(commit) ? commit.slice(0, 12) : oneLine(commit, 40)

/** Where others can get it, too; a path on our own disk helps nobody. */
export const publicUrl = (repository = ''): string =>
  /^(?:https?|git|ssh):\/\/[^\s@]+$/.test(repository) ? oneLine(repository) : ''

const commandLines = (commands: string[], room: Room): string[] => {
  const lines = commands
    .flatMap(run => run.split('\n'))
    .map(line => line.trimEnd())
    .filter(line => line.trim() !== '')
  const shown = lines
    .slice(0, room.commands)
    .flatMap(line => foldCommand(cleanLine(line, Math.max(room.width, maxCommand * (room.commands / 6))), 74))
  return lines.length > room.commands
    ? [...shown, `# … and ${lines.length - room.commands} more lines of the recipe`]
    : shown
}

const runs = (steps: Pick<Step, 'run'>[]): string[] => steps.map(({ run }) => run)

const sameCommands = (a: Step[], b: Step[]): boolean => runs(a).join('\n') === runs(b).join('\n')

/** Its failing tests alone, where the recipe says how, and they are few and can be typed. */
const testCommand = (step: TestStep, images: ImageVerdict[]): string => {
  const all = images.flatMap(({ newFailures }) => newFailures).filter(failure => failure.step === step.name)
  const tests = [...new Set(all.map(({ test }) => test))]
  const isBroken = images.some(({ broken }) => broken.some(one => one.step === step.name))
  const typable = tests.every(
    test => test !== '' && test.length <= maxTestName && cleanLine(test, maxTestName) === test,
  )
  if (isBroken || !typable || tests.length > maxTests) return step.run
  const command = onlyCommand(step, tests)
  return command === undefined || command.length > maxCommand ? step.run : command
}

const testCommands = (steps: TestStep[], images: ImageVerdict[]): string[] => {
  const failed = new Set(
    images.flatMap(({ newFailures, broken }) => [...newFailures, ...broken].map(({ step }) => step)),
  )
  return steps.filter(({ name }) => failed.has(name)).map(step => testCommand(step, images))
}

type Applied = Pick<Part, 'position' | 'messageId'>

const amArguments = (applied: Applied[]): string => {
  if (applied.length === 1) return 'patch.eml'
  return applied.length > maxParts ? '*.eml' : applied.map((_, i) => `${i + 1}.eml`).join(' ')
}

const steps = (given: { verdict: Verdict; applied: Applied[]; job: Job; room: Room }) => {
  const { verdict, applied, job, room } = given
  const { build, test } = job.recipe
  const { finding } = verdict
  const failedAt =
    finding.kind === 'build-broken' ? build.steps.findIndex(({ name }) => name === finding.step) : -1
  const until = failedAt < 0 ? build.steps : build.steps.slice(0, failedAt + 1)
  const builds = finding.kind !== 'does-not-apply'
  const tests = builds && finding.kind !== 'build-broken'
  return {
    checkout: `git checkout ${short(job.base)}`,
    prepare:
      builds && !sameCommands(build.prepare, build.steps) ? commandLines(runs(build.prepare), room) : [],
    am: `git am ${amArguments(applied)}`,
    build: builds ? commandLines(runs(until), room) : [],
    test: tests ? commandLines(testCommands(test.steps, verdict.images), room) : [],
  }
}

/** The series' patches that it takes to see it: up to the one that did not apply, or that does it. */
const needed = (series: Series, verdict: Verdict): Applied[] => {
  const { finding } = verdict
  const culprit = culpritOf(verdict)
  // What else fails may be a later patch's.
  const does = culprit?.only ? undefined : culprit
  const about = finding.kind === 'does-not-apply' ? finding : does
  const last = about?.position ?? Number.POSITIVE_INFINITY
  return series.parts.filter(({ position }) => position <= last)
}

/** Everything that was applied, in order, up to what is needed: first what the series needs, then its own patches. */
const appliedMails = (series: Series, job: Job, verdict: Verdict): Applied[] => {
  const { finding } = verdict
  const before = job.before ?? []
  const failing = finding.kind === 'does-not-apply' ? finding.before?.series : undefined
  if (finding.kind !== 'does-not-apply' || failing === undefined)
    return [...before.flatMap(({ parts }) => parts), ...needed(series, verdict)]
  const at = before.findIndex(one => one.series === failing)
  return [
    ...before.slice(0, Math.max(0, at)).flatMap(({ parts }) => parts),
    ...(before[at]?.parts ?? []).filter(part => part.position <= finding.position),
  ]
}

/** Which mail is which file of the `git am`. */
const mails = (applied: Applied[], series: Series, room: Room) => {
  const name = (part: Applied): string =>
    oneLine(part.messageId ?? `patch ${part.position}/${series.total}`, 2 * room.width)
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

/** Whoever runs it once may not see it. */
const isSeldom = ({ finding, images }: Verdict): boolean =>
  finding.kind === 'new-failures' &&
  images
    .flatMap(({ newFailures, broken }) => [...newFailures, ...broken])
    .some(({ proof }) => proof !== undefined && proof.with.failed < proof.with.runs)

/** All that `steps.txt` names; `steps` is null where there is nothing to repeat. */
export const repeat = (given: { verdict: Verdict; series: Series; job: Job | undefined; room: Room }) => {
  const { verdict, series, job, room } = given
  const applied = job ? appliedMails(series, job, verdict) : []
  const own = applied.filter(({ messageId }) => series.parts.some(part => part.messageId === messageId))
  // There is no name by which anybody could find it.
  const isOnlyNameless = applied.length === 1 && applied[0]?.messageId === undefined
  return {
    repository: publicUrl(job?.recipe.repository),
    steps: job && applied.length > 0 && room.commands > 0 ? steps({ verdict, applied, job, room }) : null,
    mails: mails(applied, series, room),
    count: applied.length,
    named: room.mails && !isOnlyNameless,
    handedIn: isOnlyNameless && series.origin.from === 'hand',
    seldom: isSeldom(verdict),
    manyMails: applied.length > maxParts,
    onlyOwn: own.length === applied.length,
    needsFirst: own.length > 0 && own.length < applied.length,
  }
}
