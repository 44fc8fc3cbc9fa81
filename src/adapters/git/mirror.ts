// A bare mirror of each project's repository: where bases come from. No patch is ever applied here.

import { spawn } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { access, mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { resolve as absolute, basename, join } from 'node:path'
import type { Readable } from 'node:stream'
import { Fault } from '../../model/fault.ts'
import type { Millis } from '../../model/instant.ts'
import type { Commit } from '../../model/job.ts'
import type { Mirror } from '../../ports/git.ts'
import { errnoFault } from '../../text/errno.ts'
import { locked } from './lock.ts'
import { runGit } from './run.ts'

export type MirrorOptions = {
  /** Holds one `NAME-DIGEST.git` for each repository. */
  folder: string
  /** For one fetch; a clone of a large repository is one as well. Default 30 minutes. */
  fetchTimeoutMs?: Millis
}

const minute = 60_000
const localTimeoutMs = 5 * minute

/**
 * Mirrors below `folder`, made at first use and made anew when they are damaged. Two processes may share a folder.
 * Faults: unreachable (the old state stays usable), refused (no such repository, no permission, a forbidden protocol),
 * timeout, exhausted (disk full, git missing).
 */
export const gitMirror = ({ folder, fetchTimeoutMs = 30 * minute }: MirrorOptions): Mirror => {
  const place = (repository: string): Place => placeOf(folder, repository, fetchTimeoutMs)
  return {
    fetch: repository => guarded(folder, () => update(place(repository))),
    resolve: (repository, name) => guarded(folder, () => resolve(place(repository), name)),
    snapshot: (repository, commit) => guarded(folder, () => snapshot(place(repository), commit)),
  }
}

type Place = { repository: string; folder: string; bare: string; fetchTimeoutMs: Millis }

const placeOf = (folder: string, repository: string, fetchTimeoutMs: Millis): Place => {
  const source = sourceOf(repository)
  const name = basename(source, '.git')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[.-]+/, '')
    .slice(0, 60)
  const digest = createHash('sha256').update(source).digest('hex').slice(0, 12)
  return {
    repository: source,
    folder,
    bare: join(folder, `${name || 'repository'}-${digest}.git`),
    fetchTimeoutMs,
  }
}

const url = /^(https|ssh|git|file):\/\/[^-]/
const scpLike = /^[A-Za-z0-9_][^/:\s]*@?[A-Za-z0-9_.-]*:(?!:)[^\s]/

