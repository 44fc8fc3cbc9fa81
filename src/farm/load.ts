// How busy this host is, as Linux says: proc_loadavg(5), proc_stat(5), and pressure stall information (Documentation/accounting/psi.rst).
import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import type { HostLoad } from '../model/overload.ts'

const numbers = (line: string): number[] => line.split(/\s+/).filter(Boolean).map(Number)

/** Load averages of one minute, columns 1 to 8 of the first line of `stat`, and microseconds of `some` memory stalls. undefined: it is not what it should be. */
export const parseLoad = (
  files: { loadavg: string; stat: string; pressure: string | undefined },
  host: { processors: number; at: number },
): HostLoad | undefined => {
  const [load] = numbers(files.loadavg)
  // user nice system idle iowait irq softirq steal; what follows is in user and nice already.
  const ticks = numbers(/^cpu\s+(.*)$/m.exec(files.stat)?.[1] ?? '').slice(0, 8)
  const all = ticks.reduce((sum, one) => sum + one, 0)
  if (load === undefined || !Number.isFinite(load) || !Number.isFinite(all) || ticks.length < 4)
    return undefined
  const stalled = /^some\s.*\btotal=(\d+)/m.exec(files.pressure ?? '')?.[1]
  return {
    at: host.at,
    perProcessor: load / Math.max(1, host.processors),
    ticks: { all, stolen: ticks[7] ?? 0 },
    ...(stalled === undefined ? {} : { memoryMs: Number(stalled) / 1000 }),
  }
}

/** Never throws: a host that does not tell is not overloaded. */
export const hostLoad = async (): Promise<HostLoad | undefined> => {
  const read = (path: string) => readFile(path, 'utf8').catch(() => undefined)
  const [loadavg, stat, pressure] = await Promise.all(
    ['/proc/loadavg', '/proc/stat', '/proc/pressure/memory'].map(read),
  )
  if (loadavg === undefined || stat === undefined) return undefined
  return parseLoad({ loadavg, stat, pressure }, { processors: availableParallelism(), at: Date.now() })
}
