// How fast a clone is there, what it costs, and how fast bytes go in and out; against the other ways back to a running guest, in the same run.
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { readConfig } from '../src/config/load.ts'
import { createFarm } from '../src/farm/farm.ts'
import type { Clone, Farm, TemplateSpec } from '../src/ports/farm.ts'
import { compete } from './compete.ts'
import { qemusOf } from './qemus.ts'
import { type Bench, median, type Row, row } from './row.ts'
import { touchMemory } from './touched.ts'

const demo = fileURLToPath(new URL('../examples/demo/grapevine.yaml', import.meta.url))
const rounds = 11
const megabytes = 50
const manyClones = 24
const sizes = [512, 2048, 8192]
const reference = 2048

const command = (script: string, timeoutMs = 600_000) => ({ name: 'bench', script, folder: '/', timeoutMs })

const timed = async <T>(act: () => Promise<T>): Promise<[T, number]> => {
  const began = performance.now()
  const result = await act()
  return [result, performance.now() - began]
}

/** Six tenths of the guest's memory hold something that is not zero. */
const touched = (memoryMiB: number): TemplateSpec => {
  const script = touchMemory(memoryMiB)
  return {
    ...{ label: `${memoryMiB} MiB`, image: 'busybox', content: 'touched' },
    ...{ files: [], prepare: [command(script, 1_800_000)] },
  }
}

/** A farm whose guests have so much memory. `token`: on the command line of its QEMUs. */
type Sized = { farm: Farm; template: string; token: string }

/** MiB that a process alone has and wrote: what a clone costs beside its template (proc(5), smaps_rollup). */
const privateMiB = (pid: number): number => {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  return Number(text.match(/^Private_Dirty:\s+(\d+) kB/m)?.[1] ?? Number.NaN) / 1024
}

type Forks = { ms: number[]; privateMiB: number[] }

const forkOnce = async ({ farm, template, token }: Sized): Promise<{ ms: number; privateMiB: number }> => {
  const [clone, ms] = await timed(() =>
    farm.lease({ run: `fork-${randomBytes(4).toString('hex')}`, template }),
  )
  const [pid = 0] = qemusOf(token)
  const own = privateMiB(pid)
  await clone.release()
  return { ms, privateMiB: own }
}

/** Sizes in turn, so that what else the machine does falls on all alike. */
const forks = async (all: Map<number, Sized>): Promise<Map<number, Forks>> => {
  const found = new Map(sizes.map((size): [number, Forks] => [size, { ms: [], privateMiB: [] }]))
  for (let round = 0; round <= rounds; round++)
    for (const [size, sized] of all) {
      const one = await forkOnce(sized)
      // The first brings the files into the host's cache.
      if (round === 0) continue
      found.get(size)?.ms.push(one.ms)
      found.get(size)?.privateMiB.push(one.privateMiB)
    }
  return found
}

const fromPool = async ({ farm, template }: Pick<Sized, 'farm' | 'template'>): Promise<number[]> => {
  const ms: number[] = []
  for (let round = 0; round <= rounds; round++) {
    const [clone, took] = await timed(() => farm.lease({ run: `pool-${round}`, template }))
    if (round > 0) ms.push(took)
    await clone.release()
    // The next one is to be there already, as after some seconds without work.
    await sleep(1500)
  }
  return ms
}

const streams = async (clone: Clone): Promise<{ in: number[]; out: number[]; exec: number[] }> => {
  const bytes = randomBytes(megabytes * 1_000_000)
  const took = { in: [] as number[], out: [] as number[], exec: [] as number[] }
  for (let round = 0; round < 5; round++) {
    took.exec.push((await timed(() => clone.exec(command('true'))))[1])
    const input = { size: bytes.length, stream: Readable.from([bytes]) }
    took.in.push((await timed(() => clone.write('/dev/shm/bytes', input)))[1])
    const read = async () => {
      for await (const _ of await clone.read('/dev/shm/bytes'));
    }
    took.out.push((await timed(read))[1])
    await clone.exec(command('rm /dev/shm/bytes'))
  }
  return took
}

const atOnce = async ({ farm, template }: Sized): Promise<number> => {
  const clones: Clone[] = []
  try {
    for (let n = 0; n < manyClones; n++) clones.push(await farm.lease({ run: `many-${n}`, template }))
    const endings = await Promise.all(clones.map(clone => clone.exec(command('exit 7', 60_000))))
    return endings.filter(ending => ending.kind === 'finished' && ending.exitCode === 7).length
  } finally {
    await Promise.all(clones.map(clone => clone.release()))
  }
}

const perSecond = (ms: number[]) => megabytes / (median(ms) / 1000)

type Measured = { all: Map<number, Sized>; main: Sized; pooled: Farm; images: string }

const measure = async ({ all, main, pooled, images }: Measured): Promise<Row[]> => {
  console.error('forks…')
  const found = await forks(all)
  const fork = (size: number) => median(found.get(size)?.ms ?? [])
  const medians = sizes.map(fork)
  const own = sizes.flatMap(size => found.get(size)?.privateMiB ?? [])
  console.error('pool…')
  const pool = median(await fromPool({ farm: pooled, template: main.template }))
  console.error('streams…')
  const clone = await main.farm.lease({ run: 'streams', template: main.template })
  const took = await streams(clone)
  await clone.release()
  console.error(`${manyClones} clones at once…`)
  const many = await atOnce(main)
  console.error('other ways back…')
  const others = await compete({
    image: join(images, 'busybox'),
    memoryMiB: reference,
    forkMs: fork(reference),
    log,
  })
  return [
    row(`fork of ${reference} MiB until it answers, awake`, fork(reference), 'ms', { less: 250 }),
    row('the same from a pool', pool, 'ms', { less: 100 }),
    ...sizes.map(size => row(`fork of ${size} MiB`, fork(size), 'ms')),
    row('slowest of the three over the fastest', Math.max(...medians) / Math.min(...medians), '×', {
      less: 1.3,
    }),
    row('private memory of an idle clone, the most', Math.max(...own), 'MiB', { less: 64 }),
    row(`${megabytes} MB in`, perSecond(took.in), 'MB/s', { more: 60 }),
    row(`${megabytes} MB out`, perSecond(took.out), 'MB/s', { more: 60 }),
    row('a command that does nothing', median(took.exec), 'ms'),
    row('clones alive and answering at once', many, 'clones', { more: manyClones }),
    ...others,
  ]
}

const log = (line: string) => console.error(line)

export const farm: Bench = async () => {
  const { config } = await readConfig({ file: demo, env: process.env, repositories: 'later' })
  const folder = join(config.farm.data, 'bench')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const images = join(config.farm.data, 'images')
  symlinkSync(images, join(folder, 'images'))
  const open = (memoryMiB: number, token: string, options: { slots: number; pool?: number }) =>
    createFarm({
      ...{ folder, token, log, accelerator: config.farm.accelerator, ...options },
      images: [{ name: 'busybox', kind: 'busybox', packages: [], memoryMiB, cpus: 1, diskMiB: 0 }],
    })
  const all = new Map<number, Sized>()
  const pooled = await open(reference, `bench-pool-${process.pid}`, { slots: 1, pool: 1 })
  try {
    for (const size of sizes) {
      const token = `bench-${size}-${process.pid}`
      const farm = await open(size, token, { slots: manyClones })
      all.set(size, { farm, token, template: await farm.template(touched(size), log) })
    }
    const main = all.get(reference)
    return main ? await measure({ all, main, pooled, images }) : []
  } finally {
    await pooled.close()
    rmSync(folder, { recursive: true, force: true })
  }
}
