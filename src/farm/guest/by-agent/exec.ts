// One command in a guest through its agent alone, from its start to its Ending. Its output goes into a file in the guest, and is read from there
// while it runs. Whatever happens first decides: its exit, its time-out, a cancel, or the guest's end.
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Fault } from '../../../model/fault.ts'
import type { Millis } from '../../../model/instant.ts'
import type { Ending } from '../../../model/run.ts'
import type { Command, RunOptions } from '../../../ports/farm.ts'
import { type Bell, within } from '../../deadline.ts'
import { cancelGraceMs, cancelled, never, timeOut } from '../../first.ts'
import type { AgentDialect, Tail } from './dialect.ts'
import { type AgentPort, type ProgramStatus, programStatus, startProgram } from './port.ts'
import { runProgram } from './program.ts'

export type AgentDeadlines = {
  /** One command's answer. After it the question is asked again, until the guest counts as hung. */
  answerMs: Millis
  /** An agent that answers nothing for so long is a hung guest. */
  silenceMs: Millis
  /** A guest whose agent went away may be on its way down: only after this it is hung. */
  lingerMs: Millis
  /** The guest's acknowledgement that a command's processes are killed. */
  killMs: Millis
}

/** A guest that answers. */
export type AgentGuest = {
  port: AgentPort
  says: AgentDialect
  /** What it printed for `bootMark` when it came up. */
  bootMark: string
  /** Rung once, when the guest is gone for whatever reason, our own release included. */
  fate: Bell<Ending>
  deadlines: AgentDeadlines
}

type Exited = Extract<ProgramStatus, { exited: true }>
type First =
  | { on: 'exit'; status: Exited }
  | { on: 'time-out' }
  | { on: 'cancel' }
  | { on: 'silence' }
  | { on: 'reboot' }
  | { on: 'end'; ending: Ending }

const firstPauseMs = 10
const longestPauseMs = 1000
const againMs = 250

type Job = { pid: Promise<number>; pass: () => Promise<boolean>; close: () => void }

export const execByAgent = async (
  guest: AgentGuest,
  command: Command,
  options: RunOptions = {},
): Promise<Ending> => {
  const { fate, deadlines } = guest
  const started = performance.now()
  if (options.signal?.aborted) return { kind: 'cancelled' }

  const over = new AbortController()
  const job = begin(guest, command, options)
  const first = await Promise.race([
    fate.rung.then((ending): First => ({ on: 'end', ending })),
    exitOf(guest, job, over.signal),
    timeOut(command.timeoutMs, over.signal),
    cancelled(options.signal, over.signal),
  ])
  over.abort()

  const hung = (): Ending => ({ kind: 'hung', afterMs: Math.round(performance.now() - started) })
  const closing = async (): Promise<Ending> => {
    if (first.on === 'end') return first.ending
    if (first.on === 'silence') return hung()
    if (first.on === 'reboot') return { kind: 'crashed', how: 'reset' }
    if (first.on === 'cancel') {
      await within(killed(guest, job), cancelGraceMs, 'the kill').catch(() => {})
      return { kind: 'cancelled' }
    }
    if (first.on === 'time-out' && !(await killed(guest, job))) return hung()
    if (!(await drained(job, deadlines.killMs))) return hung()
    if (first.on === 'time-out') return { kind: 'timed-out', afterMs: command.timeoutMs }
    const { exitCode, signal, err } = first.status
    if (err.length > 0) options.onOutput?.(err)
    return { kind: 'finished', exitCode, ...(signal !== undefined && { signal }) }
  }
  const ending = await Promise.race([fate.rung, closing()])
  job.close()
  return ending
}

