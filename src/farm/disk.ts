// Copy-on-write disks: qemu-img makes them (qemu-img(1)), the machine's arguments say what lies below them.
import { execFile } from 'node:child_process'
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
