// One command by the program in the guest, from its start to its Ending. Whatever happens first decides: its exit, its time-out, a cancel, or the guest's end.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Millis } from '../../model/instant.ts'
import type { Ending } from '../../model/run.ts'
import type { Command, RunOptions } from '../../ports/farm.ts'
import { bell, type Deadlines, within } from '../deadline.ts'
import { cancelGraceMs, cancelled, never, timeOut } from '../first.ts'
import type { Machine } from '../machine.ts'
import { asks, type Frame, longestToGuest, strings, tells, uint32 } from './frames.ts'
import { type Link, ping, type Talk } from './link.ts'

export type Line = { link: Link; machine: Pick<Machine, 'fate'>; shell: string; deadlines: Deadlines }

type Exited = { exitCode: number; signal: number }
type First =
  | { on: 'exit'; status: Exited }
  | { on: 'time-out' }
  | { on: 'cancel' }
  | { on: 'silence' }
  | { on: 'end'; ending: Ending }

/** Output that may be under way: a guest that prints without end is held up by this, and its host has no more to keep. */
const window = 256 << 10
const pingMs = 5_000

export const execByProgram = async (
  line: Line,
  command: Command,
  options: RunOptions = {},
): Promise<Ending> => {
  const { machine, deadlines } = line
  const started = performance.now()
  if (options.signal?.aborted) return { kind: 'cancelled' }

  const over = new AbortController()
  const job = begin(line, command, options)
  const first = await Promise.race([
    machine.fate.rung.then((ending): First => ({ on: 'end', ending })),
    job.exited.then((status): First => ({ on: 'exit', status })),
    silence(line, over.signal),
    timeOut(command.timeoutMs, over.signal),
    cancelled(options.signal, over.signal),
  ])
  over.abort()

  const hung = (): Ending => ({ kind: 'hung', afterMs: Math.round(performance.now() - started) })
  const closing = async (): Promise<Ending> => {
    if (first.on === 'end') return first.ending
    if (first.on === 'silence') return hung()
    if (first.on === 'cancel') {
      await job.killed(cancelGraceMs)
      return { kind: 'cancelled' }
    }
    if (first.on === 'time-out')
      return (await job.killed(deadlines.killMs)) ? { kind: 'timed-out', afterMs: command.timeoutMs } : hung()
    const { exitCode, signal } = first.status
    return { kind: 'finished', exitCode, ...(signal > 0 && { signal }) }
  }
  const ending = await Promise.race([machine.fate.rung, closing()])
  job.leave()
  return ending
}

const begin = ({ link, shell }: Line, command: Command, { onOutput }: RunOptions) => {
  const exited = bell<Exited>()
  const killed = bell<true>()
  let listening = true
  const passed = (bytes: Buffer) => listening && onOutput?.(bytes)
  const credit = creditFor(link)

  const hear = ({ type, payload }: Frame) => {
    if (type === tells.output) {
      passed(payload)
      credit.spend(talk, payload.length)
    }
    if (type === tells.done) killed.ring(true)
    if (type === tells.exit && payload.length >= 8)
      exited.ring({ exitCode: payload.readUInt32LE(0), signal: payload.readUInt32LE(4) })
  }
  const talk = link.talk(hear)
  const request = Buffer.concat([uint32(window), strings(command.folder, shell, command.script)])
  if (request.length <= longestToGuest) talk.say(asks.exec, request)
  else {
    passed(Buffer.from(`the script is longer than ${longestToGuest} bytes\n`))
    exited.ring({ exitCode: 127, signal: 0 })
  }
  return {
    exited: exited.rung,
    /** All that it started is gone, and all that was written before has been passed on; false if the guest does not do it. */
    killed: async (span: Millis): Promise<boolean> => {
      talk.say(asks.kill)
      const both = Promise.all([killed.rung, exited.rung])
      return await within(both, span, 'the kill').then(
        () => true,
        () => false,
      )
    },
    leave: () => {
      listening = false
      // What may still come of it is known, and comes to an end.
      exited.rung.then(() => talk.end())
    },
  }
}

/** The guest may send so much and no more; what was taken is granted again. */
const creditFor = (link: Link) => {
  let left = window
  let owed = 0
  return {
    spend: (talk: Talk, bytes: number) => {
      left -= bytes
      owed += bytes
      if (left < 0) link.lost.ring('the guest sends more than it may')
      if (owed < window / 4) return
      talk.say(asks.credit, uint32(owed))
      left += owed
      owed = 0
    },
  }
}

/** Nobody there any more, or nobody who answers. */
const silence = async ({ link, deadlines }: Line, over: AbortSignal): Promise<First> => {
  const { silenceMs, lingerMs } = deadlines
  const began = performance.now()
  const mute = async () => {
    for (;;) {
      await sleep(Math.min(pingMs, silenceMs / 3), undefined, { signal: over })
      if (performance.now() - Math.max(began, link.heardAt()) > silenceMs) return
      ping(link, silenceMs).catch(() => {})
    }
  }
  // A guest that shuts down in order ends its programs first.
  const left = link.lost.rung.then(() => sleep(lingerMs, undefined, { signal: over }))
  return await Promise.race([mute(), left]).then(
    () => ({ on: 'silence' as const }),
    () => never(),
  )
}
