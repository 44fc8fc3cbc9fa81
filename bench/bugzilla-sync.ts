// What it costs to keep 2,000 bugs with 50,000 comments in step with a list: the whole loop, from the first comment on, and when nothing is new.
import { bugzillaTracker } from '../src/adapters/bugzilla/tracker.ts'
import type { ProjectConfig } from '../src/config/config.ts'
import { secret } from '../src/config/secret.ts'
import type { Clock } from '../src/ports/clock.ts'
import { syncMemory, tendSync } from '../src/wiring/sync.ts'
import { bot, type FakeBugzilla } from '../test/fakes/bugzilla/server.ts'
import type { FakeClock } from '../test/fakes/clock.ts'
import { type Flow, openFlow, project } from '../test/fakes/flow.ts'
import { type Row, row } from './row.ts'

const minute = 60_000
const day = 1440 * minute
/** A process dies after so many rounds. */
const livesFor = 700

const kept: ProjectConfig = {
  ...project,
  bugs: {
    ...{ tracker: 'bench', trailers: [], results: false, landed: 'off', rules: [] },
    sync: { products: [], bugs: [], flag: 'list', track: [], idleMs: 365 * day },
  },
}

type Run = {
  flow: Flow
  clock: FakeClock
  server: FakeBugzilla
  round(ms: number): Promise<number>
  restart(): Promise<void>
}

const openRun = async (server: FakeBugzilla): Promise<Run> => {
  const flow = await openFlow(
    () => ({ ending: { kind: 'finished', exitCode: 0 }, output: '' }),
    undefined,
    kept,
  )
  flow.wired.config.mail.caps.total = 1_000_000
  const clock = flow.wired.clock as FakeClock
  // Who waits for the limit lets time pass.
  const patient: Clock = { now: clock.now, sleep: span => clock.advance(span) }
  const open = () =>
    bugzillaTracker(
      {
        ...{ kind: 'bugzilla', name: 'bench', url: server.url, key: secret(bot.key), login: bot.login },
        ...{ ca: undefined, proxy: undefined, keyExpires: undefined },
      },
      { clock: patient },
    )
  let [tracker, memory] = [open(), syncMemory()]
  flow.wired.trackers.push(tracker)
  return {
    ...{ flow, clock, server },
    async round(ms) {
      await clock.advance(ms)
      server.now = clock.now()
      const before = server.requests.length
      await tendSync(flow.wired, memory)
      return server.requests.length - before
    },
    async restart() {
      await tracker.close()
      ;[tracker, memory] = [open(), syncMemory()]
      flow.wired.trackers.splice(0, 1, tracker)
    },
  }
}

/** All of them leave at once, and none comes back. */
const sendAll = async ({ flow: { wired }, clock }: Run, sent: string[]): Promise<void> => {
  for (const { id, state, mail } of await wired.store.repliesAt('pending')) {
    sent.push(mail.messageId)
    await wired.store.moveReply(id, state, { at: 'sent', when: clock.now(), answer: 'taken' })
  }
}

const requestsOf = (costs: number[]): number => costs.reduce((sum, one) => sum + one, 0)

const backFill = async (run: Run, comments: number): Promise<Row[]> => {
  const sent: string[] = []
  const costs: number[] = []
  const began = run.clock.now()
  const started = performance.now()
  for (let quiet = 0; quiet < 30; ) {
    costs.push(await run.round(10 * minute))
    const before = sent.length
    await sendAll(run, sent)
    quiet = sent.length === before ? quiet + 1 : 0
    if (costs.length % livesFor === 0) await run.restart()
  }
  return [
    row('in step, from the first comment on: mails', sent.length, 'mails', { more: comments }),
    row('of them with a Message-ID that was there', sent.length - new Set(sent).size, 'mails', { less: 0 }),
    row('deaths of the process meanwhile', Math.floor(costs.length / livesFor), 'deaths'),
    row('requests', requestsOf(costs), 'requests'),
    row('requests of one round, at most', Math.max(...costs), 'requests'),
    row('takes, at sixty mails an hour', (run.clock.now() - began) / day, 'd'),
    row('took here', (performance.now() - started) / 1000, 's'),
  ]
}

/** A day, a round a minute. One comment is edited where no time of the bug tells it. */
const idleDay = async (run: Run): Promise<Row[]> => {
  const costs: number[] = []
  const sent: string[] = []
  await run.restart()
  const peeked = () =>
    run.server.requests
      .filter(({ path }) => path.endsWith('/comment'))
      .flatMap(({ path, query }) => [path.split('/').at(-2), ...query.getAll('ids')])
  run.server.requests.length = 0
  const started = performance.now()
  for (let n = 0; n < 1440; n++) costs.push(await run.round(minute))
  const seconds = (performance.now() - started) / 1000
  const looked = new Set(peeked()).size
  await sendAll(run, sent)
  const idle = sent.length
  const edited = run.server.bugs.get(1234)?.comments[7]
  if (edited) edited.text = 'Not so: it was something else.'
  let told = 0
  for (; told < 1440 && sent.length === idle; told++) {
    await run.round(minute)
    await sendAll(run, sent)
  }
  // Who we are, and how the key is read, is asked once.
  const [first = 0, ...later] = costs
  return [
    row('the first round of a process, with nothing new', first, 'requests'),
    row('a whole round with nothing new, any later one, at most', Math.max(...later), 'requests', {
      less: 3,
    }),
    row('in the mean of a day', requestsOf(costs) / costs.length, 'requests', { less: 3 }),
    row('bugs looked through for edits in that day', looked, 'bugs', { more: run.server.bugs.size }),
    row('takes here, of a processor', (seconds * 1000) / costs.length, 'ms/round'),
    row('mails of that day', idle, 'mails', { less: 0 }),
    row('a comment that was edited is told after', told, 'min', { less: 1439 }),
  ]
}

/** `comments`: of all bugs. */
export const keptInStep = async (server: FakeBugzilla, comments: number): Promise<Row[]> => {
  for (const bug of server.bugs.values()) bug.flags = [{ name: 'list', status: '+' }]
  const run = await openRun(server)
  await run.clock.advance(Math.max(0, server.now - run.clock.now()))
  const rows = [...(await backFill(run, comments)), ...(await idleDay(run))]
  await run.flow.close()
  return rows
}
