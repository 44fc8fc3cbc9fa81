// The Debian guest's disk: mmdebstrap installs packages into a folder, mke2fs makes a file system of it, qemu-img a qcow2. No mounts, and no root needed.
import { chmod, mkdir, mkdtemp, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '../../model/fault.ts'
import type { Progress } from '../../ports/farm.ts'
import { sweepAbandoned } from './abandoned.ts'
import type { Distribution } from './apt-sources.ts'
import { offline, patience } from './archive.ts'
import { type HostCommand, runCommand } from './command.ts'
import { guestScripts } from './source.ts'

/** What the guest's own scripts and the farm use. */
const basics = ['qemu-guest-agent', 'busybox-static']

const notWanted = ['man', 'doc', 'info', 'lintian', 'linda'].map(name => `path-exclude=/usr/share/${name}/*`)

type DiskRequest = {
  distribution: Distribution
  packages: string[]
  diskMiB: number
  /** Kept between builds: packages. */
  cache: string
  /** The qcow2 to make. */
  file: string
  progress: Progress
  signal?: AbortSignal | undefined
}

/** Below /var/tmp, which the mapped root of a user namespace can reach; homes are often closed to it. */
const workshop = { folder: '/var/tmp', prefix: 'grapevine-image-' }

/** Builds the root disk. Throws a Fault with the last lines of what failed. */
export const buildDisk = async (request: DiskRequest): Promise<void> => {
  const { file, diskMiB, progress, signal } = request
  await sweepAbandoned(workshop, removeTree)
  const work = await mkdtemp(join(workshop.folder, workshop.prefix))
  await chmod(work, 0o1777)
  const tree = join(work, 'tree')
  const raw = join(work, 'disk.raw')
  try {
    await install(request, { tree, work })
    progress('making the file system…')
    const init = join(work, 'guest-init')
    const finish = join(work, 'finish.sh')
    await writeFile(init, guestScripts.init, { mode: 0o644 })
    await writeFile(finish, guestScripts.finish, { mode: 0o644 })
    const args = [finish, tree, init, raw, String(diskMiB)]
    const remedy = `raise the disk of the image (now ${diskMiB} MiB) or free space in ${workshop.folder}`
    await runCommand(asRoot({ command: '/bin/sh', args, timeoutMs: 600_000, signal, remedy }))
    progress('making the disk image…')
    const convert = ['convert', '-f', 'raw', '-O', 'qcow2', raw, file]
    await runCommand({ command: 'qemu-img', args: convert, timeoutMs: 600_000, signal })
  } finally {
    await removeTree(work)
  }
}

const isRoot = () => process.getuid?.() === 0

/** As the owner of the tree: root, or what root is in a user namespace of ours (mmdebstrap(1)). */
const asRoot = (command: HostCommand): HostCommand =>
  isRoot()
    ? command
    : {
        ...command,
        command: 'mmdebstrap',
        args: ['--unshare-helper', command.command, ...command.args],
      }

/** Only the owner of what is inside may remove it, and only we the folder around it. -xdev: should a killed mmdebstrap have left the
 *  host's /dev or /sys mounted in there, they are not to be emptied. */
const removeTree = async (work: string): Promise<void> => {
  const args = [work, '-xdev', '-mindepth', '1', '-delete']
  await runCommand(asRoot({ command: 'find', args, timeoutMs: 120_000 })).catch(() => {})
  await rmdir(work).catch(() => {})
}

const install = async (request: DiskRequest, { tree, work }: { tree: string; work: string }) => {
  const { distribution, cache, progress, signal } = request
  const debs = join(cache, 'debian-debs')
  await mkdir(debs, { recursive: true })
  const archives = '/var/cache/apt/archives/'
  const options = [
    '--variant=minbase',
    '--format=directory',
    '--architectures=amd64',
    `--mode=${isRoot() ? 'root' : 'unshare'}`,
    '--verbose',
    `--include=${[...basics, ...request.packages].join(',')}`,
    ...[...patience, ...(await hostAptOptions(signal))].map(option => `--aptopt=${option}`),
    ...[...notWanted, 'force-unsafe-io'].map(option => `--dpkgopt=${option}`),
    // Packages that were downloaded once are not downloaded again.
    '--skip=essential/unlink,download/empty',
    `--setup-hook=mkdir -p "$1${archives}"`,
    `--setup-hook=sync-in ${quote(debs)} ${archives}`,
    `--customize-hook=sync-out ${archives} ${quote(debs)}`,
  ]
  const installed = installProgress(progress)
  progress('downloading packages…')
  await runCommand({
    command: 'mmdebstrap',
    args: [...options, distribution.codename, tree, ...distribution.sources],
    env: { TMPDIR: work },
    timeoutMs: 2_400_000,
    onLine: installed,
    signal,
    remedy: offline,
  })
}

const quote = (path: string): string => {
  if (/[^\w./@+=-]/.test(path)) {
    throw new Fault('refused', 'never', `mmdebstrap cannot be given the folder ${path}`, {
      remedy: 'choose a data folder whose path has letters, digits, dots, dashes and slashes only',
    })
  }
  return path
}

/** Proxies and the like, which mmdebstrap's apt does not read from the host by itself. */
const hostAptOptions = async (signal?: AbortSignal): Promise<string[]> => {
  const dump = await runCommand({ command: 'apt-config', args: ['dump'], timeoutMs: 30_000, signal })
  return dump
    .split('\n')
    .filter(line => /^Acquire::(https?::(?!timeout)|check-valid-until|check-date)\S* "/i.test(line))
    .map(line => line.replace(/;$/, ''))
}

/** What mmdebstrap, apt and dpkg say, as progress with counts. The system's core is installed first, then the rest: the total grows once. */
export const installProgress = (progress: Progress): ((line: string) => void) => {
  const totals: number[] = []
  const counts = [
    { words: 'downloading', mark: /^Get:\d+ \S+ \S+ \S+ \S+ (\S+) \S+ \[/ },
    { words: 'unpacking', mark: /^Unpacking (\S+) / },
    { words: 'installing', mark: /^Setting up (\S+) / },
  ].map(one => ({ ...one, seen: new Set<string>() }))
  return line => {
    if (/^I: (downloading packages with apt|installing remaining packages)/.test(line)) totals.push(0)
    if (line.startsWith('I: extracting archives')) progress('extracting the core of the system…')
    const planned = line.match(/^\d+ upgraded, (\d+) newly installed/)?.[1]
    // apt says it once more when it begins.
    if (planned) totals.splice(-1, 1, Number(planned))
    for (const { words, mark, seen } of counts) {
      const name = line.match(mark)?.[1]
      if (name === undefined || seen.has(name)) continue
      const done = seen.add(name).size
      const planned = totals.reduce((sum, some) => sum + some, 0)
      const total = Math.max(done, planned)
      progress(`${words} packages (${done}/${total})…`, done, total)
    }
  }
}
