// One try at a task in one clone, and how it ended. What the guest's own program did can count against a patch; the rest is ours.

/** Unique for each try; it stands on the clone's command line. */
export type RunId = string

/** How a command in a guest ended: a closed union, each told apart by evidence from outside the guest. */
export type Ending =
  | { kind: 'finished'; exitCode: number; signal?: number }
  | { kind: 'timed-out'; afterMs: number }
  | { kind: 'powered-off' }
  | { kind: 'crashed'; how: 'panic' | 'reset' }
  | { kind: 'hung'; afterMs: number }
  | { kind: 'vm-died'; detail: string }
  | { kind: 'disk-error'; detail: string }
  | { kind: 'out-of-space'; detail: string }
  | { kind: 'template-damaged'; detail: string }
  | { kind: 'host-lost'; detail: string }
  | { kind: 'cancelled' }

/** Could the guest's own program have done this? Only then may it be held against a patch, and only after it repeated. */
export const isGuestsDoing = (ending: Ending): boolean =>
  ['finished', 'timed-out', 'powered-off', 'crashed', 'hung'].includes(ending.kind)

/** So begins what is told of a disk error that the guest's kernel speaks of. What the host's QEMU speaks of is the host's disk. */
export const guestSaysOfDisk = 'the guest says of its disk: '

/** An ending that a program can cause, but trouble on our side as well: it stands only when a second clone agrees. */
export const needsSecondOpinion = (ending: Ending): boolean =>
  isGuestsDoing(ending) && ending.kind !== 'finished'
