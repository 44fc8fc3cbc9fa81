// Bytes into a guest and out of it through its agent alone, in pieces; compared by digest. Slow: some MB/s. One transfer at a time.
import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { Fault } from '../../../model/fault.ts'
import type { Millis } from '../../../model/instant.ts'
import type { Clone } from '../../../ports/farm.ts'
import type { AgentGuest } from './exec.ts'
import { type GuestFile, openGuestFile } from './file.ts'
import type { Program } from './port.ts'
import { runProgram, unlessGone } from './program.ts'

const readBytes = 1 << 20
const defaultLimit = 4 * 2 ** 30

/** Unpacking many small files is what takes time. */
const programMs = (size: number): Millis => 120_000 + size / 500

export const transfersByAgent = (guest: AgentGuest): Pick<Clone, 'write' | 'read'> => {
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(act: () => Promise<T>): Promise<T> => {
    const turn = last.then(act, act)
    last = turn.catch(() => {})
    return turn
  }
  return {
    write: (path, bytes, { untar = false } = {}) =>
      inTurn(() => unlessGone(guest.fate, send(guest, { path, untar, ...bytes }))).catch(error => {
        bytes.stream.destroy()
        throw broke(error, `write ${path} into the guest`)
      }),
    read: (path, { tar, limit = defaultLimit } = {}) =>
      inTurn(() => unlessGone(guest.fate, receive(guest, { path, tar, limit }))).catch(error => {
        throw broke(error, `read ${path} out of the guest`)
      }),
  }
}

type Parcel = { path: string; untar: boolean; size: number; stream: Readable }

const send = async (guest: AgentGuest, { path, untar, size, stream }: Parcel): Promise<void> => {
  const { says } = guest
  const tool = (program: Program) => runProgram(guest.port, program, programMs(size))
  const target = untar ? temporary(guest) : path
  if (!untar) await tool(says.makeRoom(path))
  const digest = await pour(guest, { path: target, size, stream })
  const arrived = measure(await tool(says.measure(target)))
  if (arrived.size !== size || arrived.digest !== digest)
    throw new Fault('damaged', 'soon', 'other bytes arrived than were sent')
  if (untar) await tool(says.unpack(target, path))
}

/** Exactly `size` bytes of the source; gives their digest. Fault malformed if there are fewer or more. */
const pour = async (
  { port, deadlines }: AgentGuest,
  { path, size, stream }: { path: string; size: number; stream: Readable },
): Promise<string> => {
  const file = await openGuestFile(port, { path, mode: 'wb', span: deadlines.silenceMs })
  const hash = createHash('sha256')
  let sent = 0
  try {
    for await (const bytes of pieces(stream, port.pieceBytes)) {
      sent += bytes.length
      if (sent > size) break
      hash.update(bytes)
      await file.write(bytes)
    }
  } finally {
    await file.close()
  }
  if (sent !== size) throw new Fault('malformed', 'soon', `${sent} bytes instead of the announced ${size}`)
  return hash.digest('hex')
}

/** A source's chunks, put together to pieces of that length: each costs a command. */
async function* pieces(stream: Readable, length: number): AsyncGenerator<Buffer> {
  let held = Buffer.alloc(0)
  for await (const chunk of stream) {
    held = Buffer.concat([held, Buffer.from(chunk)])
    for (; held.length >= length; held = held.subarray(length)) yield held.subarray(0, length)
  }
  if (held.length > 0) yield held
}

type Request = { path: string; tar: string[] | undefined; limit: number }

const receive = async (guest: AgentGuest, { path, tar, limit }: Request): Promise<Readable> => {
  const { port, says, deadlines } = guest
  const source = tar ? temporary(guest) : path
  const said = await runProgram(
    port,
    tar ? says.pack(path, tar, source) : says.measure(path),
    programMs(0) * 10,
  ).catch(error => {
    // The guest refused before a byte moved: asked again it says the same.
    const isNo = error instanceof Fault && error.kind === 'refused'
    throw isNo ? new Fault('refused', 'never', error.message) : error
  })
  const expected = measure(said)
  const remove = async () => {
    if (tar) await runProgram(port, says.remove(source), deadlines.silenceMs)
  }
  if (!(expected.size <= limit)) {
    await remove().catch(() => {})
    throw new Fault('refused', 'never', `it has more than ${limit} bytes`, {
      remedy: 'let the recipe keep less',
    })
  }
  const file = await openGuestFile(port, { path: source, mode: 'rb', span: deadlines.silenceMs })
  const end = async () => {
    await file.close()
    await remove()
  }
  return Readable.from(contents(guest, { file, end, expected, path }))
}

type Incoming = {
  file: GuestFile
  end: () => Promise<void>
  expected: { size: number; digest: string }
  path: string
}

async function* contents(guest: AgentGuest, { file, end, expected, path }: Incoming) {
  const hash = createHash('sha256')
  try {
    for (let offset = 0; offset < expected.size; ) {
      const count = Math.min(readBytes, expected.size - offset)
      const bytes = await unlessGone(guest.fate, file.read(offset, count))
      if (bytes.length === 0) throw new Fault('damaged', 'soon', 'it became shorter while it was read')
      offset += bytes.length
      hash.update(bytes)
      yield bytes
    }
    if (hash.digest('hex') !== expected.digest)
      throw new Fault('damaged', 'soon', 'other bytes came out than were sent')
  } catch (error) {
    throw broke(error, `read ${path} out of the guest`)
  } finally {
    await end().catch(() => {})
  }
}

const temporary = ({ says }: AgentGuest): string => says.scratch(`${randomBytes(8).toString('hex')}.tar`)

const measure = (said: string): { size: number; digest: string } => {
  const [size, digest = ''] = said.trim().split(/\s+/)
  return { size: Number(size), digest }
}

const broke = (error: unknown, what: string): Fault => {
  if (error instanceof Fault) {
    const { kind, retry, message, remedy } = error
    return new Fault(kind, retry, `${what}: ${message}`, { cause: error, ...(remedy && { remedy }) })
  }
  const why = error instanceof Error ? error.message : String(error)
  return new Fault('malformed', 'soon', `${what}: ${why}`, { cause: error })
}
