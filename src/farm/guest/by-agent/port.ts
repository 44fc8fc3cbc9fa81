// Guests that are spoken to through the guest agent alone: the one thing that such a way to an agent must be able to do.
import { z } from 'zod'
import type { Millis } from '../../../model/instant.ts'

/** A way to a guest's agent (QEMU, qga/qapi-schema.json). */
export type AgentPort = {
  /** The agent's answer (`return`). Faults: refused (with the agent's own words), timeout (no answer within the span), unreachable
   *  (nobody in the guest holds the port, or there is no guest; retry `later`: the connection to its host is lost). */
  command(name: string, args: Record<string, unknown>, span: Millis): Promise<unknown>
  /** So many bytes of a file fit into one command. */
  readonly pieceBytes: number
}

/** A program in the guest. */
export type Program = { path: string; args: string[]; env: string[] }

export type ProgramStatus =
  | { exited: false }
  | { exited: true; exitCode: number; signal: number | undefined; out: Buffer; err: Buffer }

const startedSchema = z.object({ pid: z.number() })
const statusSchema = z.object({
  exited: z.boolean(),
  exitcode: z.number().optional(),
  signal: z.number().optional(),
  'out-data': z.string().default(''),
  'err-data': z.string().default(''),
})

/** Gives its process id in the guest. `capture`: its status brings what it printed, 16 MiB at most. */
export const startProgram = async (
  port: AgentPort,
  { path, args, env }: Program,
  { capture, span }: { capture: boolean; span: Millis },
): Promise<number> => {
  const request = { path, arg: args, env, 'capture-output': capture }
  return startedSchema.parse(await port.command('guest-exec', request, span)).pid
}

/** `exited: true` is said once only. Fault refused if the agent knows no such process. */
export const programStatus = async (port: AgentPort, pid: number, span: Millis): Promise<ProgramStatus> => {
  const status = statusSchema.parse(await port.command('guest-exec-status', { pid }, span))
  if (!status.exited) return { exited: false }
  return {
    exited: true,
    exitCode: status.exitcode ?? 128 + (status.signal ?? 0),
    signal: status.signal,
    out: Buffer.from(status['out-data'], 'base64'),
    err: Buffer.from(status['err-data'], 'base64'),
  }
}