const begin = (guest: AgentGuest, command: Command, { onOutput }: RunOptions): Job => {
  const { port, says, deadlines } = guest
  const output = says.scratch(randomBytes(8).toString('hex'))
  let open: Tail | undefined
  let closed = false
  let last: Promise<unknown> = Promise.resolve()
  const pass = async () => {
    const bytes = (await open?.pull()) ?? Buffer.alloc(0)
    if (bytes.length > 0 && !closed) onOutput?.(bytes)
    return bytes.length > 0
  }
  const launch = async () => {
    open = await says.tail(port, output, deadlines.answerMs)
    const { script, folder } = command
    const program = says.launch({ shell: says.shell, script, folder, output })
    return await startProgram(port, program, { capture: false, span: deadlines.silenceMs })
  }
  const pid = launch()
  pid.catch(() => {})
  return {
    pid,
    pass: () => {
      const turn = last.then(pass, pass)
      last = turn.catch(() => {})
      return turn
    },
    close: () => {
      closed = true
      open?.close().catch(() => {})
    },
  }
}

/** Asks often while output comes, then ever more seldom: a command of minutes is not made slower by its watcher. */
const exitOf = async (guest: AgentGuest, job: Job, over: AbortSignal): Promise<First> => {
  const { port, deadlines } = guest
  try {
    const pid = await job.pid.catch(notStarted)
    if (typeof pid !== 'number') return { on: 'exit', status: pid }
    for (let pause = firstPauseMs; ; pause = Math.min(longestPauseMs, pause * 1.3)) {
      const moved = await patiently(guest, job.pass, over)
      const ask = () => programStatus(port, pid, deadlines.answerMs)
      const status = await patiently(guest, ask, over)
      if (status.exited) return { on: 'exit', status }
      if (moved) pause = firstPauseMs
      await sleep(pause, undefined, { signal: over })
    }
  } catch (error) {
    if (over.aborted) return await never()
    if (error instanceof Fault && error.kind === 'timeout') return { on: 'silence' }
    // The agent has forgotten the process, so it is another agent: after a reboot, or because somebody ended the first.
    if (await rebooted(guest)) return { on: 'reboot' }
    // A guest that shuts down in order ends its agent first.
    return await sleep(deadlines.lingerMs, { on: 'silence' as const }, { signal: over }).catch(never)
  }
}

/** Asks again while nobody answers, until the guest must be called hung: then the last Fault. */
const patiently = async <T>(guest: AgentGuest, ask: () => Promise<T>, over: AbortSignal): Promise<T> => {
  const since = performance.now()
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (over.aborted || !(error instanceof Fault)) throw error
      if (performance.now() - since >= patience(guest.deadlines, error)) throw error
      await sleep(againMs, undefined, { signal: over })
    }
  }
}

const patience = ({ silenceMs, lingerMs }: AgentDeadlines, { kind, retry }: Fault): Millis => {
  if (kind === 'timeout') return silenceMs
  if (kind !== 'unreachable') return 0
  // Without a connection nobody can say how the guest is; whoever watches the connection will.
  return retry === 'later' ? Number.POSITIVE_INFINITY : lingerMs
}

const rebooted = async ({ port, says, bootMark, deadlines }: AgentGuest): Promise<boolean> => {
  try {
    return (await runProgram(port, says.bootMark(), deadlines.answerMs)) !== bootMark
  } catch {
    return false
  }
}

/** All that was written before this call has been passed on. A process that writes on for ever is not waited for. */
const drained = async (job: Job, span: Millis): Promise<boolean> => {
  const end = performance.now() + span
  try {
    while (await job.pass()) if (performance.now() > end) return true
    return true
  } catch {
    return false
  }
}

/** The agent says no when the guest has no shell to start, or no room for one more process: like a shell that finds no command. */
const notStarted = (error: unknown): Exited => {
  if (!(error instanceof Fault) || error.kind !== 'refused') throw error
  const err = Buffer.from(`${error.message}\n`)
  return { exited: true, exitCode: 127, signal: undefined, out: Buffer.alloc(0), err }
}

/** Kills all that the command started and did not send away into sessions of its own; false if the guest does not do it. */
const killed = async ({ port, says, deadlines }: AgentGuest, job: Job): Promise<boolean> => {
  const { killMs } = deadlines
  try {
    const pid = await within(job.pid, killMs, 'the start')
    await runProgram(port, says.kill(pid), killMs)
    return true
  } catch {
    return false
  }
}
