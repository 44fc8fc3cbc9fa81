// A farm that has worked for weeks, for tests of the pages and for looking at them: hosts, runs, tests that fail, verdicts, and known failures.
import type { Sample } from '../../src/model/history.ts'
import { confirm, type KnownFailure, propose } from '../../src/model/known.ts'
import type { Store } from '../../src/ports/store.ts'
import { host, incident, job, run, running, series, task, verdict } from '../contract/samples.ts'

const [minute, hour, day] = [60_000, 3_600_000, 86_400_000]

/** The same in every run, and like chance: of [0, 1). */
const chance = (seed: number): number => {
  const value = Math.sin(seed * 12.9898 + 4.1414) * 43758.5453
  return value - Math.floor(value)
}

export const flakyTest = 'net/dns > retries <when> the "server" is slow'

const failedIn = (n: number): Sample['failed'] => [
  ...(n % 7 === 0 ? [{ test: flakyTest, message: 'timed out after 30 s <b>' }] : []),
  ...(n % 19 === 0 ? [{ test: 'sound/mixer', message: 'no device' }] : []),
  ...(n >= 110 ? [{ test: 'locale/turkish', message: 'İ is not i' }] : []),
]

const samples = (now: number): Sample[] =>
  Array.from({ length: 120 }, (_, n) => ({
    ...{ id: `sample${n}`, project: 'tally', image: n % 3 === 0 ? 'busybox' : 'debian', step: 'all' },
    ...{ job: `j${n}`, run: `run${n}`, base: String(n % 40).padStart(40, 'a'), baseName: 'main' },
    ...(n % 4 === 1
      ? { series: `s${n}`, author: 'ann@example.org' }
      : { series: undefined, author: undefined }),
    ...{ host: n % 2 ? 'alpha' : 'beta', at: now - (120 - n) * 4 * hour, state: 'whole' as const },
    ...{ only: undefined, count: 300, failed: failedIn(n) },
  }))

const stock = (now: number) => ({
  ...{ at: now - 2 * minute, totalMiB: 953_000, freeMiB: 211_000, reserveMiB: 5120, more: 3 },
  takes: [
    {
      kind: 'template',
      name: '4f2a90c1d2e3 (debian, base 1a2b3c4 of tally)',
      note: 'frozen 2026-01-05 09:12',
      MiB: 9300,
    },
    { kind: 'image', name: 'debian@2026-01-02', note: 'current', MiB: 4100 },
    { kind: 'backup', name: 'debian of 2026-01-01', note: 'proven', MiB: 3900 },
  ],
  damage: [],
})

const known = (now: number): KnownFailure[] => {
  const proposed = (id: string, test: string, more: Partial<KnownFailure> = {}) => ({
    ...propose(
      {
        ...{ id, project: 'tally', step: 'all', test, images: [], message: 'timed out', bug: undefined },
        seen: { at: now - day, run: 'run3', times: 4 },
      },
      { why: 'fails now and then without patches', rate: { failed: 6, runs: 90 }, now: now - 9 * day },
    ),
    ...more,
  })
  const two = proposed('k22222222', 'sound/mixer', { message: '' })
  const confirmed = confirm(two, { by: 'olga', when: now - 5 * day, bug: 'https://bugs.example.org/7' })
  return [proposed('k11111111', 'net/dns*'), ...(confirmed ? [confirmed] : [])]
}

const fillRuns = async (store: Store, now: number) => {
  for (let n = 0; n < 240; n++) {
    const begun = now - 7 * day + n * 42 * minute
    const endedAt = begun + (10 + 90 * chance(n)) * minute
    const outcome =
      n % 37 === 5
        ? { kind: 'ours' as const, what: 'disk-error', detail: 'x' }
        : { kind: 'tested' as const, steps: [] }
    if (endedAt < now)
      await store.saveRun(
        run(`run${n}`, 't-done', {
          ...{ host: n % 3 ? 'alpha' : 'beta', startedAt: begun, endedAt, outcome },
        }),
      )
  }
}

const fillVerdicts = async (store: Store, now: number) => {
  for (let n = 0; n < 160; n++) {
    const decidedAt = now - n * 4 * hour
    const lastAt = decidedAt - (4 + 200 * chance(n) ** 4) * minute
    await store.saveSeries([series(`s${n}`, { lastAt, title: `tally: change ${n}` })])
    const say = (kind: 'all-well' | 'new-failures', at: number) =>
      store.addVerdict(verdict(`s${n}`, { decidedAt: at, job: `j${n}-${at}`, finding: { kind } }), undefined)
    await say(n % 5 === 0 ? 'new-failures' : 'all-well', decidedAt)
    if (n % 25 === 5) await say('all-well', decidedAt + 2 * hour)
  }
}

/** What happened before `now`. */
export const fillBusyFarm = async (store: Store, now: number): Promise<void> => {
  const seenAt = now - 3000
  await store.saveHost(
    host('alpha', {
      seenAt,
      startedAt: now - 9 * day,
      busy: 1,
      images: ['busybox', 'debian'],
      stock: stock(now),
    }),
  )
  await store.saveHost(host('beta', { seenAt, startedAt: now - 2 * day, slots: 4 }))
  await store.saveHost(host('gamma <3>', { seenAt: now - 2 * hour }))
  await store.setHold({
    ...{ on: { kind: 'host', name: 'beta' }, how: 'drain', reason: 'a new <disk>', by: 'olga@example.org' },
    ...{ since: now - hour, until: now + 2 * hour },
  })
  const state = { ...running('run-now'), host: 'alpha', since: now - 20 * minute } as never
  await store.addJob(job('j'), [task('t-done', 'j'), task('t-now', 'j', { state })])
  await store.addSamples(samples(now))
  await fillRuns(store, now)
  await fillVerdicts(store, now)
  for (let n = 0; n < 300; n++) {
    const waiting = Math.round(20 * chance(Math.floor(n / 20)) + 3 * chance(n))
    await store.reads.noteQueue({ at: now - (300 - n) * 30 * minute, waiting, running: n % 6 }, 90 * day)
  }
  for (const one of known(now)) await store.addKnown(one)
  await store.openIncident(
    incident('ihidden', {
      trouble: 'mail-refused',
      host: undefined,
      about: 'sofia@example.org',
      since: now - hour,
    }),
  )
}
