// A bare mirror of each project's repository: where bases come from. No patch is ever applied here.
import { randomUUID } from 'node:crypto'
import { access, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Readable } from 'node:stream'
import { Fault } from '../../model/fault.ts'
import type { Millis } from '../../model/instant.ts'
import type { Commit } from '../../model/job.ts'
import type { Mirror } from '../../ports/git.ts'
import { sha256 } from '../../text/digest.ts'
import { errnoFault } from '../../text/errno.ts'
import { landedIn } from './landed.ts'
import { locked } from './lock.ts'
import { fetchPull, patchesOf } from './pull.ts'
import { fetchFault, sourceOf } from './remote.ts'
import { type GitResult, runGit } from './run.ts'
import { newestWith } from './search.ts'
import { makeSnapshot } from './snapshot.ts'

export type MirrorOptions = {
  /** Absolute; holds one `NAME-DIGEST.git` for each repository. */
  folder: string
  /** For one fetch; a clone of a large repository is one as well. Default 30 minutes. */
  fetchTimeoutMs?: Millis
}

const minute = 60_000
const localTimeoutMs = 5 * minute
/** A mail asks for it: a commit with a history of its own, far from the project's, is not waited for. */
const oneCommitTimeoutMs = 2 * minute
const askAgainMs = 10 * minute

/**
 * Mirrors below `folder`, made at first use and made anew when they are damaged. Several processes may share a folder. Branches
 * and tags are fetched, submodules are not. Faults: unreachable (the old state stays usable), refused (no such repository or
 * commit, no permission, a forbidden protocol), timeout, exhausted (disk full, git missing).
 */
export const gitMirror = ({ folder, fetchTimeoutMs = 30 * minute }: MirrorOptions): Mirror => {
  const at = (repository: string): Place => placeOf(folder, repository, fetchTimeoutMs)
  const fetched = new Map<string, number>()
  /** Mails name commits that nobody has; the server is not asked for the same one all the time. */
  const missing = new Map<string, number>()
  return {
    async fetch(repository, { ifOlderThanMs = 0 } = {}) {
      const began = Date.now()
      if (began - (fetched.get(repository) ?? Number.NEGATIVE_INFINITY) < ifOlderThanMs) return
      await guarded(folder, () => update(at(repository)))
      fetched.set(repository, began)
    },
    async fetchCommit(repository, commit) {
      const key = `${commit} ${repository}`
      const now = Date.now()
      for (const [refused, at] of missing)
        if (now - at > askAgainMs || missing.size > 1000) missing.delete(refused)
      if (missing.has(key)) return false
      const got = await guarded(folder, () => fetchOne(at(repository), commit))
      if (!got) missing.set(key, now)
      return got
    },
    commitWith: (repository, wanted) => guarded(folder, () => newestWith(at(repository).bare, wanted)),
    resolve: (repository, name) => guarded(folder, () => resolve(at(repository), name)),
    log: (repository, from, limit) => guarded(folder, () => log(at(repository), from, limit)),
    landed: (repository, wanted) =>
      guarded(folder, () => healed(at(repository), () => landedIn(at(repository).bare, wanted))),
    pullPatches: (repository, wanted) =>
      guarded(folder, async () => {
        const place = at(repository)
        const not = await exclusively(place, async () => {
          if (!(await isThere(place.bare))) await clone(place)
          return fetchPull(place.bare, wanted)
        })
        return not ?? patchesOf(place.bare, wanted)
      }),
    snapshot: (repository, commit) => guarded(folder, () => snapshot(at(repository), commit)),
  }
}

type Place = { repository: string; folder: string; bare: string; fetchTimeoutMs: Millis }

/** Where the mirror of a repository lies. */
export const mirrorPath = (folder: string, repository: string): string => placeOf(folder, repository, 0).bare

const placeOf = (folder: string, repository: string, fetchTimeoutMs: Millis): Place => {
  const source = sourceOf(repository)
  const readable = basename(source, '.git')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[.-]+/, '')
  const digest = sha256(source).slice(0, 12)
  const bare = join(folder, `${readable.slice(0, 60) || 'repository'}-${digest}.git`)
  return { repository: source, folder, bare, fetchTimeoutMs }
}

