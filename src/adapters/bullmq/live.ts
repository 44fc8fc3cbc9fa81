// What moves, by Redis: the tail of each running log as a stream, and words that are published. The outward end; live-in.ts hears it.
import type { Redis } from 'ioredis'
import type { Millis } from '../../model/instant.ts'
import type { RunId } from '../../model/run.ts'
import type { LiveIn, LiveLog, LiveOut, LogPiece, Topic } from '../../ports/live.ts'
import { closeClient, type RedisConnection } from './connection.ts'

/** Tells nobody. */
export const silentLive = (): LiveOut => ({
  log: () => ({ write: () => {}, end: () => {} }),
  changed: () => {},
  close: async () => {},
})

/** Hears nothing. */
export const deafLive = (): LiveIn => ({
  follow: () => ({ stop: () => {} }),
  listen: () => ({ stop: () => {} }),
  close: async () => {},
})

/** Where topics that changed are said, as JSON. */
export const changesChannel = (prefix: string): string => `${prefix}:live`

/** The tail of a running log (a stream of pieces), and the channel on which the newest piece is said. */
export const logKey = (prefix: string, run: RunId): string => `${prefix}:log:${run}`

export const endOf = ({ from, text }: Pick<LogPiece, 'from' | 'text'>): number => from + text.length

/** In characters. `piece`: at most so much is said at once, what came before it within the same moment is lost. */
export const liveLimits = { tail: 1 << 20, piece: 1 << 16, topics: 1_000 } as const

/** A piece as it stands in a stream and in a channel. `after`: where the piece before it ended; what lies between was never told. */
export type ToldPiece = LogPiece & { after: number }

const soonMs: Millis = 200
const againMs: Millis = 1_000
/** A step may print nothing for long; a host that dies leaves its log here for so long. */
const keepMs: Millis = 24 * 3_600_000
/** Followers who missed the end find it for so long; then they read the kept log. */
const keepEndedMs: Millis = 60_000

/** Text that waits to be said, bounded: its beginning is what is lost. */
const waitingText = () => {
  let [from, text] = [0, '']
  return {
    isEmpty: () => text === '',
    add(more: string) {
      text += more
      const over = text.length - liveLimits.piece
      if (over <= 0) return
      from += over
      text = text.slice(over)
    },
    /** Whole lines where there are some, so that words are seldom cut in two; and the code of a colour never is. */
    take(isAll: boolean): { from: number; text: string } {
      const whole = text.lastIndexOf('\n') + 1 || text.replace(/\u001b(\[[\d;]{0,40})?$/, '').length
      const end = isAll ? text.length : whole || text.length
      const taken = { from, text: text.slice(0, end) }
      from += end
      text = text.slice(end)
      return taken
    },
  }
}

/** One task at a time, some time after it was asked for; when it fails, again. Never throws. */
const lazyTask = (act: () => Promise<unknown>) => {
  let timer: NodeJS.Timeout | undefined
  let working: Promise<void> | undefined
  let isAsked = false
  const work = async () => {
    timer = undefined
    isAsked = false
    const isDone = await act().then(
      () => true,
      () => false,
    )
    working = undefined
    if (!isDone || isAsked) ask(isDone ? soonMs : againMs)
  }
  const begin = () => {
    working = work()
  }
  const ask = (afterMs: Millis) => {
    isAsked = true
    if (!working) timer ??= setTimeout(begin, afterMs).unref()
  }
  return {
    soon: () => ask(soonMs),
    /** What is asked for is done at once, and once. */
    async flush() {
      await working
      if (timer) clearTimeout(timer)
      if (timer) await act().catch(() => {})
      timer = undefined
    },
    stop() {
      if (timer) clearTimeout(timer)
      timer = undefined
    },
  }
}

type Told = { id: string; size: number }

/** What Redis keeps of one log: what is older than its tail is taken out. */
const tailIn = (client: () => Redis, key: string) => {
  const told: Told[] = []
  let size = 0
  return async (piece: ToldPiece): Promise<void> => {
    const said = JSON.stringify(piece)
    size += piece.text.length
    while (size - (told[0]?.size ?? Number.POSITIVE_INFINITY) >= liveLimits.tail)
      size -= told.shift()?.size ?? 0
    const first = told[0]?.id
    const act = client().multi().xadd(key, '*', 'piece', said)
    if (first !== undefined) act.xtrim(key, 'MINID', first)
    act.pexpire(key, piece.isEnd ? keepEndedMs : keepMs).publish(key, said)
    const [added] = (await act.exec()) ?? []
    if (added?.[0] || typeof added?.[1] !== 'string') throw added?.[0] ?? new Error('the log was not told')
    told.push({ id: added[1], size: piece.text.length })
  }
}

type TellOptions = { tell: (piece: ToldPiece) => Promise<void>; onOver: () => void }

const liveLog = ({ tell, onOver }: TellOptions): LiveLog & { flush(): Promise<void> } => {
  const waiting = waitingText()
  let isEnded = false
  let failed: ToldPiece | undefined
  let after = 0
  const say = async (): Promise<void> => {
    // What failed is said again as it was: readers know by `from` what they have.
    if (!failed && waiting.isEmpty() && !isEnded) return
    const piece = failed ?? { ...waiting.take(isEnded), isEnd: isEnded, after }
    failed = piece
    await tell(piece)
    failed = undefined
    after = endOf(piece)
    if (piece.isEnd && waiting.isEmpty()) onOver()
    else if (!waiting.isEmpty() || isEnded) task.soon()
  }
  const task = lazyTask(say)
  return {
    write(text) {
      if (isEnded || text === '') return
      waiting.add(text)
      task.soon()
    },
    end() {
      if (isEnded) return
      isEnded = true
      task.soon()
    },
    flush: () => task.flush(),
  }
}

/** Connects when there is something to tell first. While Redis is away, what is told is kept within bounds, and lost beyond them. */
export const redisLiveOut = (options: { connection: RedisConnection; prefix: string }): LiveOut => {
  const { connection, prefix } = options
  let opened: Redis | undefined
  let isClosed = false
  const client = (): Redis => {
    if (isClosed) throw new Error('closed')
    opened ??= connection.open('impatient')
    return opened
  }
  const logs = new Set<{ flush(): Promise<void> }>()
  const topics = new Set<Topic>()
  const sayTopics = lazyTask(async () => {
    const said = [...topics]
    topics.clear()
    try {
      await client().publish(changesChannel(prefix), JSON.stringify(said))
    } catch (error) {
      for (const topic of said.slice(0, liveLimits.topics - topics.size)) topics.add(topic)
      throw error
    }
  })
  return {
    log(run) {
      const log = liveLog({
        tell: tailIn(client, logKey(prefix, run)),
        onOver: () => logs.delete(log),
      })
      logs.add(log)
      return log
    },
    changed(...some) {
      for (const topic of some) if (topics.size < liveLimits.topics) topics.add(topic)
      if (topics.size > 0 && !isClosed) sayTopics.soon()
    },
    async close() {
      // What Redis does not take now is lost; nobody waits for words.
      if (opened === undefined || opened.status === 'ready')
        await Promise.all([sayTopics, ...logs].map(one => one.flush()))
      isClosed = true
      sayTopics.stop()
      if (opened) await closeClient(opened)
    },
  }
}
