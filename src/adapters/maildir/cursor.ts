// What of a Maildir was read already, remembered without a list of all names. Used by source.ts.
//
// The names in a Maildir change (new → cur, flags), the times of files are set by whoever copies them. But every rename sets
// the inode's change time, by the clock of the file system, and nobody can set it back (inode(7)). So a delivery is always
// newer than what an earlier, completed listing saw, and one time remembers all of it.
import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Instant } from '../../model/instant.ts'

/** A mail in the listing. */
export type Entry = {
  /** The name without folder and flags: it stays the same for the mail's life. */
  base: string
  path: string
  size: number
  changedAt: Instant
  arrivedAt: Instant
}

const Place = z.tuple([z.number(), z.string()])

/**
 * since: all that changed up to then was handed out. pass: of what changed up to `until`, all up to `at` in order of arrival was
 * handed out as well. near: digests of names handed out lately, for those that change again (read, flagged).
 */
export const Seen = z.object({
  since: z.number(),
  pass: z.object({ until: z.number(), at: Place }).optional(),
  near: z.array(z.string()),
})
export type Seen = z.infer<typeof Seen>

export const nothingSeen: Seen = { since: 0, near: [] }

/** A file that was changed a shorter time ago than this may have come while the folder was listed. */
export const settleMs = 10_000
// Mails that are flagged later than these many others came are handed out once more; they are known by their content.
const remembered = 1000

/** 48 bits: among a few thousand names, two alike are a matter of ages. */
export const nameDigest = (base: string): string =>
  createHash('sha256').update(base).digest('base64url').slice(0, 8)

export const inOrder = (a: Entry, b: Entry): number =>
  a.arrivedAt - b.arrivedAt || (a.base < b.base ? -1 : a.base > b.base ? 1 : 0)

const isPast = (entry: Entry, [arrivedAt, base]: [number, string]): boolean =>
  entry.arrivedAt < arrivedAt || (entry.arrivedAt === arrivedAt && entry.base <= base)

/** The mails that were not handed out yet, in order of arrival; where a pass was broken off, only what is left of it. */
export const unseen = (entries: Entry[], seen: Seen): Entry[] => {
  const near = new Set(seen.near)
  const { pass } = seen
  return entries
    .filter(entry => entry.changedAt > seen.since)
    .filter(entry => pass === undefined || (entry.changedAt <= pass.until && !isPast(entry, pass.at)))
    .filter(entry => !near.has(nameDigest(entry.base)))
    .sort(inOrder)
}

export type Pass = {
  /** What is seen once `batch` is handed out as well. */
  handOut: (batch: Entry[]) => Seen
  /** What is seen at its end. */
  end: () => Seen
}

/** One pass over what is new in a listing that began at `listedAt`. */
export const startPass = (entries: Entry[], seen: Seen, listedAt: Instant): Pass => {
  const newest = entries.reduce((latest, entry) => Math.max(latest, entry.changedAt), 0)
  const until = seen.pass?.until ?? Math.max(seen.since, Math.min(newest, listedAt - settleMs))
  // What changed later than `until` cannot be left to the time alone.
  const unsettled = new Set(
    entries.filter(entry => entry.changedAt > until).map(entry => nameDigest(entry.base)),
  )
  const handedOut: string[] = []
  // Names from before the pass are kept until it ends: some of them changed since.
  const kept = (digests: string[]): string[] =>
    digests.filter((digest, i) => i >= digests.length - remembered || unsettled.has(digest))

  return {
    handOut: batch => {
      handedOut.push(...batch.map(entry => nameDigest(entry.base)))
      const near = [...seen.near, ...kept(handedOut)]
      const end = batch.at(-1)
      return end === undefined
        ? { ...seen, near }
        : { since: seen.since, pass: { until, at: [end.arrivedAt, end.base] }, near }
    },
    end: () => ({ since: until, near: kept([...seen.near, ...handedOut]) }),
  }
}
