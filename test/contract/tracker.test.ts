// The port Tracker: what a Bugzilla of each version, GitHub, and the tests' own tracker all promise.
import { describe, expect, it } from 'vitest'
import { bugzillaTracker } from '../../src/adapters/bugzilla/tracker.ts'
import { githubIssues } from '../../src/adapters/github/issues.ts'
import { secret } from '../../src/config/secret.ts'
import type { BugDraft } from '../../src/model/bug.ts'
import { Fault } from '../../src/model/fault.ts'
import type { Tracker, Writing } from '../../src/ports/bugs.ts'
import { bot, startBugzilla } from '../fakes/bugzilla/server.ts'
import type { Version } from '../fakes/bugzilla/state.ts'
import { fakeClock } from '../fakes/clock.ts'
import { startGithub, token } from '../fakes/github/server.ts'
import { fakeTracker } from '../fakes/tracker.ts'

/** A tracker, and the hand of somebody else on it. */
type World = {
  tracker: Tracker
  /** Opens a bug; its address. */
  add(): string
  say(bug: string, text: string): void
  pass(ms: number): Promise<void>
  now(): number
  /** The next write is done, and its answer is lost. */
  lose(): void
  down(): void
  closed: { status: string; resolution: string }
  openStatus: string
  close(): Promise<void>
}

const common = { ca: undefined, proxy: undefined, keyExpires: undefined }
const idOf = (bug: string) => Number(/(\d+)$/.exec(bug)?.[1])

const bugzilla = (version: Version) => async (): Promise<World> => {
  const server = await startBugzilla({ version, prefix: '/bugzilla' })
  const clock = fakeClock(server.now)
  const tracker = bugzillaTracker(
    { ...common, kind: 'bugzilla', name: 'bugs', url: server.url, key: secret(bot.key), login: bot.login },
    { clock },
  )
  return {
    tracker,
    add: () => `${server.url}show_bug.cgi?id=${server.addBug().id}`,
    say(address, text) {
      const bug = server.bugs.get(idOf(address))
      if (bug) server.say(bug, { text })
    },
    async pass(ms) {
      server.now += ms
      await clock.advance(ms)
    },
    now: () => server.now,
    lose: () => Object.assign(server, { trouble: 'after' }),
    down: () => Object.assign(server, { trouble: 'down' }),
    ...{ closed: { status: 'RESOLVED', resolution: 'FIXED' }, openStatus: 'CONFIRMED' },
    async close() {
      await tracker.close()
      await server.close()
    },
  }
}

const github = async (): Promise<World> => {
  const server = await startGithub()
  const clock = fakeClock(server.now)
  const tracker = githubIssues(
    {
      ...common,
      kind: 'github',
      name: 'hub',
      repository: 'tally/tally',
      api: server.api,
      token: secret(token),
    },
    { clock },
  )
  return {
    tracker,
    add: () => `${server.api}/tally/tally/issues/${server.put('it breaks', { body: 'It breaks.' }).number}`,
    say: (bug, text) => server.say(idOf(bug), text),
    async pass(ms) {
      server.now += ms
      await clock.advance(ms)
    },
    now: () => server.now,
    lose: () => Object.assign(server.trouble, { lose: 'next write' }),
    down: () => Object.assign(server.trouble, { broken: 1000 }),
    ...{ closed: { status: 'closed', resolution: 'completed' }, openStatus: 'open' },
    async close() {
      await tracker.close()
      await server.close()
    },
  }
}

const memory = async (): Promise<World> => {
  const tracker = fakeTracker()
  let last = 0
  return {
    tracker,
    add() {
      const url = `https://bugs.example.org/${++last}`
      tracker.put(url)
      tracker.say(url, { text: 'It breaks.' })
      return url
    },
    say: (bug, text) => tracker.say(bug, { text }),
    async pass(ms) {
      tracker.now += ms
    },
    now: () => tracker.now,
    lose: () => Object.assign(tracker, { loseAnswer: true }),
    down: () => Object.assign(tracker, { down: true }),
    ...{ closed: { status: 'RESOLVED', resolution: 'FIXED' }, openStatus: 'NEW' },
    close: async () => {},
  }
}

const writing = (mark: string, more: Partial<Writing> = {}): Writing => ({
  ...{ mark, text: `text of ${mark}`, link: undefined, change: undefined },
  ...more,
})

