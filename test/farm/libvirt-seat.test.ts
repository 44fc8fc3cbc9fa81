// A domain's seat: whatever goes wrong on the way to it, the next one gets it.
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Domain } from '../../src/farm/libvirt/domain.ts'
import { openRecords } from '../../src/farm/libvirt/records.ts'
import { openSeats } from '../../src/farm/libvirt/seat.ts'
import { thisOwner } from '../../src/farm/owner.ts'
import { newFolder } from './world.ts'

const domain = { uri: 'test:///default', name: 'one' } as Domain

test.each(['lockFile', 'hold'] as const)('a disk that is full at %s costs no seat', async at => {
  const { folder, remove } = newFolder()
  const records = openRecords(join(folder, 'farm'))
  let isFull = true
  const full = () => Promise.reject(Object.assign(new Error('no space'), { code: 'ENOSPC' }))
  const failing: typeof records = {
    ...records,
    lockFile: (...args) => (isFull && at === 'lockFile' ? full() : records.lockFile(...args)),
    hold: (...args) => (isFull && at === 'hold' ? full() : records.hold(...args)),
  }
  const seatAt = openSeats({ records: failing, owner: thisOwner('test-seat'), log: () => {} })
  try {
    await expect(seatAt(domain, 'first')).rejects.toThrow('no space')
    isFull = false
    const seat = await seatAt(domain, 'second', AbortSignal.timeout(5_000))
    await seat.leave()
  } finally {
    remove()
  }
})
