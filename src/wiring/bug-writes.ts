// The outbox of what we write to bugs: whatever waits is written, in the order in which it was said, each once. A tracker that is away is
// tried again by and by; what it refuses for good, the administrator hears of.
import type { BugWrite } from '../model/bug.ts'
import type { Instant, Millis } from '../model/instant.ts'
import { notLive } from '../stages/bugs/own-write.ts'
import { type BugWritten, isTheTracker, moveWrite, writeBug } from '../stages/bugs/write.ts'
import { sendAlert } from './alert.ts'
import type { Wired } from './wire.ts'

type Ports = Pick<Wired, 'config' | 'store' | 'clock' | 'queue' | 'trackers' | 'log'>

/** Trackers that could not be used, and when they are tried again; lost with the process, at no harm. */
export type BugWriteMemory = { away: Map<string, { until: Instant; times: number }> }

export const bugWriteMemory = (): BugWriteMemory => ({ away: new Map() })

const firstAwayMs: Millis = 30_000
const longestAwayMs: Millis = 10 * 60_000
/** Each round reads so many that wait. */
const maxWaiting = 2000

const awayMs = (times: number): Millis => Math.min(longestAwayMs, firstAwayMs * 2 ** Math.min(times, 10))

/** Why it, or a part of it, was refused for good. */
const refusalOf = ({ state }: BugWrite): string | undefined =>
  state.at === 'failed' ? state.why : state.at === 'written' ? state.refused : undefined

const tellRefused = async (ports: Ports, write: BugWrite): Promise<void> => {
  const { id, tracker, bug, state } = write
  const why = refusalOf(write)
  if (why === undefined) return
  const place = bug ?? `a new bug of ${tracker}`
  const what =
    state.at === 'failed'
      ? `This was not written to ${place}:`
      : `The comment on ${place} is written, but the bug could not be changed:`
  ports.log('error', `${what} ${why}`, { write: id, series: write.series })
  await sendAlert(ports, {
    reason: `bug-refused ${tracker}`,
    subject: `${tracker} does not take what I write`,
    text: [
      `${what}\n\n  ${why}\n`,
      'It is kept. To see it, and to try it again when that is mended:\n',
      `  grapevine bug show ${id}\n  grapevine bug retry ${id}\n`,
      'Perhaps there are more of them today:\n\n  grapevine bug list --state failed',
    ].join('\n'),
  })
}

/** Remembers that a tracker is away, and that it is back. */
const noteTracker = ({ log }: Ports, { away }: BugWriteMemory, { write, fault }: BugWritten): void => {
  const { tracker } = write
  if (fault === undefined || !isTheTracker(fault)) {
    if (away.delete(tracker)) log('info', `tracker ${tracker}: takes what is written again`)
    return
  }
  const times = away.get(tracker)?.times ?? 0
  if (times === 0) log('warn', `tracker ${tracker}: ${fault.message}; what is to be written waits`)
  if (write.state.at === 'pending') away.set(tracker, { until: write.state.notBefore, times: times + 1 })
}

/** A new bug is made as the configuration says now: it may have been mended since this was said. */
const asConfigured = (write: BugWrite, { notices: { bug } }: Wired['config']): BugWrite => {
  if (write.kind !== 'incident' || write.create === undefined || bug?.tracker !== write.tracker) return write
  const { tracker: _, ...place } = bug
  return { ...write, create: { ...write.create, ...place } }
}

/** Those of one tracker, in order. What must wait holds up what comes after it on the same bug. */
const writeAll = async (ports: Ports, memory: BugWriteMemory, writes: BugWrite[]): Promise<void> => {
  const { clock, config, trackers } = ports
  const held = new Set<string>()
  const write = writeBug({
    ...ports,
    trackerOf: name => trackers.find(tracker => tracker.name === name),
    againAt: name => clock.now() + awayMs(memory.away.get(name)?.times ?? 0),
  })
  for (const one of writes) {
    if (clock.now() < (memory.away.get(one.tracker)?.until ?? 0)) return
    const isDue = one.state.at === 'pending' && one.state.notBefore <= clock.now()
    const done =
      isDue && !(one.bug !== undefined && held.has(one.bug))
        ? await write(asConfigured(one, config))
        : undefined
    if (done) {
      noteTracker(ports, memory, done)
      await tellRefused(ports, done.write)
    }
    if (one.bug !== undefined && done?.write.state.at !== 'written' && done?.write.state.at !== 'failed')
      held.add(one.bug)
  }
}

/** While the bot is not live, nobody outside hears of it; and it is not made up for later. */
const refuseAll = async (ports: Ports, writes: BugWrite[]): Promise<void> => {
  for (const write of writes)
    if (await moveWrite(ports, write, { on: 'refused', why: notLive }))
      ports.log('info', `${notLive}: ${write.bug ?? `a new bug of ${write.tracker}`}`, {
        write: write.id,
        series: write.series,
      })
}

/** Writes what is due. One at a time may run: what it finds in `writing` was left behind. Repeatable. Throws the store's Faults. */
export const tendBugWrites = async (ports: Ports, memory: BugWriteMemory): Promise<void> => {
  const { store, config } = ports
  for (const left of await store.bugWrites({ at: 'writing' })) await moveWrite(ports, left, { on: 'lost' })
  const waiting = await store.bugWrites({ at: 'pending', limit: maxWaiting })
  if (!config.mail.live) return refuseAll(ports, waiting)
  await Promise.all(
    [...Map.groupBy(waiting, ({ tracker }) => tracker).values()].map(writes =>
      writeAll(ports, memory, writes),
    ),
  )
}
