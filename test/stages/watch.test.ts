// Detectors: each is provoked, ends by itself, and does not flap at its limit.
import { beforeEach, describe, expect, it } from 'vitest'
import { openStore } from '../../src/adapters/sql/store.ts'
import type { Config } from '../../src/config/config.ts'
import { Fault } from '../../src/model/fault.ts'
import { newIncident } from '../../src/model/incident.ts'
import type { Outcome } from '../../src/model/job.ts'
import type { Log } from '../../src/ports/log.ts'
import type { Store } from '../../src/ports/store.ts'
import { plannedMaintenance } from '../../src/stages/maintenance/plan.ts'
import { openAlarm } from '../../src/wiring/alarm.ts'
import { type Outside, tendWatch, watchMemory } from '../../src/wiring/watch.ts'
import { builtOutcome, hold, host, job, run, running, series, task } from '../contract/samples.ts'
import { type FakeClock, fakeClock } from '../fakes/clock.ts'
import { project } from '../fakes/flow.ts'
import { addBuilds } from '../fakes/hosts.ts'
import { type FakeTracker, fakeTracker } from '../fakes/tracker.ts'

const hour = 3_600_000
const minute = 60_000
const day = 24 * hour

let store: Store
let clock: FakeClock
let memory: ReturnType<typeof watchMemory>
let trackers: FakeTracker[]
let certificates: Record<string, number>
let redis: 'up' | 'down'
let more: Partial<Config>
beforeEach(async () => {
  store = await openStore({ folder: ':memory:' })
  clock = fakeClock()
  memory = watchMemory({ store, clock })
  trackers = []
  certificates = {}
  redis = 'up'
  more = {}
  log = () => {}
  return () => store.close()
})

let log: Log

const ask: Outside = {
  async certificateEnd(server) {
    const until = certificates[server.host]
    if (until === undefined) throw new Fault('unreachable', 'later', `${server.host} does not answer`)
    return until
  },
  async pingRedis() {
    if (redis === 'down') throw new Fault('unreachable', 'soon', 'Redis at /r: it does not answer')
  },
}

const config = (): Config =>
  ({
    ...{ mail: { inbox: [], out: { kind: 'maildir', path: '/out' } }, projects: [project], trackers: [] },
    ...{ farm: { hosts: [] }, redisUrl: undefined },
    watch: { oldestMs: 12 * hour, stuckMs: 30 * minute, expiresMs: 14 * day, certificates: [] },
    ...more,
  }) as unknown as Config

const look = () =>
  tendWatch(
    { config: config(), store, clock, log, trackers, redis: { where: '/r', open: () => undefined as never } },
    memory,
    ask,
  )

/** The bot looks every half a minute at the earliest. */
const pass = async (ms: number, each: () => Promise<void> = async () => {}) => {
  for (let left = ms; left > 0; left -= 5 * minute) {
    await clock.advance(Math.min(left, 5 * minute))
    await each()
    await look()
  }
}

const found = async (...at: string[]) =>
  (await store.incidents({ live: true }))
    .filter(({ state }) => (at.length === 0 ? ['open', 'suspected'] : at).includes(state.at))
    .map(one => `${one.trouble} ${one.host ?? '-'} ${one.about}`)

const detail = async () => (await store.incidents({ live: true }))[0]?.detail

const panicked: Outcome = {
  kind: 'tested',
  steps: [
    {
      ...{ name: 'all', ending: { kind: 'crashed', how: 'panic' }, tail: [], lines: [1, 1], format: 'tap' },
      report: { state: 'broken', why: 'it ends in the middle', tests: [] } as never,
    },
  ],
}
const sickDisk: Outcome = { kind: 'ours', what: 'disk-error', detail: 'in step "all"' }

