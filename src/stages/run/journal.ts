// The log of one run: what each step printed, in order, with a heading each, so that a reply can point at lines.
import type { StepOutcome } from '../../model/job.ts'
import type { Clone, Command } from '../../ports/farm.ts'
import type { LiveLog } from '../../ports/live.ts'
import { boundedLog, linesOf } from '../../text/bounded-log.ts'
import { sayEnding } from '../../text/ending.ts'

export type Journal = {
  /** Runs a command in the clone and writes it down. */
  exec(clone: Clone, command: Command, signal: AbortSignal): Promise<{ outcome: StepOutcome; output: string }>
  note(line: string): void
  text(): string
}

const tailLines = 12

/** Output as it comes → the lines that the log will have: characters whole, line ends as `linesOf` leaves them. */
const tellOutput = (live: LiveLog | undefined) => {
  const decoder = new TextDecoder()
  let [isOpen, heldBack] = [false, '']
  const tell = (text: string) => {
    const all = heldBack + text
    // Half of a line end, perhaps.
    heldBack = all.endsWith('\r') ? '\r' : ''
    const said = all.slice(0, all.length - heldBack.length).replaceAll('\r\n', '\n')
    if (said === '') return
    isOpen = !said.endsWith('\n')
    live?.write(said)
  }
  return {
    add: (chunk: Buffer) => tell(decoder.decode(chunk, { stream: true })),
    end() {
      tell(decoder.decode())
      if (heldBack !== '' || isOpen) live?.write(`${heldBack}\n`)
    },
  }
}

/** `live`: told of every line at once. */
export const journal = (live?: LiveLog): Journal => {
  const lines: string[] = []
  const head = (line: string) => {
    lines.push(line)
    live?.write(`${line}\n`)
  }
  return {
    note: line => head(`== ${line}`),
    text: () => `${lines.join('\n')}\n`,
    async exec(clone, command, signal) {
      head(`== ${command.name}: ${command.script.includes('\n') ? '(script)' : command.script}`)
      const log = boundedLog()
      const told = tellOutput(live)
      const onOutput = (chunk: Buffer) => {
        log.add(chunk)
        told.add(chunk)
      }
      const ending = await clone.exec(command, { onOutput, signal })
      told.end()
      const output = log.text()
      const printed = linesOf(output)
      const first = lines.length + 1
      for (const line of printed) lines.push(line)
      head(`== ${command.name}: ${sayEnding(ending)}`)
      const tail = printed.slice(-tailLines)
      return {
        outcome: { name: command.name, ending, tail, lines: [first, Math.max(first, lines.length - 1)] },
        output,
      }
    },
  }
}
