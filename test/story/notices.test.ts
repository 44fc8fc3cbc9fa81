// What those who wait get to read of trouble: each notice against its golden mail, and who hears what when.
import { readdirSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest'
import { Fault } from '../../src/model/fault.ts'
import { type Incident, type IncidentEvent, newIncident, type Trouble } from '../../src/model/incident.ts'
import { nextIncident } from '../../src/model/incident-machine.ts'
import type { Maintenance } from '../../src/model/maintenance.ts'
import type { OutgoingMail } from '../../src/model/reply.ts'
import { troubleRules } from '../../src/model/trouble.ts'
import type { Store } from '../../src/ports/store.ts'
import { openAlarm } from '../../src/wiring/alarm.ts'
import { tendIncidents } from '../../src/wiring/incidents.ts'
import { noticeMemory, tendNotices } from '../../src/wiring/notices.ts'
import type { Wired } from '../../src/wiring/wire.ts'
import { job, series, verdict } from '../contract/samples.ts'
import type { FakeClock } from '../fakes/clock.ts'
import { type Flow, openFlow } from '../fakes/flow.ts'

const minute = 60_000
const hour = 60 * minute
const list = 'tally-devel@example.org'
const operator = 'olga@example.org'

const asText = ({ from, to, subject, inReplyTo, headers, text }: OutgoingMail): string =>
  [
    `From: ${from.name} <${from.address}>`,
    `To: ${to.map(({ address }) => address).join(', ')}`,
    `Subject: ${subject}`,
    ...(inReplyTo === undefined ? [] : ['In-Reply-To: <the first one>']),
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    '',
    text,
  ].join('\n')

describe('notices', () => {
  let flow: Flow
  let wired: Wired
  let clock: FakeClock
  let memory = noticeMemory()

  beforeEach(async () => {
    flow = await openFlow(() => ({ ending: { kind: 'finished', exitCode: 0 } }))
    wired = flow.wired
    clock = wired.clock as FakeClock
    memory = noticeMemory()
  })
  afterEach(() => flow.close())

  const configure = (more: Partial<Wired['config']['notices']>, config: Partial<Wired['config']> = {}) => {
    wired = {
      ...wired,
      config: { ...wired.config, ...config, notices: { ...wired.config.notices, ...more } },
    }
  }
  const round = async (ms = 0): Promise<void> => {
    await clock.advance(ms)
    await tendNotices(wired, memory)
  }
  const open = async (trouble: Trouble, more: Partial<Incident> = {}): Promise<Incident> => {
    const { severity } = troubleRules[trouble]
    const since = clock.now()
    const about = { about: 'farm1', detail: 'no word of it for 25 s', host: 'farm1' }
    const incident = newIncident({ id: `i${trouble}`, trouble, since, severity, ...about, ...more })
    await wired.store.openIncident(incident)
    return incident
  }
  const happen = async ({ id }: Incident, ...events: IncidentEvent[]): Promise<void> => {
    for (const event of events)
      await wired.store.changeIncident(id, one => nextIncident(one, event, clock.now()) as Incident)
  }
  const resolve = (incident: Incident, how = 'its worker is back') =>
    happen(incident, { on: 'resolved', by: 'grapevine', how })
  const waiting = async (...titles: string[]): Promise<string[]> => {
    for (const [i, title] of titles.entries()) {
      await wired.store.saveSeries([
        series(`s${i}`, { title, version: i + 1, state: { at: 'planned', job: `j${i}` } }),
      ])
      await wired.store.addJob(job(`j${i}`, { series: `s${i}` }), [])
    }
    return titles.map((_, i) => `s${i}`)
  }
  const touching = (ids: string[]) => ({
    affects: { hosts: ['farm1'], images: [], projects: ['tally'], series: ids },
  })
  const to = (address: string): OutgoingMail[] =>
    flow.sent.filter(mail => mail.to.some(one => one.address === address))
  const away = (fault = new Fault('unreachable', 'soon', 'database db.example.org: connection refused')) => {
    const { store } = wired
    wired = { ...wired, store: new Proxy(store, { get: () => () => Promise.reject(fault) }) as Store }
    return () => {
      wired = { ...wired, store }
    }
  }

  const golden = async (name: string, mail: OutgoingMail | undefined): Promise<void> => {
    await expect(mail && asText(mail)).toMatchFileSnapshot(`golden-notices/${name}.txt`)
  }

  it('tells the list of trouble that makes series wait, what changes, and the end, in one thread', async () => {
    const ids = await waiting('tally: count to 20', 'tally: sum faster')
    const incident = await open('host-lost', touching(ids))
    await round()
    await golden('host-lost-first', to(list)[0])
    await golden('host-lost-operators', to(operator)[0])
    await happen(incident, {
      on: 'amended',
      by: 'olga',
      cause: 'its power supply is broken',
      doing: 'a new one comes on Tuesday; until then the other machine does its work',
    })
    await round(10 * minute)
    expect(to(list)).toHaveLength(1)
    await round(50 * minute)
    await golden('host-lost-news', to(list)[1])
    await round(24 * hour)
    await golden('host-lost-no-news', to(list)[2])
    await wired.store.addVerdict(verdict('s0', { job: 'j0', decidedAt: clock.now() }), undefined)
    await resolve(incident)
    await round(10 * minute)
    expect(to(list)).toHaveLength(3)
    await round(hour)
    await golden('host-lost-resolved', to(list)[3])
    await round(48 * hour)
    expect(to(list)).toHaveLength(4)
    expect(to(operator)).toHaveLength(1)
    const [first, ...later] = to(list)
    for (const mail of later) expect(mail.references[0]).toBe(first?.messageId)
  })

  const contributors = Object.entries(troubleRules).filter(([, { hear }]) => hear !== 'operators')
  const abouts: Partial<Record<Trouble, string>> = {
    'image-damaged': 'debian13',
    'image-unserved': 'win11',
    'base-broken': 'tally main',
    'alike-failures': 'tally: "sums > large numbers" of step "all" on debian13',
    'guests-failing': 'debian13',
    other: 'announcement',
  }
  const details: Partial<Record<Trouble, string>> = {
    other: 'the network of the data centre is being rebuilt.',
  }
  const many = ['host-lost', 'host-unqualified', 'disk-reserve', 'image-damaged', 'host-fails-more']

  test.each(contributors)('words of %s', async name => {
    const trouble = name as Trouble
    configure({ hold: [] })
    const ids = await waiting('tally: count to 20')
    const incident = await open(trouble, {
      ...touching(ids),
      host: many.includes(trouble) ? 'farm1' : undefined,
      about: abouts[trouble] ?? 'farm1',
      detail: details[trouble] ?? 'words for operators',
    })
    await round()
    await golden(`words-${trouble}`, to(list)[0])
    await clock.advance(200 * minute)
    await resolve(incident)
    await round(3 * hour)
    await golden(`words-${trouble}-over`, to(list)[1])
  })

  test('no golden mail is left over', () => {
    const files = readdirSync(new URL('golden-notices/', import.meta.url))
    const own = contributors.flatMap(([name]) => [`words-${name}.txt`, `words-${name}-over.txt`])
    expect(files.filter(name => name.startsWith('words-')).sort()).toEqual(own.sort())
  })

  it('tells operators alone of what concerns nobody else, and when it is over', async () => {
    const incident = await open('disk-error', {
      host: 'farm1',
      about: '/dev/sdb',
      detail: 'debian13: qemu-img check found 3 errors; restore it with: grapevine image restore debian13',
    })
    await open('mail-capped', { about: 'mail' })
    await round()
    await clock.advance(75 * minute)
    await resolve(incident, 'the image is whole again')
    await round(2 * hour)
    expect(flow.sent).toHaveLength(2)
    await golden('operators-first', to(operator)[0])
    await golden('operators-resolved', to(operator)[1])
  })

  it('asks operators only for the words that are missing', async () => {
    const ids = await waiting('tally: count to 20')
    const incident = await open('host-lost', touching(ids))
    await happen(incident, { on: 'amended', by: 'olga', doing: 'a new power supply is on its way' })
    await round()
    const told = to(operator)[0]?.text ?? ''
    expect(told).toContain('Say why it happened, when it is known:')
    expect(told).toMatch(/amend \S+ --cause "..."\n/)
  })

  it('holds what is major until an operator lets it go, with the words of that day', async () => {
    const ids = await waiting('tally: count to 20', 'tally: sum faster')
    const more = { ...touching(ids), host: undefined, about: 'tally: "sums" of step "all" on debian13' }
    const incident = await open('alike-failures', { ...more, detail: 'fails alike in series of 3 authors' })
    await round()
    await round(5 * hour)
    expect(to(list)).toEqual([])
    expect(to(operator)).toHaveLength(1)
    await golden('held-operators', to(operator)[0])
    await happen(
      incident,
      { on: 'amended', by: 'olga', cause: 'the clock of a test system was wrong' },
      { on: 'confirmed', by: 'olga' },
    )
    await round(minute)
    expect(to(list)).toHaveLength(1)
    await golden('held-released', to(list)[0])
    await happen(incident, { on: 'resolved', by: 'olga', how: 'the patches do it', real: true })
    await round(2 * hour)
    await golden('held-real', to(list)[1])
  })

  it('says nothing of what was held until it was over, and its end if it is confirmed then', async () => {
    const [quiet, told] = [
      await open('host-fails-more', touching(await waiting('tally: count to 20'))),
      await open('guests-failing', { ...touching(['s0']), about: 'debian13', host: undefined }),
    ]
    await round()
    for (const one of [quiet, told]) {
      await clock.advance(2 * hour)
      await resolve(one)
    }
    await round()
    expect(to(list)).toEqual([])
    await happen(told, { on: 'confirmed', by: 'olga' })
    await round()
    await round(5 * hour)
    expect(to(list)).toHaveLength(1)
    await golden('held-over', to(list)[0])
  })

  it('leaves once while the database is away, and is put into it when it is back', async () => {
    await round()
    const back = away()
    await round()
    expect(flow.sent).toEqual([])
    for (let i = 0; i < 4; i++) await round(minute)
    expect(to(list)).toHaveLength(1)
    await golden('database-first', to(list)[0])
    await golden('database-operators', to(operator)[0])
    // Another process takes over.
    memory = noticeMemory()
    await round(minute)
    back()
    await round(minute)
    const [incident] = await wired.store.incidents({ live: true })
    expect([incident?.trouble, incident?.state.at]).toEqual(['database-unreachable', 'monitoring'])
    expect(await wired.journal.incidents()).toEqual([])
    await clock.advance(10 * minute)
    await tendIncidents(wired)
    await round(2 * hour)
    expect(to(list)).toHaveLength(2)
    await golden('database-resolved', to(list)[1])
    expect(await wired.store.isOurs(to(list)[0]?.messageId ?? '')).toBe(true)
  })

  it('forgets a database that was away for a moment', async () => {
    const back = away()
    await round()
    back()
    await round(minute)
    expect([await wired.store.incidents(), await wired.journal.incidents(), flow.sent]).toEqual([[], [], []])
  })

  it('is one incident when the database goes away again', async () => {
    await round()
    for (let times = 0; times < 3; times++) {
      const back = away()
      for (let i = 0; i < 4; i++) await round(minute)
      back()
      await round(minute)
      await round(minute)
    }
    const all = await wired.store.incidents()
    expect(all.map(({ trouble, flaps }) => [trouble, flaps])).toEqual([['database-unreachable', 2]])
    expect(to(list)).toHaveLength(1)
  })

  it('gives up the first word if mail could not leave until it was over, and tells the end alone', async () => {
    let isDown = true
    const { sink } = wired
    const refused = new Fault('unreachable', 'later', 'mail server: no answer', { remedy: 'start it' })
    wired = {
      ...wired,
      sink: { ...sink, find: sink.find, send: mail => (isDown ? Promise.reject(refused) : sink.send(mail)) },
    }
    const incident = await open('mail-unreachable', { host: undefined, about: 'mail.out' })
    await round()
    await clock.advance(3 * hour)
    await resolve(incident, 'a mail left')
    isDown = false
    await round()
    await round(hour)
    await round(hour)
    expect(to(list)).toHaveLength(1)
    await golden('mail-over', to(list)[0])
  })

  it('tells nobody of a host that rests as planned', async () => {
    const window: Maintenance = {
      ...{
        id: 'm1',
        hosts: ['farm1'],
        from: clock.now(),
        to: clock.now() + hour,
        reason: 'new disks',
        by: 'olga',
      },
      ...{ createdAt: 0, repeat: undefined, sequence: 0, state: { at: 'running', since: clock.now() } },
    }
    await wired.store.addMaintenance(window)
    await open('host-lost', touching(await waiting('tally: count to 20')))
    await round()
    expect(flow.sent).toEqual([])
  })

  it('sends all to the administrator while the bot is not live, and says whom it was for', async () => {
    configure({}, { mail: { ...wired.config.mail, live: false } })
    await open('host-lost', touching(await waiting('tally: count to 20')))
    await round()
    expect(to(list)).toEqual([])
    await golden('not-live', to(operator)[0])
  })

  it('says once what a killed process left half said', async () => {
    const incident = await open('host-lost', touching(await waiting('tally: count to 20')))
    const { journal } = wired
    let left = 0
    const dying: Wired['journal'] = {
      ...journal,
      moveNotice: async (id, from, next) => {
        const result = await journal.moveNotice(id, from, next)
        if (next.at === 'sending' && left++ < 2) throw new Error('killed')
        return result
      },
    }
    for (let i = 0; i < 3; i++)
      await tendNotices({ ...wired, journal: dying }, noticeMemory()).catch(() => {})
    for (let i = 0; i < 5; i++) await round(minute)
    expect([to(list).length, to(operator).length]).toEqual([1, 1])
    await resolve(incident)
    await round(2 * hour)
    expect([to(list).length, to(operator).length]).toEqual([2, 1])
  })

  it('opens a bug, comments on it and resolves it, once each', async () => {
    const bug = {
      tracker: 'bz',
      product: 'Infrastructure',
      component: 'Tests',
      version: 'unspecified',
      fields: {},
    }
    configure({ bug })
    const incident = await open('host-lost', touching(await waiting('tally: count to 20')))
    await round()
    await round()
    const [opening, ...none] = await wired.store.bugWrites({ kind: 'incident' })
    expect(none).toEqual([])
    expect(opening?.create?.summary).toBe('Grapevine: a test machine does not answer')
    if (opening === undefined) return
    const url = 'https://bugs.example.org/show_bug.cgi?id=7'
    const written = { at: 'written', when: clock.now(), bug: url, comment: 1 } as const
    await wired.store.moveBugWrite(opening.id, opening.state, written)
    await happen(incident, { on: 'amended', by: 'olga', cause: 'its power supply is broken' })
    await round(hour)
    await resolve(incident)
    await round(hour)
    await round(hour)
    const writes = (await wired.store.bugWrites({ kind: 'incident' })).slice(1)
    expect(writes.map(one => [one.bug, one.change?.status])).toEqual([
      [url, undefined],
      [url, 'RESOLVED'],
    ])
    expect((await wired.store.incident(incident.id))?.bug).toBe(url)
  })

  it('has its bug opened although mail cannot leave, and none while the bot is not live', async () => {
    const bug = { tracker: 'bz', product: 'P', component: 'C', version: '1', fields: {} }
    configure({ bug }, { mail: { ...wired.config.mail, live: false } })
    const down = new Fault('unreachable', 'later', 'mail server: no answer', { remedy: 'start it' })
    wired = { ...wired, sink: { ...wired.sink, send: () => Promise.reject(down) } }
    await open('queue-old', touching(await waiting('tally: count to 20')))
    await round()
    expect(await wired.store.bugWrites({ kind: 'incident' })).toEqual([])
    configure({}, { mail: { ...wired.config.mail, live: true } })
    await round()
    expect((await wired.store.bugWrites({ kind: 'incident' })).map(({ create }) => create?.product)).toEqual([
      'P',
    ])
  })

  it('says where it goes on when an incident turns out to be a part of another', async () => {
    const more = touching(await waiting('tally: count to 20'))
    const [part, whole] = [await open('host-lost', more), await open('disk-reserve', more)]
    await round()
    expect(to(list)).toHaveLength(1)
    await happen(part, { on: 'merged', by: 'olga', into: whole.id })
    await round(2 * hour)
    const kinds = to(list).map(({ headers }) => headers['X-Grapevine-Notice'])
    expect(kinds.toSorted()).toEqual(['first', 'first', 'resolved'])
    await golden('merged', to(list)[kinds.indexOf('resolved')])
  })

  it('goes on with whoever heard of a part, also where the whole would be the operators’ business', async () => {
    const part = await open('host-lost', touching(await waiting('tally: count to 20')))
    await round()
    const whole = await open('disk-error', { about: 'farm.data', detail: 'QEMU had to stop a guest' })
    await happen(part, { on: 'merged', by: 'olga', into: whole.id })
    await round(2 * hour)
    const mail = to(list).find(({ subject }) => subject === 'Grapevine: the disk of a test system had errors')
    await golden('whole', mail)
    await resolve(whole)
    await round(2 * hour)
    expect(to(list).at(-1)?.inReplyTo).toBe(mail?.messageId)
  })

  it('tells a list of one outage once, whatever else comes of it, and of what is left when that is over', async () => {
    const ids = await waiting('tally: count to 20', 'tally: sum faster')
    const lost = await open('host-lost', {
      affects: { hosts: ['farm1'], images: ['build', 'win11'], projects: ['tally'], series: ids },
    })
    await round()
    const none = { host: undefined, detail: 'no host takes its tasks' }
    const hosts = { hosts: ['farm1'], images: [], projects: ['tally'] }
    const both = []
    for (const [i, about] of ['build', 'win11'].entries())
      both.push(
        await open('image-unserved', {
          ...{ id: `iunserved${i}`, about, ...none },
          affects: { ...hosts, images: [about], series: [`s${i}`, 's9'] },
        }),
      )
    await open('queue-stuck', { about: 'queue', ...none, ...touching(ids) })
    await open('queue-old', { about: 'tally', ...none, ...touching(ids) })
    await round(minute)
    await round(2 * hour)
    expect(to(list)).toHaveLength(1)
    expect(to(operator).length).toBeGreaterThan(1)
    for (const incident of [lost, ...both.slice(0, 1)]) await resolve(incident)
    await wired.store.dropIncident('iqueue-stuck')
    await wired.store.dropIncident('iqueue-old')
    await round(minute)
    expect(to(list).map(({ subject }) => subject)).toEqual([
      'Grapevine: a test machine does not answer',
      'Re: Grapevine: a test machine does not answer',
      'Grapevine: no machine can run the tests on win11',
    ])
  })

  it('tells a list nothing of what held up nobody in the end', async () => {
    await waiting('tally: count to 20')
    await wired.store.addVerdict(verdict('s0', { job: 'j0', decidedAt: clock.now() }), undefined)
    await open('host-lost', touching(['s0']))
    await round()
    expect([to(list).length, to(operator).length]).toEqual([0, 1])
  })

  it('waits until it is known whom it concerns, but not for ever', async () => {
    const looked = new Map<string, number>()
    memory = noticeMemory(looked)
    const old = await open('queue-old', { host: undefined, about: 'other' })
    await round()
    expect(flow.sent).toEqual([])
    looked.set(old.id, clock.now())
    await round()
    expect(to(operator)).toHaveLength(1)
    await open('redis-unreachable', { host: undefined, about: 'redis' })
    await round(minute)
    expect(to(operator)).toHaveLength(1)
    await round(minute)
    expect(to(operator)).toHaveLength(2)
  })

  it('is not kept back by another that cannot be read', async () => {
    const { store } = wired
    const broken = async (id: string) => {
      if (id === 's7') throw new Fault('damaged', 'never', 'series s7 is damaged')
      return store.series(id)
    }
    const damaged = new Proxy(store, {
      get: (target, key, receiver) => (key === 'series' ? broken : Reflect.get(target, key, receiver)),
    })
    const ids = await waiting('tally: count to 20')
    await open('disk-reserve', touching(['s7']))
    await open('infra-repeats', { host: undefined, about: 'timeout', ...touching(ids) })
    wired = { ...wired, store: damaged }
    await expect(round()).rejects.toThrow('series s7 is damaged')
    expect(to(list)).toHaveLength(1)
  })

  it('drops the first word when its trouble passes before mail leaves, and says it when the trouble is back', async () => {
    let isDown = true
    const { sink } = wired
    const away = new Fault('unreachable', 'later', 'mail server: no answer', { remedy: 'start it' })
    const send: typeof sink.send = mail => (isDown ? Promise.reject(away) : sink.send(mail))
    wired = { ...wired, sink: { ...sink, find: sink.find, send } }
    const incident = await open('queue-old', touching(await waiting('tally: count to 20')))
    await round()
    await happen(incident, { on: 'cleared', how: 'it was tested' })
    await round(minute)
    isDown = false
    await round(5 * minute)
    expect(flow.sent).toEqual([])
    await happen(incident, { on: 'raised', detail: 'it waits again' })
    await round(minute)
    expect(to(list).map(({ inReplyTo }) => inReplyTo)).toEqual([undefined])
  })

  it('keeps its promise while it watches whether the trouble stays away', async () => {
    configure({ everyMs: 2 * hour })
    const incident = await open('guests-failing', {
      ...touching(await waiting('tally: count to 20')),
      ...{ host: undefined, about: 'debian13', confirmed: { at: clock.now(), by: 'olga' } },
    })
    await round()
    await clock.advance(110 * minute)
    await happen(incident, { on: 'cleared', how: 'quiet' })
    await round(9 * minute)
    expect(to(list)).toHaveLength(2)
    await golden('watched', to(list)[1])
  })

  it('keeps how things stand for the time when the database is away', async () => {
    await open('host-lost', touching(await waiting('tally: count to 20')))
    await round()
    const standing = await wired.journal.standing()
    expect(standing?.incidents.map(({ trouble }) => trouble)).toEqual(['host-lost'])
    expect(standing?.projects.map(({ name, waiting }) => [name, waiting])).toEqual([['tally', 1]])
  })

  it('an alarm that is raised and cleared is heard of by those whom it concerns', async () => {
    const alarm = openAlarm(wired, undefined)
    await alarm.raise('queue-old', 'tally', 'the oldest has waited for 13 hours')
    await round()
    expect([to(list).length, to(operator).length]).toEqual([1, 1])
  })
})
