// A soak: saves and forks, round after round, each proven by checksums in the guest; half of the forks are killed while they write.
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Fault } from '../../model/fault.ts'
import type { Millis } from '../../model/instant.ts'
import type { Bootable } from '../bootable.ts'
import { exec, type Guest } from '../exec.ts'
import { digestOf } from '../files.ts'
import { parts } from '../freeze.ts'
import type { Accelerator } from '../qemu.ts'
import { requireRoom } from '../storage/room.ts'
import { type Bench, benchOf, type Frost, type Ground, reasonOf, withFolder } from './canary.ts'
import { anyFrom, type Known, plantingOf, scribbleOf } from './job.ts'
import { startLoad } from './load.ts'
import type { Soak, Spread } from './record.ts'

export type SoakRequest = {
  image: Bootable
  accelerator: Accelerator
  rounds: number
  /** Of each round; every second one is a fork of the first template, which is never made anew. */
  forks: number
  /** Busy loops beside it. */
  load: number
  /** farm.reserve. */
  reserveMiB?: number | undefined
  progress: (line: string) => void
  /** A round that failed: told at once. */
  trouble: (line: string) => void
}

/** At once, of the forks of one round. */
const atOnce = 2
const spareBytes = 512 * 2 ** 20
/** Long enough that it writes when it is killed. */
const scribbleMs: Millis = 200

/** Counts failures; throws only Fault exhausted, if this host has no room for it, and the signal's reason. */
export const runSoak = async (ground: Ground, request: SoakRequest): Promise<Soak> => {
  const { image, accelerator } = request
  const bytes = 2 * image.memoryMiB * 2 ** 20 + spareBytes
  await requireRoom({ folder: ground.folder, reserveMiB: request.reserveMiB }, { what: 'a soak', bytes })
  const load = startLoad(request.load)
  try {
    return await withFolder(ground, 'soak', async folder => {
      const bench = await benchOf(ground, { folder, image, accelerator })
      return await soakOn(bench, { ...request, ground, folder })
    })
  } finally {
    await load.stop()
  }
}

type Run = SoakRequest & { ground: Ground; folder: string }

type Tally = {
  saveMs: Millis[]
  forkMs: Millis[]
  killed: number
  failures: Soak['failures']
  failed: { saves: number; forks: number }
  compared: number
  changed: string[]
}

/** A template, and what a fork of it must hold. */
type Planted = { frost: Frost; known: Known }

const soakOn = async (bench: Bench, run: Run): Promise<Soak> => {
  const { ground, image, accelerator, rounds, forks, load, progress } = run
  const began = performance.now()
  const tally: Tally = {
    ...{ saveMs: [], forkMs: [], killed: 0, failures: [], compared: 0, changed: [] },
    failed: { saves: 0, forks: 0 },
  }
  const facts = { accelerator, image: image.name, rounds, forksPerRound: forks, load }
  progress(`the first guest of ${image.name} boots and is frozen`)
  const first = await firstOf(bench, run, tally)
  if (first) {
    const before = await digestsOf([...bench.bases, ...(await filesOf(first.frost))])
    for (let round = 1; round <= rounds; round++) {
      ground.signal.throwIfAborted()
      await oneRound(bench, { ...run, first, round }, tally)
    }
    progress('comparing digests')
    await compare(before, tally)
  }
  const failedRounds = new Set(tally.failures.map(({ round }) => round))
  failedRounds.delete(0)
  return {
    ...facts,
    saves: { ok: tally.saveMs.length, failed: tally.failed.saves },
    forks: { ok: tally.forkMs.length, failed: tally.failed.forks, killed: tally.killed },
    failures: tally.failures,
    failedRounds: first ? failedRounds.size : rounds,
    ...spreads({ saveMs: tally.saveMs, forkMs: tally.forkMs }),
    digests: { compared: tally.compared, changed: tally.changed },
    tookMs: Math.round(performance.now() - began),
  }
}

const firstOf = async (bench: Bench, run: Run, tally: Tally): Promise<Planted | undefined> => {
  const known = { from: anyFrom(), disk: bench.disk }
  try {
    return { known, frost: await bench.freeze('first', { step: plantingOf(known) }) }
  } catch (error) {
    tally.failed.saves++
    note(error, { ...run, round: 0, what: 'the first save' }, tally)
    return undefined
  }
}

type Round = Run & { first: Planted; round: number }

