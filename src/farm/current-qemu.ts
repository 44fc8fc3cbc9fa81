// The QEMU that this host has now: an upgrade under a running worker is noticed, as a new QEMU may not load what the old one froze.
import { stat } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import type { Qemu } from './qemu.ts'

const program = 'qemu-system-x86_64'

/** Which file the program is: another after each upgrade. */
const fileOf = async (): Promise<string> => {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const found = await stat(join(folder, program)).catch(() => undefined)
    if (found?.isFile()) return `${found.dev} ${found.ino} ${found.size} ${found.mtimeMs}`
  }
  return 'none'
}

/** Asks QEMU what it is, and again when its file is another; `renewed` is told of the one that was there before. */
export const openQemu = async (
  probe: () => Promise<Qemu>,
  renewed: (before: Qemu, now: Qemu) => Promise<void>,
): Promise<{ now(): Qemu; look(): Promise<void> }> => {
  let file = await fileOf()
  let qemu = await probe()
  let looking: Promise<void> | undefined
  const look = async () => {
    const seen = await fileOf()
    if (seen === file) return
    const before = qemu
    qemu = await probe()
    file = seen
    await renewed(before, qemu)
  }
  return {
    now: () => qemu,
    look: () => {
      looking ??= look().finally(() => {
        looking = undefined
      })
      return looking
    },
  }
}
