// Against which commit a series is tested: the one that a command asks for, the one that it names itself, the one that its blobs tell, or
// the head of its branch. Fetches and searches, so it is done before anybody's turn.
import { Fault } from '../../model/fault.ts'
import type { Instant } from '../../model/instant.ts'
import type { BaseHow, Commit } from '../../model/job.ts'
import type { FileChange } from '../../model/mail.ts'
import type { FileState, Mirror } from '../../ports/git.ts'

export type Base = { commit: Commit; name: string; how: BaseHow; wanted?: string }

export type BaseWanted = {
  repository: string
  branch: string
  /** What a command asks for: a branch, tag or commit. Untrusted, as is `named`. */
  asked: string | undefined
  named: string | undefined
  /** The files of all patches that go in, in order; and which of them are the series' own. */
  files: FileChange[]
  own: FileChange[]
  arrivedAt: Instant
}

const day = 86_400_000
const searchedMs = 90 * day
/** A fetch that is so young need not be done again because a mail names something unknown. */
const youngMs = 10_000

/** Files that are looked at: a series of more is told by these as well. */
const maxFiles = 20_000

const isNone = (blob: string): boolean => /^0+$/.test(blob)

/** What must be in the tree before the first patch: each file as the first patch that touches it expects it. */
export const statesBefore = (files: FileChange[]): FileState[] => {
  const touched = new Set<string>()
  const states: FileState[] = []
  for (const { before, after, blobs, kind } of files.slice(0, maxFiles)) {
    if (before !== undefined && blobs && !isNone(blobs.before) && !touched.has(before))
      states.push({ path: before, blob: blobs.before })
    if (before !== undefined && kind !== 'copy') touched.add(before)
    if (after !== undefined) touched.add(after)
  }
  return states
}

/** What is in the tree after the last one; empty where it cannot be told of every file. */
export const statesAfter = (files: FileChange[]): FileState[] => {
  if (files.length > maxFiles) return []
  const states = new Map<string, string | undefined>()
  for (const { before, after, blobs, kind } of files) {
    if (!blobs) return []
    if (before !== undefined && before !== after && kind !== 'copy') states.set(before, undefined)
    if (after !== undefined) states.set(after, blobs.after)
  }
  const all = [...states].map(([path, blob]) => ({ path, blob }))
  return all.some(({ blob }) => blob !== undefined) ? all : []
}

const isWholeId = (name: string): boolean => /^[0-9a-f]{40}$/.test(name)

/** What is not in the mirror is fetched: branches and tags first, then a commit by its id. An upstream that cannot be reached has nothing. */
const find = async (mirror: Mirror, repository: string, name: string): Promise<Commit | undefined> => {
  const here = await mirror.resolve(repository, name)
  if (here) return here
  try {
    await mirror.fetch(repository, { ifOlderThanMs: youngMs })
    const now = await mirror.resolve(repository, name)
    if (now || !isWholeId(name) || !(await mirror.fetchCommit(repository, name))) return now
  } catch (error) {
    if (error instanceof Fault) return undefined
    throw error
  }
  return mirror.resolve(repository, name)
}

/** undefined: not even the branch is there. Throws the mirror's Faults where there is no branch to fall back to. */
export const findBase = async (mirror: Mirror, wanted: BaseWanted): Promise<Base | undefined> => {
  const { repository, branch, asked, named } = wanted
  const names = [
    { name: asked, how: 'asked' as const },
    { name: named, how: 'named' as const },
  ]
  let missed: string | undefined
  for (const { name, how } of names) {
    if (name === undefined) continue
    const commit = await find(mirror, repository, name)
    const said = missed === undefined ? {} : { wanted: missed }
    if (commit) return { commit, name: how === 'asked' ? name : 'base-commit', how, ...said }
    missed ??= name
  }
  const tip = (await mirror.resolve(repository, branch)) ?? (await fetched(mirror, repository, branch))
  if (!tip) return undefined
  const found = await mirror.commitWith(repository, {
    tip,
    since: wanted.arrivedAt - searchedMs,
    anyOf: [statesBefore(wanted.files), statesAfter(wanted.own)],
  })
  return {
    ...(found === undefined || found === tip
      ? { commit: tip, how: 'head' as const }
      : { commit: found, how: 'blobs' as const }),
    name: branch,
    ...(missed === undefined ? {} : { wanted: missed }),
  }
}

const fetched = async (mirror: Mirror, repository: string, branch: string): Promise<Commit | undefined> => {
  await mirror.fetch(repository)
  return mirror.resolve(repository, branch)
}
