// What it costs to read a tracker of 2,000 bugs and 50,000 comments: the whole of it, the rest of it after a break, and what is new.
import { bugzillaTracker } from '../src/adapters/bugzilla/tracker.ts'
import { secret } from '../src/config/secret.ts'
import type { Tracker } from '../src/ports/bugs.ts'
import type { Clock } from '../src/ports/clock.ts'
import { bot, type FakeBugzilla, startBugzilla } from '../test/fakes/bugzilla/server.ts'
import { keptInStep } from './bugzilla-sync.ts'
import { type Bench, type Row, row } from './row.ts'

const manyBugs = 2_000
const commentsOfEach = 25
/** As the client is made: two requests a second, sixty at once. */
const perMinute = 120
const burst = 60

/** Time passes only while somebody waits: what a back-fill would take at its own pace is known without waiting. */
const patientClock = (): Clock & { slept(): number } => {
  let now = 0
  return {
    now: () => now,
    slept: () => now,
    sleep: async span => {
      now += span
    },
  }
}

const fill = (server: FakeBugzilla): void => {
  for (let n = 0; n < manyBugs; n++) {
    // A hundred at a time are changed in the same second, as by a person who moves a whole component.
    if (n % 100 === 0) server.now += 60_000
    const bug = server.addBug()
    for (let said = 1; said < commentsOfEach; said++)
      server.say(bug, {
        text: `Comment ${said} of bug ${n}, with a line or two of what somebody saw.`,
        creator: `user${n % 40}@bugs.test`,
      })
  }
  for (let n = 0; n < 40; n++) {
    const account = { login: `user${n}@bugs.test`, name: `User ${n}`, key: `user-key-${n}` }
    server.accounts.push({ ...account, editbugs: false, insider: false, secret: false })
  }
  server.now += 3_600_000
}

const opened = (server: FakeBugzilla, clock: Clock): Tracker & { close(): Promise<void> } =>
  bugzillaTracker(
    {
      ...{ kind: 'bugzilla', name: 'bench', url: server.url, key: secret(bot.key), login: bot.login },
      ...{ ca: undefined, proxy: undefined, keyExpires: undefined },
    },
    { clock, rate: { perMinute, burst } },
  )

type Read = { comments: Set<number>; twice: number; cursor: string | undefined; sweeps: number }

/** As a reader does: a page of bugs, the comments of each, then the place is kept. `pages`: the process dies in the middle of the next. */
const readOn = async (tracker: Tracker, read: Read, pages = Number.POSITIVE_INFINITY): Promise<void> => {
  for (let page = 0; ; page++) {
    const { bugs, next, more } = await tracker.sweep(read.cursor, { products: [] })
    read.sweeps++
    const half = page >= pages ? bugs.slice(0, bugs.length / 2) : bugs
    for (const { url } of half)
      for (const { id } of await tracker.comments(url)) {
        if (read.comments.has(id)) read.twice++
        read.comments.add(id)
      }
    if (page >= pages) return
    read.cursor = next
    if (!more) return
  }
}

const newRead = (): Read => ({ comments: new Set(), twice: 0, cursor: undefined, sweeps: 0 })

const backFill = async (server: FakeBugzilla): Promise<{ rows: Row[]; cursor: string | undefined }> => {
  const clock = patientClock()
  const tracker = opened(server, clock)
  const read = newRead()
  server.requests.length = 0
  const started = performance.now()
  await readOn(tracker, read)
  const seconds = (performance.now() - started) / 1000
  await tracker.close()
  const requests = server.requests.length
  const minutes = clock.slept() / 60_000
  const all = manyBugs * commentsOfEach
  return {
    cursor: read.cursor,
    rows: [
      row('back-fill: comments read', read.comments.size, 'comments', { more: all }),
      row('requests', requests, 'requests', { less: manyBugs * 2.1 }),
      row(
        'of them with an answer that was no success',
        server.requests.filter(({ status }) => status >= 400).length,
        'requests',
        { less: 0 },
      ),
      row('took here, without the limit', seconds, 's'),
      row('takes with it, at two requests a second', minutes, 'min'),
      row('requests a minute then', (requests - burst) / minutes, 'requests/min', { less: perMinute * 1.01 }),
    ],
  }
}

const afterBreak = async (server: FakeBugzilla): Promise<Row[]> => {
  const read = newRead()
  const first = opened(server, patientClock())
  await readOn(first, read, 2)
  await first.close()
  const before = read.comments.size
  server.requests.length = 0
  const second = opened(server, patientClock())
  await readOn(second, read)
  await second.close()
  const all = manyBugs * commentsOfEach
  return [
    row('broken off after', before, 'comments'),
    row('resumed: read in the end', read.comments.size, 'comments', { more: all }),
    row('read twice', read.twice, 'comments', { less: all / 4 }),
    row('requests of the rest', server.requests.length, 'requests'),
  ]
}

/** How many requests a sweep costs, with the comments of what it finds. */
const sweepCost = async (server: FakeBugzilla, tracker: Tracker, read: Read): Promise<number> => {
  server.requests.length = 0
  await readOn(tracker, read)
  return server.requests.length
}

const whatIsNew = async (server: FakeBugzilla, cursor: string | undefined): Promise<Row[]> => {
  const tracker = opened(server, patientClock())
  const read = { ...newRead(), cursor }
  const first = await sweepCost(server, tracker, read)
  const idle = await sweepCost(server, tracker, read)
  const bug = server.bugs.get(77)
  server.now += 60_000
  if (bug) server.say(bug, { text: 'news' })
  const news = await sweepCost(server, tracker, read)
  await tracker.close()
  return [
    row('a sweep with nothing new, the first of a process', first, 'requests', { less: 3 }),
    row('a sweep with nothing new, any later one', idle, 'requests', { less: 3 }),
    row('a sweep with one new comment', news, 'requests'),
  ]
}

export const bugzilla: Bench = async () => {
  const server = await startBugzilla({ version: '5.2' })
  fill(server)
  const { rows, cursor } = await backFill(server)
  const later = await afterBreak(server)
  const news = await whatIsNew(server, cursor)
  const inStep = await keptInStep(server, manyBugs * commentsOfEach)
  await server.close()
  return [...rows, ...later, ...news, ...inStep]
}
