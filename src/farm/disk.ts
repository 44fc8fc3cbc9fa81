// Copy-on-write disks: qemu-img makes them (qemu-img(1)), the machine's arguments say what lies below them. And the room that they need.
import { execFile } from 'node:child_process'
import { statfs } from 'node:fs/promises'
import { promisify } from 'node:util'
import { Fault } from '../model/fault.ts'

const run = promisify(execFile)

/** An empty qcow2 over the disk `backing`, as large as it. Faults: exhausted (no room), refused. */
export const createOverlay = async (
  overlay: string,
  backing: { file: string; format: string },
): Promise<void> => {
  try {
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', backing.format, '-b', backing.file, overlay])
  } catch (error) {
    const words = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : ''
    const kind = /No space left/.test(words) ? 'exhausted' : 'refused'
    throw new Fault(kind, 'later', `qemu-img create ${overlay}: ${words || 'failed'}`, { cause: error })
  }
}

/** Fault exhausted (later) if the file system of the folder has less left: a guest must not be begun that cannot be ended. */
export const requireRoom = async (folder: string, bytes: number): Promise<void> => {
  const { bavail, bsize } = await statfs(folder)
  const mib = (n: number) => Math.floor(n / 2 ** 20)
  if (bavail * bsize >= bytes) return
  const message = `the disk of ${folder} has ${mib(bavail * bsize)} MiB left, and ${mib(bytes)} MiB are needed`
  throw new Fault('exhausted', 'later', message, {
    remedy: 'make room there, or set farm.data to a larger disk',
  })
}
