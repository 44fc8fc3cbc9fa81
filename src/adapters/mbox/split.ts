// Parts an mbox file into its mails, with memory for one mail at a time. Used by source.ts.
import type { FileHandle } from 'node:fs/promises'
import { findSeparator } from '../../text/mbox.ts'

/** One mail as it lies in the file. */
export type Piece = {
  /** Offset of its "From " line. */
  at: number
  /** Offset just past it: of the next "From " line, or of the end. */
  end: number
  fromLine: string
  /** After the "From " line; quoted, and with the blank line at its end. */
  body: Buffer
  /** The next "From " line was there. */
  ended: boolean
}

/** A mail's bytes past this many are left out: nobody sends such a patch, and memory is bounded. */
export const largestMail = 64 * 1024 * 1024
const smallestRead = 256 * 1024
const largestRead = 4 * 1024 * 1024
// A separator that was not seen as one yet is shorter than this.
const overlap = 1024

class Window {
  readonly #handle: FileHandle
  /** Bytes of the file from `at` on. */
  bytes: Buffer = Buffer.alloc(0)
  at: number
  /** Bytes between the kept beginning and the rest that were let go, of a mail that is too large. */
  #kept: Buffer | undefined

  constructor(handle: FileHandle, at: number) {
    this.#handle = handle
    this.at = at
  }

  /** Reads on; false at the end of the file. Reads more at a time the more is held, so that copying stays linear. */
  async grow(): Promise<boolean> {
    const size = Math.min(largestRead, Math.max(smallestRead, this.bytes.length))
    const chunk = Buffer.allocUnsafe(size)
    const { bytesRead } = await this.#handle.read(chunk, 0, size, this.at + this.bytes.length)
    if (bytesRead > 0) this.bytes = Buffer.concat([this.bytes, chunk.subarray(0, bytesRead)])
    return bytesRead > 0
  }

  /** Lets go what is too much of one mail; returns how far the bytes moved. */
  shed(): number {
    if (this.bytes.length <= largestMail + overlap) return 0
    this.#kept ??= Buffer.from(this.bytes.subarray(0, largestMail))
    const moved = this.bytes.length - overlap
    this.#drop(moved)
    return moved
  }

  #drop(count: number): void {
    this.bytes = Buffer.from(this.bytes.subarray(count))
    this.at += count
  }

  /** Takes the bytes before `end` out of the window. */
  take(end: number): Buffer {
    const taken = this.#kept ?? this.bytes.subarray(0, end)
    this.#kept = undefined
    this.bytes = this.bytes.subarray(end)
    this.at += end
    return taken
  }
}

/** The mails from the "From " line at `start` on. The last piece is not `ended`; a "From " line still being written is not part of it. */
export async function* split(handle: FileHandle, start: number): AsyncGenerator<Piece> {
  const window = new Window(handle, start)
  let at = start
  let scanned = 1
  for (;;) {
    const found = findSeparator(window.bytes, Math.min(scanned, window.bytes.length))
    if (found.kind === 'separator') {
      yield piece(at, window, found.at, true)
      at = window.at
      scanned = 1
      continue
    }
    scanned = Math.max(1, found.kind === 'maybe' ? found.at : window.bytes.length - 4)
    scanned = Math.max(1, scanned - window.shed())
    if (await window.grow()) continue
    const end = found.kind === 'maybe' ? scanned : window.bytes.length
    if (end > 0) yield piece(at, window, end, false)
    return
  }
}

const piece = (at: number, window: Window, length: number, ended: boolean): Piece => {
  const bytes = window.take(length)
  const lineEnd = bytes.indexOf(0x0a) + 1 || bytes.length
  const fromLine = bytes.toString('latin1', 0, Math.min(lineEnd, 1000)).trimEnd()
  return { at, end: window.at, fromLine, body: bytes.subarray(lineEnd), ended }
}