let count = 0
/** A run of an author's series (or of a base) that has just ended. */
const ended = async (outcome: Outcome, given: { by?: string; on?: string; image?: string } = {}) => {
  const { by, on = 'alpha', image = 'debian' } = given
  const id = `e${count++}`
  if (by === undefined) await store.addJob(job(id, { base: id.padStart(40, '0') }), [])
  else {
    await store.saveSeries([
      series(`s-${id}`, {
        author: { name: by, address: `${by}@example.org` },
        state: { at: 'superseded', by: 'none' },
      }),
    ])
    await store.addJob(job(id, { series: `s-${id}` }), [])
  }
  await store.addTasks([task(`${id}-t`, id, { image, state: { at: 'done', attempts: 1, outcome } })])
  const now = clock.now()
  await store.saveRun(run(`r-${id}`, `${id}-t`, { host: on, startedAt: now - minute, endedAt: now, outcome }))
}

const well = async (times: number, given: Parameters<typeof ended>[1] = {}) => {
  for (let i = 0; i < times; i++) await ended(builtOutcome, given)
}

describe('guests that fail', () => {
  it('for several people more than usual are an incident of the image, which ends when they are well again', async () => {
    await well(20)
    await look()
    await ended(panicked, { by: 'ann' })
    await ended(sickDisk, { by: 'ben' })
    await pass(5 * minute)
    expect(await found()).toEqual([])
    await ended(panicked)
    await pass(5 * minute)
    expect(await found()).toEqual(['guests-failing - debian'])
    expect(await detail()).toContain(
      '3 of 23 runs of the last 2 hours failed in guests of image debian (2 of them with a kernel panic, 1 with errors of their disk; usual are 0.5 %)',
    )
    await well(3)
    await pass(30 * minute)
    expect(await found()).toEqual(['guests-failing - debian'])
    await pass(30 * minute)
    expect(await found()).toEqual([])
    expect(await found('monitoring')).toEqual(['guests-failing - debian'])
  })

  it('on one host only, while others run the same well, are an incident of that host', async () => {
    await well(20, { on: 'beta' })
    for (const by of ['ann', 'ben', 'cleo']) await ended(sickDisk, { by, on: 'alpha' })
    await look()
    expect(await found()).toEqual(['guests-failing alpha alpha'])
  })

  it('for one author are that patch’s doing', async () => {
    await well(20)
    for (let i = 0; i < 10; i++) await ended(panicked, { by: 'ann' })
    await look()
    expect(await found()).toEqual([])
  })

  it('as often as they always did are nothing new', async () => {
    for (let i = 0; i < 60; i++) await ended(i % 5 === 0 ? panicked : builtOutcome, { by: `a${i}` })
    await clock.advance(3 * hour)
    for (let i = 0; i < 20; i++) await ended(i % 5 === 0 ? panicked : builtOutcome, { by: `b${i}` })
    await look()
    expect(await found()).toEqual([])
  })

  it('are found by a bot that was started after it began', async () => {
    for (const by of ['ann', 'ben', 'cleo']) await ended(panicked, { by })
    await clock.advance(30 * minute)
    await look()
    expect(await found()).toEqual(['guests-failing - debian'])
  })
})

describe('a disk of a host', () => {
  it('that gives an error once is an incident of that host, for an hour at least', async () => {
    await well(2)
    await ended({ ...sickDisk, detail: 'in step "all": write of the guest\'s disk: Input/output error' })
    await look()
    expect(await found()).toEqual(['disk-error alpha farm.data'])
    await pass(55 * minute, () => well(1))
    expect(await found()).toEqual(['disk-error alpha farm.data'])
    await pass(10 * minute)
    expect(await found()).toEqual([])
  })

  it('is not meant where the guest tells of it', async () => {
    const detail = 'in step "all": the guest says of its disk: I/O error, dev vda, sector 1'
    await ended({ ...sickDisk, detail })
    await look()
    expect(await found()).toEqual([])
  })
})

