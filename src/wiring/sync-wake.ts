// Bugmail wakes the look at a bug; it says no more than that. What it misses, the sweep of the tracker finds.
import type { BugUrl } from '../model/bug.ts'
import { Fault } from '../model/fault.ts'
import { botProject } from '../model/mail.ts'
import type { Blobs } from '../ports/blobs.ts'
import type { Store } from '../ports/store.ts'
import type { SyncProject } from '../stages/bugs/mirrored.ts'
import { mayBeBugmail, readBugmail } from '../text/bugmail.ts'

/** How far mail was read, by project; the start is now. */
export type WakeMemory = { places: Map<string, number> }

export const wakeMemory = (): WakeMemory => ({ places: new Map() })

const mailsAtOnce = 100
/** Anybody can write such mail. */
const mostWoken = 20

const bugIn = async (blobs: Blobs, id: string): Promise<number | undefined> => {
  try {
    return readBugmail(await blobs.get(id))?.bug
  } catch (error) {
    if (error instanceof Fault && error.kind === 'damaged') return undefined
    throw error
  }
}

/** Bugs of which mail came since the last call. */
export const wakeByMail = async (
  { store, blobs }: { store: Store; blobs: Blobs },
  memory: WakeMemory,
  { name, tracker }: Pick<SyncProject, 'name' | 'tracker'>,
): Promise<BugUrl[]> => {
  const woken = new Set<BugUrl>()
  const head = await store.mailPlace(name)
  for (const project of [botProject, name]) {
    const place = memory.places.get(project) ?? head
    memory.places.set(project, head)
    if (place >= head) continue
    for (const { mail } of await store.mailsAfter({ project, place, limit: mailsAtOnce })) {
      const { auto, messageId } = mail.parsed ?? { auto: undefined, messageId: undefined }
      const bug = mayBeBugmail({ auto, messageId }) ? await bugIn(blobs, mail.id) : undefined
      const url = bug === undefined ? undefined : tracker.addressOf(String(bug))
      if (url !== undefined && woken.size < mostWoken) woken.add(url)
    }
  }
  return [...woken]
}
