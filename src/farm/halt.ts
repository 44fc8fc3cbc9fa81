// Why a guest is silent when it is not the guest: QEMU itself stands still, or has stopped its machine without telling an event that we know.
import { z } from 'zod'
import type { Millis } from '../model/instant.ts'
import type { Guest } from './exec.ts'
import type { Fate } from './machine.ts'

const statusSchema = z.object({ status: z.string() })

/** A QEMU that answers nothing for so long stands still; its answer takes milliseconds. */
const answerMs: Millis = 20_000

/** undefined: QEMU is well and its machine runs, so the guest hangs by itself. */
export const haltOf = async ({ machine, deadlines }: Guest): Promise<Fate | undefined> => {
  if (machine.fate.value) return machine.fate.value
  try {
    const answer = machine.qmp.command('query-status', {}, Math.min(answerMs, deadlines.killMs))
    const { status } = statusSchema.parse(await answer)
    return machine.fate.value ?? byStatus[status]
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return machine.fate.value ?? { kind: 'vm-died', detail: `QEMU stands still (${why})` }
  }
}

/** States that a running guest does not come to by its own doing (QEMU, qapi/run-state.json, RunState). */
const byStatus: Record<string, Fate> = {
  'io-error': {
    kind: 'disk-error',
    detail: "QEMU stopped the guest because of an error of the guest's disk",
  },
  'internal-error': { kind: 'vm-died', detail: 'QEMU stopped the guest because of an error of its own' },
  paused: { kind: 'vm-died', detail: 'somebody has paused the guest' },
  'guest-panicked': { kind: 'crashed', how: 'panic' },
}
