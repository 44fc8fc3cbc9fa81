// Real repositories for a GitHub on loopback: an upstream with pull requests, one for series of the list, and somebody's clone to work in.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { owned } from './app.ts'

export const seriesRepository = 'tally/series'

export const openGround = (first: { file: string; text: string }) => {
  const root = mkdtempSync(join(tmpdir(), 'grapevine-github-'))
  const folder = join(root, 'git')
  const [upstream, series, work] = [
    join(folder, `${owned}.git`),
    join(folder, `${seriesRepository}.git`),
    join(root, 'work'),
  ]
  const git = (...args: string[]): string =>
    execFileSync('git', ['-c', 'user.name=Ann Author', '-c', 'user.email=ann@example.org', ...args], {
      cwd: work,
      encoding: 'utf8',
      env: { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' },
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  const commit = (file: string, text: string, message: string): string => {
    writeFileSync(join(work, file), text)
    git('add', '--all')
    git('commit', '--quiet', '--message', message)
    return git('rev-parse', 'HEAD')
  }
  for (const bare of [upstream, series])
    execFileSync('git', ['init', '--quiet', '--bare', '--initial-branch=main', bare])
  execFileSync('git', ['init', '--quiet', '--initial-branch=main', work])
  commit(first.file, first.text, 'tally: begin')
  git('push', '--quiet', upstream, 'main')
  return {
    ...{ root, folder, upstream, series, work, git, commit },
    mirrors: join(root, 'mirrors'),
    /** What is checked out, as the head of a pull request. */
    push(number: number): string {
      git('push', '--quiet', '--force', upstream, `HEAD:refs/pull/${number}/head`)
      return git('rev-parse', 'HEAD')
    },
    /** A branch off main. */
    reset: (): string => git('checkout', '--quiet', '-B', 'topic', 'main'),
    close: () => rmSync(root, { recursive: true, force: true }),
  }
}
