// Which commit a patch was made from, told by the blobs that it changes: the newest one that has them all. Used by mirror.ts.
import { Fault } from '../../model/fault.ts'
import type { Commit } from '../../model/job.ts'
import type { FileState, WantedFiles } from '../../ports/git.ts'
import { runGit } from './run.ts'

/** Patches are other people's: whatever they name, so much is looked at. */
const limits = {
  searchMs: 10_000,
  commits: 2_000,
  /** Of those after `since`. */
  recentCommits: 20_000,
  /** Of one set; that many are evidence enough. */
  files: 300,
  /** At once, in one process. */
  lookups: 20_000,
  pathLength: 1_000,
}

type Search = { bare: string; until: number }

/** The newest commit that will do; undefined: there is none, or no time was left. */
export const newestWith = async (bare: string, wanted: WantedFiles): Promise<Commit | undefined> => {
  const search = { bare, until: Date.now() + limits.searchMs }
  try {
    return await find(search, wanted)
  } catch (error) {
    if (error instanceof Fault && error.kind === 'timeout') return undefined
    throw error
  }
}

const find = async (search: Search, { tip, since, anyOf }: WantedFiles): Promise<Commit | undefined> => {
  const asked = anyOf.map(readable).filter(set => set.length > 0)
  const sets: FileState[][] = []
  for (const set of asked) {
    const wrong = await differing(search, tip, set)
    if (wrong.size === 0) return tip
    // What the tip has is there in most commits: what differs parts them sooner.
    if (await mayExist(search, set)) sets.push([...wrong, ...set.filter(state => !wrong.has(state))])
  }
  if (sets.length === 0) return undefined
  const commits = await history(search, tip, since)
  for (let at = 0, size = 32; at < commits.length; at += size, size *= 4) {
    const chunk = commits.slice(at, at + size)
    const found = await Promise.all(sets.map(set => withAll(search, chunk, set)))
    const fitting = new Set(found.flat())
    const newest = chunk.find(commit => fitting.has(commit))
    if (newest !== undefined) return newest
  }
  return undefined
}

/** What git can be asked for on one line; a path that leads out of the tree is no path of it. */
const readable = (set: FileState[]): FileState[] =>
  set
    .filter(({ path }) => path !== '' && path.length <= limits.pathLength && !/[\n\0]|^\.{0,2}\//.test(path))
    .slice(0, limits.files)

const ask = async ({ bare, until }: Search, args: string[], input = ''): Promise<string[]> => {
  const timeoutMs = until - Date.now()
  if (timeoutMs <= 0) throw new Fault('timeout', 'later', 'git: no time is left')
  const { code, stdout } = await runGit([`--git-dir=${bare}`, ...args], { timeoutMs, input, keep: 64e6 })
  return code === 0 ? stdout.split('\n').slice(0, -1) : []
}

const objectsOf = (search: Search, names: string[]): Promise<string[]> =>
  ask(
    search,
    ['cat-file', '--batch-check=%(objectname)', '--buffer'],
    names.map(name => `${name}\n`).join(''),
  )

const isThere = (line: string | undefined, { blob }: FileState): boolean => {
  const id = /^[0-9a-f]{40,64}$/.exec(line ?? '')?.[0]
  return blob === undefined ? id === undefined && line !== undefined : (id?.startsWith(blob) ?? false)
}

const differing = async (search: Search, tip: Commit, set: FileState[]): Promise<Set<FileState>> => {
  const lines = await objectsOf(
    search,
    set.map(({ path }) => `${tip}:${path}`),
  )
  return new Set(set.filter((state, n) => !isThere(lines[n], state)))
}

/** A blob that is nowhere in the mirror is in no commit. */
const mayExist = async (search: Search, set: FileState[]): Promise<boolean> => {
  const ids = set.flatMap(({ blob }) => (blob === undefined ? [] : [blob]))
  const lines = await objectsOf(search, ids)
  return lines.length === ids.length && !lines.some(line => line.endsWith(' missing'))
}

/** Newest first, without the tip, which was looked at. */
const history = async (search: Search, tip: Commit, since: number): Promise<Commit[]> => {
  const walk = (...bounds: string[]) => ask(search, ['rev-list', ...bounds, tip, '--'])
  const last = await walk(`--max-count=${limits.commits}`)
  if (last.length < limits.commits) return last.slice(1)
  const recent = await walk(
    `--max-count=${limits.recentCommits}`,
    `--max-age=${Math.max(0, Math.floor(since / 1000))}`,
  )
  return (recent.length > last.length ? recent : last).slice(1)
}

/** File by file, in steps that grow: most commits are out after the first ones. */
const withAll = async (search: Search, commits: Commit[], set: FileState[]): Promise<Commit[]> => {
  let left = commits
  for (let at = 0, step = 1; at < set.length && left.length > 0; ) {
    const states = set.slice(at, at + Math.max(1, Math.min(step, Math.floor(limits.lookups / left.length))))
    const lines = await objectsOf(
      search,
      left.flatMap(commit => states.map(({ path }) => `${commit}:${path}`)),
    )
    left = left.filter((_, n) => states.every((state, i) => isThere(lines[n * states.length + i], state)))
    at += states.length
    step *= 4
  }
  return left
}
