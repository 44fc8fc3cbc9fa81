// Series as branches elsewhere: commits out of a guest are checked here, in a repository that lasts for minutes, and pushed. Nothing is checked out.
import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Fault } from '../../model/fault.ts'
import type { Commit } from '../../model/job.ts'
import type { Remote } from '../../ports/forge.ts'
import type { Branches, PushedSeries } from '../../ports/git.ts'
import { errnoFault } from '../../text/errno.ts'
import { mirrorPath } from './mirror.ts'
import { reachEnvironment } from './reach.ts'
import { fetchFault, redacted } from './remote.ts'
import { type GitResult, runGit } from './run.ts'

export type BranchesOptions = {
  /** Of the mirrors; what lasts for minutes lies below it, too. */
  folder: string
}

const timeoutMs = 5 * 60_000
const commitId = /^[0-9a-f]{40}$/
const tipRef = 'refs/grapevine/tip'

const damaged = (why: string, cause?: string): Fault =>
  new Fault('damaged', 'never', `the commits of a guest are not what they should be: ${why}`, {
    ...(cause === undefined ? {} : { cause: new Error(cause) }),
  })

const firstLine = (text: string): string =>
  redacted(text)
    .split('\n')
    .find(line => /error|fatal/.test(line))
    ?.trim()
    .slice(0, 200) ?? 'git refuses them'

/** A bare repository that sees the mirror's objects, and holds the base, so that a bundle on top of it can be read. */
const fresh = async (path: string, { mirror, base }: { mirror: string; base: Commit }): Promise<void> => {
  const { code, stderr } = await runGit(['init', '--quiet', '--bare', '--template=', path], { timeoutMs })
  if (code !== 0) throw fetchFault(path, stderr)
  await mkdir(join(path, 'objects', 'info'), { recursive: true })
  await writeFile(join(path, 'objects', 'info', 'alternates'), `${join(mirror, 'objects')}\n`)
  const based = await runGit([`--git-dir=${path}`, 'update-ref', 'refs/grapevine/base', base], { timeoutMs })
  if (based.code !== 0)
    throw new Fault('refused', 'later', `the mirror ${mirror} does not have the base ${base}`, {
      cause: new Error(based.stderr),
    })
}

const quiet = ['--quiet', '--no-tags', '--no-recurse-submodules', '--no-write-fetch-head', '--no-auto-gc']

/**
 * First as it is, then once more from there: only a fetch from a repository has every object looked at (`fetch.fsckObjects`) in all of the
 * git versions that are about; of a bundle it has so since 2.46.
 */
const checked = async (
  work: string,
  { base, bundle, most, mirror }: Pick<PushedSeries, 'base' | 'bundle' | 'most'> & { mirror: string },
): Promise<{ bare: string; tip: Commit }> => {
  const [file, first, bare] = [join(work, 'bundle'), join(work, 'first.git'), join(work, 'checked.git')]
  await pipeline(bundle(), createWriteStream(file))
  for (const path of [first, bare]) await fresh(path, { mirror, base })
  const steps = [
    [`--git-dir=${first}`, 'fetch', ...quiet, '--', file, `HEAD:${tipRef}`],
    [
      `--git-dir=${bare}`,
      '-c',
      'fetch.fsckObjects=true',
      'fetch',
      ...quiet,
      '--',
      first,
      `${tipRef}:${tipRef}`,
    ],
  ]
  for (const args of steps) {
    const { code, stderr } = await runGit(args, { timeoutMs })
    if (/No space left|Disk quota/.test(stderr)) throw fetchFault(work, stderr)
    if (code !== 0) throw damaged(firstLine(stderr), stderr)
  }
  return { bare, tip: await lineFrom(bare, { base, most }) }
}

