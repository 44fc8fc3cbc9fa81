// A run's log for those who follow it: live while it runs, from what is kept when it is over.
import type { RunRecord } from '../../model/job.ts'
import type { LiveIn, LogPiece } from '../../ports/live.ts'
import type { Wired } from '../../wiring/wire.ts'
import { type Pen, type Place, sayPlace, showPiece } from '../runs/log-live.ts'
import type { Endings } from './endings.ts'
import { eventOf, type Outlet } from './outlet.ts'

const endOf = ({ from, text }: LogPiece): number => from + text.length

type Made = { pen: Pen; bytes: Uint8Array; next: Place }

const encoded = new WeakMap<LogPiece, Made>()

/** Encoded once for all viewers, as all come to it in the same place. `id`: where who comes back goes on. */
const madeOf = (piece: LogPiece, { at, pen: said }: Place): Made => {
  const pen = piece.from === at ? said : ''
  const known = encoded.get(piece)
  if (known?.pen === pen) return known
  const shown = showPiece(piece.text, pen)
  const next = { at: endOf(piece), pen: shown.pen }
  const data = { from: piece.from, parts: shown.parts }
  const made = { pen, bytes: eventOf({ event: 'piece', id: sayPlace(next), data }), next }
  if (!known) encoded.set(piece, made)
  return made
}

const overBytes = eventOf({ event: 'over', data: {} })

/** The code of a colour that is cut in two would show as text: its begin waits for the rest. */
const cutCode = /\u001b(?:\[[\d;]{0,40})?$/

/** The run is over: its kept log from that character on, piece by piece, then that it is over. Says only that where the log is gone. */
export const sendKept = async (
  { blobs }: Pick<Wired, 'blobs'>,
  { record, place: begin, outlet }: { record: RunRecord; place: Place; outlet: Outlet },
): Promise<void> => {
  const blob = record.evidence.log
  const decoder = new TextDecoder()
  let [at, place, waiting] = [0, begin, '']
  const send = (more: string, isLast = false) => {
    const all = waiting + more
    waiting = isLast ? '' : (cutCode.exec(all)?.[0] ?? '')
    const text = all.slice(0, all.length - waiting.length)
    const from = Math.max(at, begin.at)
    const piece = { from, text: text.slice(from - at), isEnd: false }
    at += text.length
    if (piece.text === '') return
    const { bytes, next } = madeOf(piece, place)
    outlet.send(bytes)
    place = next
  }
  try {
    if (!(await outlet.taken())) return
    if (blob !== undefined)
      for await (const chunk of blobs.stream(blob)) {
        send(decoder.decode(chunk as Buffer, { stream: true }))
        if (!(await outlet.taken())) return
      }
    send(decoder.decode(), true)
  } catch {
    // Expired, or damaged: the page says so.
  }
  outlet.end(overBytes)
}

/** Stands for what is being asked for. */
const asked = { stop: () => {} }

export type FollowParts = { wired: Wired; live: LiveIn; endings: Endings }

/** Sends until the run is over, or it is stopped. Who is too slow for it goes on later, where it was. */
export const followRun = (
  { wired, live, endings }: FollowParts,
  { run, place: begins, outlet }: { run: string; place: Place; outlet: Outlet },
): { stop(): void } => {
  let [place, isOver] = [begins, false]
  let following: { stop(): void } | undefined
  const pause = () => {
    following?.stop()
    following = undefined
  }
  const stop = () => {
    isOver = true
    pause()
    ending.stop()
  }
  const hear = (piece: LogPiece) => {
    if (isOver || !following) return
    const { bytes, next } = madeOf(piece, place)
    if (piece.text !== '' && !outlet.send(bytes)) return void goOnLater().catch(() => outlet.drop())
    place = next
    if (!piece.isEnd) return
    stop()
    outlet.end(overBytes)
  }
  const begin = () => {
    // It may call back at once.
    following = asked
    const begun = live.follow(run, place.at, hear)
    if (following) following = begun
    else begun.stop()
  }
  const keptOf = (record: RunRecord): Promise<void> => {
    stop()
    return sendKept(wired, { record, place, outlet })
  }
  const goOnLater = async () => {
    pause()
    await outlet.taken()
    if (isOver) return
    const record = await wired.store.run(run)
    if (isOver) return
    if (record?.endedAt !== undefined) return keptOf(record)
    begin()
  }
  const ending = endings.of(run, record => void keptOf(record))
  begin()
  return { stop }
}