describe('an outcome that is ours', () => {
  const odd: Outcome = { kind: 'ours', what: 'git am', detail: 'fatal: bad object' }

  it('many times is an incident, until runs end otherwise', async () => {
    for (const by of ['ann', 'ann', 'ben', 'ben']) await ended(odd, { by })
    await look()
    expect(await found()).toEqual([])
    await ended(odd)
    await pass(minute)
    expect(await found()).toEqual(['infra-repeats - git am'])
    expect(await detail()).toMatch(
      /^5 runs of the last hour, for 5 jobs, ended by trouble of ours: git am; on host alpha/,
    )
    await pass(20 * minute, () => well(2))
    expect(await found()).toEqual(['infra-repeats - git am'])
    await pass(20 * minute)
    expect(await found()).toEqual([])
  })

  it('is told by numbers that differ as one', async () => {
    for (let i = 0; i < 6; i++) await ended({ ...odd, what: `exit code ${i}` })
    await look()
    expect(await found()).toEqual(['infra-repeats - exit code #'])
  })

  it('is no second incident where another one says why', async () => {
    await openAlarm({ store, clock, log }, 'alpha').raise('disk-reserve', '/farm', 'full')
    for (let i = 0; i < 6; i++) await ended({ kind: 'ours', what: 'exhausted', detail: 'no room' })
    await look()
    expect(await found()).toEqual(['disk-reserve alpha /farm'])
  })

  it('is nothing where somebody stopped the runs', async () => {
    for (let i = 0; i < 20; i++)
      await ended({ kind: 'ours', what: 'stopped', detail: 'the queue is stopped' })
    await look()
    expect(await found()).toEqual([])
  })
})

