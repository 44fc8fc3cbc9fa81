// A bug and a thread whose comments are kept in step: which bugs these are, and when it ends.
//
//   on ──closed──▶ off (closed) ──open again──▶ on            on ──nobody says anything──▶ off (idle) ──said something, and the rules name it──▶ on
//    │──not to be seen by all──▶ off (hidden)                  on ──/grapevine untrack──▶ off (asked) ──/grapevine track──▶ on
import type { Bug, BugUrl, Track } from './bug.ts'
import type { Instant, Millis } from './instant.ts'

/** What the configuration keeps in step; single bugs by address. */
export type SyncRules = { products: string[]; bugs: BugUrl[]; flag: string | undefined; idleMs: Millis }

/** Set by the configuration, and by nobody's command. */
export const byRules = 'configuration'

/** `grapevine?` and `grapevine+` are the flag `grapevine`; `grapevine-` is a no. */
const hasFlag = ({ flags }: Pick<Bug, 'flags'>, flag: string): boolean =>
  [flag, `${flag}?`, `${flag}+`].some(one => flags.includes(one))

/** Is it one of those that are named one by one? All that was ever said there is carried over. */
export const isChosen = (bug: Pick<Bug, 'url' | 'flags'>, { bugs, flag }: SyncRules): boolean =>
  bugs.includes(bug.url) || (flag !== undefined && hasFlag(bug, flag))

/** Only what is said after it was switched on is carried over: a product may have thousands of old bugs. */
export const isOfProduct = ({ product }: Pick<Bug, 'product'>, { products }: SyncRules): boolean =>
  products.includes(product)

export const isWanted = (bug: Bug, rules: SyncRules): boolean =>
  isChosen(bug, rules) || isOfProduct(bug, rules)

export type Ended = 'closed' | 'idle' | 'hidden' | 'asked'

/**
 * heard: something was said on either side · closed, opened, hidden: the bug is · looked: time passes · asked: `/grapevine untrack` ·
 * resumed: the rules name it, and somebody spoke
 */
export type TrackEvent =
  | { on: 'heard' }
  | { on: 'closed' | 'opened' | 'hidden' | 'asked' | 'resumed' }
  | { on: 'looked'; idleMs: Millis }

const off = (track: Track, why: Ended, now: Instant): Track => ({
  ...track,
  state: { at: 'off', when: now, why },
})
const on = (track: Track, now: Instant): Track => ({ ...track, lastAt: now, state: { at: 'on' } })

/** Where an event takes a track; the same one back: nothing changes. What was ended by a command only a command begins again. */
export const nextTrack = (track: Track, event: TrackEvent, now: Instant): Track => {
  const { state } = track
  if (state.at === 'off') {
    if (event.on === 'opened' && state.why === 'closed') return on(track, now)
    return event.on === 'resumed' && state.why === 'idle' ? on(track, now) : track
  }
  switch (event.on) {
    case 'heard':
      return now > track.lastAt ? { ...track, lastAt: now } : track
    case 'closed':
    case 'hidden':
    case 'asked':
      return off(track, event.on, now)
    case 'looked':
      return now - track.lastAt >= event.idleMs ? off(track, 'idle', now) : track
    default:
      return track
  }
}

/** The one that a bug's comments go to: a bug has one thread at a time. */
export const threadOfBug = (tracks: Track[], project: string): Track | undefined => {
  const own = tracks.filter(one => one.project === project)
  return own.findLast(({ state }) => state.at === 'on') ?? own.toSorted(byEnd).at(-1)
}

const endOf = ({ state }: Track): Instant => (state.at === 'off' ? state.when : Number.POSITIVE_INFINITY)
const byEnd = (a: Track, b: Track): number => endOf(a) - endOf(b)
