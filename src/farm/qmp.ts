// QEMU's machine protocol, one JSON object a line (QEMU, docs/interop/qmp-spec). machine.ts owns the socket; this speaks on it.
import type { Duplex } from 'node:stream'
import { z } from 'zod'
import { Fault } from '../model/fault.ts'
import type { Instant, Millis } from '../model/instant.ts'
import { bell, within } from './deadline.ts'

export type QmpEvent = { event: string; at: Instant; data: Record<string, unknown> }

export type Qmp = {
  /** What `return` holds. Faults: refused (QEMU says no, with its words), timeout, unreachable (QEMU is gone). */
  command(name: string, args?: Record<string, unknown>, span?: Millis): Promise<unknown>
  /** Every event from now on; returns how to stop listening. */
  listen(listener: (event: QmpEvent) => void): () => void
  /** The next event that fits. Faults: timeout, unreachable. */
  event(fits: (event: QmpEvent) => boolean, span: Millis, what: string): Promise<QmpEvent>
}

const message = z.union([
  z.object({ QMP: z.unknown() }),
  z.object({ return: z.unknown(), id: z.number() }),
  z.object({ error: z.object({ class: z.string(), desc: z.string() }), id: z.number().optional() }),
  z.object({
    event: z.string(),
    data: z.record(z.string(), z.unknown()).default({}),
    timestamp: z.object({ seconds: z.number(), microseconds: z.number() }),
  }),
])

/** Greets QEMU on a fresh QMP socket. Faults: timeout, unreachable. */
export const connectQmp = async (socket: Duplex, span: Millis): Promise<Qmp> => {
  const greeted = bell<void>()
  const gone = Promise.withResolvers<never>()
  const listeners = new Set<(event: QmpEvent) => void>()
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  let ids = 0

  const fail = () => {
    const fault = new Fault('unreachable', 'soon', 'QEMU closed its QMP connection')
    for (const { reject } of waiting.values()) reject(fault)
    waiting.clear()
    gone.reject(fault)
  }
  gone.promise.catch(() => {})

  const hear = (line: string) => {
    const parsed = message.safeParse(json(line))
    if (!parsed.success) return
    const heard = parsed.data
    if ('QMP' in heard) return greeted.ring()
    if ('event' in heard) {
      const at = heard.timestamp.seconds * 1000 + Math.round(heard.timestamp.microseconds / 1000)
      for (const listener of [...listeners]) listener({ event: heard.event, at, data: heard.data })
      return
    }
    const asked = waiting.get(heard.id ?? -1)
    waiting.delete(heard.id ?? -1)
    if ('error' in heard) asked?.reject(new Fault('refused', 'soon', heard.error.desc))
    else asked?.resolve(heard.return)
  }

  socket.on(
    'data',
    lines(hear, () => socket.destroy()),
  )
  socket.on('error', fail).on('close', fail)

  const command: Qmp['command'] = async (name, args = {}, limit = span) => {
    const id = ++ids
    const answer = Promise.withResolvers<unknown>()
    waiting.set(id, answer)
    if (socket.destroyed) fail()
    else socket.write(`${JSON.stringify({ execute: name, arguments: args, id })}\n`)
    try {
      return await within(answer.promise, limit, `QMP ${name}`)
    } catch (error) {
      if (error instanceof Fault && error.kind === 'refused')
        throw new Fault('refused', error.retry, `QMP ${name}: ${error.message}`)
      throw error
    } finally {
      waiting.delete(id)
    }
  }

  const listen: Qmp['listen'] = listener => {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }

  const event: Qmp['event'] = async (fits, limit, what) => {
    const found = bell<QmpEvent>()
    const stop = listen(heard => fits(heard) && found.ring(heard))
    try {
      return await within(Promise.race([found.rung, gone.promise]), limit, what)
    } finally {
      stop()
    }
  }

  await within(Promise.race([greeted.rung, gone.promise]), span, 'QEMU start')
  await command('qmp_capabilities')
  return { command, listen, event }
}

/** No answer of QEMU's is nearly as long; one that a guest took over may send without end. */
const longestLine = 16 << 20

const lines = (hear: (line: string) => void, tooLong: () => void) => {
  let pieces: Buffer[] = []
  let held = 0
  return (chunk: Buffer): void => {
    let from = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      const line = Buffer.concat([...pieces, chunk.subarray(from, end)]).toString()
      pieces = []
      held = 0
      from = end + 1
      hear(line)
    }
    pieces.push(chunk.subarray(from))
    held += chunk.length - from
    if (held > longestLine) tooLong()
  }
}

const json = (line: string): unknown => {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
