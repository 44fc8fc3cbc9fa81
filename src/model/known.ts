// Failures that are known: a pattern of test, image and message, and the bug that tells of it. Proposed by the bot from history, decided by people.
//
//   proposed ──a person confirms──▶ confirmed ──bug fixed, and unseen for so many bases──▶ retired
//      │                             ▲   │  ▲                                               │  │
//      │                             │   │  └──────────────seen again (its bug is reopened)─┘  │
//      └──a person rejects──▶ rejected ◀─┴──────────────────a person rejects───────────────────┘

import { tailOf } from './chance.ts'
import type { Trials } from './history.ts'
import type { Instant } from './instant.ts'
import type { Commit } from './job.ts'
import { literals, matchesName } from './name-glob.ts'

/** A run that showed it although it was retired; there as long as its bug was not opened again, or nobody was told. */
export type Returned = { at: Instant; run: string; base: Commit /** The administrator was. */; told?: true }

export type KnownState =
  /** `told`: the administrator was. */
  | { at: 'proposed'; why: string; rate: Trials; told?: true }
  | { at: 'confirmed'; by: string; when: Instant; returned?: Returned }
  | { at: 'rejected'; by: string; when: Instant; why: string }
  | { at: 'retired'; when: Instant; why: string }

/** What is known of the bug, as its tracker said last. gone: it is not there any more, or not for us to see. */
export type BugState = {
  is: 'open' | 'fixed' | 'closed' | 'gone'
  seenAt: Instant
  /** When it was first found in this state. */
  since?: Instant
}

/** How often runs showed it. */
export type Seen = {
  at: Instant
  run: string
  times: number
  /** The newest runs that are counted, in order of time: the same run is counted once. */
  last?: { run: string; at: Instant }[]
}

export type KnownFailure = {
  /** Content id of project, pattern and bug, as they were when it was written down. */
  id: string
  project: string
  /** undefined: any step. */
  step: string | undefined
  /** A glob over the test's name; '' is the step itself: a crash, a time-out. */
  test: string
  /** Globs over the image's name; []: any. */
  images: string[]
  /** Text that the message must hold, without regard to case, numbers and addresses; '': any. */
  message: string
  /** Where its bug is: an address; undefined: none yet. */
  bug: string | undefined
  bugState?: BugState
  createdAt: Instant
  /** When a run last showed it; undefined: not since it was written down. */
  seen: Seen | undefined
  state: KnownState
  /** How often it failed on unpatched bases when it was proposed. */
  rate?: Trials
  /** It fails every time: nothing needs to be proven, however often it fails. */
  always?: true
}

export type Pattern = Pick<KnownFailure, 'step' | 'test' | 'images' | 'message'>

/** A test that failed; test '': the step itself. */
export type Failure = { image: string; step: string; test: string; message: string }

/** Of a longer message, only so much is looked at. */
const maxMessage = 4000

/** What a message says whatever run it is of: lower case, one line, `#` for numbers and addresses. Saying it of the result gives the same. */
export const plainMessage = (message: string): string =>
  message
    .slice(0, maxMessage)
    .toLowerCase()
    .replace(/\b0x[0-9a-f]+/g, '#')
    .replace(/\b[0-9a-f]{6,}\b/g, word => (/\d/.test(word) ? '#' : word))
    .replace(/\d+/g, '#')
    .replace(/\s+/g, ' ')
    .trim()

/** Does the pattern speak of this failure? */
export const matches = (
  { step, test, images, message }: Pattern,
  failure: Failure,
  said: () => string = () => plainMessage(failure.message),
): boolean =>
  (step === undefined || step === failure.step) &&
  matchesName(failure.test, test) &&
  (images.length === 0 || images.some(glob => matchesName(failure.image, glob))) &&
  (message === '' || said().includes(plainMessage(message)))

export type ReportedFailure = KnownFailure & { bug: string }

const isReported = (known: KnownFailure): known is ReportedFailure =>
  known.state.at === 'confirmed' && known.bug !== undefined

const narrowness = ({ test, message, images }: Pattern): number =>
  literals(test) + message.length + images.length

/** The confirmed one that speaks of this failure; of several the one that says most about it. Work is bounded, whatever the message is. */
export const reportedBy = (known: KnownFailure[], failure: Failure): ReportedFailure | undefined => {
  const said = plainMessage(failure.message)
  return known
    .filter(isReported)
    .filter(one => matches(one, failure, () => said))
    .sort((a, b) => narrowness(b) - narrowness(a))[0]
}

/** What is seen may not be rarer than this, or it has to be proven. */
const leastChance = 0.05

/**
 * May a failure that is known be let go without proof? Only if its own rate makes what was seen likely: a chance of at least 5 % that it fails
 * so often by itself in so many runs. So one failure is let go where its rate is 5 % or more; what fails one time in five by itself and
 * six times of six with the patch has to be proven, and may well be worse. One that is marked `always` is let go in any case.
 *
 * @param history of the test on unpatched bases, on that image
 * @param seen all its runs with the patch there, the first one and probes
 */
