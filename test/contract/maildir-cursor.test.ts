// The memory of the Maildir source, driven through random lives of a folder: never a mail missed, and none twice but those
// that are flagged long after they were read.
import { describe, expect, it } from 'vitest'
import {
  type Entry,
  nothingSeen,
  type Seen,
  settleMs,
  startPass,
  unseen,
} from '../../src/adapters/maildir/cursor.ts'
import { random } from '../fakes/random.ts'

const entry = (base: string, changedAt: number, arrivedAt = changedAt): Entry => ({
  base,
  path: base,
  size: 1,
  changedAt,
  arrivedAt,
})

/** Reads as the source does, `batchSize` at a time; `stopAfter` batches the reader is killed. */
const read = (
  folder: Entry[],
  from: Seen,
  now: number,
  { batchSize = 100, stopAfter = Number.POSITIVE_INFINITY } = {},
) => {
  const handedOut: string[] = []
  let saved = from
  for (let seen = from, batches = 0; ; ) {
    const fresh = unseen(folder, seen)
    if (fresh.length === 0 && seen.pass === undefined) return { handedOut, saved }
    const pass = startPass(folder, seen, now)
    for (let i = 0; i < fresh.length; i += batchSize) {
      if (batches++ >= stopAfter) return { handedOut, saved }
      const batch = fresh.slice(i, i + batchSize)
      const after = pass.handOut(batch)
      handedOut.push(...batch.map(({ base }) => base))
      saved = i + batchSize < fresh.length ? after : pass.end()
    }
    seen = pass.end()
  }
}

describe('the cursor of a Maildir', () => {
  it.each(Array.from({ length: 200 }, (_, seed) => seed))(
    'hands out every mail exactly once (life %i)',
    seed => {
      const chance = random(seed)
      const below = (n: number) => Math.floor(chance() * n)
      let now = 1_700_000_000_000
      let folder: Entry[] = []
      let cursor: Seen = nothingSeen
      const delivered: string[] = []
      const seen: string[] = []
      for (let turn = 0; turn < 60; turn++) {
        now += chance() < 0.7 ? below(50) : below(3 * settleMs)
        // Mails come: now, or copied with an old date.
        for (let i = below(6); i > 0; i--) {
          const base = `${chance() < 0.3 ? 'z' : 'a'}${delivered.length}`
          folder.push(entry(base, now, chance() < 0.2 ? below(now) : now))
          delivered.push(base)
        }
        // Somebody reads and flags.
        folder = folder.map(mail => (chance() < 0.1 ? { ...mail, changedAt: now } : mail))
        const stopAfter = chance() < 0.4 ? below(3) : Number.POSITIVE_INFINITY
        const result = read(folder, cursor, now, { batchSize: 1 + below(4), stopAfter })
        seen.push(...result.handedOut)
        cursor = JSON.parse(JSON.stringify(result.saved))
      }
      now += 3 * settleMs
      seen.push(...read(folder, cursor, now).handedOut)
      expect(seen.toSorted()).toEqual(delivered.toSorted())
    },
  )

  it('sees mails that came into the folder while it was listed, and have older times than what was seen', () => {
    const now = 1_700_000_000_000
    const { saved } = read([entry('late', now)], nothingSeen, now)
    expect(read([entry('late', now), entry('missed', now - settleMs / 2)], saved, now + 1).handedOut).toEqual(
      ['missed'],
    )
  })

  it('remembers all of a great many mails that have just come', () => {
    const now = 1_700_000_000_000
    const folder = Array.from({ length: 5000 }, (_, i) => entry(`${i}`, now - (i % 100)))
    const { handedOut, saved } = read(folder, nothingSeen, now)
    expect(handedOut.length).toBe(5000)
    expect(read(folder, saved, now + 1).handedOut).toEqual([])
  })

  it('hands out in order of arrival', () => {
    const folder = [
      entry('b', 5000, 2000),
      entry('a', 5000, 2000),
      entry('c', 4000, 3000),
      entry('d', 6000, 1000),
    ]
    expect(read(folder, nothingSeen, 1_000_000).handedOut).toEqual(['d', 'a', 'b', 'c'])
  })

  it('stays small, however many mails were read', () => {
    let folder: Entry[] = []
    let cursor: Seen = nothingSeen
    let longest = 0
    for (let round = 1; round <= 20; round++) {
      const now = round * 10 * settleMs
      folder = [
        ...folder,
        ...Array.from({ length: 1000 }, (_, i) => entry(`${round}-${i}`, now - 2 * settleMs)),
      ]
      cursor = read(folder, cursor, now).saved
      longest = Math.max(longest, JSON.stringify(cursor).length)
    }
    expect(longest).toBeLessThan(32 * 1024)
  })

  it('hands a mail out once more at most, that is flagged after thousands of others came', () => {
    const old = entry('old', 1000)
    const others = Array.from({ length: 5000 }, (_, i) => entry(`${i}`, 2000 + i))
    const first = read([old, ...others], nothingSeen, 1_000_000)
    const flagged = [{ ...old, changedAt: 2_000_000 }, ...others]
    const second = read(flagged, first.saved, 3_000_000)
    expect(second.handedOut).toEqual(['old'])
    expect(read(flagged, second.saved, 4_000_000).handedOut).toEqual([])
  })
})
