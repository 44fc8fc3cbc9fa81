// What failed, in the few lines that matter: the failures of all images, grouped so that nothing is said twice.
import { needsSecondOpinion } from '../../model/run.ts'
import type { ImageVerdict, NewFailure } from '../../model/verdict.ts'
import { cleanLine } from '../../text/clean.ts'
import { sayEnding, signalOf } from '../../text/ending.ts'
import { stableMessage } from '../../text/report/stable.ts'
import { fold } from '../../text/wrap.ts'

/** Tests of one step that fail in the same way on the same images. */
export type Failures = { where: string; step: string; lines: string[]; more: number }
/** A step that did not come to a good end. */
export type Broken = {
  where: string
  step: string
  said: string
  why: string
  repeated: boolean
  running: string[]
  lines: string[]
}
/** `hidden`: how many failing tests and steps are in no group that is shown. */
export type Evidence = {
  failures: Failures[]
  broken: Broken[]
  failureCount: number
  brokenCount: number
  hidden: number
}

const maxMessageLines = 5
/** A quoted line may take two rows of a mail, not more. */
const maxQuoted = 140
/** A hostile log may hold endless names and messages; no more of them is looked at. */
const maxCompared = 400
const nameIndent = 4
const messageIndent = 8

/** `a`, `a and b`, `a, b and c`. */
export const list = (names: string[]): string =>
  names.length < 2 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`

const quoted = (line: string): string => cleanLine(line, maxQuoted).replaceAll('\t', '    ')

/** A test's name without its last part, where that only repeats the message. */
const shownName = ({ test, message }: NewFailure): string => {
  const parts = test.slice(0, maxCompared).split(' > ')
  const last = parts.at(-1)?.replace(/ #\d+$/, '')
  const said = stableMessage(message.slice(0, maxCompared).split('\n')[0] ?? '')
  return parts.length > 1 && last === said ? parts.slice(0, -1).join(' > ') : test.slice(0, maxCompared)
}

type Group = { images: string[]; failures: NewFailure[] }

/** Failures with the same step and test, whatever the image; then those with the same images and step together. */
const group = (images: ImageVerdict[]): Group[] => {
  const byTest = new Map<string, { failure: NewFailure; images: string[] }>()
  for (const { image, newFailures, broken } of images) {
    for (const failure of newFailures) {
      if (broken.some(({ step }) => step === failure.step)) continue
      const key = JSON.stringify([failure.step, failure.test])
      const known = byTest.get(key) ?? { failure, images: [] }
      known.images.push(image)
      byTest.set(key, known)
    }
  }
  const groups = new Map<string, Group>()
  for (const { failure, images } of byTest.values()) {
    const key = JSON.stringify([images, failure.step])
    const group = groups.get(key) ?? { images, failures: [] }
    group.failures.push(failure)
    groups.set(key, group)
  }
  return [...groups.values()]
}

/** Name and message of each failure, until `budget` rows of the mail are used up. At least one is shown. */
const showFailures = ({ images, failures }: Group, budget: number): Failures => {
  const lines: string[] = []
  let rows = 0
  let shown = 0
  let lastName = ''
  for (const failure of failures) {
    const name = shownName(failure)
    const said = failure.message
      .split('\n')
      .filter(line => line.trim() !== '')
      .slice(0, maxMessageLines)
    const block = [
      ...(name === lastName ? [] : [' '.repeat(nameIndent) + quoted(name)]),
      ...said.map(line => ' '.repeat(messageIndent) + quoted(line)),
    ].flatMap(line => fold(line))
    if (shown > 0 && rows + block.length > budget) break
    lines.push(...block)
    rows += block.length
    shown++
    lastName = name
  }
  return {
    where: list(images.map(name => quoted(name))),
    step: quoted(failures[0]?.step ?? ''),
    lines,
    more: failures.length - shown,
  }
}

type BrokenStep = ImageVerdict['broken'][number]

/** What the step did, as the rest of a sentence that begins with it. */
const sayBroken = ({ ending }: BrokenStep): string =>
  ending.kind !== 'finished' || signalOf(ending) !== undefined
    ? sayEnding(ending)
    : 'ended with a report that cannot be trusted'

const groupBroken = (images: ImageVerdict[]): { step: BrokenStep; images: string[]; running: string[] }[] => {
  const groups = new Map<string, { step: BrokenStep; images: string[]; running: string[] }>()
  for (const { image, broken, newFailures } of images) {
    for (const step of broken) {
      const key = JSON.stringify([step.step, sayBroken(step), step.why])
      const running = newFailures.filter(failure => failure.step === step.step).map(shownName)
      const known = groups.get(key) ?? { step, images: [], running: [...new Set(running)] }
      known.images.push(image)
      groups.set(key, known)
    }
  }
  return [...groups.values()]
}

const showBroken = (given: ReturnType<typeof groupBroken>[number], budget: number): Broken => {
  const { step, images, running } = given
  const tail = step.tail.filter(line => line.trim() !== '').slice(-Math.max(1, Math.min(budget, 6)))
  const said = sayBroken(step)
  return {
    where: list(images.map(name => quoted(name))),
    step: quoted(step.step),
    said,
    why: step.why.includes(said) || step.ending.kind !== 'finished' ? '' : quoted(step.why),
    repeated: needsSecondOpinion(step.ending),
    running: running.slice(0, 3).map(quoted),
    lines: tail.map(quoted),
  }
}

/** `budget`: how many rows of the mail all failures together may take; each group shows at least one. */
export const evidence = (images: ImageVerdict[], budget: number): Evidence => {
  const failures = group(images)
  const broken = groupBroken(images)
  const share = Math.max(1, Math.floor(budget / Math.max(1, failures.length + broken.length)))
  const most = Math.max(1, Math.floor(budget / 4))
  return {
    failures: failures.slice(0, most).map(one => showFailures(one, share)),
    broken: broken.slice(0, most).map(one => showBroken(one, share)),
    failureCount: failures.reduce((sum, one) => sum + one.failures.length, 0),
    brokenCount: broken.length,
    hidden:
      failures.slice(most).reduce((sum, one) => sum + one.failures.length, 0) +
      Math.max(0, broken.length - most),
  }
}
