// Which commit a patch was made from, in a history of ten thousand commits; and commits that no branch leads to.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { gitMirror } from '../../src/adapters/git/mirror.ts'
import type { FileState } from '../../src/ports/git.ts'
import { git, temporaryFolder } from './mail-stores.ts'

const top = mkdtempSync(join(tmpdir(), 'grapevine-search-'))
afterAll(() => rmSync(top, { recursive: true, force: true }))

const count = 10_000
const files = 300
const start = Date.UTC(2026, 0, 1)
const minute = 60_000
const name = (n: number) => `src/part${n % 20}/file${n % files}.c`

/** Commit n, of n minutes after the start, changes file n % 300 to "n". */
const history = (count: number): string => {
  const all: string[] = []
  for (let n = 1; n <= count; n++) {
    const text = `${n}\n`
    all.push(
      `commit refs/heads/main\nmark :${n}\ncommitter A <a@example.org> ${(start + n * minute) / 1000} +0000\ndata 1\nx`,
      `M 100644 inline ${name(n)}\ndata ${text.length}\n${text}`,
    )
  }
  return `${all.join('\n')}\n`
}

const make = (folder: string, commits: number): void => {
  mkdirSync(folder, { recursive: true })
  git(folder, 'init', '--quiet', '--initial-branch=main')
  execFileSync('git', ['fast-import', '--quiet'], { cwd: folder, input: history(commits) })
}

const repository = join(top, 'upstream')
const mirror = gitMirror({ folder: join(top, 'mirrors') })
let commits: string[] = []
/** As file n is in commit `at`, abbreviated: what the last commit that touched it wrote. */
const state = (n: number, at: number, digits = 10): FileState => {
  const text = `${at - ((((at - n) % files) + files) % files)}\n`
  const id = createHash('sha1').update(`blob ${text.length}\0${text}`).digest('hex')
  return { path: name(n), blob: id.slice(0, digits) }
}
const tip = () => commits.at(-1) ?? ''
const find = (...anyOf: FileState[][]) =>
  mirror.commitWith(repository, { tip: tip(), since: start + (count - 3_000) * minute, anyOf })

beforeAll(async () => {
  make(repository, count)
  commits = git(repository, 'rev-list', '--reverse', 'main').split('\n')
  await mirror.fetch(repository)
})

describe('the commit with these blobs', () => {
  it('is the head where it has them all', async () => {
    expect(await find([state(100, count), state(200, count, 7)])).toBe(tip())
  })

  it('is the newest that has them', async () => {
    const n = count - 150
    // The file that n + 1 changed was as it had been until then.
    expect(await find([state(n + 1, n), state(n, n)])).toBe(commits[n - 1])
  })

  it('is found among many files, one of which differs', async () => {
    const n = count - 1_990
    const all = Array.from({ length: 200 }, (_, i) => state(n - 200 + i, n))
    expect(await find([...all, state(n + 1, n)])).toBe(commits[n - 1])
  })

  it('is looked for in the last commits, or in those of that time where these are more', async () => {
    const within = count - 2_900
    expect(await find([state(within + 1, within)])).toBe(commits[within - 1])
    const before = count - 4_000
    expect(await find([state(before + 1, before)])).toBeUndefined()
  })

  it('may be one that has the patches already', async () => {
    const n = count - 500
    const before = [state(n, n - 1)]
    const after = [state(n, n)]
    expect(await find(before)).toBe(commits[n - 2])
    expect(await find(before, after)).toBe(commits[n + files - 2])
  })

  it('may lack a file', async () => {
    const gone = { path: 'src/none.c', blob: undefined }
    expect(await find([gone, state(count, count)])).toBe(tip())
    expect(await find([{ path: name(1), blob: undefined }])).toBeUndefined()
  })

  it.each<[string, FileState[]]>([
    ['a blob that is nowhere', [{ path: name(1), blob: 'fffffff' }]],
    ['no file', []],
    ['a path that ends a line', [{ path: 'a\nb', blob: 'fffffff' }]],
    ['a path out of the tree', [{ path: '../../etc/passwd', blob: 'fffffff' }]],
    ['a blob that looks like an option', [{ path: name(1), blob: '--batch-all-objects' }]],
  ])('is none for %s', async (_, states) => {
    expect(await find(states)).toBeUndefined()
  })

  it('takes bounded work, whatever is asked for', async () => {
    const n = count - 1_000
    const known = Array.from({ length: 250 }, (_, i) => state(n - 250 + i, count))
    const flood = Array.from({ length: 100_000 }, (_, i) => ({ path: `x/${i}`, blob: undefined }))
    expect(await find([...known, ...flood], flood)).toBe(tip())
  })
})

describe('a commit that no branch leads to', () => {
  it('is fetched by its id, kept, and packed', async () => {
    const repository = join(await temporaryFolder(), 'small')
    make(repository, 3)
    const mine = gitMirror({ folder: join(await temporaryFolder(), 'mirrors') })
    await mine.fetch(repository)
    const tree = git(repository, 'rev-parse', 'main^{tree}')
    const who = ['-c', 'user.name=A', '-c', 'user.email=a@example.org']
    const lost = git(repository, ...who, 'commit-tree', '-p', 'main', '-m', 'lost', tree)
    expect(await mine.resolve(repository, lost)).toBeUndefined()
    expect(await mine.fetchCommit(repository, lost)).toBe(true)
    await mine.fetch(repository)
    expect(await mine.resolve(repository, lost)).toBe(lost)
    const { stream } = await mine.snapshot(repository, lost)
    stream.destroy()
    const other = gitMirror({ folder: join(await temporaryFolder(), 'mirrors') })
    await other.fetch(repository)
    const { size, stream: again } = await other.snapshot(repository, lost)
    expect(size).toBeGreaterThan(0)
    again.destroy()
  })

  it.each(['f'.repeat(40), 'abcdef1', '--upload-pack=id', 'main'])('is not had by %s', async name => {
    expect(await mirror.fetchCommit(repository, name)).toBe(false)
  })

  it('is not told from none where the upstream cannot be reached', async () => {
    const nowhere = 'git://127.0.0.1:9/x.git'
    await expect(mirror.fetchCommit(nowhere, 'e'.repeat(40))).rejects.toMatchObject({ kind: 'unreachable' })
  })
})
