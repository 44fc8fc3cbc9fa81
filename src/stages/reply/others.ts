// What a reply says besides the failures that are held against a patch: flaky, known and unclear ones, vanished and mended tests, what was left out.
import type { ImageVerdict, OtherFailure, Verdict } from '../../model/verdict.ts'
import { cleanLine, oneLine } from '../../text/clean.ts'
import { onImages } from './evidence.ts'
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

type Merged<T> = { all: T[]; one: T; images: string[] }

/** The same thing on several images is one. */
const merged = <T>(
  images: ImageVerdict[],
  pick: (image: ImageVerdict) => T[],
  keyOf: (one: T) => string,
): Merged<T>[] => {
  const found = new Map<string, Merged<T>>()
  for (const image of images) {
    for (const one of pick(image)) {
      const key = keyOf(one)
      const known = found.get(key) ?? { all: [], one, images: [] }
      known.all.push(one)
      known.images.push(image.image)
      found.set(key, known)
    }
  }
  return [...found.values()]
}

const named = ({ step, test }: { step: string; test: string }): string =>
  test === '' ? `step "${oneLine(step, maxName)}"` : oneLine(test, maxName)

const keyOf = (one: { step: string; test: string }): string => JSON.stringify([one.step, one.test])

/** All of it, each thing once: the same for any room. */
export const gatherOthers = ({ images, warnings = [] }: Verdict) => ({
  unclear: merged(images, image => image.unclear ?? [], keyOf),
  flaky: merged(images, image => image.flaky ?? [], keyOf),
  reported: merged(
    images,
    image => image.reported ?? [],
    one => JSON.stringify([one.bug, keyOf(one)]),
  ),
  vanished: merged(images, image => image.vanished ?? [], keyOf),
  mended: [...new Set(images.flatMap(image => image.mended))],
  leftOut: merged(
    images,
    image => image.leftOut ?? [],
    one => one,
  ),
  warnings,
})

const failed = ({ one, all, images }: Merged<OtherFailure>): string => {
  const said = timesOf(together(all.map(({ proof }) => proof)))
  return `${named(one)} on ${onImages(images)}${said === '' ? '' : `: ${said}`}`
}

const maxWarnings = 3

/** A whole step that is flaky or unclear has no test's name; what fails in one image only says so. */
export const others = (all: ReturnType<typeof gatherOthers>, room: Room) => ({
  /** No room for any: only how many there are. */
  counted: { unclear: room.each === 0, record: room.record === 0 },
  unclear: first(all.unclear, room.each, failed),
  vanished: first(
    all.vanished,
    room.each,
    ({ one, images }) => `${named(one)} on ${onImages(images)}${one.skipped ? ', skipped' : ''}`,
  ),
  flaky: first(all.flaky, room.record, failed),
  reported: first(
    all.reported,
    room.record,
    ({ one, images }) =>
      `${named(one)} on ${onImages(images)}${one.bug === '' ? '' : `: ${oneLine(one.bug, 200)}`}`,
  ),
  mended: first(all.mended, room.record, name => oneLine(name)),
  leftOut: first(all.leftOut, room.record, ({ one, images }) => `${oneLine(one, 200)} (${onImages(images)})`),
  warnings: first(all.warnings, Math.min(maxWarnings, room.record), line =>
    cleanLine(line.trim(), room.width),
  ),
})
