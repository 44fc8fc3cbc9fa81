// A bug tracker in memory that speaks like a real one: bugs have states and comments, some are hidden, and sometimes it does not answer.
import { Fault } from '../../src/model/fault.ts'
import type { BugWord, Tracker } from '../../src/ports/bugs.ts'

type Bug = { is: BugWord['is'] | 'hidden'; comments: string[] }

export type FakeTracker = Tracker & {
  bugs: Map<string, Bug>
  /** What was asked of it, in order. */
  asked: string[]
  /** It does not answer. */
  down: boolean
}

export const fakeTracker = (at = 'https://bugs.example.org/'): FakeTracker => {
  const bugs = new Map<string, Bug>()
  const reach = (what: string): Bug => {
    tracker.asked.push(what)
    if (tracker.down) throw new Fault('unreachable', 'soon', `${at} does not answer`)
    const bug = bugs.get(what.split(' ')[1] ?? '')
    if (bug?.is === 'hidden') throw new Fault('refused', 'never', `${at}: you are not authorized`)
    return bug ?? { is: 'gone', comments: [] }
  }
  const tracker: FakeTracker = {
    ...{ bugs, asked: [], down: false },
    owns: bug => bug.startsWith(at),
    async look(bug) {
      const { is } = reach(`look ${bug}`)
      return { is: is === 'hidden' ? 'gone' : is }
    },
    async reopen(bug, { text, mark }) {
      const found = reach(`reopen ${bug}`)
      if (!bugs.has(bug)) throw new Fault('refused', 'never', `${at}: there is no such bug`)
      if (!found.comments.some(comment => comment.includes(mark))) found.comments.push(`${text}\n\n[${mark}]`)
      found.is = 'open'
    },
  }
  return tracker
}
