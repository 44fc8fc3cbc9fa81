// The other ways back to a running guest, for comparison with a fork in the same run: what libvirt does, and what QEMU itself offers.
import { realpathSync } from 'node:fs'
import { openLibvirt } from './libvirt.ts'
import { openRestores } from './restore.ts'
import { median, type Row, row } from './row.ts'

export type Competition = {
  /** Folder of the image that the guests boot. */
  image: string
  memoryMiB: number
  /** What a fork took in this run. */
  forkMs: number
  log: (line: string) => void
}

const rounds = 5

const medianOf = async (name: string, way: () => Promise<number>, log: (line: string) => void) => {
  const ms: number[] = []
  for (let round = 0; round < rounds; round++) ms.push(await way())
  log(`${name}: ${ms.map(Math.round).join(', ')} ms`)
  return median(ms)
}

/** Milliseconds of each way, and how many times longer than a fork it takes. Guests of the same size, with as much memory touched. */
export const compete = async ({ image, memoryMiB, forkMs, log }: Competition): Promise<Row[]> => {
  const guest = { image: realpathSync(image), memoryMiB }
  const libvirt = await openLibvirt(guest)
  let revert: number
  let revertFromOff: number
  try {
    revert = await medianOf('virsh snapshot-revert', libvirt.revert, log)
    revertFromOff = await medianOf('virsh snapshot-revert from shut off', libvirt.revertFromOff, log)
  } finally {
    await libvirt.stop()
  }
  const restores = await openRestores(guest)
  try {
    const loadvm = await medianOf('loadvm', restores.loadvm, log)
    const inNewProcess = await medianOf('-loadvm, new process', restores.loadvmInNewProcess, log)
    const restore = await medianOf('full memory restore', restores.restore, log)
    return [
      row('virsh snapshot-revert of a running domain', revert, 'ms'),
      row('virsh snapshot-revert from shut off', revertFromOff, 'ms'),
      row('loadvm in a running QEMU', loadvm, 'ms'),
      row('-loadvm in a new process', inNewProcess, 'ms'),
      row('full memory restore in a new process', restore, 'ms'),
      row('virsh snapshot-revert over a fork', revert / forkMs, '×', { more: 40 }),
      row('best of loadvm and full restore over a fork', Math.min(loadvm, restore) / forkMs, '×', {
        more: 15,
      }),
    ]
  } finally {
    await restores.stop()
  }
}
