// A run's log for those who follow it: live while it runs, from what is kept when it is over.
import type { Millis } from '../../model/instant.ts'
import type { RunRecord } from '../../model/job.ts'
import type { LiveIn, LogPiece } from '../../ports/live.ts'
import { readable } from '../../text/readable.ts'
import type { Wired } from '../../wiring/wire.ts'
import type { Changes } from './changes.ts'
import { eventOf, type Outlet } from './outlet.ts'

const encoded = new WeakMap<LogPiece, Uint8Array>()

/** Encoded once for all viewers. `id`: where who comes back goes on. */
const bytesOf = (piece: LogPiece): Uint8Array => {
  const known = encoded.get(piece)
  if (known) return known
  const { from, text } = piece
  const made = eventOf({ event: 'piece', id: from + text.length, data: { from, text: readable(text) } })
  encoded.set(piece, made)
  return made
}

const overBytes = eventOf({ event: 'over', data: {} })

/** The run is over: its kept log from that character on, piece by piece, then that it is over. Says only that where the log is gone. */
export const sendKept = async (
  { blobs }: Pick<Wired, 'blobs'>,
  { record, from, outlet }: { record: RunRecord; from: number; outlet: Outlet },
): Promise<void> => {
  const blob = record.evidence.log
  const decoder = new TextDecoder()
  let at = 0
  const send = (text: string) => {
    const begin = Math.max(at, from)
    const piece = { from: begin, text: text.slice(begin - at), isEnd: false }
    at += text.length
    if (piece.text !== '') outlet.send(bytesOf(piece))
  }
  try {
    if (blob !== undefined)
      for await (const chunk of blobs.stream(blob)) {
        send(decoder.decode(chunk as Buffer, { stream: true }))
        await outlet.taken()
      }
    send(decoder.decode())
  } catch {
    // Expired, or damaged: the page says so.
  }
  outlet.send(overBytes)
  outlet.end()
}

const lastWordsMs: Millis = 2_000

export type FollowParts = { wired: Wired; live: LiveIn; changes: Changes }

/** Sends until the run is over, or it is stopped. */
export const followRun = (
  { wired, live, changes }: FollowParts,
  { run, from, outlet }: { run: string; from: number; outlet: Outlet },
): { stop(): void } => {
  let [at, isOver] = [from, false]
  const given = new AbortController()
  const over = async (): Promise<void> => {
    // Its last words are on their way; and they are the same for all.
    await wired.clock.sleep(lastWordsMs, given.signal)
    const record = isOver ? undefined : await wired.store.run(run)
    if (isOver || record?.endedAt === undefined) return
    stop()
    await sendKept(wired, { record, from: at, outlet })
  }
  const following = live.follow(run, from, piece => {
    if (isOver) return
    at = piece.from + piece.text.length
    if (piece.text !== '') outlet.send(bytesOf(piece))
    if (piece.isEnd) end()
  })
  const end = () => {
    stop()
    outlet.send(overBytes)
    outlet.end()
  }
  // A host that died says no end; whoever frees its tasks does.
  const look = () => void over().catch(() => {})
  const listening = changes.on([`run:${run}`], look)
  const stop = () => {
    isOver = true
    given.abort()
    following.stop()
    listening.stop()
  }
  return { stop }
}
