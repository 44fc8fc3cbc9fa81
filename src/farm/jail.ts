// What QEMU may do on its host: a user of its own without rights, limits, and only the files of its own machine to write to.
// farm.ts opens one; machine.ts enters a cell of it for each QEMU.
import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { chmod, chown, lchown, open, readdir, realpath, stat } from 'node:fs/promises'
import { setPriority } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Fault } from '../model/fault.ts'
import { type Cgroups, openCgroups } from './cgroup.ts'
import { type Limits, limitsFor } from './limits.ts'
import type { Owner } from './owner.ts'
import type { Layout, Places, Qemu } from './qemu.ts'
import { asFault } from './system-fault.ts'

const run = promisify(execFile)

/** Numbers; no account needs to have them. */
export type User = { uid: number; gid: number }

export type Jail = {
  /** Absolute, without links: what lies below it is named relative to the machine's folder. */
  readonly farm: string
  /** Prepares a machine's folder and files for its QEMU. Throws a Fault. */
  enter(machine: { folder: string; layout: Layout; places: Places }): Promise<Cell>
  /** Makes the files of a finished template readable for every clone, its memory writable (QEMU opens it so), and gives them back to us. Throws a Fault. */
  seal(template: string): Promise<void>
}

/** One QEMU's. */
export type Cell = {
  /** undefined: the worker's own user. */
  readonly user: User | undefined
  readonly limits: Limits
  /** QEMU's command line within what holds it. */
  wrap(command: string[]): string[]
  /** Lets QEMU have a file of the machine's folder. Errors of the file system as they are. */
  lend(file: string): Promise<void>
  /** Once the process is there. Never fails. */
  hold(pid: number): void
  /** From now on the worker's own work goes before that of the process. Never fails. */
  lower(pid: number): void
  /** Once it is gone. Repeatable. */
  leave(): Promise<void>
}

export type JailOptions = {
  /** The farm's folder. */
  folder: string
  owner: Owner
  /** farm.user: name or number. */
  user: string | undefined
  log: (line: string) => void
}

/** Files that QEMU makes by itself in the machine's folder. They are there before it starts: it cannot make any other. */
export const screenFile = 'screen.png'

const niceness = 5

/** Above what distributions, containers and systemd use (systemd, UIDS-GIDS.md); in a container, in a gap below 65,536. */
const ranges = [
  { first: 0x7000_0000, perProcess: 64 },
  { first: 60_706, perProcess: 256 },
] as const

/** The QEMU, confined. Faults: refused (never) if farm.user is unknown. */
export const confined = async (qemu: Qemu, options: JailOptions): Promise<Qemu> => ({
  ...qemu,
  jail: await openJail(options),
})

export const openJail = async ({ folder, owner, user, log }: JailOptions): Promise<Jail> => {
  const crowd = await users(user, log)
  const cgroups = await openCgroups(owner, log)
  const farm = await asFault('the farm', realpath(folder))
  for (const at of [farm, ...['clones', 'templates', 'images'].map(name => join(folder, name))])
    if (crowd) await letThrough(at, crowd.gid)
  return {
    farm,
    enter: machine => enter({ crowd, cgroups }, machine),
    seal: async template => {
      if (crowd) await asFault('a template', seal(template, crowd.gid))
    },
  }
}

/** `alone`: no other process has that user. */
type Crowd = { gid: number; take(): { user: User; alone: boolean; give(): void } }

/** Who QEMUs run as; undefined: as we do. */
const users = async (wanted: string | undefined, log: JailOptions['log']): Promise<Crowd | undefined> => {
  if (process.getuid?.() !== 0) {
    if (wanted) log(`farm.user is not used: only a worker that runs as root can run QEMU as ${wanted}`)
    return undefined
  }
  const fixed = wanted === undefined ? undefined : await idOf(wanted)
  let why = ''
  for (const { first, perProcess } of ranges) {
    const base = first === ranges[0].first ? first + process.pid * perProcess : first
    const user = { uid: fixed ?? base, gid: first }
    try {
      await run(setpriv, [...asUser(user, []), '--', '/bin/true'])
      return crowdOf({ gid: first, base, perProcess, fixed, shared: base === first })
    } catch (error) {
      why = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error)
    }
  }
  if (wanted !== undefined)
    throw new Fault('refused', 'never', `QEMU cannot run as user ${wanted}: ${why}`, {
      remedy: 'install util-linux (setpriv), or run the worker as that user',
    })
  log(`guests run as the worker's own user, which is root: ${why}`)
  return undefined
}

const idOf = async (wanted: string): Promise<number> => {
  const uid = /^\d+$/.test(wanted) ? Number(wanted) : await askId(wanted)
  if (uid > 0 && uid < 2 ** 32 - 1) return uid
  throw new Fault('refused', 'never', `farm.user is ${wanted}: QEMU must not run as root`, {
    remedy: 'name another user, or leave farm.user out',
  })
}

const askId = async (name: string): Promise<number> => {
  try {
    return Number((await run('id', ['-u', '--', name])).stdout)
  } catch (error) {
    throw new Fault('refused', 'never', `farm.user is ${name}, and there is no such user`, {
      cause: error,
      remedy: `adduser --system --no-create-home ${name}, or leave farm.user out`,
    })
  }
}

