// What a guest says on its console, bounded: the beginning and the end are kept. A guest must not be able to fill the host's memory or disk.
import type { Readable } from 'node:stream'

export type Console = {
  /** The first and the last of it; a line in between says how much is missing. */
  text(): Buffer
  /** All bytes that ever came. */
  readonly bytes: number
}

/** A serial port gives byte after byte, and each piece costs a hundred. */
const mostPieces = 4096

/** Enough for a kernel's whole boot, and for what came before an end. */
export const keptConsole = { first: 1 << 20, last: 4 << 20 } as const

export const openConsole = (port: Readable, keep: { first: number; last: number } = keptConsole): Console => {
  let first: Buffer[] = []
  let last: Buffer[] = []
  let [atFirst, atLast, bytes] = [0, 0, 0]

  const hear = (chunk: Buffer) => {
    bytes += chunk.length
    const head = chunk.subarray(0, Math.max(0, keep.first - atFirst))
    if (head.length > 0) first.push(head)
    atFirst += head.length
    if (first.length >= mostPieces) first = [Buffer.concat(first)]
    const rest = chunk.subarray(head.length)
    if (rest.length === 0) return
    last.push(rest)
    atLast += rest.length
    // Seldom, and in one go: a flood comes in small chunks.
    if (atLast <= 2 * keep.last && last.length < mostPieces) return
    last = [Buffer.concat(last).subarray(-keep.last)]
    atLast = last[0]?.length ?? 0
  }
  port.on('data', hear)

  const text = () => {
    const end = Buffer.concat(last).subarray(-keep.last)
    const missing = bytes - atFirst - end.length
    const gap = missing > 0 ? [Buffer.from(`\n[… ${missing} bytes are not kept …]\n`)] : []
    return Buffer.concat([...first, ...gap, end])
  }
  return {
    text,
    get bytes() {
      return bytes
    },
  }
}
