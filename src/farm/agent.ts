// The guest agent's protocol (QEMU, qga/qapi-schema.json) over its virtio-serial port: one client, one request at a time.
import { randomInt } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { z } from 'zod'
import { Fault } from '../model/fault.ts'
import type { Millis } from '../model/instant.ts'
import { within } from './deadline.ts'

export type ExecRequest = {
  path: string
  args: string[]
  env: string[]
  /** Keeps up to 16 MiB of stdout and stderr each; a background child that holds them delays the exit. */
  capture?: boolean
}

export type ExecStatus =
  | { exited: false }
  | { exited: true; exitCode: number; signal: number | undefined; out: Buffer; err: Buffer }

export type Agent = {
  /** Fault timeout if nobody in the guest answers within the span. Repeatable; anything else on the line is discarded. */
  sync(span: Millis): Promise<void>
  /** Starts a program; gives its process id in the guest. Faults: refused (with the agent's words), timeout. */
  start(request: ExecRequest, span: Millis): Promise<number>
  /** How it goes. `exited: true` is said once only. Faults: refused (the agent knows no such process), timeout. */
  status(pid: number, span: Millis): Promise<ExecStatus>
}

const answerSchema = z.union([
  z.object({ return: z.unknown() }),
  z.object({ error: z.object({ class: z.string(), desc: z.string() }) }),
])
const startedSchema = z.object({ pid: z.number() })
const statusSchema = z.object({
  exited: z.boolean(),
  exitcode: z.number().optional(),
  signal: z.number().optional(),
  'out-data': z.string().default(''),
  'err-data': z.string().default(''),
})

export const openAgent = (port: Duplex): Agent => {
  const line = answerLine(port)
  let last: Promise<unknown> = Promise.resolve()
  let inStep = false

  const sync = async (span: Millis) => {
    const end = performance.now() + span
    while (!port.destroyed) {
      const now = performance.now()
      if (now >= end) break
      // Asked again with a new id, because an agent that was restarted may have lost the question. Older answers come before the newest.
      if (await answered(randomInt(1, 2 ** 31), Math.min(end, now + 15_000))) {
        inStep = true
        return
      }
    }
    throw new Fault('timeout', 'soon', `the guest's agent did not answer within ${span / 1000} s`)
  }

  const answered = async (id: number, until: number): Promise<boolean> => {
    port.write(Buffer.concat([Buffer.of(0xff), request('guest-sync-delimited', { id })]))
    for (;;) {
      const left = until - performance.now()
      const answer = left > 0 ? await line.next(left).catch(() => undefined) : undefined
      if (answer === undefined) return false
      if ('return' in answer && answer.return === id) return true
    }
  }

  const ask = async (name: string, args: Record<string, unknown>, span: Millis): Promise<unknown> => {
    if (!inStep) await sync(span)
    inStep = false
    port.write(request(name, args))
    const answer = await line.next(span)
    inStep = true
    if ('error' in answer) throw new Fault('refused', 'soon', `guest agent: ${answer.error.desc}`)
    return answer.return
  }

  const inTurn = <T>(act: () => Promise<T>): Promise<T> => {
    const turn = last.then(act, act)
    last = turn.catch(() => {})
    return turn
  }

  return {
    sync: span => inTurn(() => sync(span)),
    start: ({ path, args, env, capture = false }, span) =>
      inTurn(async () => {
        const request = { path, arg: args, env, 'capture-output': capture }
        return startedSchema.parse(await ask('guest-exec', request, span)).pid
      }),
    status: (pid, span) =>
      inTurn(async () => {
        const status = statusSchema.parse(await ask('guest-exec-status', { pid }, span))
        if (!status.exited) return { exited: false }
        return {
          exited: true,
          exitCode: status.exitcode ?? 128 + (status.signal ?? 0),
          signal: status.signal,
          out: Buffer.from(status['out-data'], 'base64'),
          err: Buffer.from(status['err-data'], 'base64'),
        }
      }),
  }
}

const request = (execute: string, args: Record<string, unknown>): Buffer =>
  Buffer.from(`${JSON.stringify({ execute, arguments: args })}\n`)

type Answer = z.infer<typeof answerSchema>

/** The agent's answers, one after the other. A 0xFF byte says that what came before it is of no interest (guest-sync-delimited). */
const answerLine = (port: Duplex) => {
  let rest: Buffer = Buffer.alloc(0)
  let heard: Answer[] = []
  let wake: () => void = () => {}

  port.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk])
    const cut = rest.lastIndexOf(0xff)
    if (cut >= 0) {
      heard = []
      rest = rest.subarray(cut + 1)
    }
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      const parsed = answerSchema.safeParse(json(rest.subarray(0, end)))
      if (parsed.success) heard.push(parsed.data)
      rest = rest.subarray(end + 1)
    }
    wake()
  })
  port.on('close', () => wake())

  const next = async (span: Millis): Promise<Answer> => {
    for (;;) {
      const answer = heard.shift()
      if (answer) return answer
      if (port.destroyed) throw new Fault('unreachable', 'soon', "the guest's agent is gone: QEMU ended")
      const more = new Promise<void>(resolve => {
        wake = resolve
      })
      await within(more, span, "the guest's agent")
    }
  }
  return { next }
}

const json = (bytes: Buffer): unknown => {
  try {
    return JSON.parse(bytes.toString())
  } catch {
    return undefined
  }
}
