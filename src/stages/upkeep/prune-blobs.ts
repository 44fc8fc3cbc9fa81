// Logs, consoles, screenshots and what was built go when they are older than keepLogs. Mails, results and verdicts stay.
import type { Millis } from '../../model/instant.ts'
import type { Blobs } from '../../ports/blobs.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Store } from '../../ports/store.ts'

export type PrunePorts = {
  store: Pick<Store, 'expiredBlobs' | 'forgetBlobs'>
  blobs: Pick<Blobs, 'drop'>
  clock: Pick<Clock, 'now'>
}

const atOnce = 500

/** So many files at most in one go: a disk has other work. */
const most = 50_000

/** Returns how many files went. What a younger run left as well stays. Repeatable. Throws the Faults of store and blobs. */
export const pruneBlobs = async ({ store, blobs, clock }: PrunePorts, keepMs: Millis): Promise<number> => {
  const before = clock.now() - keepMs
  let gone = 0
  for (let seen = 0; seen < most; ) {
    const expired = await store.expiredBlobs({ before, limit: atOnce })
    for (const blob of expired) if (await blobs.drop(blob, before)) gone++
    // The files first: what is forgotten is never looked for again.
    await store.forgetBlobs({ blobs: expired, before })
    seen += expired.length
    if (expired.length < atOnce) break
  }
  return gone
}
