// Mail from an mbox file, at the beginning of the flow. The file is only read, never locked or changed.
import { type FileHandle, open } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { Fault } from '../../model/fault.ts'
import type { Cursor, MailBatch, MailSource, RawMail } from '../../ports/mail-source.ts'
import { fromLineDate, receivedDate, saneArrival } from '../../text/arrival.ts'
import { sha256 } from '../../text/digest.ts'
import { errnoFault } from '../../text/errno.ts'
import { watchFolder } from '../../text/file-watch.ts'
import { findSeparator, isSeparator, type Quoting, unquote, withoutBlankEnd } from '../../text/mbox.ts'
import { type Piece, split } from './split.ts'

/** How far the file was read: mails up to `end` were handed out, the last of them begins at `last`. */
const Position = z.object({ end: z.number(), last: z.number(), head: z.string(), tail: z.string() })
type Position = z.infer<typeof Position>

export type MboxOptions = {
  name: string
  /** Absolute path of the file. */
  path: string
  /** How `From ` lines inside of mails are quoted. Default mboxrd. */
  quoting?: Quoting
  /** A last mail without its blank line, in a file that was written to a shorter time ago, is waited for. Default 1000. */
  settleMs?: number
}

const batchMails = 100
const batchBytes = 8 * 1024 * 1024
const digestBytes = 1024
const longestWaitMs = 100

/**
 * Mails of an mbox file (RFC 4155), oldest first; appended ones are found by the next read. A file that was replaced or
 * shortened is read from the start. A mail that is cut off by the end of the file is handed out as it is, and once more when
 * it has grown. `arrivedAt` is the date of the "From " line, else of the topmost Received header, else of the file.
 * Faults: refused (no such file, no permission), malformed (not an mbox).
 */
export const mboxSource = (options: MboxOptions): MailSource => ({
  name: options.name,
  read: (cursor, signal) => read(options, cursor, signal),
  // The folder: a file that is replaced by a rename would be lost otherwise.
  watch: wake => watchFolder(dirname(options.path), wake, basename(options.path)),
})

async function* read(options: MboxOptions, cursor: Cursor, signal?: AbortSignal): AsyncGenerator<MailBatch> {
  const handle = await opened(options.path)
  try {
    const start = await startOf(handle, Position.safeParse(cursor).data)
    if (start !== undefined) yield* batches(handle, { ...options, start }, signal)
  } catch (error) {
    signal?.throwIfAborted()
    throw errnoFault(error, 'mbox', options.path)
  } finally {
    await handle.close()
  }
}

const opened = async (path: string): Promise<FileHandle> => {
  try {
    return await open(path, 'r')
  } catch (error) {
    throw errnoFault(error, 'mbox', path)
  }
}

async function* batches(
  handle: FileHandle,
  options: MboxOptions & { start: number },
  signal?: AbortSignal,
): AsyncGenerator<MailBatch> {
  const fileTime = (await handle.stat()).mtimeMs
  let held: Piece[] = []
  let bytes = 0
  const batch = async (last: Piece): Promise<MailBatch> => ({
    mails: held.map(piece => mailOf(piece, options, fileTime)),
    cursor: await position(handle, last),
  })
  for await (const piece of settledPieces(handle, options, signal)) {
    signal?.throwIfAborted()
    if (piece.at === 0) requireMbox(piece, options.path)
    held.push(piece)
    bytes += piece.body.length
    if (held.length < batchMails && bytes < batchBytes) continue
    yield await batch(piece)
    held = []
    bytes = 0
  }
  const last = held.at(-1)
  if (last !== undefined) yield await batch(last)
}

/** Reads the last mail again while it has no end and somebody may be writing it. */
async function* settledPieces(
  handle: FileHandle,
  { start, settleMs = 1000 }: { start: number; settleMs?: number },
  signal?: AbortSignal,
): AsyncGenerator<Piece> {
  for (let from = start; ; ) {
    for await (const piece of split(handle, from)) {
      from = piece.at
      if (!piece.ended && (await mayGrow(handle, piece, settleMs))) break
      // A "From " line alone is no mail yet.
      if (!piece.ended && piece.body.length === 0) return
      yield piece
      if (!piece.ended) return
    }
    const { size, mtimeMs } = await handle.stat()
    if (size <= from) return
    await sleep(
      Math.max(10, Math.min(longestWaitMs, mtimeMs + settleMs - Date.now())),
      undefined,
      signal && { signal },
    )
  }
}

const mayGrow = async (handle: FileHandle, piece: Piece, settleMs: number): Promise<boolean> => {
  const { size, mtimeMs } = await handle.stat()
  const whole = withoutBlankEnd(piece.body).length < piece.body.length
  const age = Date.now() - mtimeMs
  return size > piece.end ? !whole : !whole && age >= 0 && age < settleMs
}

const requireMbox = (piece: Piece, path: string): void => {
  if (isSeparator(piece.fromLine)) return
  throw new Fault(
    'malformed',
    'never',
    `mbox ${path}, byte 0: the first line is no "From sender date" line`,
    {
      remedy:
        'check that the file is an mbox; a single mail is given to `grapevine submit`, a folder of mails is a Maildir',
    },
  )
}

const mailOf = (piece: Piece, { path, quoting = 'mboxrd' }: MboxOptions, fileTime: number): RawMail => {
  const raw = unquote(withoutBlankEnd(piece.body), quoting)
  const now = Date.now()
  const arrivedAt =
    saneArrival(fromLineDate(piece.fromLine), now) ??
    saneArrival(receivedDate(raw), now) ??
    Math.floor(fileTime)
  return { raw, arrivedAt, where: `${path}, byte ${piece.at}` }
}

const digest = async (handle: FileHandle, start: number, end: number): Promise<string> => {
  const bytes = Buffer.alloc(end - start)
  const { bytesRead } = await handle.read(bytes, 0, bytes.length, start)
  return sha256(bytes.subarray(0, bytesRead)).slice(0, 16)
}

const digests = async (handle: FileHandle, end: number): Promise<Pick<Position, 'head' | 'tail'>> => ({
  head: await digest(handle, 0, Math.min(digestBytes, end)),
  tail: await digest(handle, Math.max(0, end - digestBytes), end),
})

const position = async (handle: FileHandle, piece: Piece): Promise<Position> => ({
  end: piece.end,
  last: piece.at,
  ...(await digests(handle, piece.end)),
})

/** Where to read on; undefined: nothing is new. */
const startOf = async (handle: FileHandle, from: Position | undefined): Promise<number | undefined> => {
  const { size } = await handle.stat()
  if (size === 0) return undefined
  if (from === undefined || size < from.end) return 0
  const now = await digests(handle, from.end)
  if (now.head !== from.head || now.tail !== from.tail) return 0
  return size === from.end ? undefined : grownFrom(handle, from)
}

/** The file grew: by whole mails after the last one, or within the last one, which is then read again. */
const grownFrom = async (handle: FileHandle, from: Position): Promise<number | undefined> => {
  const before = Math.min(4, from.end)
  const bytes = Buffer.alloc(2048)
  const { bytesRead } = await handle.read(bytes, 0, bytes.length, from.end - before)
  const found = findSeparator(bytes.subarray(0, bytesRead), before)
  const gap = found.kind === 'none' ? undefined : bytes.toString('latin1', before, found.at)
  if (gap === undefined || !/^(\r?\n){0,2}$/.test(gap)) return from.last
  const endedInLine = bytes[before - 1] !== 0x0a
  if (endedInLine) return from.last
  return found.kind === 'separator' ? from.end + gap.length : undefined
}
