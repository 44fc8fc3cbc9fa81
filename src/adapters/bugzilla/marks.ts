// Did our comment arrive? Bugzilla takes the same text twice; so each comment of ours has a mark, and is looked for before it is written.
import type { Instant } from '../../model/instant.ts'
import { markOf } from '../../text/bug-comment.ts'
import { rawComments } from './comments.ts'
import type { Session } from './session.ts'

export type Found = { comment: number; at: Instant }

export type Marks = {
  /** Throws a Refusal if the bug is not for us. */
  find(id: number, mark: string): Promise<Found | undefined>
}

type Seen = { until: Instant | undefined; marks: Map<string, Found> }

const maxBugs = 300

/** Remembers what it has read of a bug, so that a long thread is read once. Only comments of our own count: others may quote them. */
export const openMarks = (session: Session): Marks => {
  const bugs = new Map<number, Seen>()
  const login = session.config.login.toLowerCase()
  return {
    async find(id, mark) {
      const seen: Seen = bugs.get(id) ?? { until: undefined, marks: new Map() }
      if (seen.marks.has(mark)) return seen.marks.get(mark)
      for (const { id: comment, creator, text, time } of await rawComments(session, id, seen.until)) {
        seen.until = Math.max(seen.until ?? 0, time)
        const found = creator.toLowerCase() === login ? markOf(text) : undefined
        if (found !== undefined && !seen.marks.has(found)) seen.marks.set(found, { comment, at: time })
      }
      bugs.delete(id)
      bugs.set(id, seen)
      const [oldest] = bugs.keys()
      if (bugs.size > maxBugs && oldest !== undefined) bugs.delete(oldest)
      return seen.marks.get(mark)
    },
  }
}