const guarded = async <T>(folder: string, act: () => Promise<T>): Promise<T> => {
  try {
    return await act()
  } catch (error) {
    throw errnoFault(error, 'mirror', folder)
  }
}

const exclusively = async <T>(place: Place, act: () => Promise<T>): Promise<T> => {
  await mkdir(place.folder, { recursive: true })
  return locked(`${place.bare}.lock`, place.fetchTimeoutMs + minute, act)
}

const update = (place: Place): Promise<void> =>
  exclusively(place, async () => {
    if (!(await isThere(place.bare))) return clone(place)
    const stderr = await fetchInto(place, place.bare)
    if (stderr === undefined) return
    if (await isDamaged(place.bare, stderr)) return clone(place)
    throw fetchFault(place.repository, stderr)
  })

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
    const { code, stderr } = await runGit(['init', '--quiet', '--bare', '--template=', fresh], {
      timeoutMs: localTimeoutMs,
    })
    if (code !== 0) throw fetchFault(place.repository, stderr)
    await writeFile(join(fresh, 'config'), mirrorConfig)
    const complaint = await fetchInto(place, fresh)
    if (complaint !== undefined) throw fetchFault(place.repository, complaint)
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
  for (const name of await readdir(folder)) {
    if (!name.startsWith('tmp-')) continue
    const path = join(folder, name)
    const since = await stat(path)
      .then(({ mtimeMs }) => mtimeMs)
      .catch(() => Date.now())
    if (Date.now() - since > 24 * 60 * minute) await rm(path, { recursive: true, force: true })
  }
}

const fetchOptions = ['--quiet', '--prune', '--no-tags', '--no-recurse-submodules', '--no-write-fetch-head']
const fetchedRefs = ['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*']

/** undefined: all went well; else what git said. */
const fetchInto = async (place: Place, bare: string): Promise<string | undefined> => {
  const args = [`--git-dir=${bare}`, 'fetch', ...fetchOptions, '--', place.repository, ...fetchedRefs]
  const { code, stderr } = await runGit(args, { timeoutMs: place.fetchTimeoutMs })
  return code === 0 ? undefined : stderr.trim() || `git fetch ended with ${code}`
}

/** Under a reference of its own, or git would throw it away one day. */
const fetchOne = (place: Place, commit: Commit): Promise<boolean> => {
  if (!/^[0-9a-f]{40}$/.test(commit)) return Promise.resolve(false)
  return exclusively(place, async () => {
    if (!(await isThere(place.bare))) await clone(place)
    const wanted = `${commit}:refs/grapevine/${commit}`
    const args = [`--git-dir=${place.bare}`, 'fetch', ...fetchOptions.filter(option => option !== '--prune')]
    const { code, stderr } = await runGit([...args, '--', place.repository, wanted], {
      timeoutMs: Math.min(place.fetchTimeoutMs, oneCommitTimeoutMs),
    })
    if (code === 0) return true
    if (/not our ref|find remote ref|unadvertised object|not a valid object|no such remote ref/i.test(stderr))
      return false
    throw fetchFault(place.repository, stderr)
  })
}

const local = (place: Place, ...args: string[]): Promise<GitResult> =>
  runGit([`--git-dir=${place.bare}`, ...args], { timeoutMs: localTimeoutMs })

const damageWords =
  /not a git repository: |bad object|corrupt|unable to (read|find) |missing (blob|tree|commit|object)|object file .* is empty|did not send all necessary objects|invalid sha1 pointer|packfile .* (cannot|does not|is far)|bad (config|pack)|unresolved deltas|broken/i

/** Words alone may be about the other side; whether all is here is looked at only then, because it takes a while. */
const isDamaged = async (bare: string, stderr: string): Promise<boolean> => {
  if (!damageWords.test(stderr)) return false
  const args = [`--git-dir=${bare}`, 'fsck', '--connectivity-only', '--no-dangling', '--no-progress']
  return (await runGit(args, { timeoutMs: localTimeoutMs })).code !== 0
}

