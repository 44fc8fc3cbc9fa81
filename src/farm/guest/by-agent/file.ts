// Files in a guest by its agent's guest-file-* commands: opened, read from a place on, written in pieces.
import { z } from 'zod'
import type { Millis } from '../../../model/instant.ts'
import type { AgentPort } from './port.ts'

export type GuestFile = {
  /** At most so many bytes, from the offset on; none: the file ends there, for now. Repeatable. */
  read(offset: number, count: number): Promise<Buffer>
  /** After what was written before. Not repeatable. */
  write(bytes: Buffer): Promise<void>
  close(): Promise<void>
}

const handleSchema = z.number()
const readSchema = z.object({ 'buf-b64': z.string().default('') })
const writtenSchema = z.object({ count: z.number() })

/** Modes as of fopen(3). Each command may take the span. Fault refused with the guest's reason. */
export const openGuestFile = async (
  port: AgentPort,
  { path, mode, span }: { path: string; mode: 'rb' | 'wb' | 'w+b'; span: Millis },
): Promise<GuestFile> => {
  const handle = handleSchema.parse(await port.command('guest-file-open', { path, mode }, span))
  /** Where the guest's handle stands; undefined: an answer was lost, so nobody knows. */
  let at: number | undefined = 0

  const seek = async (offset: number) => {
    if (at !== offset) await port.command('guest-file-seek', { handle, offset, whence: 'set' }, span)
  }
  const read = async (offset: number, count: number): Promise<Buffer> => {
    await seek(offset)
    at = undefined
    const answer = readSchema.parse(await port.command('guest-file-read', { handle, count }, span))
    const bytes = Buffer.from(answer['buf-b64'], 'base64')
    at = offset + bytes.length
    return bytes
  }
  const write = async (bytes: Buffer): Promise<void> => {
    for (let from = 0; from < bytes.length; ) {
      const piece = bytes.subarray(from, from + port.pieceBytes)
      const request = { handle, 'buf-b64': piece.toString('base64') }
      from += writtenSchema.parse(await port.command('guest-file-write', request, span)).count
    }
  }
  return {
    read,
    write,
    close: async () => void (await port.command('guest-file-close', { handle }, span)),
  }
}