// Side by side: GitHub wants a second between two writes, and its client keeps to it.
describe.concurrent.each([
  ['Bugzilla 5.0.6', bugzilla('5.0.6')],
  ['Bugzilla 5.2', bugzilla('5.2')],
  ['Bugzilla 5.3.3', bugzilla('5.3.3')],
  ['GitHub', github],
  ['in memory', memory],
] as const)('%s', (_name, make) => {
  const open = async (atEnd: (close: () => Promise<void>) => void): Promise<World> => {
    const world = await make()
    atEnd(world.close)
    return world
  }
  const textsOf = async ({ tracker }: World, bug: string) =>
    (await tracker.comments(bug)).map(({ text }) => text)

  it('owns the addresses of its bugs, and gives each one spelling', async ({ onTestFinished }) => {
    const { tracker, add } = await open(onTestFinished)
    const bug = add()
    expect([tracker.owns(bug), tracker.owns('https://elsewhere.test/1')]).toEqual([true, false])
    expect(tracker.addressOf(String(idOf(bug)))).toBe(bug)
    expect(tracker.addressOf(bug)).toBe(bug)
    expect(tracker.addressOf('https://elsewhere.test/1')).toBeUndefined()
  })

  it('reads a bug, its description and its comments, in order', async ({ onTestFinished }) => {
    const world = await open(onTestFinished)
    const bug = world.add()
    await world.pass(1_000)
    world.say(bug, 'so it does here')
    expect(await world.tracker.bug(bug)).toMatchObject({
      ...{ url: bug, id: idOf(bug), isOpen: true, status: world.openStatus, isRestricted: false },
    })
    const comments = await world.tracker.comments(bug)
    expect(comments.map(({ number, text }) => [number, text])).toEqual([
      [0, 'It breaks.'],
      [1, 'so it does here'],
    ])
    expect(world.tracker.commentUrl(bug, comments[1] ?? { id: 0, number: 0 })).toContain(bug)
  })

  it('gives the comments since a moment, with those of that moment', async ({ onTestFinished }) => {
    const world = await open(onTestFinished)
    const bug = world.add()
    await world.pass(3_600_000)
    world.say(bug, 'one')
    world.say(bug, 'two')
    const since = await world.tracker.comments(bug, Math.floor(world.now() / 1000) * 1000)
    expect(since.map(({ text }) => text).slice(-2)).toEqual(['one', 'two'])
  })

  it('writes what has a mark once, also if the answer was lost', async ({ onTestFinished }) => {
    const world = await open(onTestFinished)
    const bug = world.add()
    const first = await world.tracker.write(bug, writing('grapevine-m1'))
    expect(await world.tracker.write(bug, writing('grapevine-m1'))).toEqual(first)
    world.lose()
    await expect(world.tracker.write(bug, writing('grapevine-m2'))).rejects.toMatchObject({ kind: 'timeout' })
    const second = await world.tracker.write(bug, writing('grapevine-m2'))
    const comments = await world.tracker.comments(bug)
    expect(comments.map(({ id }) => id).slice(1)).toEqual([first.comment, second.comment])
    expect(comments[2]?.text).toContain('text of grapevine-m2')
  })

  it('changes a bug only from the states that were named', async ({ onTestFinished }) => {
    const world = await open(onTestFinished)
    const bug = world.add()
    const { closed } = world
    await world.tracker.write(bug, writing('grapevine-m1', { change: { ...closed, from: ['somewhere'] } }))
    expect((await world.tracker.bug(bug))?.isOpen).toBe(true)
    await world.tracker.write(
      bug,
      writing('grapevine-m2', { change: { ...closed, from: [world.openStatus] } }),
    )
    expect(await world.tracker.bug(bug)).toMatchObject({ isOpen: false, ...closed })
    expect(await textsOf(world, bug)).toHaveLength(3)
  })

  it('changes a bug without a comment', async ({ onTestFinished }) => {
    const world = await open(onTestFinished)
    const bug = world.add()
    const change = { ...world.closed, from: [world.openStatus] }
    expect(await world.tracker.write(bug, writing('m1', { text: undefined, change }))).toEqual({
      comment: undefined,
    })
    expect(await world.tracker.bug(bug)).toMatchObject({ isOpen: false })
    expect(await textsOf(world, bug)).toHaveLength(1)
  })

  it('opens a closed bug again, with one comment', async ({ onTestFinished }) => {
    const world = await open(onTestFinished)
    const bug = world.add()
    await world.tracker.write(bug, writing('m1', { text: undefined, change: world.closed }))
    expect((await world.tracker.look(bug))?.is).not.toBe('open')
    await world.pass(1_000)
    for (let n = 0; n < 2; n++) await world.tracker.reopen(bug, { text: 'it is back', mark: 'grapevine-m2' })
    expect(await world.tracker.look(bug)).toEqual({ is: 'open' })
    expect(await textsOf(world, bug)).toHaveLength(2)
  })

  it('makes a bug once', async ({ onTestFinished }) => {
    const world = await open(onTestFinished)
    const fields: Record<string, string> =
      world.openStatus === 'open' ? {} : { op_sys: 'Linux', rep_platform: 'PC' }
    const draft: BugDraft = {
      product: 'Tally',
      component: 'core',
      version: '1',
      summary: 's',
      text: 't',
      fields,
    }
    const made = await world.tracker.create(draft, 'grapevine-m1')
    await world.pass(1_000)
    expect(await world.tracker.create(draft, 'grapevine-m1')).toBe(made)
    expect(await world.tracker.create(draft, 'grapevine-m2')).not.toBe(made)
    expect(await world.tracker.bug(made)).toMatchObject({ summary: 's', isOpen: true })
  })

  it('tells in a sweep what has changed since', async ({ onTestFinished }) => {
    const world = await open(onTestFinished)
    const bugs = [world.add(), world.add(), world.add()]
    await world.pass(600_000)
    let { bugs: seen, next } = await world.tracker.sweep(undefined, { products: [] })
    expect(new Set(seen.map(({ url }) => url))).toEqual(new Set(bugs))
    await world.pass(600_000)
    world.say(bugs[1] ?? '', 'news')
    ;({ bugs: seen, next } = await world.tracker.sweep(next, { products: [] }))
    expect(seen.map(({ url }) => url)).toContain(bugs[1])
    expect(typeof next).toBe('string')
  })

  it('says of a bug that is not there that it is gone, and refuses to write to it', async ({
    onTestFinished,
  }) => {
    const world = await open(onTestFinished)
    const gone = world.add().replace(/\d+$/, '4040')
    expect(await world.tracker.bug(gone)).toBeUndefined()
    expect(await world.tracker.comments(gone)).toEqual([])
    expect(await world.tracker.look(gone)).toEqual({ is: 'gone' })
    await expect(world.tracker.write(gone, writing('m1'))).rejects.toMatchObject({ retry: 'never' })
  })

  it('throws Faults when it is away', async ({ onTestFinished }) => {
    const world = await open(onTestFinished)
    const bug = world.add()
    world.down()
    await expect(world.tracker.bug(bug)).rejects.toBeInstanceOf(Fault)
  })
})
