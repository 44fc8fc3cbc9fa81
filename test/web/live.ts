// What moves, in the hands of a test; and a reader of event streams.
import type { LiveIn, LogPiece, Topic } from '../../src/ports/live.ts'

/** `say` is heard by all at once; a log is kept whole for who comes later. */
export const fakeLive = () => {
  const listeners = new Set<(topics: Topic[] | 'lost') => void>()
  const followers = new Map<string, Set<(piece: LogPiece) => void>>()
  const logs = new Map<string, LogPiece[]>()
  const live: LiveIn = {
    follow(run, from, onPiece) {
      const here = followers.get(run) ?? new Set()
      followers.set(run, here.add(onPiece))
      for (const piece of logs.get(run) ?? []) if (piece.from >= from) onPiece(piece)
      return { stop: () => void here.delete(onPiece) }
    },
    listen(onChange) {
      listeners.add(onChange)
      return { stop: () => void listeners.delete(onChange) }
    },
    close: async () => {},
  }
  return {
    live,
    say(topics: Topic[] | 'lost') {
      for (const listener of [...listeners]) listener(topics)
    },
    grow(run: string, piece: LogPiece) {
      logs.set(run, [...(logs.get(run) ?? []), piece])
      for (const follower of [...(followers.get(run) ?? [])]) follower(piece)
    },
    viewers: (run: string) => followers.get(run)?.size ?? 0,
  }
}

export type SentEvent = { event: string; data: unknown; id: string | undefined }

/** One event after another; undefined at the end. Comments are passed over. */
export const eventsOf = (response: Response) => {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  const next = async (): Promise<SentEvent | undefined> => {
    const end = text.indexOf('\n\n')
    if (end < 0) {
      const { value, done } = (await reader?.read()) ?? { done: true, value: undefined }
      if (done) return undefined
      text += value
      return next()
    }
    const lines = text.slice(0, end).split('\n')
    text = text.slice(end + 2)
    const field = (name: string) => lines.find(line => line.startsWith(`${name}: `))?.slice(name.length + 2)
    const event = field('event')
    if (event === undefined) return next()
    return { event, data: JSON.parse(field('data') ?? 'null'), id: field('id') }
  }
  return { next, cancel: () => reader?.cancel() }
}