/** In use by this process, whichever jail gave them. */
const taken = new Set<number>()

/** Each QEMU has a number of its own for as long as it runs: it can neither see into another nor stop it. */
const crowdOf = (range: {
  gid: number
  base: number
  perProcess: number
  fixed: number | undefined
  /** Other processes give the same numbers. */
  shared: boolean
}): Crowd => {
  const take = () => {
    let slot = 0
    while (taken.has(slot) && slot < range.perProcess - 1) slot++
    taken.add(slot)
    const user = { uid: range.fixed ?? range.base + slot, gid: range.gid }
    const alone = range.fixed === undefined && !range.shared && slot < range.perProcess - 1
    return { user, alone, give: () => void taken.delete(slot) }
  }
  return { gid: range.gid, take }
}

/** setpriv(1), in util-linux. */
export const setpriv = '/usr/bin/setpriv'

const asUser = ({ uid, gid }: User, groups: number[]): string[] => [
  ...['--reuid', `${uid}`, '--regid', `${gid}`],
  ...(groups.length > 0 ? ['--groups', groups.join(',')] : ['--clear-groups']),
  ...['--inh-caps=-all', '--bounding-set=-all', '--no-new-privs'],
]

type Means = { crowd: Crowd | undefined; cgroups: Cgroups | undefined }
type Inmate = Parameters<Jail['enter']>[0]

const enter = async ({ crowd, cgroups }: Means, { folder, layout, places }: Inmate): Promise<Cell> => {
  const limits = await asFault('a machine', limitsFor(layout, places, folder))
  const taken = crowd?.take()
  const user = taken?.user
  let held: Promise<() => Promise<void>> | undefined
  const lend = async (file: string) => {
    if (!user) return
    await lchown(file, user.uid, user.gid)
    await chmod(file, 0o600)
  }
  try {
    if (user) await asFault('a machine', furnish({ folder, places, gid: user.gid, lend }))
    const groups = user && layout.accelerator === 'kvm' ? await groupOf('/dev/kvm') : []
    const rights = user ? asUser(user, groups) : ['--no-new-privs']
    return {
      ...{ user, limits, lend },
      wrap: command => [
        ...[setpriv, '--pdeathsig', 'KILL', ...rights, '--'],
        ...['/bin/sh', '-c', shackles(limits, taken?.alone === true), 'sh', ...command],
      ],
      hold: pid => {
        held ??= cgroups?.hold(pid, limits)
      },
      lower,
      leave: async () => {
        taken?.give()
        await (await held)?.()
      },
    }
  } catch (error) {
    taken?.give()
    throw error
  }
}

/** Linux knows a priority for each thread (setpriority(2), BUGS). */
const lower = (pid: number) => {
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) setPriority(Number(thread), niceness)
  } catch {
    // It is gone already; its end will be told.
  }
}

/** POSIX sh, ulimit as dash and bash have it. SIGXFSZ would end QEMU: ignored, a write that goes too far fails with EFBIG, and the guest's disk with it. */
const shackles = ({ fileBytes, addressBytes, threads }: Limits, alone: boolean): string =>
  [
    'ulimit -c 0',
    `ulimit -f ${Math.ceil(fileBytes / 512)}`,
    `ulimit -v ${Math.ceil(addressBytes / 1024)}`,
    ...(alone ? [`ulimit -p ${threads} 2>/dev/null || ulimit -u ${threads}`] : []),
    "trap '' XFSZ",
    'exec "$@"',
  ].join('; ')

/** Root's group would be too much: such a device is used by nobody else. */
const groupOf = async (device: string): Promise<number[]> => {
  const found = await stat(device).catch(() => undefined)
  return found && found.gid !== 0 ? [found.gid] : []
}

/** QEMU may go through the folder, and have the files in it; it may not make others, which no limit of one file's size would bound. */
const furnish = async (room: {
  folder: string
  places: Places
  gid: number
  lend: Cell['lend']
}): Promise<void> => {
  const { folder, places, gid, lend } = room
  await chown(folder, process.getuid?.() ?? 0, gid)
  await chmod(folder, 0o710)
  const { file } = places.memory
  const made = [join(folder, screenFile), ...(file.startsWith(`${folder}/`) ? [file] : [])]
  for (const one of made) await (await open(one, 'a')).close()
  for (const entry of await readdir(folder, { withFileTypes: true }))
    if (entry.isFile() && entry.name !== 'owner.json') await lend(join(folder, entry.name))
}

const seal = async (template: string, gid: number): Promise<void> => {
  const us = process.getuid?.() ?? 0
  await chown(template, us, gid)
  await chmod(template, 0o710)
  for (const entry of await readdir(template, { withFileTypes: true })) {
    if (!entry.isFile()) continue
    const file = join(template, entry.name)
    await lchown(file, us, gid)
    await chmod(file, entry.name === 'memory' ? 0o660 : 0o640)
  }
}

/** Lets the group pass, where not everybody may. */
const letThrough = async (folder: string, gid: number): Promise<void> => {
  const found = await stat(folder).catch(() => undefined)
  if (!found || found.mode & 0o001) return
  await asFault('the farm', chown(folder, found.uid, gid))
  await asFault('the farm', chmod(folder, (found.mode & 0o7777) | 0o010))
}
