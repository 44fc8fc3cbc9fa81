// The whole flow in one process, without machines and servers: the real workers on a real database, a queue that is an array, a sink
// that counts. A crash is an error out of a port; a restart is a new process on the same database, with an empty queue.
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { silentLive } from '../../src/adapters/bullmq/live.ts'
import { gitMail } from '../../src/adapters/git/mail.ts'
import { openStore } from '../../src/adapters/sql/store.ts'
import type { Config, ProjectConfig } from '../../src/config/config.ts'
import { Fault } from '../../src/model/fault.ts'
import type { Recipe } from '../../src/model/recipe.ts'
import type { OutgoingMail } from '../../src/model/reply.ts'
import type { Tracker } from '../../src/ports/bugs.ts'
import type { Mirror } from '../../src/ports/git.ts'
import type { MailSink } from '../../src/ports/mail-sink.ts'
import type { RawMail } from '../../src/ports/mail-source.ts'
import type { Push, Queue } from '../../src/ports/queue.ts'
import { receive } from '../../src/stages/receive/receive.ts'
import { readyTasks } from '../../src/stages/run/ready.ts'
import { heal } from '../../src/wiring/bot.ts'
import { bugsOf } from '../../src/wiring/bugs.ts'
import { freeOwnTasks } from '../../src/wiring/host.ts'
import type { Start } from '../../src/wiring/queues.ts'
import { turns, type Wired } from '../../src/wiring/wire.ts'
import { botWorkers } from '../../workers/bot.ts'
import { runTask } from '../../workers/run.ts'
import { memoryBlobs } from './blobs.ts'
import { fakeClock } from './clock.ts'
import { type Behaviour, fakeFarm } from './farm.ts'
import { memoryJournal } from './journal.ts'

export const recipe: Recipe = {
  repository: '/upstream.git',
  branch: 'main',
  build: {
    image: 'debian',
    prepare: [{ name: 'build', run: 'make', timeoutMs: 60_000 }],
    steps: [{ name: 'build', run: 'make', timeoutMs: 60_000 }],
    artifacts: ['tests/all'],
  },
  test: {
    images: ['debian', 'busybox'],
    steps: [{ name: 'all', run: './tests/all', timeoutMs: 10_000, report: 'tap' }],
  },
  ignore: ['docs/**'],
}

export const project: ProjectConfig = {
  name: 'tally',
  list: { name: '', address: 'tally-devel@example.org' },
  sources: [],
  listId: undefined,
  listTags: [],
  recipe,
  branches: [],
  reply: { author: 'always', list: 'new-failures', unchanged: 'silent', digestAt: 360 },
  bugs: undefined,
  github: undefined,
  proof: {
    ...{ blame: 0.001, miss: 0.01, rate: 0.3, pairs: 100, stepPairs: 12, budgetMs: 7_200_000, likely: 0.08 },
    ...{ bases: 30, bisect: true, nightlyAt: undefined, alike: { authors: 3, withinMs: 7_200_000 } },
  },
  trust: {
    firstTime: 'run',
    commands: {
      test: ['author'],
      retest: ['author'],
      cancel: ['author'],
      status: ['anyone'],
      help: ['anyone'],
    },
  },
}

/** Of a service with one project. */
export const config = (data: string): Config => ({
  file: undefined,
  data,
  administrator: { name: 'Olga Operator', address: 'olga@example.org' },
  bot: { name: 'Grapevine', address: 'grapevine@example.org' },
  mail: {
    live: true,
    out: { kind: 'maildir', path: join(data, 'outbox') },
    dkim: undefined,
    inbox: [],
    caps: { thread: 10, author: 50, total: 1000 },
    lookForMs: undefined,
  },
  operators: ['olga@example.org'],
  redisUrl: undefined,
  databaseUrl: undefined,
  assemble: { quietMs: 1_000, deadlineMs: 60_000, partialMs: 600_000 },
  farm: {
    data,
    memoryMiB: 4096,
    pool: 0,
    reserveMiB: undefined,
    user: undefined,
    backup: { folder: '/nowhere', keep: 1 },
    slots: 1,
    accelerator: 'auto',
    images: [],
    power: { afterMs: undefined, cooldownMs: 3_600_000, perDay: 3 },
    hosts: [],
  },
  notices: {
    ...{ hold: ['major'], everyMs: 86_400_000, gapMs: 3_600_000, bug: undefined },
    ...{ announceMs: 3 * 86_400_000, remindMs: 7_200_000 },
  },
  watch: {
    oldestMs: 43_200_000,
    stuckMs: 1_800_000,
    expiresMs: 14 * 86_400_000,
    settleMs: undefined,
    certificates: [],
  },
  web: {
    ...{ host: '127.0.0.1', port: 0, url: undefined, hooks: [], metrics: 'token' },
    proxies: ['127.0.0.0/8', '::1'],
    login: { sessionMs: 14 * 86_400_000, submitters: [], github: undefined, oidc: undefined },
  },
  trackers: [],
  ...{ github: undefined, traces: undefined, keepLogsMs: undefined },
  host: 'here',
  projects: [project],
})

/** Knows one commit, under every name. */
export const fakeMirror = (commit = 'a'.repeat(40)): Mirror => ({
  fetch: async () => {},
  resolve: async () => commit,
  fetchCommit: async () => false,
  commitWith: async () => undefined,
  log: async () => [{ commit, subject: 'tally: count' }],
  landed: async () => new Map(),
  pullPatches: async () => ({ kind: 'moved' }),
  snapshot: () => Promise.reject(new Error('the fake farm asks for no snapshot')),
})

