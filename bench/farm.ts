// How fast a clone is there, a command runs, and bytes go in and out: on the images of the demo.
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { readConfig } from '../src/config/load.ts'
import type { Farm } from '../src/ports/farm.ts'
import { openFarm } from '../src/wiring/host.ts'
import { type Bench, median, type Row, row } from './row.ts'

const demo = new URL('../examples/demo/grapevine.yaml', import.meta.url).pathname
const rounds = 9
const megabytes = 50

const timed = async <T>(act: () => Promise<T>): Promise<[T, number]> => {
  const began = performance.now()
  const result = await act()
  return [result, performance.now() - began]
}

const measure = async (farm: Farm, image: string): Promise<Row[]> => {
  const spec = { label: image, image, content: 'as booted', files: [], prepare: [] }
  const template = await farm.template(spec, line => console.error(line))
  const bytes = randomBytes(megabytes * 1_000_000)
  const took = { lease: [] as number[], exec: [] as number[], write: [] as number[], read: [] as number[] }
  for (let round = 0; round < rounds; round++) {
    const [clone, lease] = await timed(() => farm.lease({ run: `bench-${Date.now()}`, template }))
    took.lease.push(lease)
    const command = { name: 'nothing', script: 'true', folder: '/', timeoutMs: 10_000 }
    took.exec.push((await timed(() => clone.exec(command)))[1])
    if (round % 3 === 0) {
      const input = { size: bytes.length, stream: Readable.from([bytes]) }
      took.write.push((await timed(() => clone.write('/dev/shm/bytes', input)))[1])
      const read = async () => {
        for await (const _ of await clone.read('/dev/shm/bytes'));
      }
      took.read.push((await timed(read))[1])
    }
    await clone.release()
  }
  const perSecond = (ms: number[]) => megabytes / (median(ms) / 1000)
  return [
    row(`${image}: fork until it answers, clock set`, median(took.lease), 'ms'),
    row(`${image}: a command that does nothing`, median(took.exec), 'ms'),
    row(`${image}: ${megabytes} MB in`, perSecond(took.write), 'MB/s'),
    row(`${image}: ${megabytes} MB out`, perSecond(took.read), 'MB/s'),
  ]
}

export const farm: Bench = async () => {
  const { config } = await readConfig({ file: demo, env: process.env, repositories: 'later' })
  const opened = await openFarm({ config, log: (_, what) => console.error(what) })
  await opened.reap()
  return [...(await measure(opened, 'busybox')), ...(await measure(opened, 'debian'))]
}
