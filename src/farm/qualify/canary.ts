// A canary: a small guest that boots, does the known job, is frozen and forked. What cannot do that is not trusted with anybody's patch.
import { randomBytes } from 'node:crypto'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '../../model/fault.ts'
import type { Millis } from '../../model/instant.ts'
import type { Ending } from '../../model/run.ts'
import { type Command, PrepareFailed } from '../../ports/farm.ts'
import type { SavedState } from '../boot.ts'
import { type Bootable, layoutOf } from '../bootable.ts'
import type { Deadlines } from '../deadline.ts'
import { exec, type Guest } from '../exec.ts'
import { type Frozen, forkInto, freeze, parts } from '../freeze.ts'
import type { Owner } from '../owner.ts'
import type { Accelerator, Qemu } from '../qemu.ts'
import { systemFault } from '../system-fault.ts'
import { machineOf, ownFolder } from '../yard.ts'
import { anyFrom, checkOf, jobOf, type Known, rightCode } from './job.ts'

/** Where guests that qualify a host are made, and of what. */
export type Ground = {
  /** The farm's. */
  folder: string
  owner: Owner
  qemu: Qemu
  deadlines: Deadlines
  signal: AbortSignal
}

export type CanaryAnswer = { works: boolean; why: string; steps: { name: string; ms: number }[] }

/** From power-on to the end; an accelerator that hangs guests is found out by the first of the two. */
const bootSpan: Record<Accelerator, (deadlines: Deadlines) => Millis> = {
  kvm: ({ qualifyMs }) => qualifyMs,
  tcg: ({ qualifyMs, bootMs }) => Math.min(bootMs, 6 * qualifyMs),
}
const wholeSpan = (bootMs: Millis): Millis => 3 * bootMs

/** Room for what the job writes, when the image has no disk of its own. */
const scratchBytes = 64 << 20

/** Boots it, and says whether all was right. Throws a Fault if this host has no room to try it or lacks what every guest needs, and the signal's reason. */
export const runCanary = async (
  ground: Ground,
  { image, accelerator }: { image: Bootable; accelerator: Accelerator },
): Promise<CanaryAnswer> => {
  const bootMs = bootSpan[accelerator](ground.deadlines)
  const late = AbortSignal.timeout(wholeSpan(bootMs))
  const spans = { bootMs, forkMs: Math.min(bootMs, ground.deadlines.forkMs) }
  const own: Ground = {
    ...ground,
    deadlines: { ...ground.deadlines, ...spans },
    signal: AbortSignal.any([ground.signal, late]),
  }
  const steps = stopwatch('boot')
  try {
    await withFolder(own, 'canary', folder => tryOut(own, { folder, image, accelerator, steps }))
    return { works: true, why: 'a guest booted, did its job, was frozen and forked', steps: steps.end() }
  } catch (raw) {
    ground.signal.throwIfAborted()
    const error = systemFault(raw, 'a canary')
    if (isOfTheHost(error)) throw error
    const seconds = Math.round(wholeSpan(bootMs) / 1000)
    const why = late.aborted ? `not done within ${seconds} s` : reasonOf(error)
    return { works: false, why: `${failed[steps.at()]} (${why})`, steps: steps.end() }
  }
}

/** No room, or something that somebody can mend: no compiler, a file that QEMU's user may not read. It says nothing of the accelerator. */
const isOfTheHost = (error: unknown): boolean =>
  error instanceof Fault && (error.kind === 'exhausted' || error.remedy !== undefined)

type Step = 'boot' | 'job' | 'freeze' | 'fork'

const failed: Record<Step, string> = {
  boot: 'no guest gets through its boot with it',
  job: 'a guest did not do a known job right',
  freeze: 'a guest could not be frozen',
  fork: 'a fork of a frozen guest did not answer right',
}

type Trial = {
  folder: string
  image: Bootable
  accelerator: Accelerator
  steps: ReturnType<typeof stopwatch>
}

const tryOut = async (ground: Ground, { folder, image, accelerator, steps }: Trial): Promise<void> => {
  const bench = await benchOf(ground, { folder, image, accelerator })
  const known = { from: anyFrom(), disk: bench.disk }
  const job = jobOf(known)
  const onStep = (line: string) => {
    if (line.endsWith(job.name)) steps.next('job')
    if (line.endsWith('freezing')) steps.next('freeze')
  }
  const template = await bench.freeze('frozen', { step: job, onStep })
  steps.next('fork')
  await bench.withFork('fork', template, guest => bench.check(guest, known))
}

const stopwatch = (first: Step) => {
  const done: { name: string; ms: number }[] = []
  let at = first
  let began = performance.now()
  const stop = () => done.push({ name: at, ms: Math.round(performance.now() - began) })
  return {
    at: () => at,
    next(step: Step) {
      stop()
      at = step
      began = performance.now()
    },
    end() {
      stop()
      return done
    },
  }
}