/** Tries again after a fetch, which finds most damage, and then after a fresh clone. */
const healed = async <T>(place: Place, act: () => Promise<T>): Promise<T> => {
  if (!(await isThere(place.bare))) await update(place)
  const remedies = [() => update(place), () => exclusively(place, () => clone(place))]
  for (;;) {
    try {
      return await act()
    } catch (error) {
      const remedy = remedies.shift()
      const known = error instanceof Fault && (error.kind === 'damaged' || error.kind === 'refused')
      if (!known || remedy === undefined) throw error
      // A commit that is not there after a fetch does not come by a clone.
      if (error.kind === 'refused' && remedies.length === 0) throw error
      await remedy()
    }
  }
}

/** What may stand in a name (git-check-ref-format(1)); nothing that rev-parse reads as an expression or option. */
const isPlainName = (name: string): boolean =>
  /^[^-\s~^:?*[\\\p{C}][^\s~^:?*[\\\p{C}]*$/u.test(name) && !/\.\.|@\{|\/\//.test(name)

const resolve = async (place: Place, name: string): Promise<Commit | undefined> => {
  if (!isPlainName(name)) return undefined
  const refs = [`refs/heads/${name}`, `refs/tags/${name}`, ...(name.startsWith('refs/') ? [name] : [])]
  const commits = /^[0-9a-f]{7,64}$/i.test(name) ? [name] : []
  return healed(place, async () => {
    for (const candidate of [...refs, ...commits]) {
      const { code, stdout } = await local(place, 'rev-parse', '--verify', '--quiet', `${candidate}^{commit}`)
      if (code === 0) return stdout.trim()
    }
    await requireWhole(place, refs)
    return undefined
  })
}

/** A name that is not there, and one whose commit was lost, look alike to rev-parse: only the first is an answer. */
const requireWhole = async (place: Place, refs: string[]): Promise<void> => {
  const { code, stdout } = await local(place, 'for-each-ref', '--format=%(objectname)', ...refs)
  const lost = async (id: string) => (await local(place, 'cat-file', '-e', id)).code !== 0
  const ids = stdout.split('\n').filter(id => id !== '')
  if (code === 0 && !(await Promise.all(ids.map(lost))).includes(true)) return
  throw new Fault('damaged', 'later', `mirror ${place.bare}: objects are missing`, {
    remedy: `remove ${place.bare}; it is fetched again`,
  })
}

const maxSubject = 200

const log = async (
  place: Place,
  from: Commit,
  limit: number,
): Promise<{ commit: Commit; subject: string }[]> => {
  if (!/^[0-9a-f]{40}$/.test(from)) throw new Fault('malformed', 'never', `mirror: "${from}" is no commit id`)
  return healed(place, async () => {
    // git counts columns, not characters: what is endless ends here, and the rest below.
    const args = ['log', `--max-count=${limit}`, `--format=%H %<(${maxSubject},trunc)%s`, from, '--']
    const { code, stdout, stderr } = await runGit([`--git-dir=${place.bare}`, ...args], {
      timeoutMs: localTimeoutMs,
      keep: 64e6,
    })
    if (code !== 0)
      throw new Fault('refused', 'later', `mirror: commit ${from}: ${stderr.trim().split('\n')[0]}`)
    const lines = stdout.split('\n').slice(0, -1)
    return lines.map(line => ({
      commit: line.slice(0, 40),
      subject: line.slice(41).trim().slice(0, maxSubject).toWellFormed(),
    }))
  })
}

const snapshot = (place: Place, commit: Commit): Promise<{ size: number; stream: Readable }> => {
  if (!/^[0-9a-f]{40}$/.test(commit))
    throw new Fault('malformed', 'never', `mirror: "${commit}" is no commit id`)
  const pack = () => makeSnapshot({ bare: place.bare, commit, folder: place.folder })
  return healed(place, pack).catch(async error => {
    // One that was fetched by its id is lost when the mirror is made anew.
    if (!(error instanceof Fault) || error.kind !== 'refused' || !(await fetchOne(place, commit))) throw error
    return pack()
  })
}