export const isExpected = (
  { always, rate }: Pick<KnownFailure, 'always' | 'rate'>,
  { history, seen }: { history: Trials; seen: Trials },
): boolean => {
  if (always) return true
  const own = rate && rate.runs > history.runs ? rate : history
  return (
    own.failed > 0 && tailOf({ n: seen.runs, hits: seen.failed, p: own.failed / own.runs }) >= leastChance
  )
}

/** Why nobody should write down such a pattern; undefined: it is fine. */
export const tooWide = ({ step, test, message }: Pattern): string | undefined => {
  const letters = (text: string) => text.replace(/[^\p{L}]/gu, '').length
  if (message !== '' && letters(plainMessage(message)) < 3)
    return 'the message says nothing: numbers do not count, and three letters are the least'
  if (test === '' && step === undefined)
    return 'neither a test nor a step is named: it would hide all crashes and time-outs'
  if (test !== '' && message === '' && literals(test) < 3)
    return 'the pattern of the test says nothing: it would hide everything'
  return undefined
}

/** As it is written down first. */
export const propose = (
  given: Pattern & Pick<KnownFailure, 'id' | 'project' | 'bug' | 'seen'>,
  { why, rate, now }: { why: string; rate: Trials; now: Instant },
): KnownFailure => ({ ...given, createdAt: now, state: { at: 'proposed', why, rate } })

// Each of these gives undefined where the state does not allow it: somebody was faster, or it is so already.

/** By a person. It needs a bug: its own, or this one. */
export const confirm = (
  known: KnownFailure,
  {
    by,
    when,
    bug = known.bug,
    always,
  }: { by: string; when: Instant; bug?: string | undefined; always?: boolean },
): KnownFailure | undefined => {
  if (known.state.at === 'confirmed' || bug === undefined) return undefined
  const { state } = known
  const rate = state.at === 'proposed' && state.rate.runs > 0 ? { rate: state.rate } : {}
  const { always: _, ...bugs } = bug === known.bug ? known : withoutBugState(known)
  return { ...bugs, ...rate, ...(always ? { always } : {}), bug, state: { at: 'confirmed', by, when } }
}

const withoutBugState = ({ bugState: _, ...known }: KnownFailure): KnownFailure => known

/** By a person, of one that is confirmed. */
export const withAlways = (known: KnownFailure): KnownFailure | undefined =>
  known.state.at === 'confirmed' && !known.always ? { ...known, always: true } : undefined

/** By a person: it is not proposed again, and does not come back by itself. */
export const reject = (
  known: KnownFailure,
  how: { by: string; when: Instant; why: string },
): KnownFailure | undefined =>
  known.state.at === 'rejected' ? undefined : { ...known, state: { at: 'rejected', ...how } }

/** It comes back by itself when a run shows it. */
export const retire = (known: KnownFailure, how: { when: Instant; why: string }): KnownFailure | undefined =>
  known.state.at === 'confirmed' ? { ...known, state: { at: 'retired', ...how } } : undefined

/** A run of an unpatched base showed it although it was retired. What its bug says is asked anew. */
export const comeBack = (known: KnownFailure, returned: Returned): KnownFailure | undefined =>
  known.state.at === 'retired'
    ? {
        ...withoutBugState(known),
        state: { at: 'confirmed', by: 'seen again', when: returned.at, returned },
      }
    : undefined

/** What had to follow of its coming back is done. */
export const settled = (known: KnownFailure): KnownFailure => {
  if (known.state.at !== 'confirmed') return known
  const { returned: _, ...state } = known.state
  return { ...known, state }
}

/** Another bug tells of it. */
export const withBug = (known: KnownFailure, bug: string): KnownFailure =>
  bug === known.bug ? known : { ...withoutBugState(known), bug }

/** So many runs are remembered, so that none is counted twice. */
const maxLast = 64

/** Counts runs that showed it; a run that was counted is not counted again, whoever tells of it and how often. */
export const seenIn = (seen: Seen | undefined, runs: { run: string; at: Instant }[]): Seen | undefined => {
  let last = seen?.last ?? []
  let times = seen?.times ?? 0
  for (const { run, at } of [...runs].sort((a, b) => a.at - b.at)) {
    // What came before the oldest that is remembered may have been counted and forgotten.
    const isOld = last.length >= maxLast && at <= (last[0]?.at ?? at)
    if (isOld || last.some(one => one.run === run)) continue
    times += 1
    last = [...last, { run, at }].sort((a, b) => a.at - b.at).slice(-maxLast)
  }
  const newest = last.at(-1)
  return newest && times > (seen?.times ?? 0) ? { at: newest.at, run: newest.run, times, last } : seen
}
