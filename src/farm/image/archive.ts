// The distribution's package archive, through an apt of our own: other lists, other caches, nothing installed; works without root.
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '../../model/fault.ts'
import type { Progress } from '../../ports/farm.ts'
import type { Distribution } from './apt-sources.ts'
import { runCommand } from './command.ts'

export type Archive = {
  readonly distribution: Distribution
  /** The packages and all that they depend on, in the newest versions; of these, those that `keep` accepts. Throws a Fault
   *  if there is no such package. */
  resolve(names: string[], keep?: (name: string) => boolean): Promise<Package[]>
  /** Downloads packages that are not in the cache, and unpacks all of them into one folder. */
  unpack(packages: Package[], into: string): Promise<void>
}

/** `file`: its name as `apt-get download` writes it; no other version has it. */
export type Package = { name: string; version: string; file: string }

export type ArchiveRequest = {
  distribution: Distribution
  /** Kept between builds: package lists and packages. */
  cache: string
  progress: Progress
  signal?: AbortSignal | undefined
}

export const offline =
  'check the network and the mirror with: apt-get update. Behind a proxy, set Acquire::http::Proxy in /etc/apt/apt.conf.d'

/** What mirrors and proxies need, for every apt that we start. */
export const patience = [
  'Acquire::Retries "3"',
  'Acquire::http::Timeout "30"',
  'Acquire::https::Timeout "30"',
]

/** Fetches the package lists of the distribution's own archive. Throws a Fault if it cannot be reached. */
export const openArchive = async (request: ArchiveRequest): Promise<Archive> => {
  const { distribution, cache, progress, signal } = request
  const debs = join(cache, 'debs')
  const apt = await makeApt(cache, distribution, signal)
  const listed = new Set<string>()
  progress(`package lists of ${distribution.id} ${distribution.codename}…`)
  await apt(['update', '--error-on=any'], {
    timeoutMs: 300_000,
    onLine: line => {
      const item = line.match(/^(?:Get|Hit|Ign):(\d+)/)?.[1]
      if (item && !listed.has(item))
        progress(`package lists of ${distribution.id} (${listed.add(item).size})…`)
    },
  })

  const resolve: Archive['resolve'] = async (names, keep = () => true) => {
    const args = ['install', '--simulate', '--no-install-recommends', ...names]
    const plan = await apt(args, { timeoutMs: 120_000 }).catch(error => {
      throw unknownPackage(error, distribution) ?? error
    })
    return readPlan(plan).filter(({ name }) => keep(name))
  }

  const download = async (packages: Package[]) => {
    const absent = packages.filter(one => !existsSync(join(debs, one.file)))
    if (absent.length === 0) return
    let done = 0
    progress(`downloading packages (0/${absent.length})…`, 0, absent.length)
    const folder = await mkdtemp(join(cache, 'incoming-'))
    try {
      await apt(['download', ...absent.map(one => `${one.name}=${one.version}`)], {
        cwd: folder,
        timeoutMs: 1_800_000,
        onLine: line => {
          if (!line.startsWith('Get:')) return
          done = Math.min(done + 1, absent.length)
          progress(`downloading packages (${done}/${absent.length})…`, done, absent.length)
        },
      })
      // Only whole packages come into the cache.
      for (const { file } of absent) await rename(join(folder, file), join(debs, file))
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

  const unpack: Archive['unpack'] = async (packages, into) => {
    await download(packages)
    for (const [index, { file }] of packages.entries()) {
      progress(`unpacking packages (${index + 1}/${packages.length})…`, index + 1, packages.length)
      const deb = join(debs, file)
      const args = ['-x', deb, into]
      const remedy = `remove ${deb} and try again`
      await runCommand({ command: 'dpkg-deb', args, timeoutMs: 300_000, signal, remedy })
    }
  }

  return { distribution, resolve, unpack }
}

const unknownPackage = (error: unknown, { id, codename }: Distribution): Fault | undefined => {
  if (!(error instanceof Fault)) return undefined
  const name = error.message.match(/E: (?:Unable to locate package|Package) '?([\w.+-]+)/)?.[1]
  if (name === undefined) return undefined
  return new Fault('refused', 'never', `${id} ${codename} has no package ${name}`, {
    cause: error,
    remedy: 'correct the packages of the image in grapevine.yaml',
  })
}

type Apt = (
  args: string[],
  more: { timeoutMs: number; cwd?: string; onLine?: (line: string) => void },
) => Promise<string>

const makeApt = async (cache: string, distribution: Distribution, signal?: AbortSignal): Promise<Apt> => {
  const state = join(cache, 'apt')
  for (const folder of ['lists/partial', 'archives/partial', 'preferences.d']) {
    await mkdir(join(state, folder), { recursive: true })
  }
  await mkdir(join(cache, 'debs'), { recursive: true })
  const sources = join(state, 'sources.list')
  await writeFile(sources, `${distribution.sources.join('\n')}\n`)
  await writeFile(join(state, 'status'), '')
  const settings = [
    `Dir::State::lists=${join(state, 'lists')}`,
    `Dir::State::status=${join(state, 'status')}`,
    `Dir::Cache=${state}`,
    `Dir::Cache::archives=${join(state, 'archives')}`,
    `Dir::Etc::sourcelist=${sources}`,
    'Dir::Etc::sourceparts=/dev/null',
    'Dir::Etc::preferences=/dev/null',
    `Dir::Etc::preferencesparts=${join(state, 'preferences.d')}`,
    'APT::Sandbox::User=root',
    'APT::Architecture=amd64',
    'APT::Update::Post-Invoke-Success::=true',
    'Acquire::Languages=none',
    'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false',
    'Acquire::IndexTargets::deb::CNF::DefaultEnabled=false',
    ...patience.map(line => line.replace(/ "(.*)"$/, '=$1')),
  ]
  const options = settings.flatMap(setting => ['-o', setting])
  // Two builds share the lists; apt itself gives up at once when they are locked.
  const locked = ['--timeout', '900', join(cache, 'lock'), 'apt-get', ...options]
  return (args, more) =>
    runCommand({
      command: 'flock',
      title: 'apt-get',
      args: [...locked, ...args],
      remedy: offline,
      signal,
      ...more,
    })
}

/** `Inst NAME (VERSION Debian:12/stable [amd64])`, a line for each package; the file is called as `apt-get download` calls it. */
export const readPlan = (plan: string): Package[] =>
  [...plan.matchAll(/^Inst (\S+) (?:\[\S+\] )?\((\S+) .*?\[(\w+)\]\)/gm)].map(
    ([, name = '', version = '', arch = '']) => ({
      name,
      version,
      file: `${name}_${version.replaceAll(':', '%3a')}_${arch}.deb`,
    }),
  )
