// What a reply says besides the failures that are held against a patch: flaky, known and unclear ones, vanished and mended tests, what was left out.
import { countsOf } from '../../model/counting.ts'
import type { ImageVerdict, OtherFailure, Proof, Verdict } from '../../model/verdict.ts'
import { cleanLine, oneLine } from '../../text/clean.ts'
import { list, quoted } from './evidence.ts'
import { timesOf, together } from './numbers.ts'
import type { Room } from './room.ts'

/** Some lines of so many. */
export type Lines = { lines: string[]; count: number; more: number }

const maxName = 60

const first = <T>(all: T[], most: number, say: (one: T) => string): Lines => ({
  lines: all.slice(0, most).map(say),
  count: all.length,
  more: Math.max(0, all.length - most),
})

/** The same thing on several images is one. */
const merged = <T>(images: ImageVerdict[], pick: (image: ImageVerdict) => T[], key: (one: T) => string) => {
  const found = new Map<string, { all: T[]; one: T; images: string[] }>()
  for (const image of images) {
    for (const one of pick(image)) {
      const known = found.get(key(one)) ?? { all: [], one, images: [] }
      known.all.push(one)
      known.images.push(image.image)
      found.set(key(one), known)
    }
  }
  return [...found.values()]
}

const where = (images: string[]): string =>
  images.length > 3 ? `${images.length} images` : list(images.map(name => quoted(name, 30)))

const named = ({ step, test }: { step: string; test: string }): string =>
  test === '' ? `step "${oneLine(step, maxName)}"` : oneLine(test, maxName)

const keyOf = (one: { step: string; test: string }): string => JSON.stringify([one.step, one.test])

/** `: 3 of 12 times with it, 4 of 12 without`; of several images in all. */
const numbers = (proofs: (Proof | undefined)[]): string => {
  const said = timesOf(together(proofs))
  return said === '' ? '' : `: ${said}`
}

const failed = (images: ImageVerdict[], most: number, pick: (image: ImageVerdict) => OtherFailure[]): Lines =>
  first(
    merged(images, pick, keyOf),
    most,
    ({ one, all, images: on }) => `${named(one)} on ${where(on)}${numbers(all.map(({ proof }) => proof))}`,
  )

const reported = (images: ImageVerdict[], room: Room): Lines =>
  first(
    merged(
      images,
      image => image.reported ?? [],
      one => JSON.stringify([one.bug, keyOf(one)]),
    ),
    room.record,
    ({ one, images: on }) => `${named(one)} on ${where(on)}: ${oneLine(one.bug, 200)}`,
  )

const vanished = (images: ImageVerdict[], room: Room): Lines =>
  first(
    merged(images, image => image.vanished ?? [], keyOf),
    room.each,
    ({ one, images: on }) => `${named(one)} on ${where(on)}${one.skipped ? ', skipped' : ''}`,
  )

const mended = (images: ImageVerdict[], room: Room): Lines =>
  first([...new Set(images.flatMap(image => image.mended))], room.record, name => oneLine(name))

const leftOut = (images: ImageVerdict[], room: Room): Lines =>
  first(
    merged(
      images,
      image => image.leftOut ?? [],
      one => one,
    ),
    room.record,
    ({ one, images: on }) => `${oneLine(one, 200)} (${where(on)})`,
  )

const maxWarnings = 3

const warnings = (all: string[] = [], room: Room): Lines =>
  first(all, Math.min(maxWarnings, room.record), line => cleanLine(line.trim(), room.width))

/** A whole step that is flaky or unclear has no test's name; what fails in one image only says so. */
export const others = ({ images, warnings: warned }: Verdict, room: Room) => {
  return {
    /** No room for any: only how many there are. */
    counted: { unclear: room.each === 0, record: room.record === 0 },
    unclear: failed(images, room.each, image => image.unclear ?? []),
    flaky: failed(images, room.record, image => image.flaky ?? []),
    reported: reported(images, room),
    vanished: vanished(images, room),
    mended: mended(images, room),
    leftOut: leftOut(images, room),
    warnings: warnings(warned, room),
    counts: countsOf(images),
  }
}
