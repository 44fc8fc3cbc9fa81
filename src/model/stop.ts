// What operators hold back, seen from work that waits: the queue, an image, or every host that serves it. Pure.
import type { Hold, Host } from './host.ts'
import type { Instant } from './instant.ts'
import { holdOn, standingOf } from './standing.ts'

export type Stop =
  | { on: 'queue'; hold: Hold }
  | { on: 'image'; image: string; hold: Hold }
  /** No host that serves the image takes work, and these would if nobody held them. */
  | { on: 'hosts'; image: string; hosts: { name: string; hold: Hold }[] }

const stopOf = (
  image: string,
  { holds, hosts, now }: { holds: Hold[]; hosts: Host[]; now: Instant },
): Stop | undefined => {
  const own = holdOn(holds, { kind: 'image', name: image }, now)
  if (own) return { on: 'image', image, hold: own }
  const serving = hosts
    .filter(({ images }) => images.includes(image))
    .map(({ name, ...host }) => ({ name, standing: standingOf({ name, ...host }, holds, now) }))
  if (serving.some(({ standing }) => standing.at === 'works')) return undefined
  const held = serving.flatMap(({ name, standing }) =>
    standing.at === 'held' ? [{ name, hold: standing.hold }] : [],
  )
  return held.length === 0 ? undefined : { on: 'hosts', image, hosts: held }
}

/** Why work on these images is not begun; empty: nobody holds it back. A pause of the queue hides all else. */
export const stopsOf = (images: string[], given: { holds: Hold[]; hosts: Host[]; now: Instant }): Stop[] => {
  const pause = holdOn(given.holds, { kind: 'queue' }, given.now)
  if (pause) return [{ on: 'queue', hold: pause }]
  return [...new Set(images)].flatMap(image => stopOf(image, given) ?? [])
}
