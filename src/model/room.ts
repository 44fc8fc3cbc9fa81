// What a host has room for: slots and memory. A guest takes as many slots as it has processors, and the whole of its memory.
import type { Instant, Millis } from './instant.ts'

/** A slot is one processor of a guest. */
export type Room = { slots: number; memoryMiB: number }

/** What a guest takes. One with more processors than there are slots takes all of them, and so runs alone. undefined: it has more memory than all guests may have. */
export const needOf = (guest: { cpus: number; memoryMiB: number }, all: Room): Room | undefined =>
  guest.memoryMiB > all.memoryMiB
    ? undefined
    : { slots: Math.min(Math.max(1, guest.cpus), all.slots), memoryMiB: guest.memoryMiB }

export const without = (room: Room, taken: Room[]): Room => ({
  slots: taken.reduce((left, { slots }) => left - slots, room.slots),
  memoryMiB: taken.reduce((left, { memoryMiB }) => left - memoryMiB, room.memoryMiB),
})

const fits = (need: Room, free: Room): boolean => need.slots <= free.slots && need.memoryMiB <= free.memoryMiB

/** So long smaller tasks may go before one that does not fit; then room is kept until it does. */
export const patienceMs: Millis = 60_000

/** Tasks that others were taken before, for want of room, and since when. */
export type PassedOver = ReadonlyMap<string, Instant>

/** The first waiting task that there is room for. A large one does not stop smaller ones behind it, until it has been passed over for
 *  `patienceMs`: then nothing behind it is taken any more, and it gets the room that falls free. */
export const choose = <T extends { id: string; need: Room }>(
  waiting: T[],
  free: Room,
  { passed, now }: { passed: PassedOver; now: Instant },
): { taken: T | undefined; passed: PassedOver } => {
  const here = new Map(waiting.flatMap(({ id }) => (passed.has(id) ? [[id, passed.get(id) ?? now]] : [])))
  const skipped: string[] = []
  for (const one of waiting) {
    if (fits(one.need, free)) {
      for (const id of skipped) if (!here.has(id)) here.set(id, now)
      here.delete(one.id)
      return { taken: one, passed: here }
    }
    const since = here.get(one.id)
    if (since !== undefined && now - since >= patienceMs) break
    skipped.push(one.id)
  }
  return { taken: undefined, passed: here }
}
