// Series as branches of another repository, with real git: what a guest gives is checked before it goes anywhere.
import { readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { expect, it } from 'vitest'
import { gitBranches } from '../../src/adapters/git/branches.ts'
import { gitMirror } from '../../src/adapters/git/mirror.ts'
import { git, temporaryFolder } from './mail-stores.ts'

const identity = ['-c', 'user.name=Sofia', '-c', 'user.email=sofia@example.org']

const setUp = async () => {
  const folder = await temporaryFolder()
  const [upstream, elsewhere] = [join(folder, 'tally'), join(folder, 'elsewhere.git')]
  await mkdir(upstream)
  git(upstream, 'init', '--quiet', '--initial-branch=main')
  await writeFile(join(upstream, 'a.c'), 'old\n')
  git(upstream, 'add', '--all')
  git(upstream, ...identity, 'commit', '--quiet', '--message', 'first')
  await writeFile(join(upstream, 'a.c'), 'older\n')
  git(upstream, ...identity, 'commit', '--quiet', '--all', '--message', 'second')
  const base = git(upstream, 'rev-parse', 'HEAD')
  git(folder, 'init', '--quiet', '--bare', elsewhere)
  const mirrors = join(folder, 'mirrors')
  const mirror = gitMirror({ folder: mirrors })
  await mirror.fetch(upstream)
  // As a guest has it: one commit, and nothing before it.
  const guest = join(folder, 'guest')
  git(folder, 'clone', '--quiet', '--depth=1', `file://${upstream}`, guest)
  const commit = async (name: string, text: string) => {
    await writeFile(join(guest, name), text)
    git(guest, 'add', '--all')
    git(guest, ...identity, 'commit', '--quiet', '--message', name)
    return git(guest, 'rev-parse', 'HEAD')
  }
  const branches = gitBranches({ folder: mirrors })
  const to = { url: elsewhere, header: '' }
  const bundled = (from = base) => {
    git(guest, 'bundle', 'create', '--quiet', join(folder, 'bundle'), 'HEAD', `^${from}`)
    return readFileSync(join(folder, 'bundle'))
  }
  const push = (bytes: Buffer, most = 2) =>
    branches.push({
      ...{ repository: upstream, base, most, branch: 'series/s1-v1', to },
      bundle: () => Readable.from([bytes]),
    })
  const there = () => git(elsewhere, 'for-each-ref', '--format=%(refname:short) %(objectname)')
  return { guest, commit, bundled, push, there, branches, to, base }
}

it('pushes what was applied, moves the branch to a newer build of it, and removes it', async () => {
  const { commit, bundled, push, there, branches, to, guest, base } = await setUp()
  await commit('b.c', 'one\n')
  const tip = await commit('c.c', 'two\n')
  expect(await push(bundled())).toBe(tip)
  expect(there()).toBe(`series/s1-v1 ${tip}`)
  git(guest, 'reset', '--quiet', '--hard', base)
  const other = await commit('b.c', 'another\n')
  expect(await push(bundled())).toBe(other)
  expect(there()).toBe(`series/s1-v1 ${other}`)
  await branches.remove('series/s1-v1', to)
  await branches.remove('series/s1-v1', to)
  expect(there()).toBe('')
})

it('takes nothing that is not one line of commits on the base, with no more of them than patches', async () => {
  const { commit, bundled, push, there, guest, base } = await setUp()
  await commit('b.c', 'one\n')
  await commit('c.c', 'two\n')
  await expect(push(bundled(), 1)).rejects.toThrow('more than the 1 patches')
  await expect(push(Buffer.from('no bundle'))).rejects.toMatchObject({ kind: 'damaged', retry: 'never' })
  const whole = bundled()
  await expect(push(whole.subarray(0, whole.length - 30))).rejects.toMatchObject({ kind: 'damaged' })
  git(guest, 'checkout', '--quiet', '-b', 'side', base)
  await commit('d.c', 'three\n')
  git(guest, ...identity, 'merge', '--quiet', '--no-edit', '-')
  await expect(push(bundled(), 9)).rejects.toThrow('not one line')
  expect(there()).toBe('')
})

it('takes no object that git itself would refuse: a tree with a folder .git', async () => {
  const { commit, bundled, push, there, guest } = await setUp()
  await commit('b.c', 'one\n')
  const blob = git(guest, 'rev-parse', 'HEAD:b.c')
  // Such a tree is made by hand only.
  const row = Buffer.concat([Buffer.from('100644 .git\0'), Buffer.from(blob, 'hex')])
  await writeFile(join(guest, '.git', 'evil'), row)
  const tree = git(guest, 'hash-object', '-w', '-t', 'tree', '--literally', '.git/evil')
  const evil = git(guest, ...identity, 'commit-tree', tree, '-p', 'HEAD^', '-m', 'evil')
  git(guest, 'update-ref', 'HEAD', evil)
  await expect(push(bundled())).rejects.toThrow(/\.git|hasDotgit/)
  expect(there()).toBe('')
})

it('says what the other side says, and nothing goes to a name that is none', async () => {
  const { commit, bundled, push, branches, to } = await setUp()
  await commit('b.c', 'one\n')
  const bytes = bundled()
  await writeFile(join(to.url, 'hooks', 'pre-receive'), '#!/bin/sh\necho "not today" >&2\nexit 1\n', {
    mode: 0o755,
  })
  await expect(push(bytes)).rejects.toMatchObject({ kind: 'refused', retry: 'later' })
  await expect(branches.remove('../main', to)).rejects.toThrow('no name of a branch')
  await expect(branches.remove('a', { url: `${to.url}-gone`, header: '' })).rejects.toMatchObject({
    kind: 'refused',
  })
})
