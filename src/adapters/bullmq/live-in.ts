// What moves, by Redis: the inward end. One subscription for each log, however many follow it; all of them share the same text.
import { z } from 'zod'
import type { RunId } from '../../model/run.ts'
import type { LiveIn, LogPiece, Topic } from '../../ports/live.ts'
import { closeClient, type RedisConnection } from './connection.ts'
import { changesChannel, endOf, liveLimits, logKey } from './live.ts'

const count = z.number().int().nonnegative()
const pieceSchema = z.object({ from: count, text: z.string(), isEnd: z.boolean(), after: count })
const topicsSchema = z.array(
  z
    .templateLiteral([z.enum(['series', 'job', 'run']), ':', z.string()])
    .or(z.enum(['queue', 'farm', 'incidents', 'verdicts'])),
)

const parsed = <T>(schema: z.ZodType<T>, text: string): T | undefined => {
  try {
    return schema.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

/** Small pieces are joined in the tail, so that who comes late gets few. */
const joinBelow = 1 << 14

/** The last of a log, as pieces in order, and those who follow it. */
export const logTail = () => {
  const pieces: LogPiece[] = []
  let size = 0
  const keep = (piece: LogPiece) => {
    const last = pieces.at(-1)
    const joins = last && !last.isEnd && endOf(last) === piece.from && last.text.length < joinBelow
    if (last && joins) pieces[pieces.length - 1] = { ...piece, from: last.from, text: last.text + piece.text }
    else pieces.push(piece)
    size += piece.text.length
    while (size - (pieces[0]?.text.length ?? 0) >= liveLimits.tail) size -= pieces.shift()?.text.length ?? 0
  }
  const end = () => {
    const last = pieces.at(-1)
    return last ? endOf(last) : 0
  }
  return {
    end,
    /** What of it is new; undefined: nothing. */
    add(piece: LogPiece): LogPiece | undefined {
      const have = end()
      const isOver = pieces.at(-1)?.isEnd ?? false
      if (isOver || (endOf(piece) <= have && !piece.isEnd)) return undefined
      const known = Math.min(Math.max(0, have - piece.from), piece.text.length)
      const fresh =
        known === 0 ? piece : { ...piece, from: piece.from + known, text: piece.text.slice(known) }
      keep(fresh)
      return fresh
    },
    /** All that there is from that character on. */
    since: (from: number): LogPiece[] =>
      pieces.flatMap(piece => {
        if (piece.from >= from) return [piece]
        if (endOf(piece) <= from) return piece.isEnd ? [{ from, text: '', isEnd: true }] : []
        return [{ ...piece, from, text: piece.text.slice(from - piece.from) }]
      }),
  }
}

type OnPiece = (piece: LogPiece) => void
type Followed = {
  tail: ReturnType<typeof logTail>
  /** undefined: has not been given what there was before. */
  viewers: Map<OnPiece, { from: number; isServed: boolean }>
  isRead: boolean
  hear(said: string): void
  again(): void
}

const wellWithin = 64

/** Reads what Redis keeps of a log, and then hears the rest. */
const followed = (read: () => Promise<string[]>): Followed => {
  const tail = logTail()
  const viewers: Followed['viewers'] = new Map()
  const early: (LogPiece & { after: number })[] = []
  const one: Followed = { tail, viewers, isRead: false, hear: () => {}, again: () => {} }
  const give = ({ from, text, isEnd }: LogPiece) => {
    const fresh = tail.add({ from, text, isEnd })
    if (fresh) for (const [onPiece, viewer] of viewers) if (viewer.isServed) onPiece(fresh)
  }
  const catchUp = async () => {
    for (const said of await read()) {
      const piece = parsed(pieceSchema, said)
      if (piece) give(piece)
    }
    one.isRead = true
    for (const piece of early.splice(0)) give(piece)
    for (const [onPiece, viewer] of viewers) serve(one, onPiece, viewer)
  }
  let catching: Promise<void> | undefined
  one.again = () => {
    catching ??= catchUp()
      .catch(() => {})
      .finally(() => {
        catching = undefined
      })
  }
  one.hear = said => {
    const piece = parsed(pieceSchema, said)
    if (!piece) return
    const isGap = piece.after > tail.end()
    if (one.isRead && !catching && !isGap) return give(piece)
    // What lies between may still be in the stream.
    if (early.length < wellWithin) early.push(piece)
    one.again()
  }
  return one
}

const serve = ({ tail }: Followed, onPiece: OnPiece, viewer: { from: number; isServed: boolean }): void => {
  if (viewer.isServed) return
  viewer.isServed = true
  for (const piece of tail.since(viewer.from)) onPiece(piece)
}

/** Listens now, or as soon as Redis answers; after it was away, logs are read again and `lost` is said. */
export const redisLiveIn = (options: { connection: RedisConnection; prefix: string }): LiveIn => {
  const { connection, prefix } = options
  const ears = connection.open('patient')
  const reader = connection.open('impatient')
  const listeners = new Set<(topics: Topic[] | 'lost') => void>()
  const logs = new Map<RunId, Followed>()
  const channel = changesChannel(prefix)
  const tell = (topics: Topic[] | 'lost') => {
    for (const onChange of listeners) onChange(topics)
  }
  const readLog = (run: RunId) => async (): Promise<string[]> =>
    (await reader.xrange(logKey(prefix, run), '-', '+')).flatMap(([, fields]) => fields[1] ?? [])
  ears.on('message', (from: string, said: string) => {
    if (from !== channel) return logs.get(from.slice(logKey(prefix, '').length))?.hear(said)
    const topics = parsed(topicsSchema, said)
    if (topics && topics.length > 0) tell(topics)
  })
  // ioredis subscribes again to what it knows; only what is said after that is heard for sure.
  ears.on(
    'ready',
    () =>
      void ears.subscribe(channel, ...[...logs.keys()].map(run => logKey(prefix, run))).then(
        () => {
          tell('lost')
          for (const log of logs.values()) log.again()
        },
        () => {},
      ),
  )
  const begin = (run: RunId): Followed => {
    const log = followed(readLog(run))
    logs.set(run, log)
    if (ears.status === 'ready') void ears.subscribe(logKey(prefix, run)).then(log.again, () => {})
    return log
  }
  return {
    follow(run, from, onPiece) {
      const log = logs.get(run) ?? begin(run)
      // Two viewers may be the same function; they are not the same viewer.
      const mine: OnPiece = piece => onPiece(piece)
      const viewer = { from, isServed: false }
      log.viewers.set(mine, viewer)
      if (log.isRead) serve(log, mine, viewer)
      return {
        stop() {
          log.viewers.delete(mine)
          if (log.viewers.size > 0 || logs.get(run) !== log) return
          logs.delete(run)
          if (ears.status === 'ready') void ears.unsubscribe(logKey(prefix, run)).catch(() => {})
        },
      }
    },
    listen(onChange) {
      const mine = (topics: Topic[] | 'lost') => onChange(topics)
      listeners.add(mine)
      return { stop: () => void listeners.delete(mine) }
    },
    async close() {
      await Promise.all([closeClient(ears), closeClient(reader)])
    },
  }
}
