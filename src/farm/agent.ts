// The guest agent's protocol (QEMU, qga/qapi-schema.json) over its virtio-serial port: one client, one request at a time.
import { randomInt } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { z } from 'zod'
import { Fault } from '../model/fault.ts'
import type { Millis } from '../model/instant.ts'
import { within } from './deadline.ts'
import type { AgentPort } from './guest/by-agent/port.ts'

export type Agent = AgentPort & {
  /** Fault timeout if nobody in the guest answers within the span. Repeatable; anything else on the line is discarded. */
  sync(span: Millis): Promise<void>
}

/** Larger requests wedge the agent's channel for a while. */
const pieceBytes = 256 << 10
/** Of an answer. The longest that we ask for are a megabyte in base64, twice over; what a guest says unasked has no end. */
const longestAnswer = 8 << 20
/** Answers to what was given up may still come; more than these are no answers. */
const unreadAnswers = 1_000

const answerSchema = z.union([
  z.object({ return: z.unknown() }),
  z.object({ error: z.object({ class: z.string(), desc: z.string() }) }),
])

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
    const why = port.destroyed ? ': its port is closed' : ` within ${span / 1000} s`
    throw new Fault('timeout', 'soon', `the guest's agent did not answer${why}`)
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
    pieceBytes,
    sync: span => inTurn(() => sync(span)),
    command: (name, args, span) => inTurn(() => ask(name, args, span)),
  }
}

const request = (execute: string, args: Record<string, unknown>): Buffer =>
  Buffer.from(`${JSON.stringify({ execute, arguments: args })}\n`)

type Answer = z.infer<typeof answerSchema>

/** The agent's answers, one after the other. A 0xFF byte says that what came before it is of no interest (guest-sync-delimited). */
const answerLine = (port: Duplex) => {
  let pieces: Buffer[] = []
  let held = 0
  let heard: Answer[] = []
  let wake: () => void = () => {}

  const hearLine = (line: Buffer) => {
    const parsed = answerSchema.safeParse(json(line))
    if (parsed.success) heard.push(parsed.data)
  }
  port.on('data', (chunk: Buffer) => {
    const cut = chunk.lastIndexOf(0xff)
    if (cut >= 0) {
      heard = []
      pieces = []
      held = 0
    }
    let from = cut + 1
    for (let end = chunk.indexOf(10, from); end >= 0; end = chunk.indexOf(10, from)) {
      hearLine(Buffer.concat([...pieces, chunk.subarray(from, end)]))
      pieces = []
      held = 0
      from = end + 1
    }
    pieces.push(chunk.subarray(from))
    held += chunk.length - from
    // That is no agent. Nothing of it is kept, and nothing more is heard.
    if (held > longestAnswer || heard.length > unreadAnswers) {
      pieces = []
      heard = []
      port.destroy()
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