/** One line for people, of whatever went wrong in a guest. */
export const reasonOf = (error: unknown): string => {
  if (error instanceof PrepareFailed) {
    const said = error.output.toString().trim().split('\n').at(-1)
    return said || `it ended: ${tellEnding(error.ending)}`
  }
  const message = error instanceof Error ? error.message : String(error)
  // Of an aborted QEMU's words the first ones tell; where in its source it gave up does not.
  const short = message.replaceAll('qemu-system-x86_64: ', '').replace(/: \S+\.c:\d+: .*Assertion[^)]*/s, '')
  return short.replace(/\s+/g, ' ').trim()
}

const tellEnding = (ending: Ending): string => {
  if (ending.kind === 'finished') return `exit code ${ending.exitCode}`
  return 'detail' in ending ? `${ending.kind}, ${ending.detail}` : ending.kind
}

/** A folder that is removed afterwards, by us or, when we die, by the farm's next start. */
export const withFolder = async <T>(
  ground: Ground,
  what: string,
  use: (folder: string) => Promise<T>,
): Promise<T> => {
  const name = `.${what}-${process.pid}-${randomBytes(4).toString('hex')}`
  const folder = await ownFolder(ground, join(ground.folder, 'clones', name))
  try {
    return await use(folder)
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** A template that was frozen here. */
export type Frost = { folder: string; state: SavedState; frozen: Frozen; freezeMs: Millis }

export type Bench = Awaited<ReturnType<typeof benchOf>>

/** Freezes and forks of one image, in one folder. An image without a disk gets an empty one. */
export const benchOf = async (
  ground: Ground,
  { folder, image, accelerator }: { folder: string; image: Bootable; accelerator: Accelerator },
) => {
  const { qemu, signal } = ground
  const base = { file: join(folder, 'scratch.raw'), format: 'raw' }
  if (!image.disk) await makeSparse(base.file, scratchBytes)
  await qemu.jail?.seal(folder)
  const whole: Bootable = image.disk ? image : { ...image, disk: base }
  const layout = layoutOf(whole, accelerator)
  const machine = machineOf(ground, layout, { os: image.os, shell: image.shell, run: 'qualify' })
  const inside = (place: string) => ownFolder(ground, join(folder, place))

  return {
    /** Where the job writes in the guest. */
    disk: image.disk ? '/.grapevine-job' : '/dev/vda',
    /** The files below the guest's disk and memory that nothing may change. */
    bases: [image.kernel, image.initrd, whole.disk?.file].filter(file => file !== undefined),

    /** Boots, or goes on from a parent; does the step; saves. Faults; PrepareFailed. */
    freeze: async (
      place: string,
      { step, parent, onStep = () => {} }: { step: Command; parent?: Frost; onStep?: (line: string) => void },
    ): Promise<Frost> => {
      const began = performance.now()
      const at = await inside(place)
      const frozen = await freeze({
        ...{ image: whole, parent, folder: at, machine, progress: onStep, signal },
        spec: { label: 'canary', image: image.name, content: '', files: [], prepare: [step] },
      })
      const state = { file: join(at, parts.state), sha256: frozen.state.sha256 }
      return { folder: at, state, frozen, freezeMs: Math.round(performance.now() - began) }
    },

    /** A fork, answering; ended afterwards, and its folder removed. */
    withFork: async <T>(
      place: string,
      { folder: template, state }: Frost,
      use: (guest: Guest, forkMs: Millis) => Promise<T>,
    ): Promise<T> => {
      const own = await inside(place)
      const began = performance.now()
      try {
        const guest = await forkInto({ template, state, own, image: whole, machine, signal })
        const forkMs = Math.round(performance.now() - began)
        try {
          return await use(guest, forkMs)
        } finally {
          await guest.machine.kill()
        }
      } finally {
        await rm(own, { recursive: true, force: true, maxRetries: 3 })
      }
    },

    /** Fault damaged if the guest does not have the bytes that it should have. */
    check: async (guest: Guest, known: Known): Promise<void> => {
      let said = ''
      const onOutput = (chunk: Buffer) => {
        said += chunk
      }
      const ending = await exec(guest, checkOf(known), { onOutput, signal })
      signal.throwIfAborted()
      if (ending.kind === 'finished' && ending.exitCode === rightCode) return
      throw new Fault('damaged', 'soon', said.trim().split('\n').at(-1) || tellEnding(ending))
    },
  }
}

const makeSparse = async (file: string, bytes: number): Promise<void> => {
  await using handle = await open(file, 'w')
  await handle.truncate(bytes)
}
