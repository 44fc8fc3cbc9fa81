// What failed, in the few lines that matter: the failures of all images, grouped so that nothing is said twice.

import { countsOf } from '../../model/counting.ts'
import { needsSecondOpinion } from '../../model/run.ts'
import type { ImageVerdict, NewFailure, Proof } from '../../model/verdict.ts'
import { listed } from '../../model/words.ts'
import { cleanLine } from '../../text/clean.ts'
import { sayEnding, signalOf } from '../../text/ending.ts'
import { stableMessage } from '../../text/report/stable.ts'
import { fold } from '../../text/wrap.ts'
import { sameProof, sayProof, together } from './numbers.ts'
import type { Room } from './room.ts'

/** Tests of one step that fail in the same way, as often, on the same images. */
export type Failures = {
  kind: 'new' | 'worse'
  where: string
  step: string
  /** `, each in 6 of 6 runs with your patch and in 0 of 6 without`, or ''. */
  numbers: string
  lines: string[]
  count: number
  more: number
}
/** A step that did not come to a good end. */
export type Broken = {
  where: string
  step: string
  said: string
  why: string
  /** `It did so in 6 of 6 runs …`, or ''. */
  numbers: string
  /** It does so without the patch as well, but more seldom. */
  sometimes: boolean
  /** Where in the log, or ''. */
  place: string
  repeated: boolean
  running: string[]
  lines: string[]
}
/** `hidden`: how many failing tests and steps are in no group that is shown. */
export type Evidence = {
  failures: Failures[]
  broken: Broken[]
  /** Of tests that fail newly, and of those that fail more often. */
  newCount: number
  worseCount: number
  brokenCount: number
  /** What the only one did. */
  brokenSaid: string
  hidden: number
}

export type Shown = { room: Pick<Room, 'rows' | 'width'>; thing: string }

const maxMessageLines = 5
/** A hostile log may hold endless names and messages; no more of them is looked at. */
const maxCompared = 400
const nameIndent = 4
const messageIndent = 8

const maxImages = 4

/** `debian and busybox`, or how many there are. */
export const onImages = (images: string[]): string =>
  images.length > maxImages ? `${images.length} images` : listed(images.map(name => quoted(name, 30)))

export const quoted = (line: string, width: number): string => cleanLine(line, width).replaceAll('\t', '    ')

