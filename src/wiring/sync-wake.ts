// Bugmail wakes the look at a bug; it says no more than that. What it misses, the sweep of the tracker finds.
import type { BugUrl } from '../model/bug.ts'
import { Fault } from '../model/fault.ts'
import type { Instant, Millis } from '../model/instant.ts'
import { botProject } from '../model/mail.ts'
import type { Blobs } from '../ports/blobs.ts'
import type { Clock } from '../ports/clock.ts'
import type { Store } from '../ports/store.ts'
import type { SyncProject } from '../stages/bugs/mirrored.ts'
import { mayBeBugmail, readBugmail } from '../text/bugmail.ts'

/** How far mail was read, by project; the start is now. And when it woke us. */
export type WakeMemory = { places: Map<string, number>; woke: Instant[] }

export const wakeMemory = (): WakeMemory => ({ places: new Map(), woke: [] })

const mailsAtOnce = 100
/** Anybody can write such mail: so often in a minute it is believed. */
const mostWoken = 20
const minuteMs: Millis = 60_000

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
  { store, blobs, clock }: { store: Store; blobs: Blobs; clock: Pick<Clock, 'now'> },
  memory: WakeMemory,
  { name, tracker }: Pick<SyncProject, 'name' | 'tracker'>,
): Promise<BugUrl[]> => {
  const woken = new Set<BugUrl>()
  const now = clock.now()
  memory.woke = memory.woke.filter(at => now - at < minuteMs)
  const head = await store.mailPlace(name)
  for (const project of [botProject, name]) {
    const place = memory.places.get(project) ?? head
    memory.places.set(project, head)
    if (place >= head) continue
    for (const { mail } of await store.mailsAfter({ project, place, limit: mailsAtOnce })) {
      const { auto, messageId } = mail.parsed ?? { auto: undefined, messageId: undefined }
      const bug = mayBeBugmail({ auto, messageId }) ? await bugIn(blobs, mail.id) : undefined
      const url = bug === undefined ? undefined : tracker.addressOf(String(bug))
      if (url === undefined || woken.has(url) || memory.woke.length >= mostWoken) continue
      woken.add(url)
      memory.woke.push(now)
    }
  }
  return [...woken]
}
