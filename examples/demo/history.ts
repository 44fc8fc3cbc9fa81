// The demo's repository: the files in tally/ as its first commit, and edits on top. The same ids on every machine.
import { execFile } from 'node:child_process'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { lastLine } from './patches/good.ts'
import { upstream } from './patches.ts'
import { type Person, petra, written } from './people.ts'
import type { Edit, Patch } from './posting.ts'

const here = import.meta.dirname

/** Nothing of the user's own git settings may change what is made here. */
const cleanEnvironment = (): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH,
  HOME: '/nonexistent',
  LC_ALL: 'C.UTF-8',
  TZ: 'UTC',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
})

export type GitOptions = { folder: string; environment?: NodeJS.ProcessEnv }

/** Runs git in a folder, with settings of its own; gives what it printed. */
export const git = async ({ folder, environment }: GitOptions, ...words: string[]): Promise<string> => {
  const options = { cwd: folder, env: { ...cleanEnvironment(), ...environment }, maxBuffer: 1 << 26 }
  const { stdout } = await promisify(execFile)('git', words, options)
  return stdout
}

/** Makes the edits below the folder; an edit whose `from` does not stand there exactly once is an error. */
export const edit = async (folder: string, edits: Edit[]): Promise<void> => {
  for (const { file, from, to } of edits) {
    const path = join(folder, file)
    if (from === undefined) {
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, to)
      continue
    }
    const pieces = (await readFile(path, 'utf8')).split(from)
    if (pieces.length !== 2) throw new Error(`${file}: found ${pieces.length - 1} times: ${from}`)
    await writeFile(path, pieces.join(to))
  }
}

/** Who git takes itself to be run by. */
export const identity = (author: Person, committer = author): NodeJS.ProcessEnv => ({
  GIT_AUTHOR_NAME: author.name,
  GIT_AUTHOR_EMAIL: author.address,
  GIT_COMMITTER_NAME: committer.name,
  GIT_COMMITTER_EMAIL: committer.address,
})

export type CommitOptions = { folder: string; author: Person; committer?: Person; date: string; patch: Patch }

/** Commits a patch, with the sign-off that every tally commit has. */
export const commit = async ({ folder, author, committer, date, patch }: CommitOptions): Promise<void> => {
  await edit(folder, patch.edits)
  await git({ folder }, 'add', '-A')
  const message = `${patch.title}\n\n${patch.body}\n\nSigned-off-by: ${written(author)}\n`
  const dates = { GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date }
  const environment = { ...identity(author, committer), ...dates }
  await git({ folder, environment }, 'commit', '-q', '--no-verify', '-m', message)
}

/** Makes a repository with a work tree: `main` as the demo starts, `next-main` where upstream moves to. */
export const makeHistory = async (folder: string): Promise<void> => {
  await mkdir(folder, { recursive: true })
  await git({ folder }, 'init', '-q', '--object-format=sha1', '-b', 'main')
  await cp(join(here, 'tally'), folder, { recursive: true })
  const first = { title: 'tally 1.2', body: 'Trims and wraps.', edits: [] }
  await commit({ folder, author: petra, date: '2026-09-07T18:00:00Z', patch: first })
  await git({ folder }, 'checkout', '-q', '-b', 'next-main')
  for (const patch of lastLine.patches)
    await commit({ folder, author: lastLine.author, committer: petra, date: '2026-09-14T20:10:00Z', patch })
  await commit({ folder, ...upstream })
  await git({ folder }, 'checkout', '-q', 'main')
}
