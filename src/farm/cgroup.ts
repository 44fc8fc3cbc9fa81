// A control group for each QEMU: memory and processor time, enforced by the kernel. Best effort: a host without one runs guests as well.
import { mkdir, readdir, readFile, rmdir, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Limits } from './limits.ts'
import { isAlive, type Owner } from './owner.ts'

export type Cgroups = {
  /** For people. */
  kind: 'v1' | 'v2'
  /** Puts a running process into a group of its own; gives what removes the group once the process is gone. Never fails. */
  hold(pid: number, limits: Limits): Promise<() => Promise<void>>
}

/** `folder`: where groups are made, at or below `root`. */
type Hierarchy = { root: string; folder: string; settings: (limits: Limits) => Record<string, string> }

const periodUs = 100_000
const quotaUs = ({ cpus }: Limits) => Math.ceil(cpus * periodUs)

const v2: Hierarchy['settings'] = limits => ({
  'memory.max': `${limits.memoryBytes}`,
  'cpu.max': `${quotaUs(limits)} ${periodUs}`,
})
const v1: Record<string, Hierarchy['settings']> = {
  memory: limits => ({ 'memory.limit_in_bytes': `${limits.memoryBytes}` }),
  cpu: limits => ({ 'cpu.cfs_period_us': `${periodUs}`, 'cpu.cfs_quota_us': `${quotaUs(limits)}` }),
}

/** What this host lets us make; undefined, with the reason told, if nothing. Removes groups of dead processes of the same farm. */
export const openCgroups = async (
  owner: Owner,
  log: (line: string) => void,
): Promise<Cgroups | undefined> => {
  const errors: string[] = []
  for (const kind of ['v2', 'v1'] as const) {
    const hierarchies = await usable(kind, owner).catch(error => {
      errors.push(error instanceof Error ? error.message : String(error))
      return []
    })
    if (hierarchies.length === 0) continue
    await reap(hierarchies, owner)
    return { kind, hold: (pid, limits) => hold(hierarchies, nameOf(owner, pid), { pid, limits }) }
  }
  if (!told)
    log(
      `guests' memory and processor time are not limited by a control group: ${errors.at(-1) ?? 'there is none'}`,
    )
  told = true
  return undefined
}

/** Once for each process is enough. */
let told = false
/** More than any process id (proc(5), pid_max). */
let trials = 2 ** 23

const prefix = 'grapevine-'
const nameOf = ({ token, pid, start }: Owner, child: number) => `${prefix}${token}-${pid}.${start}-${child}`

/** Hierarchies in which a group can be made, tried with one. */
const usable = async (kind: 'v1' | 'v2', owner: Owner): Promise<Hierarchy[]> => {
  const found = kind === 'v2' ? await findV2() : await findV1()
  for (const { folder, settings } of found) {
    const trial = join(folder, nameOf(owner, trials++))
    await mkdir(trial)
    try {
      const limits = { fileBytes: 0, addressBytes: 0, memoryBytes: 2 ** 31, cpus: 1, threads: 0 }
      await set(trial, settings(limits))
    } finally {
      await rmdir(trial)
    }
  }
  return found
}

/** Beside our own group, or below it if that is the root: a group with processes in it has no children with controllers. */
const findV2 = async (): Promise<Hierarchy[]> => {
  const controllers = await readFile('/sys/fs/cgroup/cgroup.controllers', 'utf8')
  if (!/\bmemory\b/.test(controllers)) return []
  const own = (await readFile('/proc/self/cgroup', 'utf8')).match(/^0::(.*)$/m)?.[1] ?? '/'
  const folder = join('/sys/fs/cgroup', own === '/' ? own : dirname(own))
  return [{ root: '/sys/fs/cgroup', folder, settings: v2 }]
}

const findV1 = async (): Promise<Hierarchy[]> => {
  const own = await readFile('/proc/self/cgroup', 'utf8')
  return Object.entries(v1).flatMap(([controller, settings]) => {
    const path = own.match(new RegExp(`^\\d+:(?:[^:]*,)?${controller}(?:,[^:]*)?:(.*)$`, 'm'))?.[1]
    const root = join('/sys/fs/cgroup', controller)
    return path === undefined ? [] : [{ root, folder: join(root, path), settings }]
  })
}

const set = async (group: string, settings: Record<string, string>): Promise<void> => {
  for (const [name, value] of Object.entries(settings)) await writeFile(join(group, name), value)
}

const hold = async (
  hierarchies: Hierarchy[],
  name: string,
  { pid, limits }: { pid: number; limits: Limits },
): Promise<() => Promise<void>> => {
  const groups = hierarchies.map(({ folder }) => join(folder, name))
  for (const [at, { settings }] of hierarchies.entries()) {
    const group = groups[at] ?? ''
    await mkdir(group)
      .then(() => set(group, settings(limits)))
      .then(() => writeFile(join(group, 'cgroup.procs'), `${pid}`))
      .catch(() => {})
  }
  return async () => {
    for (const group of groups) await remove(group)
  }
}

/** Groups lie no deeper than services and sessions do. */
const deepest = 6
/** One that somebody is just making has no process in it either. */
const abandonedMs = 3_600_000

/** Removes empty groups of dead processes: this farm's at once, those of farms that never start again later. Each start may have another
 *  group of its own, so they are looked for in the whole hierarchy. */
const reap = async (hierarchies: Hierarchy[], owner: Owner): Promise<void> => {
  for (const { root } of hierarchies)
    for (const group of await groupsBelow(root, deepest)) if (await isLeft(group, owner)) await remove(group)
}

const groupsBelow = async (folder: string, depth: number): Promise<string[]> => {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  const below = entries.filter(entry => entry.isDirectory()).map(({ name }) => name)
  const ours = below.filter(name => name.startsWith(prefix)).map(name => join(folder, name))
  const others = depth > 1 ? below.filter(name => !name.startsWith(prefix)) : []
  const deeper = await Promise.all(others.map(name => groupsBelow(join(folder, name), depth - 1)))
  return [...ours, ...deeper.flat()]
}

const isLeft = async (group: string, owner: Owner): Promise<boolean> => {
  const [, token, pid, start] = basename(group).match(/^grapevine-(.*)-(\d+)\.(\d+)-\d+$/) ?? []
  if (!token || !pid || !start || isAlive({ token, pid: Number(pid), start, boot: owner.boot })) return false
  if (token === owner.token) return true
  const found = await stat(group).catch(() => undefined)
  return found !== undefined && Date.now() - found.mtimeMs > abandonedMs
}

/** The kernel removes none that has a process in it. */
const remove = (group: string): Promise<void> => rmdir(group).catch(() => {})
