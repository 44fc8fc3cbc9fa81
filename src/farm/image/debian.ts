// The Debian guest's disk: mmdebstrap installs packages into a folder, mke2fs makes a file system of it, qemu-img a qcow2. No mounts, and no root needed.
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '../../model/fault.ts'
import type { Progress } from '../../ports/farm.ts'
import type { Distribution } from './apt-sources.ts'
import { offline, patience } from './archive.ts'
import { runCommand } from './command.ts'
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

/** Builds the root disk. Throws a Fault with the last lines of what failed. */
export const buildDisk = async (request: DiskRequest): Promise<void> => {
  const { file, progress, signal } = request
  const root = process.getuid?.() === 0
  // Below /var/tmp, which the mapped root of a user namespace can reach; homes are often closed to it.
  const work = await mkdtemp('/var/tmp/grapevine-image-')
  await chmod(work, 0o1777)
  const tree = join(work, 'tree')
  const raw = join(work, 'disk.raw')
  const asRoot = (command: string, args: string[], timeoutMs: number, remedy?: string) => {
    const [program, ...rest] = root
      ? [command, ...args]
      : ['mmdebstrap', '--unshare-helper', command, ...args]
    return runCommand({
      command: program ?? command,
      args: rest,
      timeoutMs,
      signal,
      ...(remedy && { remedy }),
    })
  }
  try {
    await install(request, { mode: root ? 'root' : 'unshare', tree, work })
    progress('making the file system…')
    const init = join(work, 'guest-init')
    const finish = join(work, 'finish.sh')
    await writeFile(init, guestScripts.init, { mode: 0o644 })
    await writeFile(finish, guestScripts.finish, { mode: 0o644 })
    const tooSmall = `raise diskMiB of the image (now ${request.diskMiB}) or free space in /var/tmp`
    await asRoot('/bin/sh', [finish, tree, init, raw, String(request.diskMiB)], 600_000, tooSmall)
    progress('making the disk image…')
    const args = ['convert', '-f', 'raw', '-O', 'qcow2', raw, file]
    await runCommand({ command: 'qemu-img', args, timeoutMs: 600_000, signal })
  } finally {
    signal?.aborted || (await asRoot('/bin/rm', ['-rf', tree, raw], 120_000).catch(() => {}))
    await rm(work, { recursive: true, force: true }).catch(() => {})
  }
}

const install = async (
  request: DiskRequest,
  { mode, tree, work }: { mode: string; tree: string; work: string },
) => {
  const { distribution, cache, progress, signal } = request
  const debs = join(cache, 'debian-debs')
  await mkdir(debs, { recursive: true })
  const archives = '/var/cache/apt/archives/'
  const options = [
    '--variant=minbase',
    '--format=directory',
    '--architectures=amd64',
    `--mode=${mode}`,
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
