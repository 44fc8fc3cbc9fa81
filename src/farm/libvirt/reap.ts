// Domains that a dead process of this farm left running. Never one that the farm did not start: the mark on the running domain says so.
import { Fault } from '../../model/fault.ts'
import { tryLock, unlock } from '../lock.ts'
import { isAlive, type Owner } from '../owner.ts'
import type { Domain } from './domain.ts'
import type { HoldRecord, Records } from './records.ts'

type Reaping = {
  records: Records
  owner: Owner
  domainOf: (place: { uri: string; domain: string }) => Domain
  log: (line: string) => void
}

/** How many were powered off. A libvirt that cannot be reached is asked again at the next start. */
export const reapDomains = async (reaping: Reaping): Promise<number> => {
  const { records, owner, log } = reaping
  let count = 0
  for (const hold of await records.holds()) {
    if (hold.owner.token !== owner.token || isAlive(hold.owner)) continue
    try {
      if (await reapOne(reaping, hold)) count++
    } catch (error) {
      log(`the domain ${hold.domain} was not cleared: ${error instanceof Error ? error.message : error}`)
    }
  }
  return count
}

const reapOne = async ({ records, owner, domainOf }: Reaping, hold: HoldRecord): Promise<boolean> => {
  const { uri, domain: name } = hold
  const lock = await records.lockFile(uri, name)
  // The first try clears the dead process's lock away.
  if (!(await tryLock(lock, owner)) && !(await tryLock(lock, owner))) return false
  try {
    const domain = domainOf(hold)
    const isOurs = await leftByUs(domain, owner.token)
    if (isOurs) await domain.off()
    await records.letGo(uri, name)
    return isOurs
  } finally {
    await unlock(lock)
  }
}

const leftByUs = async (domain: Domain, token: string): Promise<boolean> => {
  try {
    const { state, reason } = await domain.state()
    if (state === 'shut off') return false
    const mark = await domain.mark()
    // The farm reverts to a paused guest, then marks it: a process may die in between.
    return mark ? mark.token === token : state === 'paused' && reason === 'from snapshot'
  } catch (error) {
    // There is no such domain any more.
    if (error instanceof Fault && error.kind === 'refused') return false
    throw error
  }
}