/** A test's name without its last part, where that only repeats the message. */
const shownName = ({ test, message }: NewFailure): string => {
  if (test === '') return 'the step as a whole'
  const parts = test.slice(0, maxCompared).split(' > ')
  const last = parts.at(-1)?.replace(/ #\d+$/, '')
  const said = stableMessage(message.slice(0, maxCompared).split('\n')[0] ?? '')
  return parts.length > 1 && last === said ? parts.slice(0, -1).join(' > ') : test.slice(0, maxCompared)
}

type Kind = Failures['kind']
/** A test, and the images on which it fails in this way. */
type Failing = { failure: NewFailure; kind: Kind; images: string[]; proofs: (Proof | undefined)[] }
type Group = { kind: Kind; images: string[]; even: boolean; proof: Proof | undefined; failures: NewFailure[] }

const byTest = (images: ImageVerdict[]): Failing[] => {
  const found = new Map<string, Failing>()
  for (const { image, newFailures, broken } of images) {
    for (const failure of newFailures) {
      if (broken.some(({ step }) => step === failure.step)) continue
      const { kind = 'new', step, test, proof } = failure
      const key = JSON.stringify([kind, step, test])
      const one = found.get(key) ?? { failure, kind, images: [], proofs: [] }
      one.images.push(image)
      one.proofs.push(proof)
      found.set(key, one)
    }
  }
  return [...found.values()]
}

/** Failures with the same step and test, whatever the image; then those with the same images, step and numbers together. New ones first. */
const group = (images: ImageVerdict[]): Group[] => {
  const groups = new Map<string, Group>()
  for (const { failure, kind, images: on, proofs } of byTest(images)) {
    const even = proofs.every(proof => sameProof(proof, proofs[0]))
    const proof = even ? proofs[0] : together(proofs)
    const key = JSON.stringify([kind, on, failure.step, even, proof?.with, proof?.without])
    const one = groups.get(key) ?? { kind, images: on, even, proof, failures: [] }
    one.failures.push(failure)
    groups.set(key, one)
  }
  const all = [...groups.values()]
  return [...all.filter(({ kind }) => kind === 'new'), ...all.filter(({ kind }) => kind === 'worse')]
}

const numbersOf = ({ even, proof, images, failures }: Group, thing: string): string => {
  const said = sayProof(proof, thing)
  if (said === '') return ''
  const each = even ? (images.length > 1 || failures.length > 1 ? 'each ' : '') : 'together '
  return `, ${each}${said}`
}

const placeOf = (lines: [number, number] | undefined, images: string[]): string => {
  if (lines === undefined) return ''
  const [first, last] = lines
  const where = last > first ? `lines ${first}-${last}` : `line ${first}`
  return `${where} of the ${images.length > 1 ? `${quoted(images[0] ?? '', 30)} ` : ''}log`
}

/** Name and message of each failure, until `rows` of the mail are used up. At least one is shown. */
const showFailures = (one: Group, { room, thing }: Shown): Failures => {
  const { kind, images, failures } = one
  const lines: string[] = []
  let shown = 0
  let lastName = ''
  for (const failure of failures) {
    const name = shownName(failure)
    const place = placeOf(failure.lines, images)
    const said = failure.message
      .split('\n')
      .filter(line => line.trim() !== '')
      .slice(0, maxMessageLines)
    const block = [
      ...(name === lastName
        ? []
        : [' '.repeat(nameIndent) + quoted(name, room.width) + (place === '' ? '' : `  (${place})`)]),
      ...said.map(line => ' '.repeat(messageIndent) + quoted(line, room.width)),
    ].flatMap(line => fold(line))
    if (shown > 0 && lines.length + block.length > room.rows) break
    // The first is never left out, but in little room it is cut.
    lines.push(...block.slice(0, Math.max(2, room.rows)))
    shown++
    lastName = name
  }
  return {
    kind,
    where: onImages(images),
    step: quoted(failures[0]?.step ?? '', 60),
    numbers: numbersOf(one, thing),
    lines,
    count: failures.length,
    more: failures.length - shown,
  }
}

type BrokenStep = ImageVerdict['broken'][number]

/** What the step did, as the rest of a sentence that begins with it. */
const sayBroken = ({ ending }: BrokenStep): string =>
  ending.kind !== 'finished' || signalOf(ending) !== undefined
    ? sayEnding(ending)
    : 'ended with a report that cannot be trusted'

type BrokenGroup = {
  step: BrokenStep
  images: string[]
  proofs: (Proof | undefined)[]
  running: string[]
}

const groupBroken = (images: ImageVerdict[]): BrokenGroup[] => {
  const groups = new Map<string, BrokenGroup>()
  for (const { image, broken, newFailures } of images) {
    for (const step of broken) {
      const key = JSON.stringify([step.step, sayBroken(step), step.why])
      const running = newFailures
        .filter(({ step: of, test }) => of === step.step && test !== '')
        .map(shownName)
      const known = groups.get(key) ?? { step, images: [], proofs: [], running: [...new Set(running)] }
      known.images.push(image)
      known.proofs.push(step.proof)
      groups.set(key, known)
    }
  }
  return [...groups.values()]
}

const maxTail = 5
const maxRunning = 3

const timesBroken = (proofs: (Proof | undefined)[], thing: string): string => {
  const even = proofs.every(proof => sameProof(proof, proofs[0]))
  const said = sayProof(even ? proofs[0] : together(proofs), thing)
  if (said === '') return ''
  if (proofs.length < 2) return `It did so ${said}`
  return even ? `On each it did so ${said}` : `In all it did so ${said}`
}

const showBroken = ({ step, images, proofs, running }: BrokenGroup, { room, thing }: Shown): Broken => {
  const few = Math.max(1, Math.min(room.rows, maxTail))
  const tail = step.tail.filter(line => line.trim() !== '').slice(-few)
  const said = sayBroken(step)
  return {
    where: onImages(images),
    step: quoted(step.step, 60),
    said,
    why:
      room.rows < 3 || step.why.includes(said) || step.ending.kind !== 'finished'
        ? ''
        : quoted(step.why, room.width),
    numbers: timesBroken(proofs, thing),
    sometimes: proofs.some(proof => proof !== undefined && proof.without.failed > 0),
    place: placeOf(step.lines, images),
    repeated: needsSecondOpinion(step.ending),
    running: running.slice(0, Math.min(maxRunning, few - 1)).map(name => quoted(name, room.width)),
    lines: tail.map(line => quoted(line, room.width)),
  }
}

/** All that is held against the patch, in groups: the same for any room. */
export const gatherEvidence = (images: ImageVerdict[]) => ({
  failures: group(images),
  broken: groupBroken(images),
  counts: countsOf(images),
})

/** `room.rows`: how many rows of the mail all failures together may take; each group shows at least one. */
export const evidence = (
  { failures, broken, counts }: ReturnType<typeof gatherEvidence>,
  { room, thing }: Shown,
): Evidence => {
  const most = Math.max(1, Math.floor(room.rows / 4))
  const shownBroken = broken.slice(0, failures.length > 0 ? Math.max(1, Math.floor(most / 2)) : most)
  const shownFailures = failures.slice(0, Math.max(1, most - shownBroken.length))
  const share = Math.max(1, Math.floor(room.rows / Math.max(1, shownFailures.length + shownBroken.length)))
  const shown: Shown = { room: { ...room, rows: share }, thing }
  return {
    failures: shownFailures.map(one => showFailures(one, shown)),
    broken: shownBroken.map(one => showBroken(one, shown)),
    newCount: counts.fresh,
    worseCount: counts.worse,
    brokenCount: counts.steps,
    brokenSaid:
      broken.length === 1
        ? broken.map(({ step }) => sayBroken(step)).join('')
        : 'does not come to a good end',
    hidden:
      failures.slice(shownFailures.length).reduce((sum, one) => sum + one.failures.length, 0) +
      Math.max(0, broken.length - shownBroken.length),
  }
}