describe('a queue', () => {
  const live =
    (name: string, own = {}) =>
    () =>
      store.saveHost(host(name, { seenAt: clock.now(), ...own }))

  const due = async () => {
    await addBuilds(store, [{ id: 'a', image: 'debian', at: clock.now() }])
    const [one] = await store.seriesIn({})
    if (one) await store.saveSeries([{ ...one, lastAt: clock.now() }])
  }

  it('in which nothing was begun for half an hour, though a host is there, is stuck', async () => {
    await due()
    await live('alpha')()
    await look()
    await pass(25 * minute, live('alpha'))
    expect(await found()).toEqual([])
    await pass(10 * minute, live('alpha'))
    expect(await found()).toEqual(['queue-stuck - queue'])
    expect(await detail()).toMatch(
      /^one task is due, and for 30 minutes nothing was begun or ended, though alpha could do it/,
    )
    await ended(builtOutcome)
    await pass(minute, live('alpha'))
    expect(await found()).toEqual([])
  })

  it.each<[string, () => () => Promise<void>]>([
    ['there is no host', () => async () => {}],
    ['its host does not have the image', () => live('alpha', { images: ['other'] })],
    ['its host is unfit', () => live('alpha', { unfit: 'no QEMU' })],
  ])('is not stuck if %s: that is told by itself', async (_, make) => {
    const act = make()
    await due()
    await act()
    await look()
    await pass(2 * hour, act)
    expect(await found()).toEqual([])
  })

  it('is not stuck while its host runs something long, or is held', async () => {
    await due()
    const until = clock.now() + 3 * hour
    const long = { ...running('r'), since: clock.now(), until } as never
    await store.addTasks([task('long', 'a', { state: long })])
    await pass(2 * hour, live('alpha'))
    expect(await found()).toEqual([])
    await store.moveTask('long', long, { at: 'cancelled', why: 'enough' })
    await store.setHold(hold({ kind: 'host', name: 'alpha' }))
    await pass(2 * hour, live('alpha'))
    expect(await found()).toEqual([])
  })

  it('whose oldest series waits for too long is an incident of the project, with room around the limit', async () => {
    const lastAt = clock.now() - 12 * hour + 10 * minute
    await store.saveSeries([
      series('old', { firstAt: lastAt, lastAt, state: { at: 'planned', job: 'a' } }),
      series('new', { firstAt: clock.now(), lastAt: clock.now(), state: { at: 'complete' } }),
    ])
    await store.addJob(job('a', { series: 'old', createdAt: lastAt }), [task('a-build', 'a')])
    await look()
    expect(await found()).toEqual([])
    await pass(10 * minute)
    expect(await found()).toEqual(['queue-old - tally'])
    expect(await detail()).toMatch(/^the oldest series of tally waits for 12 hours \(old\); 2 wait in all/)
    const state = { at: 'superseded', by: 'new' } as const
    await store.saveSeries([series('old', { lastAt, state })])
    await pass(minute)
    expect(await found()).toEqual([])
  })

  it('is not too old where another incident says why the series waits, or where it is paused', async () => {
    const lastAt = clock.now() - 13 * hour
    await store.saveSeries([series('old', { lastAt, state: { at: 'complete' } })])
    await store.setHold(hold({ kind: 'queue' }))
    await look()
    expect(await found()).toEqual([])
    await store.endHold({ kind: 'queue' })
    await openAlarm({ store, clock, log }, undefined).raise('other', 'power', 'no power')
    const [incident] = await store.incidents({ live: true })
    await store.changeIncident(incident?.id ?? '', one => ({
      ...one,
      affects: { ...one.affects, series: ['old'] },
    }))
    await pass(minute)
    expect(await found()).toEqual(['other - power'])
  })

  it('is not too old just because an outage of which people were told, or maintenance, was long', async () => {
    const lastAt = clock.now() - 60 * hour
    await store.saveSeries([series('old', { lastAt, state: { at: 'complete' } })])
    const about = { host: 'alpha', about: 'alpha', detail: 'no word', since: lastAt }
    const over = { at: clock.now(), how: 'its worker is back' }
    await store.openIncident(
      newIncident({
        ...{ id: 'i', trouble: 'host-lost', ...about, state: { at: 'resolved' }, resolved: over },
        affects: { hosts: [], images: [], projects: [], series: ['old'] },
      }),
    )
    await look()
    expect(await found()).toEqual([])
    await pass(7 * hour)
    const planned = {
      hosts: [],
      from: lastAt,
      to: clock.now(),
      reason: 'fans',
      by: 'olga',
      repeat: undefined,
    }
    const window = plannedMaintenance(planned, lastAt)
    await store.addMaintenance({ ...window, state: { at: 'done', when: clock.now(), how: 'all work' } })
    await pass(11 * hour)
    expect(await found()).toEqual([])
    await pass(2 * hour)
    expect(await found()).toEqual(['queue-old - tally'])
  })

  it('counts what was old when it came, of an archive, from then on', async () => {
    const lastAt = clock.now() - 1671 * hour
    await store.saveSeries([series('old', { lastAt, state: { at: 'planned', job: 'a' } })])
    await store.addJob(job('a', { series: 'old', createdAt: clock.now() }), [task('a-build', 'a')])
    await look()
    expect(await found()).toEqual([])
    await pass(13 * hour)
    expect(await found()).toContain('queue-old - tally')
  })

  it('counts a series that is tested once more from then on', async () => {
    const lastAt = clock.now() - 100 * hour
    await store.saveSeries([series('old', { lastAt, round: 1, state: { at: 'complete' } })])
    await pass(11 * hour)
    expect(await found()).toEqual([])
    await pass(90 * minute)
    expect(await found()).toEqual(['queue-old - tally'])
  })
})

