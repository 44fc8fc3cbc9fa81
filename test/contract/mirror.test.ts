// The git mirror, with real repositories: what is fetched, found by name, and packed for a guest.
import { execFileSync } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { appendFile, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { describe, expect, it } from 'vitest'
import { gitMirror } from '../../src/adapters/git/mirror.ts'
import { fetchFault } from '../../src/adapters/git/remote.ts'
import { git, temporaryFolder } from './mail-stores.ts'

const identity = ['-c', 'user.name=Sofia', '-c', 'user.email=sofia@example.org']

const commit = async (repository: string, name: string): Promise<string> => {
  await writeFile(join(repository, name), `${name}\n`)
  git(repository, 'add', name)
  git(repository, ...identity, 'commit', '--quiet', '--message', name)
  return git(repository, 'rev-parse', 'HEAD')
}

const setUp = async () => {
  const folder = await temporaryFolder()
  const repository = join(folder, 'tally')
  await mkdir(repository)
  git(repository, 'init', '--quiet', '--initial-branch=main')
  const first = await commit(repository, 'one.c')
  git(repository, ...identity, 'tag', '--annotate', '--message', 'first', 'v1.0')
  const second = await commit(repository, 'two.c')
  const mirrors = join(folder, 'mirrors')
  return { folder, repository, first, second, mirrors, mirror: gitMirror({ folder: mirrors }) }
}

const bareOf = async (mirrors: string): Promise<string> => {
  const name = (await readdir(mirrors)).find(file => file.endsWith('.git'))
  return join(mirrors, name ?? 'none')
}

describe('the git mirror', () => {
  it('finds commits by branch, tag and abbreviation', async () => {
    const { mirror, repository, first, second } = await setUp()
    await mirror.fetch(repository)
    expect(await mirror.resolve(repository, 'main')).toBe(second)
    expect(await mirror.resolve(repository, 'refs/heads/main')).toBe(second)
    expect(await mirror.resolve(repository, 'v1.0')).toBe(first)
    expect(await mirror.resolve(repository, first)).toBe(first)
    expect(await mirror.resolve(repository, first.slice(0, 12))).toBe(first)
  })

  it('tells a commit and those before it, the newest first, with one line of each subject', async () => {
    const { mirror, repository, first, second } = await setUp()
    await mirror.fetch(repository)
    expect(await mirror.log(repository, second, 10)).toEqual([
      { commit: second, subject: 'two.c' },
      { commit: first, subject: 'one.c' },
    ])
    expect(await mirror.log(repository, second, 1)).toEqual([{ commit: second, subject: 'two.c' }])
    const long = `${'é'.repeat(300)}\n and \u001b[31m more`
    git(repository, ...identity, 'commit', '--quiet', '--allow-empty', '--message', long)
    await mirror.fetch(repository)
    const tip = git(repository, 'rev-parse', 'HEAD')
    const [newest] = await mirror.log(repository, tip, 5)
    expect(newest?.commit).toBe(tip)
    expect(newest?.subject.length).toBeLessThanOrEqual(200)
    expect(newest?.subject.startsWith('éééé')).toBe(true)
    await expect(mirror.log(repository, 'f'.repeat(40), 5)).rejects.toMatchObject({ kind: 'refused' })
    await expect(mirror.log(repository, '--all', 5)).rejects.toThrow('is no commit id')
  })

  it.each([
    'nope',
    'f'.repeat(40),
    'f'.repeat(9),
    '',
    '--all',
    '-h',
    'main~1',
    'main^',
    'main:one.c',
    'HEAD@{0}',
    ':/one',
    'a b',
    'main\n',
    'v1..main',
    '*',
  ])('finds nothing by %j', async name => {
    const { mirror, repository } = await setUp()
    expect(await mirror.resolve(repository, name)).toBeUndefined()
  })

  it('does not take a blob or tree for a commit', async () => {
    const { mirror, repository } = await setUp()
    expect(await mirror.resolve(repository, git(repository, 'rev-parse', 'HEAD:one.c'))).toBeUndefined()
    expect(await mirror.resolve(repository, git(repository, 'rev-parse', 'HEAD^{tree}'))).toBeUndefined()
  })

  it('stays as it is until the next fetch, then follows new, rewritten and removed branches', async () => {
    const { mirror, repository, first, second } = await setUp()
    git(repository, 'branch', 'topic')
    await mirror.fetch(repository)
    git(repository, 'reset', '--quiet', '--hard', first)
    git(repository, 'branch', '--quiet', '-D', 'topic')
    const third = await commit(repository, 'three.c')
    expect(await mirror.resolve(repository, 'main')).toBe(second)
    await mirror.fetch(repository)
    expect(await mirror.resolve(repository, 'main')).toBe(third)
    expect(await mirror.resolve(repository, 'topic')).toBeUndefined()
  })

  it('packs one commit, so that it can be checked out where nothing else is', async () => {
    const { mirror, mirrors, repository, folder, first, second } = await setUp()
    for (const base of [first, second]) {
      const { size, stream } = await mirror.snapshot(repository, base)
      const tar = join(folder, `${base}.tar`)
      await pipeline(stream, createWriteStream(tar))
      expect((await stat(tar)).size).toBe(size)
      const guest = join(folder, `guest-${base}`)
      await mkdir(guest)
      execFileSync('tar', ['-C', guest, '-xf', tar])
      expect(await readdir(guest)).toEqual(['.git'])
      git(guest, 'checkout', '--quiet', '-f', base)
      expect((await readdir(guest)).sort()).toEqual(['.git', 'one.c', ...(base === second ? ['two.c'] : [])])
      expect(git(guest, 'log', '--format=%H')).toBe(base)
      expect(git(guest, 'status', '--porcelain')).toBe('')
      expect(await readFile(join(guest, '.git', 'config'), 'utf8')).not.toContain(mirrors)
      git(guest, ...identity, 'commit', '--quiet', '--allow-empty', '--message', 'a patch')
    }
    expect((await readdir(mirrors)).filter(name => name.startsWith('tmp-'))).toEqual([])
  })

  it('keeps the old state when the repository cannot be reached', async () => {
    const { mirror, repository, second } = await setUp()
    await mirror.fetch(repository)
    await rm(repository, { recursive: true })
    await expect(mirror.fetch(repository)).rejects.toMatchObject({
      name: 'Fault',
      message: expect.stringContaining(repository),
      remedy: expect.any(String),
    })
    expect(await mirror.resolve(repository, 'main')).toBe(second)
    const { stream } = await mirror.snapshot(repository, second)
    stream.destroy()
  })

  it.each<[string, (bare: string) => Promise<void>]>([
    ['has lost its objects', bare => rm(join(bare, 'objects'), { recursive: true })],
    [
      'has lost a pack',
      async bare => {
        git(bare, 'gc', '--quiet')
        for (const name of await readdir(join(bare, 'objects', 'pack')))
          await truncate(join(bare, 'objects', 'pack', name), 20)
      },
    ],
    ['has lost HEAD', bare => rm(join(bare, 'HEAD'))],
    ['has a broken configuration', bare => appendFile(join(bare, 'config'), '[core\n')],
  ])('is made anew when it %s', async (_what, damage) => {
    const { mirror, mirrors, repository, second } = await setUp()
    await mirror.fetch(repository)
    await damage(await bareOf(mirrors))
    const third = await commit(repository, 'three.c')
    await mirror.fetch(repository)
    expect(await mirror.resolve(repository, 'main')).toBe(third)
    const { stream } = await mirror.snapshot(repository, second)
    stream.destroy()
  })

  it('tells a name that is not there from a commit that was lost', async () => {
    const { mirror, mirrors, repository, second } = await setUp()
    await mirror.fetch(repository)
    const bare = await bareOf(mirrors)
    git(bare, 'gc', '--quiet')
    await rm(join(bare, 'objects', 'pack'), { recursive: true })
    expect(await mirror.resolve(repository, 'main')).toBe(second)
  })

  it('fetches a commit that came since, and says which one does not exist', async () => {
    const { mirror, repository } = await setUp()
    await mirror.fetch(repository)
    const third = await commit(repository, 'three.c')
    const { stream } = await mirror.snapshot(repository, third)
    stream.destroy()
    await expect(mirror.snapshot(repository, 'f'.repeat(40))).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('ffff'),
    })
  })

  it('mends itself when a snapshot finds damage', async () => {
    const { mirror, mirrors, repository, second } = await setUp()
    await mirror.fetch(repository)
    await rm(join(await bareOf(mirrors), 'objects'), { recursive: true })
    const { size, stream } = await mirror.snapshot(repository, second)
    expect(size).toBeGreaterThan(0)
    stream.destroy()
  })

  it('is fetched by several at once', async () => {
    const { mirrors, repository, second } = await setUp()
    const several = [1, 2, 3, 4].map(() => gitMirror({ folder: mirrors }))
    await Promise.all(several.map(mirror => mirror.fetch(repository)))
    expect(await several[0]?.resolve(repository, 'main')).toBe(second)
    expect((await readdir(mirrors)).filter(name => name.startsWith('tmp-'))).toEqual([])
  })

  it.each([
    'ext::sh -c id',
    '--upload-pack=id',
    '-u',
    'http://example.org/x.git',
    'ftp://example.org/x',
    'ssh://-oProxyCommand=id/x',
    'fd::3',
  ])('refuses %s for good', async repository => {
    const { mirror } = await setUp()
    await expect(mirror.fetch(repository)).rejects.toMatchObject({ kind: 'refused', retry: 'never' })
  })

  it('says what it cannot reach, without the password in its URL', async () => {
    const { mirror } = await setUp()
    const fault = await mirror.fetch('https://bot:secret@127.0.0.1:9/x.git').catch(error => error)
    expect(fault).toMatchObject({ kind: 'unreachable', retry: 'soon' })
    expect(`${fault.message} ${fault.remedy} ${fault.cause}`).not.toContain('secret')
  })

  it('takes passwords out of what git says', () => {
    const fault = fetchFault(
      'https://a:secret@example.org/x',
      "fatal: unable to access 'https://a:secret@example.org/x/'",
    )
    expect(`${fault.message} ${fault.remedy} ${fault.cause}`).not.toContain('secret')
  })

  it('gives up a fetch at its deadline', async () => {
    const { mirrors } = await setUp()
    const silent = createServer(() => undefined)
    await new Promise<void>(ready => silent.listen(0, '127.0.0.1', () => ready()))
    const address = silent.address()
    const port = typeof address === 'object' ? address?.port : 0
    const mirror = gitMirror({ folder: mirrors, fetchTimeoutMs: 300 })
    await expect(mirror.fetch(`git://127.0.0.1:${port}/x.git`)).rejects.toMatchObject({ kind: 'timeout' })
    silent.close()
  })
})