/** Counts what was sent; can tell, as a Maildir can. */
export const fakeSink = () => {
  const sent: OutgoingMail[] = []
  const sink: MailSink = {
    async send(mail) {
      sent.push(mail)
      return { answer: 'taken', refused: [] }
    },
    find: async id => (sent.some(mail => mail.messageId === id) ? 'here' : 'absent'),
    probe: async () => 'here',
  }
  return { sent, sink }
}

export type Flow = {
  wired: Wired
  sent: OutgoingMail[]
  /** The processes are gone, and come back as bot and worker do. */
  restart(): Promise<void>
  bring(mails: RawMail[]): Promise<void>
  /** Works off the queue and sweeps until nothing is left to do. */
  settle(): Promise<void>
  close(): Promise<void>
  leased(): number
}

/** Calls that change something; a death between two reads is the same death. */
const changes = /^(save|set|add|move|send|open|resolve|update|end|release|change|drop)(?=[A-Z]|$)/

/** Lets every call of a port that changes something through `pass`, before and after it, under its name. */
export const watched = <T extends object>(port: T, name: string, pass: (call: string) => void): T =>
  new Proxy(port, {
    get(target, key, receiver) {
      const value: unknown = Reflect.get(target, key, receiver)
      if (typeof value !== 'function' || !changes.test(String(key))) return value
      return async (...given: unknown[]) => {
        pass(`before ${name}.${String(key)}`)
        const result: unknown = await value.apply(target, given)
        pass(`after ${name}.${String(key)}`)
        return result
      }
    },
  })

/** `pass` sees every change of store and sink before and after it; what it throws comes out of the call. */
export const openFlow = async (
  behave: Behaviour,
  pass: (call: string) => void = () => {},
  own: ProjectConfig = project,
): Promise<Flow> => {
  const store = await openStore({ folder: ':memory:' })
  const clock = fakeClock()
  const farm = fakeFarm(behave)
  const { sent, sink } = fakeSink()
  let queued = new Map<string, Push>()
  const queue: Queue = {
    async push(...pushes) {
      for (const push of pushes) queued.set(`${push.queue} ${push.id}`, push)
    },
    wake: async () => {},
    keepTickets: async () => {},
  }
  /** Tests put theirs into it. */
  const trackers: Tracker[] = []
  const handlers = new Map<string, (data: Record<string, string>) => Promise<void>>()
  const start: Start = async (name, _, handler) => {
    handlers.set(name, handler)
    return { close: async () => {} }
  }
  const wired = {
    config: { ...config('/nowhere'), projects: [own] },
    store: watched(store, 'store', pass),
    journal: watched(memoryJournal(), 'journal', pass),
    blobs: memoryBlobs(),
    logs: { link: async (name: string[]) => `/logs/${name.join('/')}` },
    queue,
    gitMail: gitMail(),
    mirror: fakeMirror(),
    sink: watched(sink, 'sink', pass),
    mailAuth: { verify: async () => ({ dkim: [], aligned: false }) },
    trackers,
    bugs: bugsOf(trackers),
    live: silentLive(),
    forge: undefined,
    clock,
    log: () => {},
    project: (name: string) => {
      if (name !== own.name) throw new Fault('malformed', 'never', `there is no project "${name}"`)
      return own
    },
    inTurn: turns(),
    close: async () => {},
  } as unknown as Wired
  const never = new AbortController().signal
  for (const one of botWorkers) await one(wired, start)
  const ready = readyTasks(wired)
  const runOne = runTask(wired, farm)

  const workOff = async () => {
    for (;;) {
      const [key, push] = queued.entries().next().value ?? []
      if (key === undefined || push === undefined) return
      queued.delete(key)
      if (push.delayMs) await clock.advance(push.delayMs)
      await handlers.get(push.queue)?.(push.data)
    }
  }
  /** What a host does: the first task that waits is tried. False: none waits. */
  const runFirst = async (): Promise<boolean> => {
    const [task] = await ready()
    if (!task) return skipWait()
    await runOne(task.id, { host: wired.config.host, run: randomUUID(), signal: never })
    return true
  }
  /** A task that waits for trouble to pass need not make the test wait. */
  const skipWait = async (): Promise<boolean> => {
    const times = (await store.tasksAt('queued')).flatMap(({ state }) =>
      state.at === 'queued' && state.notBefore !== undefined ? [state.notBefore] : [],
    )
    const next = Math.min(...times)
    if (next === Number.POSITIVE_INFINITY || next <= clock.now()) return false
    await clock.advance(next - clock.now())
    return true
  }
  return {
    wired,
    sent,
    leased: () => farm.leased(),
    async restart() {
      queued = new Map()
      await farm.reap()
      await freeOwnTasks(wired)
    },
    async bring(mails) {
      await receive(wired)({ project: 'tally', source: 'list', listTags: [], mails, cursor: mails.length })
    },
    async settle() {
      for (let rounds = 0; rounds < 50; rounds++) {
        await heal(wired)
        if (queued.size === 0 && !(await runFirst())) return
        do await workOff()
        while (await runFirst())
      }
      await heal(wired)
      throw new Error(`there is no end to it: ${[...queued.keys()].join(', ')}`)
    },
    async close() {
      await store.close()
    },
  }
}
