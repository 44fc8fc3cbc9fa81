// A machine whose guest answers, and one command in it, from its start to its Ending. How a guest is spoken to depends on its system (guest/).
import type { Ending } from '../model/run.ts'
import type { Command, RunOptions } from '../ports/farm.ts'
import type { Deadlines } from './deadline.ts'
import type { Speech } from './guest/speech.ts'
import type { Machine } from './machine.ts'

export type Guest = {
  machine: Machine
  says: Speech
  deadlines: Deadlines
}

/** Every road ends in an Ending; only a bug throws. */
export const exec = (guest: Guest, command: Command, options: RunOptions = {}): Promise<Ending> =>
  guest.says.exec(command, options)
