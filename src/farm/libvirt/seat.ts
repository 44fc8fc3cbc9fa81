// Who may use a domain: one run at a time, in this process by a queue, among processes of this farm by a lock file.
import { setTimeout as sleep } from 'node:timers/promises'
import { lockUnless, unlock } from '../lock.ts'
import type { Owner } from '../owner.ts'
import { openSlots, type Slots } from '../slots.ts'
import type { Domain } from './domain.ts'
import type { Records } from './records.ts'

export type Seat = {
  /** Gives it back: the domain is off, or `failed` to be powered off. Then it is tried again until it is, before anybody else gets the seat. */
  leave(failed?: unknown): Promise<void>
}

const retryMs = 15_000

export type SeatOptions = { records: Records; owner: Owner; log: (line: string) => void }

export const openSeats = ({ records, owner, log }: SeatOptions) => {
  const queues = new Map<string, Slots>()

  const offAtLast = async (domain: Domain) => {
    for (;;) {
      await sleep(retryMs, undefined, { ref: false })
      try {
        return await domain.off()
      } catch {
        // libvirt is still away.
      }
    }
  }

  return async (domain: Domain, run: string, signal?: AbortSignal): Promise<Seat> => {
    const { uri, name } = domain
    const key = `${uri} ${name}`
    const queue = queues.get(key) ?? openSlots(1)
    queues.set(key, queue)
    await queue.take(signal)
    let lock: string | undefined
    const give = async () => {
      try {
        await records.letGo(uri, name)
        if (lock !== undefined) await unlock(lock)
      } finally {
        queue.give()
      }
    }
    try {
      const file = await records.lockFile(uri, name)
      await lockUnless(file, owner, async () => false, signal)
      lock = file
      await records.hold({ owner, uri, domain: name, run })
    } catch (error) {
      // Whoever holds the lock has said so in that record: it is only ours to remove with the lock.
      if (lock === undefined) queue.give()
      else await give()
      throw error
    }
    return {
      leave: async failed => {
        if (failed === undefined) return await give()
        const why = failed instanceof Error ? failed.message : String(failed)
        log(`the domain ${name} could not be powered off, it is tried again: ${why}`)
        offAtLast(domain)
          .then(give)
          .catch(error => log(`the domain ${name} was not given back in order: ${error}`))
      },
    }
  }
}
