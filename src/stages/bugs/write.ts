// A write that waits → the tracker. The machine is in model/bug-write.ts; this performs it. Repeatable at any point.
import type { BugWrite } from '../../model/bug.ts'
import { type BugWriteEvent, nextBugWrite } from '../../model/bug-write.ts'
import { Fault } from '../../model/fault.ts'
import type { Instant } from '../../model/instant.ts'
import type { Tracker } from '../../ports/bugs.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Store } from '../../ports/store.ts'

export type BugWritePorts = {
  store: Pick<Store, 'moveBugWrite'>
  clock: Pick<Clock, 'now'>
  /** undefined: the configuration has none of that name. */
  trackerOf(name: string): Tracker | undefined
  /** When a tracker that cannot be used now is tried again. */
  againAt(tracker: string): Instant
}

/** What came of it: the write as it is then, and why it was not written. */
export type BugWritten = { write: BugWrite; fault?: Fault }

const markPrefix = 'grapevine-'

/** What stands in the comment. */
export const markOf = ({ id }: Pick<BugWrite, 'id'>): string => `${markPrefix}${id}`

/** The write whose mark that is; undefined: it is none of ours. */
export const writeOfMark = (mark: string): string | undefined =>
  mark.startsWith(markPrefix) ? mark.slice(markPrefix.length) : undefined

/** Saves where the event leads. undefined: somebody else moved it meanwhile. */
export const moveWrite = async (
  { store, clock }: Pick<BugWritePorts, 'store' | 'clock'>,
  write: BugWrite,
  event: BugWriteEvent,
): Promise<BugWrite | undefined> => {
  const state = nextBugWrite(write.state, event, clock.now())
  if (state === write.state) return undefined
  return (await store.moveBugWrite(write.id, write.state, state)) ? { ...write, state } : undefined
}

const perform = async (tracker: Tracker, write: BugWrite): Promise<BugWriteEvent> => {
  const { bug, create, text, link, change } = write
  const mark = markOf(write)
  if (bug !== undefined) {
    const done = await tracker.write(bug, { mark, text, link, change })
    return { on: 'written', bug, ...done }
  }
  if (create !== undefined)
    return { on: 'written', bug: await tracker.create(create, mark), comment: undefined }
  return { on: 'refused', why: 'it names neither a bug nor a new one' }
}

/** Is it the tracker as a whole: away, too busy, or our key is no good? Then other writes need not be tried either. */
export const isTheTracker = ({ kind, retry }: Fault): boolean =>
  kind === 'unreachable' || kind === 'exhausted' || (kind === 'refused' && retry !== 'never')

const eventOf = (fault: Fault, until: Instant): BugWriteEvent => {
  const why = fault.remedy === undefined ? fault.message : `${fault.message}. ${fault.remedy}`
  if (isTheTracker(fault)) return { on: 'unreached', why, until }
  if (fault.retry === 'never') return { on: 'refused', why }
  const unsure = fault.kind === 'timeout' || fault.kind === 'malformed'
  return { on: 'deferred', why, soon: fault.retry === 'soon', unsure }
}

/** One try of a write that is due. undefined: it is not due, or was moved meanwhile. Throws the store's Faults. */
export const writeBug =
  (ports: BugWritePorts) =>
  async (write: BugWrite): Promise<BugWritten | undefined> => {
    const writing = await moveWrite(ports, write, { on: 'taken' })
    if (writing === undefined) return undefined
    const tracker = ports.trackerOf(write.tracker)
    const missing = { on: 'refused', why: `the configuration has no tracker ${write.tracker}` } as const
    try {
      const event = tracker === undefined ? missing : await perform(tracker, writing)
      const after = await moveWrite(ports, writing, event)
      return after && { write: after }
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      const after = await moveWrite(ports, writing, eventOf(error, ports.againAt(write.tracker)))
      return after && { write: after, fault: error }
    }
  }
