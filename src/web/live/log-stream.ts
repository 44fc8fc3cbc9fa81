// A run's log for those who follow it: live while it runs, from what is kept when it is over.
import type { Millis } from '../../model/instant.ts'
import type { RunRecord } from '../../model/job.ts'
import type { LiveIn, LogPiece } from '../../ports/live.ts'
import type { Wired } from '../../wiring/wire.ts'
import { type Pen, type Place, sayPlace, showPiece } from '../runs/log-live.ts'
import type { Changes } from './changes.ts'
import { eventOf, type Outlet } from './outlet.ts'

type Made = { pen: Pen; bytes: Uint8Array; next: Place }

const encoded = new WeakMap<LogPiece, Made>()

/** Encoded once for all viewers, as all come to it in the same place. `id`: where who comes back goes on. */
const madeOf = (piece: LogPiece, { at, pen: said }: Place): Made => {
  const pen = piece.from === at ? said : ''
  const known = encoded.get(piece)
  if (known?.pen === pen) return known
  const shown = showPiece(piece.text, pen)
  const next = { at: piece.from + piece.text.length, pen: shown.pen }
  const data = { from: piece.from, parts: shown.parts }
  const made = { pen, bytes: eventOf({ event: 'piece', id: sayPlace(next), data }), next }
  if (!known) encoded.set(piece, made)
  return made
}

const overBytes = eventOf({ event: 'over', data: {} })

/** The run is over: its kept log from that character on, piece by piece, then that it is over. Says only that where the log is gone. */
export const sendKept = async (
  { blobs }: Pick<Wired, 'blobs'>,
  { record, place: begin, outlet }: { record: RunRecord; place: Place; outlet: Outlet },
): Promise<void> => {
  const blob = record.evidence.log
  const decoder = new TextDecoder()
  let [at, place] = [0, begin]
  const send = (text: string) => {
    const from = Math.max(at, begin.at)
    const piece = { from, text: text.slice(from - at), isEnd: false }
    at += text.length
    if (piece.text === '') return
    const { bytes, next } = madeOf(piece, place)
    outlet.send(bytes)
    place = next
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
  { run, place: begins, outlet }: { run: string; place: Place; outlet: Outlet },
): { stop(): void } => {
  let [place, isOver] = [begins, false]
  const given = new AbortController()
  const over = async (): Promise<void> => {
    // Its last words are on their way; and they are the same for all.
    await wired.clock.sleep(lastWordsMs, given.signal)
    const record = isOver ? undefined : await wired.store.run(run)
    if (isOver || record?.endedAt === undefined) return
    stop()
    await sendKept(wired, { record, place, outlet })
  }
  const following = live.follow(run, place.at, piece => {
    if (isOver) return
    const { bytes, next } = madeOf(piece, place)
    place = next
    if (piece.text !== '') outlet.send(bytes)
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