const oneRound = async (bench: Bench, at: Round, tally: Tally): Promise<void> => {
  const { first, round, rounds, forks } = at
  const say = (what: string) => at.progress(`round ${round} of ${rounds}: ${what}`)
  const place = `round-${round}`
  const known = { from: anyFrom(), disk: bench.disk }
  try {
    say('saving')
    const step = plantingOf(known)
    const frost = await bench.freeze(place, { step, parent: first.frost })
    await proveSaved(frost)
    tally.saveMs.push(frost.frozen.saveMs)
    const before = await digestsOf(await filesOf(frost))
    say(`forking (saved in ${frost.frozen.saveMs} ms)`)
    for (let fork = 0; fork < forks; fork += atOnce) {
      const some = Array.from({ length: Math.min(atOnce, forks - fork) }, (_, index) => fork + index)
      await Promise.all(
        some.map(fork =>
          oneFork(bench, { ...at, fork, of: fork % 2 === 0 ? { frost, known } : first }, tally),
        ),
      )
    }
    await compare(before, tally)
  } catch (error) {
    tally.failed.saves++
    note(error, { ...at, what: 'save' }, tally)
  } finally {
    await rm(join(at.folder, place), { recursive: true, force: true, maxRetries: 3 })
  }
}

/** What lies on the disk is what our reader got from QEMU. */
const proveSaved = async ({ state, frozen }: Frost): Promise<void> => {
  const { size } = await stat(state.file)
  if (size !== frozen.state.bytes)
    throw new Fault('damaged', 'soon', `the saved state has ${size} bytes instead of ${frozen.state.bytes}`)
  if ((await digestOf(state.file)) !== state.sha256)
    throw new Fault('damaged', 'soon', 'the saved state has another digest than what came from QEMU')
}

const oneFork = async (
  bench: Bench,
  { round, fork, of, ...at }: Round & { fork: number; of: Planted },
  tally: Tally,
): Promise<void> => {
  const isKilled = (round + Math.floor(fork / 2)) % 2 === 0
  try {
    await bench.withFork(`fork-${round}-${fork}`, of.frost, async (guest, forkMs) => {
      await bench.check(guest, of.known)
      if (isKilled) {
        await killWhileWriting(guest, of.known)
        tally.killed++
      }
      tally.forkMs.push(forkMs)
    })
  } catch (error) {
    tally.failed.forks++
    note(error, { ...at, round, what: `fork ${fork + 1}` }, tally)
  }
}

/** As a power cut would: in the middle of its writing, and nobody tidies up. */
const killWhileWriting = async (guest: Guest, known: Known): Promise<void> => {
  const writing = exec(guest, scribbleOf(known))
  await sleep(scribbleMs)
  process.kill(guest.machine.pid, 'SIGKILL')
  await writing
}

const note = (
  error: unknown,
  { ground, round, what, trouble }: Run & { round: number; what: string },
  tally: Tally,
): void => {
  ground.signal.throwIfAborted()
  if (error instanceof Fault && error.kind === 'exhausted') throw error
  const why = `${what}: ${reasonOf(error)}`
  tally.failures.push({ round, why })
  trouble(`round ${round}: ${why}`)
}

const filesOf = async ({ folder }: Frost): Promise<string[]> =>
  (await readdir(folder))
    .filter(name => Object.values<string>(parts).includes(name))
    .map(name => join(folder, name))

const digestsOf = async (files: string[]): Promise<Map<string, string>> => {
  const digests = new Map<string, string>()
  for (const file of files) digests.set(file, await digestOf(file))
  return digests
}

const compare = async (before: Map<string, string>, tally: Tally): Promise<void> => {
  for (const [file, digest] of before) {
    tally.compared++
    if ((await digestOf(file).catch(() => '')) !== digest) tally.changed.push(file)
  }
}

const spreads = (lists: { saveMs: Millis[]; forkMs: Millis[] }) => {
  const [saveMs, forkMs] = [spread(lists.saveMs), spread(lists.forkMs)]
  return { ...(saveMs && { saveMs }), ...(forkMs && { forkMs }) }
}

/** Nearest-rank percentiles; undefined of nothing. */
const spread = (values: Millis[]): Spread | undefined => {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]
  const [median, p90, max] = [at(0.5), at(0.9), at(1)]
  return median === undefined || p90 === undefined || max === undefined ? undefined : { median, p90, max }
}
