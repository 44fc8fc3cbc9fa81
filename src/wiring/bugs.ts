// All bug trackers as one: each is asked about its own bugs.
import { Fault } from '../model/fault.ts'
import type { Bugs, Tracker } from '../ports/bugs.ts'

/** Of a bug that no tracker owns, it is said that nothing is known. */
export const bugsOf = (trackers: Tracker[]): Bugs => {
  const ownerOf = (bug: string) => trackers.find(tracker => tracker.owns(bug))
  return {
    look: async bug => ownerOf(bug)?.look(bug),
    async reopen(bug, comment) {
      const owner = ownerOf(bug)
      if (!owner) throw new Fault('refused', 'never', `no tracker that is known has ${bug}`)
      await owner.reopen(bug, comment)
    },
  }
}
