// The log port's host side: what commands print, as it comes. A mark that goes through the guest's FIFO says that all before it has arrived.
import { randomBytes } from 'node:crypto'
import type { Duplex } from 'node:stream'
import type { Millis } from '../model/instant.ts'
import { bell, within } from './deadline.ts'
import type { LinuxGuest } from './linux-guest.ts'

export type Output = {
  /** Passes what comes from now on to the listener; what comes while nobody listens is dropped. */
  listen(listener: (chunk: Buffer) => void): void
  /** True when all that was written in the guest before this call has been passed on; then nobody listens any more. */
  end(span: Millis): Promise<boolean>
}

export const openOutput = (port: Duplex, guest: LinuxGuest): Output => {
  let listener: ((chunk: Buffer) => void) | undefined
  let awaited: { mark: Buffer; seen: () => void } | undefined
  let held: Buffer = Buffer.alloc(0)

  port.on('data', (chunk: Buffer) => {
    if (!awaited) return listener?.(chunk)
    const bytes = Buffer.concat([held, chunk])
    const at = bytes.indexOf(awaited.mark)
    const until = at >= 0 ? at : bytes.length - startOfMark(bytes, awaited.mark)
    if (until > 0) listener?.(bytes.subarray(0, until))
    held = bytes.subarray(until)
    if (at < 0) return
    held = Buffer.alloc(0)
    listener = undefined
    awaited.seen()
    awaited = undefined
  })

  const end: Output['end'] = async span => {
    const nonce = randomBytes(16).toString('hex')
    const seen = bell<boolean>()
    const closed = () => seen.ring(false)
    port.once('close', closed)
    if (port.destroyed) closed()
    awaited = { mark: guest.mark(nonce), seen: () => seen.ring(true) }
    port.write(`${nonce}\n`)
    const all = await within(seen.rung, span, 'the end of the output').catch(() => false)
    port.off('close', closed)
    listener = undefined
    awaited = undefined
    return all
  }

  return {
    listen: to => {
      listener = to
    },
    end,
  }
}

/** How many of the last bytes could be the beginning of the mark. */
const startOfMark = (bytes: Buffer, mark: Buffer): number => {
  for (let n = Math.min(mark.length - 1, bytes.length); n > 0; n--)
    if (bytes.subarray(bytes.length - n).equals(mark.subarray(0, n))) return n
  return 0
}
