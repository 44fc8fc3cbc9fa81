// The machine of a write to a bug (its states and the picture are in model/bug.ts). Writing is repeatable: the tracker's side looks for the mark
// first. So whatever is left in `writing` is written again, after the tracker had time to end what it was at.
import type { BugUrl, BugWriteState } from './bug.ts'
import type { Instant, Millis } from './instant.ts'
import { maxReplyTries, replyWait } from './reply.ts'

/**
 * written: it is there · deferred: was not taken, may be later; `unsure`: it may have been done · unreached: the tracker as a whole cannot be
 * used now, which is not this write's doing · refused: never will be taken · lost: the process that wrote it is gone · retried, dropped: by a person
 */
export type BugWriteEvent =
  | { on: 'taken' }
  | { on: 'written'; bug: BugUrl; comment: number | undefined; refused?: string }
  | { on: 'deferred'; why: string; soon: boolean; unsure: boolean }
  | { on: 'unreached'; why: string; until: Instant }
  | { on: 'refused'; why: string }
  | { on: 'lost' }
  | { on: 'retried' }
  | { on: 'dropped'; why: string }

/** So long a tracker may be at a write whose answer did not come. */
export const settleMs: Millis = 60_000

/** Where an event takes a write; the same state back: it came too late, or does not concern it. `written` is final, unless its change was refused; from there and from `failed` people lead on. */
export const nextBugWrite = (state: BugWriteState, event: BugWriteEvent, now: Instant): BugWriteState => {
  switch (event.on) {
    case 'taken':
      return state.at === 'pending' && now >= state.notBefore
        ? { at: 'writing', since: now, tries: state.tries + 1 }
        : state
    case 'retried':
      return state.at === 'failed' ||
        state.at === 'pending' ||
        (state.at === 'written' && state.refused !== undefined)
        ? { at: 'pending', notBefore: now, tries: 0 }
        : state
    case 'dropped':
      return state.at === 'pending' ? { at: 'failed', when: now, why: event.why } : state
    // Said of one that waits, too: while the bot is not live, nothing is tried.
    case 'refused':
      return state.at === 'pending' || state.at === 'writing'
        ? { at: 'failed', when: now, why: event.why }
        : state
    default:
      return state.at === 'writing' ? afterWriting(state, event, now) : state
  }
}

const afterWriting = (
  { since, tries }: Extract<BugWriteState, { at: 'writing' }>,
  event: Extract<BugWriteEvent, { on: 'written' | 'deferred' | 'unreached' | 'lost' }>,
  now: Instant,
): BugWriteState => {
  switch (event.on) {
    case 'written':
      return {
        ...{ at: 'written', when: now, bug: event.bug, comment: event.comment },
        ...(event.refused === undefined ? {} : { refused: event.refused }),
      }
    case 'lost':
      return { at: 'pending', notBefore: Math.max(now, since + settleMs), tries }
    case 'unreached':
      return { at: 'pending', notBefore: event.until, tries: tries - 1, why: event.why }
    case 'deferred': {
      const { why, soon, unsure } = event
      if (tries >= maxReplyTries)
        return { at: 'failed', when: now, why: `given up after ${tries} tries: ${why}` }
      const wait = Math.max(replyWait(tries, soon), unsure ? settleMs : 0)
      return { at: 'pending', notBefore: now + wait, tries, why }
    }
  }
}
