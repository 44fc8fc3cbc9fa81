// The commits of a pull request as patches, as `git format-patch` writes them: fetched beside the mirror's branches, read, and never applied
// here. Used by mirror.ts.
import { spawn } from 'node:child_process'
import type { PullPatches, PullWanted } from '../../ports/git.ts'
import { killGroup } from '../program.ts'
import { reachEnvironment } from './reach.ts'
import { fetchFault } from './remote.ts'
import { environment, type GitResult, notStarted, runGit } from './run.ts'

const minute = 60_000
const localMs = 2 * minute
const fetchMs = 15 * minute

/** None of these is a branch or tag, so that no fetch of the mirror takes them away. */
const placeOf = (number: number) => `refs/grapevine/pull/${number}`

const isBranch = (name: string): boolean =>
  /^[^-\s~^:?*[\\\p{C}][^\s~^:?*[\\\p{C}]*$/u.test(name) && !/\.\.|@\{|\/\//.test(name)

const isCommit = (id: string): boolean => /^[0-9a-f]{40}$/.test(id)

const local = (bare: string, args: string[], more: { input?: string; env?: Record<string, string> } = {}) =>
  runGit([`--git-dir=${bare}`, ...args], { timeoutMs: localMs, ...more })

/** What fails here is our trouble, and never held against the change. */
const said = async (bare: string, args: string[]): Promise<GitResult> => {
  const result = await local(bare, args)
  if (result.code !== 0) throw fetchFault(bare, result.stderr)
  return result
}

const firstLine = ({ stdout }: GitResult): string => stdout.split('\n')[0]?.trim() ?? ''

const unusable = (why: string): PullPatches => ({ kind: 'unusable', why })

/** undefined: all is here now. Faults: as Mirror.fetch. */
export const fetchPull = async (bare: string, wanted: PullWanted): Promise<PullPatches | undefined> => {
  const { remote, number, base, head } = wanted
  if (!isBranch(base) || !isCommit(head)) return unusable(`its base branch "${base}" has no usable name`)
  const args = ['fetch', '--quiet', '--no-tags', '--no-recurse-submodules', '--no-write-fetch-head']
  const refs = [
    `+refs/pull/${number}/head:${placeOf(number)}/head`,
    `+refs/heads/${base}:${placeOf(number)}/base`,
  ]
  const { code, stderr } = await runGit([`--git-dir=${bare}`, ...args, '--', remote.url, ...refs], {
    timeoutMs: fetchMs,
    env: reachEnvironment(remote),
  })
  if (code !== 0) {
    if (/find remote ref refs\/heads\//i.test(stderr)) return unusable(`its base branch ${base} is not there`)
    if (/find remote ref refs\/pull\//i.test(stderr)) return { kind: 'moved' }
    throw fetchFault(remote.url, stderr)
  }
  const there = await local(bare, ['cat-file', '-e', `${head}^{commit}`])
  return there.code === 0 ? undefined : { kind: 'moved' }
}

/** Bytes as git prints them; undefined: more than `max`. */
const gitBytes = (bare: string, args: string[], max: number): Promise<Buffer | undefined> =>
  new Promise((resolve, reject) => {
    const child = spawn('git', [`--git-dir=${bare}`, ...args], {
      // Nobody's own settings change what a patch looks like.
      env: { ...environment, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' },
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const chunks: Buffer[] = []
    let size = 0
    const timer = setTimeout(() => killGroup(child.pid), localMs)
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size <= max) chunks.push(chunk)
      else killGroup(child.pid)
    })
    child.once('error', error => {
      clearTimeout(timer)
      reject(notStarted(error))
    })
    child.once('close', code => {
      clearTimeout(timer)
      if (size > max) resolve(undefined)
      else if (code === 0) resolve(Buffer.concat(chunks))
      else reject(fetchFault(bare, `fatal: git ${args[0]} ended with ${code}`))
    })
  })

const format = ['--stdout', '--binary', '--full-index', '--no-ext-diff', '--no-textconv', '--no-signature']

/** One commit as a mail, without the line that separates mails in an mbox. */
const patchOf = async (
  bare: string,
  { commit, prefix, max }: { commit: string; prefix: string; max: number },
): Promise<Buffer | undefined> => {
  const args = ['format-patch', '-1', '-N', ...format, '--no-thread', '--no-attach', '--zero-commit']
  const made = await gitBytes(bare, [...args, `--subject-prefix=${prefix}`, commit], max)
  return made?.subarray(made.indexOf('\n') + 1)
}

type Squash = { merged: string; tree: string; wanted: PullWanted }

/** All of a pull request as one commit, which nothing leads to; the same each time. */
const squashed = async (bare: string, { merged, tree, wanted }: Squash): Promise<string> => {
  const { title, author } = wanted
  const date = firstLine(await local(bare, ['show', '-s', '--format=%ct +0000', tree, '--']))
  const who = (role: string) => ({
    [`GIT_${role}_NAME`]: author.name,
    [`GIT_${role}_EMAIL`]: author.address,
    [`GIT_${role}_DATE`]: date,
  })
  const made = await local(bare, ['commit-tree', `${tree}^{tree}`, '-p', merged, '-F', '-'], {
    input: `${title}\n`,
    env: { ...who('AUTHOR'), ...who('COMMITTER') },
  })
  if (made.code !== 0) throw fetchFault(bare, made.stderr)
  return firstLine(made)
}

const sayMiB = (bytes: number): string => `${Math.round(bytes / (1 << 20))} MiB`

/** `commits`: the oldest first. */
const written = async (
  bare: string,
  { commits, wanted, base }: { commits: string[]; wanted: PullWanted; base: string },
): Promise<PullPatches> => {
  const { version, maxBytes } = wanted
  const tag = `PATCH${version > 1 ? ` v${version}` : ''}`
  const patches: Buffer[] = []
  let left = maxBytes
  for (const [n, commit] of commits.entries()) {
    const prefix = commits.length === 1 ? tag : `${tag} ${n + 1}/${commits.length}`
    const patch = await patchOf(bare, { commit, prefix, max: left })
    if (patch === undefined) return unusable(`its changes are larger than ${sayMiB(maxBytes)}`)
    left -= patch.length
    patches.push(patch)
  }
  return { kind: 'patches', base, patches }
}

/** What was fetched, as patches on the newest commit that it shares with its base branch. */
export const patchesOf = async (bare: string, wanted: PullWanted): Promise<PullPatches> => {
  const { number, head, base: branch, maxPatches } = wanted
  const merged = await local(bare, ['merge-base', `${placeOf(number)}/base`, head])
  const base = firstLine(merged)
  if (merged.code === 1) return unusable(`it shares no history with ${branch}`)
  if (!isCommit(base)) throw fetchFault(bare, merged.stderr)
  const range = [`${base}..${head}`]
  const merges = firstLine(await said(bare, ['rev-list', '--merges', '--count', ...range]))
  const isSame = (await local(bare, ['diff-tree', '--quiet', base, head, '--'])).code === 0
  if (merges !== '0') {
    if (isSame) return unusable(`it changes nothing that is not in ${branch} already`)
    return written(bare, {
      commits: [await squashed(bare, { merged: base, tree: head, wanted })],
      ...{ wanted, base },
    })
  }
  // A commit that changes nothing is no patch.
  const list = await said(bare, [
    'rev-list',
    '--reverse',
    `--max-count=${maxPatches + 1}`,
    ...range,
    '--',
    '.',
  ])
  const commits = list.stdout.split('\n').filter(isCommit)
  if (commits.length === 0) return unusable(`it changes nothing that is not in ${branch} already`)
  if (commits.length > maxPatches) return unusable(`it has more than ${maxPatches} commits`)
  return written(bare, { commits, wanted, base })
}
