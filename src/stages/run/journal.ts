// The log of one run: what each step printed, in order, with a heading each, so that a reply can point at lines.
import type { StepOutcome } from '../../model/job.ts'
import type { Clone, Command } from '../../ports/farm.ts'
import { boundedLog, linesOf } from '../../text/bounded-log.ts'
import { sayEnding } from '../../text/ending.ts'

export type Journal = {
  /** Runs a command in the clone and writes it down. */
  exec(clone: Clone, command: Command, signal: AbortSignal): Promise<{ outcome: StepOutcome; output: string }>
  note(line: string): void
  text(): string
}

const tailLines = 12

export const journal = (): Journal => {
  const lines: string[] = []
  return {
    note: line => {
      lines.push(`== ${line}`)
    },
    text: () => `${lines.join('\n')}\n`,
    async exec(clone, command, signal) {
      lines.push(`== ${command.name}: ${command.script.includes('\n') ? '(script)' : command.script}`)
      const log = boundedLog()
      const ending = await clone.exec(command, { onOutput: chunk => log.add(chunk), signal })
      const output = log.text()
      const printed = linesOf(output)
      const first = lines.length + 1
      for (const line of printed) lines.push(line)
      lines.push(`== ${command.name}: ${sayEnding(ending)}`)
      const tail = printed.slice(-tailLines)
      return {
        outcome: { name: command.name, ending, tail, lines: [first, Math.max(first, lines.length - 1)] },
        output,
      }
    },
  }
}
