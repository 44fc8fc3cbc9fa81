// Small programs of the farm's own in a guest, by its agent. Commands of recipes go by exec.ts.
import type { Millis } from '../model/instant.ts'
import type { Program } from './guest/by-agent/port.ts'
import { runProgram, unlessGone } from './guest/by-agent/program.ts'
import type { Machine } from './machine.ts'

/** What it printed. Faults: refused with its last words if it failed, timeout, unreachable if the guest went away. */
export const runTool = (
  { agent, fate }: Pick<Machine, 'agent' | 'fate'>,
  program: Program,
  span: Millis,
): Promise<string> => unlessGone(fate, runProgram(agent, program, span))