/** A URL of an allowed protocol, `user@host:path`, or a path, made absolute. Nothing that git takes for an option or for a transport program (`ext::…`). */
const sourceOf = (repository: string): string => {
  if (url.test(repository) || (scpLike.test(repository) && !repository.includes('://'))) return repository
  if (repository.startsWith('-') || repository.includes('::') || /^[a-z][a-z0-9+.-]*:\/\//i.test(repository))
    throw new Fault('refused', 'never', `repository ${redacted(repository)}: its protocol is not allowed`, {
      remedy: 'use a path, or an https, ssh, git or file URL',
    })
  return absolute(repository)
}

const redacted = (text: string): string => text.replace(/\/\/[^/@\s]*@/g, '//***@')

const guarded = async <T>(folder: string, act: () => Promise<T>): Promise<T> => {
  try {
    return await act()
  } catch (error) {
    throw errnoFault(error, 'mirror', folder)
  }
}

const update = async (place: Place): Promise<void> => {
  await mkdir(place.folder, { recursive: true })
  await locked(`${place.bare}.lock`, place.fetchTimeoutMs + minute, async () => {
    if (!(await isThere(place.bare))) return clone(place)
    const stderr = await fetchInto(place, place.bare)
    if (stderr === undefined) return
    if (await isDamaged(place.bare, stderr)) return clone(place)
    throw fetchFault(place, stderr)
  })
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )

/** Made beside and renamed: a mirror is there whole or not at all, and a damaged one stays until there is another. */
const clone = async (place: Place): Promise<void> => {
  const fresh = join(place.folder, `tmp-${randomUUID()}`)
  try {
    await removeStale(place.folder)
    await mustRun(['init', '--quiet', '--bare', '--template=', fresh], place)
    await writeFile(join(fresh, 'config'), mirrorConfig)
    const stderr = await fetchInto(place, fresh)
    if (stderr !== undefined) throw fetchFault(place, stderr)
    await rm(place.bare, { recursive: true, force: true })
    await rename(fresh, place.bare)
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
}

// Snapshots fetch any commit of it. Cleaning up runs under our lock and deadline, not in the background.
const mirrorConfig = `[core]
\trepositoryformatversion = 0
\tbare = true
[uploadpack]
\tallowAnySHA1InWant = true
[gc]
\tautoDetach = false
`

/** What killed processes left: nothing takes a day. */
const removeStale = async (folder: string): Promise<void> => {
  for (const name of (await readdir(folder)).filter(name => name.startsWith('tmp-'))) {
    const path = join(folder, name)
    const age =
      Date.now() -
      (await stat(path).then(
        ({ mtimeMs }) => mtimeMs,
        () => Date.now(),
      ))
    if (age > 24 * 60 * minute) await rm(path, { recursive: true, force: true })
  }
}

/** undefined: all went well; else what git said. */
const fetchInto = async (
  { repository, fetchTimeoutMs }: Place,
  bare: string,
): Promise<string | undefined> => {
  const refs = ['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*']
  const options = ['--quiet', '--prune', '--no-tags', '--no-recurse-submodules', '--no-write-fetch-head']
  const args = [`--git-dir=${bare}`, 'fetch', ...options, '--', repository, ...refs]
  const { code, stderr } = await runGit(args, { timeoutMs: fetchTimeoutMs })
  return code === 0 ? undefined : stderr.trim() || `git fetch ended with ${code}`
}

const damageWords =
  /not a git repository: |bad object|corrupt|unable to (read|find) |missing (blob|tree|commit|object)|object file .* is empty|did not send all necessary objects|invalid sha1 pointer|packfile .* (cannot|does not|is far)|bad (config|pack)|unresolved deltas|broken/i

/** Words alone may be about the other side; whether all is here is looked at only then, because it takes a while. */
const isDamaged = async (bare: string, stderr: string): Promise<boolean> => {
  if (!damageWords.test(stderr)) return false
  const { code } = await runGit(
    [`--git-dir=${bare}`, 'fsck', '--connectivity-only', '--no-dangling', '--no-progress'],
    {
      timeoutMs: localTimeoutMs,
    },
  )
  return code !== 0
}

const lastLines = (stderr: string): string => {
  const lines = redacted(stderr)
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
  const fatal = lines.find(line => line.startsWith('fatal:')) ?? lines.at(-1) ?? 'no message'
  return fatal.replace(/^fatal: /, '')
}

const fetchFault = ({ repository }: Place, stderr: string): Fault => {
  const message = `repository ${redacted(repository)}: ${lastLines(stderr)}`
  const cause = new Error(redacted(stderr))
  if (/dubious ownership/.test(stderr))
    return new Fault('refused', 'later', `repository ${redacted(repository)}: it belongs to another user`, {
      cause,
      remedy: `git config --global --add safe.directory ${repository}`,
    })
  if (/No space left|Disk quota/.test(stderr))
    return new Fault('exhausted', 'later', message, {
      cause,
      remedy: 'free space on the disk of the mirrors',
    })
  if (/does not (appear to be a git repository|exist)|not found|not a git repository/i.test(stderr))
    return new Fault('refused', 'later', message, { cause, remedy: 'check the repository in the recipe' })
  if (
    /Authentication failed|Permission denied|could not read (Username|Password)|access denied/i.test(stderr)
  )
    return new Fault('refused', 'later', message, {
      cause,
      remedy: 'let git of this user read it without being asked',
    })
  return new Fault('unreachable', 'soon', message, {
    cause,
    remedy: `try: git ls-remote ${redacted(repository)}`,
  })
}

const mustRun = async (args: string[], place: Place): Promise<string> => {
  const { code, stdout, stderr } = await runGit(args, { timeoutMs: localTimeoutMs })
  if (code !== 0) throw fetchFault(place, stderr)
  return stdout
}

const ensure = async (place: Place): Promise<void> => {
  if (!(await isThere(join(place.bare, 'HEAD')))) await update(place)
}

/** What may stand in a name (git-check-ref-format(1)); nothing that rev-parse reads as an expression or option. */
const isPlainName = (name: string): boolean =>
  /^[^-\s~^:?*[\\\p{C}][^\s~^:?*[\\\p{C}]*$/u.test(name) && !/\.\.|@\{|\/\//.test(name)

const resolve = async (place: Place, name: string): Promise<Commit | undefined> => {
  if (!isPlainName(name)) return undefined
  await ensure(place)
  const asCommit = /^[0-9a-f]{7,64}$/i.test(name) ? [name] : []
  const candidates = [
    `refs/heads/${name}`,
    `refs/tags/${name}`,
    ...(name.startsWith('refs/') ? [name] : []),
    ...asCommit,
  ]
  for (const candidate of candidates) {
    const args = [`--git-dir=${place.bare}`, 'rev-parse', '--verify', '--quiet', `${candidate}^{commit}`]
    const { code, stdout } = await runGit(args, { timeoutMs: localTimeoutMs })
    if (code === 0) return stdout.trim()
  }
  return undefined
}

const snapshot = async (place: Place, commit: Commit): Promise<{ size: number; stream: Readable }> => {
  if (!/^[0-9a-f]{40}$/.test(commit))
    throw new Fault('malformed', 'never', `mirror: "${commit}" is no commit id`)
  await ensure(place)
  const work = join(place.folder, `tmp-${randomUUID()}`)
  try {
    await shallow(place, commit, work)
    const tar = join(work, 'snapshot.tar')
    await pack(work, tar)
    // Unlinked below while it is open: nothing stays behind, whatever becomes of the reader.
    const file = await open(tar, 'r')
    const { size } = await file.stat()
    return { size, stream: createReadStream('', { fd: file, autoClose: true }) }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** A repository with that one commit, in `work`/.git. */
const shallow = async (place: Place, commit: Commit, work: string): Promise<void> => {
  await mustRun(['init', '--quiet', '--template=', '--initial-branch=base', work], place)
  const fetch = [
    'fetch',
    '--quiet',
    '--depth=1',
    '--no-tags',
    '--no-recurse-submodules',
    '--no-write-fetch-head',
  ]
  const args = ['-C', work, '-c', 'gc.auto=0', ...fetch, '--', `file://${place.bare}`, commit]
  const { code, stderr } = await runGit(args, { timeoutMs: localTimeoutMs })
  if (code !== 0)
    throw new Fault(
      'damaged',
      'soon',
      `mirror ${place.bare}: commit ${commit} cannot be read: ${lastLines(stderr)}`,
      {
        cause: new Error(stderr),
        remedy: `remove ${place.bare}; it is fetched again`,
      },
    )
  await mustRun(['-C', work, 'update-ref', '--no-deref', 'HEAD', commit], place)
}

/** The guest's owner and clock are not ours; the same commit gives the same tar but for the pack's name. */
const pack = async (work: string, tar: string): Promise<void> => {
  const owner = ['--owner=0', '--group=0', '--numeric-owner', '--mtime=@0', '--sort=name', '--format=ustar']
  const child = spawn('tar', ['-C', work, ...owner, '-cf', tar, '.git'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let stderr = ''
  child.stderr.on('data', chunk => {
    stderr += String(chunk)
  })
  const [code] = await once(child, 'close')
  if (code !== 0)
    throw new Fault('exhausted', 'later', `tar of ${work}: ${stderr.trim() || `ended with ${code}`}`)
}