describe('servers', () => {
  it('a tracker that does not answer is suspected, then an incident, then watched', async () => {
    const tracker = fakeTracker()
    tracker.probe = async () => {
      if (tracker.down) throw new Fault('unreachable', 'soon', 'bugs.example.org does not answer')
      return { version: 'fake', login: 'bot', warnings: [] }
    }
    trackers = [tracker]
    await look()
    tracker.down = true
    await pass(5 * minute)
    expect(await found('suspected')).toEqual(['tracker-unreachable - bugs'])
    await pass(10 * minute)
    expect(await found('open')).toEqual(['tracker-unreachable - bugs'])
    tracker.down = false
    await pass(5 * minute)
    expect(await found('monitoring')).toEqual(['tracker-unreachable - bugs'])
    trackers = []
    await pass(5 * minute)
    expect(await found()).toEqual([])
  })

  it('a tracker that refuses our key is told as that', async () => {
    const tracker = fakeTracker()
    tracker.probe = async () => {
      throw new Fault('refused', 'never', 'the API key is revoked (306)', { remedy: 'make a new one' })
    }
    trackers = [tracker]
    await look()
    expect(await found()).toEqual(['key-expires - bugs'])
    expect(await detail()).toBe('tracker bugs refuses us: the API key is revoked (306); make a new one')
    tracker.probe = async () => ({ version: 'fake', login: 'bot', warnings: [] })
    await pass(5 * minute)
    expect(await found()).toEqual([])
  })

  it('a key that ends soon is told before it does', async () => {
    trackers = [fakeTracker()]
    const keyExpires = clock.now() + 14 * day + 3 * minute
    more = { trackers: [{ name: 'bugs', kind: 'bugzilla', url: 'http://b/', keyExpires }] as never }
    await look()
    expect(await found()).toEqual([])
    await pass(5 * minute)
    expect(await detail()).toMatch(
      /^the key of tracker bugs ends on 2026-01-19: 13 days are left; make a new one/,
    )
    more = {
      trackers: [
        { name: 'bugs', kind: 'bugzilla', url: 'http://b/', keyExpires: keyExpires + 90 * day },
      ] as never,
    }
    await pass(5 * minute)
    expect(await found()).toEqual([])
  })

  it('Redis that does not answer is an incident after two minutes', async () => {
    redis = 'down'
    await look()
    expect(await found('suspected')).toEqual(['redis-unreachable - redis'])
    for (let i = 0; i < 5; i++) {
      await clock.advance(minute / 2)
      await look()
    }
    expect(await found('open')).toEqual(['redis-unreachable - redis'])
    redis = 'up'
    await pass(minute)
    expect(await found('monitoring')).toEqual(['redis-unreachable - redis'])
  })

  it('says that the database is away until it was read again, and nothing of what may be over meanwhile', async () => {
    await look()
    const { incidents, liveIncident } = store
    const away = () => Promise.reject(new Fault('unreachable', 'soon', 'the database does not answer'))
    Object.assign(store, { incidents: away, liveIncident: away })
    const said: string[] = []
    log = (_, text) => said.push(text)
    await clock.advance(minute)
    await expect(look()).rejects.toThrow('does not answer')
    await clock.advance(2_000)
    await expect(look()).rejects.toThrow('does not answer')
    expect(said).toEqual([])
    Object.assign(store, { incidents, liveIncident })
    await clock.advance(minute)
    await look()
  })

  it('a certificate that ends soon is told until a new one is seen; a server that is away changes nothing', async () => {
    const smtp = { kind: 'smtp', host: 'mx.example.org', port: 587, secure: false }
    more = { mail: { inbox: [], out: smtp } as never }
    certificates = { 'mx.example.org': clock.now() + 20 * day }
    await look()
    expect(await found()).toEqual([])
    for (let i = 0; i < 7; i++) {
      await clock.advance(day)
      await look()
    }
    expect(await found()).toEqual(['certificate-expires - mx.example.org:587'])
    expect(await detail()).toBe(
      'the certificate of mail.out (mx.example.org:587) ends on 2026-01-25: 14 days are left; it has to be renewed there',
    )
    certificates = {}
    await clock.advance(day)
    await look()
    expect(await found()).toEqual(['certificate-expires - mx.example.org:587'])
    certificates = { 'mx.example.org': clock.now() + 90 * day }
    await clock.advance(day)
    await look()
    expect(await found()).toEqual([])
  })
})
