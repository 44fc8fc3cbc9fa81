// Failures that are known: a pattern of test, image and message, and the bug that tells of it. Proposed by the bot from history, decided by people.
//
//   proposed ──a person confirms──▶ confirmed ──bug fixed, and unseen for so many bases──▶ retired
//      └──a person rejects──▶ rejected            ▲                                            │
//                                                 └────────────────seen again──────────────────┘

import type { Trials } from './history.ts'
import type { Instant } from './instant.ts'

export type KnownState =
  | { at: 'proposed'; why: string; rate: Trials }
  | { at: 'confirmed'; by: string; when: Instant }
  | { at: 'rejected'; by: string; when: Instant; why: string }
  | { at: 'retired'; when: Instant; why: string }

/** What is known of the bug, as its tracker said last. */
export type BugState = { is: 'open' | 'fixed' | 'closed' | 'gone'; seenAt: Instant }

export type KnownFailure = {
  /** Content id of project, pattern and bug. */
  id: string
  project: string
  /** undefined: any step. */
  step: string | undefined
  /** A glob over the test's name. */
  test: string
  /** Globs over the image's name; []: any. */
  images: string[]
  /** Text that the message must hold, without regard to numbers; '': any. */
  message: string
  /** Where its bug is: an address; undefined: none yet. */
  bug: string | undefined
  bugState?: BugState
  createdAt: Instant
  /** When a run last showed it; undefined: not since it was written down. */
  seen: { at: Instant; run: string; times: number } | undefined
  state: KnownState
}
