// One command in a guest, from its start to its Ending. Whatever happens first decides: its exit, its time-out, a cancel, or the guest's end.
import { setTimeout as sleep } from 'node:timers/promises'
import { Fault } from '../model/fault.ts'
import type { Millis } from '../model/instant.ts'
import type { Ending } from '../model/run.ts'
import type { Command, RunOptions } from '../ports/farm.ts'
import type { ExecStatus } from './agent.ts'
import { type Deadlines, within } from './deadline.ts'
import type { LinuxGuest } from './linux-guest.ts'
import type { Machine } from './machine.ts'
import type { Output } from './output.ts'
import { runTool } from './tool.ts'

/** A machine whose guest answers, and how to speak to it. */
export type Guest = {
  machine: Machine
  output: Output
  says: LinuxGuest
  shell: string
  deadlines: Deadlines
}

type Exited = Extract<ExecStatus, { exited: true }>
type First =
  | { on: 'exit'; status: Exited }
  | { on: 'time-out' }
  | { on: 'cancel' }
  | { on: 'silence' }
  | { on: 'end'; ending: Ending }

/** An answer to a cancel must not wait for a guest that does not answer. */
const cancelGraceMs = 800

export const exec = async (guest: Guest, command: Command, options: RunOptions = {}): Promise<Ending> => {
  const { machine, output, deadlines } = guest
  const started = performance.now()
  const elapsed = () => Math.round(performance.now() - started)
  if (options.signal?.aborted) return { kind: 'cancelled' }
  output.listen(chunk => options.onOutput?.(chunk))

  const over = new AbortController()
  const launched = machine.agent.start(
    guest.says.launch({ ...command, shell: guest.shell }),
    deadlines.silenceMs,
  )
  launched.catch(() => {})
  const gone = machine.fate.rung.then((ending): First => ({ on: 'end', ending }))
  const first = await Promise.race([
    gone,
    exitOf(guest, launched, over.signal),
    timeOut(command.timeoutMs, over.signal),
    cancelled(options.signal, over.signal),
  ])
  over.abort()

  const hung: Ending = { kind: 'hung', afterMs: elapsed() }
  const closing = async (): Promise<Ending> => {
    if (first.on === 'end') return first.ending
    if (first.on === 'silence') return hung
    if (first.on === 'cancel') {
      await within(killed(guest, launched), cancelGraceMs, 'the kill').catch(() => {})
      await output.end(100)
      return { kind: 'cancelled' }
    }
    if (first.on === 'time-out' && !(await killed(guest, launched))) return hung
    if (!(await output.end(deadlines.killMs))) return hung
    if (first.on === 'time-out') return { kind: 'timed-out', afterMs: command.timeoutMs }
    const { exitCode, signal, err } = first.status
    if (err.length > 0) options.onOutput?.(err)
    return { kind: 'finished', exitCode, ...(signal !== undefined && { signal }) }
  }
  return await Promise.race([machine.fate.rung, closing()])
}

/** Asks often at first, then ever more seldom: a command of minutes is not made slower by its watcher. */
const exitOf = async (guest: Guest, launched: Promise<number>, over: AbortSignal): Promise<First> => {
  const { agent } = guest.machine
  const { silenceMs } = guest.deadlines
  try {
    const pid = await launched.catch(notStarted)
    if (typeof pid !== 'number') return { on: 'exit', status: pid }
    for (let pause = 4; ; pause = Math.min(1000, pause * 1.3)) {
      const status = await agent.status(pid, silenceMs)
      if (status.exited) return { on: 'exit', status }
      await sleep(pause, undefined, { signal: over })
    }
  } catch (error) {
    // QEMU closed the port: its end is about to be told.
    if (over.aborted || (error instanceof Fault && error.kind === 'unreachable')) return await never()
    // A guest that shuts down in order ends its agent first.
    return await sleep(guest.deadlines.lingerMs, { on: 'silence' as const }, { signal: over }).catch(never)
  }
}

/** The agent says no when the guest has no shell to start, or no room for one more process: like a shell that finds no command. */
const notStarted = (error: unknown): Exited => {
  if (!(error instanceof Fault) || error.kind !== 'refused') throw error
  const err = Buffer.from(`${error.message}\n`)
  return { exited: true, exitCode: 127, signal: undefined, out: Buffer.alloc(0), err }
}

const never = (): Promise<never> => new Promise<never>(() => {})

const timeOut = async (span: Millis, over: AbortSignal): Promise<First> =>
  await sleep(span, { on: 'time-out' as const }, { signal: over }).catch(never)

const cancelled = async (signal: AbortSignal | undefined, over: AbortSignal): Promise<First> =>
  await new Promise(resolve => {
    const options = { once: true, signal: over }
    signal?.addEventListener('abort', () => resolve({ on: 'cancel' }), options)
  })

/** Kills all that the command started and did not send away into sessions of its own; false if the guest does not do it. */
const killed = async (guest: Guest, launched: Promise<number>): Promise<boolean> => {
  const { killMs } = guest.deadlines
  try {
    const session = await within(launched, killMs, 'the start')
    await runTool(guest.machine, guest.says.kill(session), killMs)
    return true
  } catch {
    return false
  }
}