/** The tip, if what leads there from the base is one line of commits, and no more than there are patches. */
const lineFrom = async (
  bare: string,
  { base, most }: Pick<PushedSeries, 'base' | 'most'>,
): Promise<Commit> => {
  const args = ['rev-list', '--parents', `--max-count=${most + 1}`, tipRef, `^${base}`]
  const { code, stdout, stderr } = await runGit([`--git-dir=${bare}`, ...args], {
    ...{ timeoutMs, keep: 1e6 },
  })
  if (code !== 0) throw damaged(firstLine(stderr), stderr)
  const rows = stdout.split('\n').flatMap(line => (line === '' ? [] : [line.split(' ')]))
  const tip = rows[0]?.[0]
  if (tip === undefined || !commitId.test(tip)) throw damaged('there are none')
  if (rows.length > most) throw damaged(`there are more than the ${most} patches that were applied`)
  const isLine = rows.every(
    ([, parent, ...more], at) => more.length === 0 && parent === (rows[at + 1]?.[0] ?? base),
  )
  if (!isLine) throw damaged('they are not one line from the base on')
  return tip
}

/** What the other side said → a Fault. Its words come with `remote:` before them. */
const pushFault = (to: Remote, { stderr }: GitResult): Fault => {
  const remote = redacted(to.url)
  const words = redacted(stderr)
  const cause = new Error(words)
  if (/without [`'"]?workflows?[`'"]? permission/i.test(words))
    return new Fault('refused', 'never', `${remote}: an App may not push changes of workflows`, {
      ...{ cause, remedy: 'this is on purpose: such a series gets no branch' },
    })
  if (/\[remote rejected\]|GH0\d\d|pre-receive hook declined|protected branch/i.test(words)) {
    const why = words.split('\n').find(line => /rejected\]|GH0\d\d|declined/i.test(line))
    return new Fault('refused', 'later', `${remote} does not take the branch: ${why?.trim().slice(0, 200)}`, {
      ...{ cause, remedy: 'let the App push branches named series/* there' },
    })
  }
  if (/403|Permission to .* denied|Write access to repository not granted/i.test(words))
    return new Fault('refused', 'later', `${remote}: the App may not push there`, {
      ...{ cause, remedy: 'install the App there, with the right to write contents' },
    })
  return fetchFault(to.url, stderr)
}

const branchName = /^[A-Za-z0-9][\w.-]*(?:\/[A-Za-z0-9][\w.-]*)*$/

const push = async (bare: string, refspec: string, to: Remote): Promise<GitResult> =>
  runGit(
    [
      ...[`--git-dir=${bare}`, '-c', 'core.hooksPath=/dev/null', '-c', 'push.gpgSign=false'],
      ...['push', '--quiet', '--no-verify', '--', to.url, refspec],
    ],
    { timeoutMs, env: reachEnvironment(to) },
  )

const named = (branch: string): string => {
  if (!branchName.test(branch) || branch.includes('..') || branch.endsWith('.lock'))
    throw new Fault('malformed', 'never', `"${branch}" is no name of a branch`)
  return `refs/heads/${branch}`
}

/** Branches of other repositories, made of what guests give back; with the mirrors of `folder` (gitMirror) as what they stand on. */
export const gitBranches = ({ folder }: BranchesOptions): Branches => {
  const within = async <T>(act: (work: string) => Promise<T>): Promise<T> => {
    // Whatever a killed process leaves, the mirrors' own cleaning takes away after a day.
    const work = join(folder, `tmp-${randomUUID()}`)
    try {
      await mkdir(work, { recursive: true })
      return await act(work)
    } catch (error) {
      throw errnoFault(error, 'branches', folder)
    } finally {
      await rm(work, { recursive: true, force: true })
    }
  }
  return {
    push: ({ repository, branch, to, ...series }) =>
      within(async work => {
        const ref = named(branch)
        const { bare, tip } = await checked(work, { ...series, mirror: mirrorPath(folder, repository) })
        const done = await push(bare, `+${tip}:${ref}`, to)
        if (done.code !== 0) throw pushFault(to, done)
        return tip
      }),
    remove: (branch, from) =>
      within(async work => {
        const ref = named(branch)
        const bare = join(work, 'empty.git')
        await runGit(['init', '--quiet', '--bare', '--template=', bare], { timeoutMs })
        const done = await push(bare, `:${ref}`, from)
        if (done.code !== 0 && !/remote ref does not exist|unable to delete/i.test(done.stderr))
          throw pushFault(from, done)
      }),
  }
}
