// Which patches are in a branch, with real repositories: what was posted, and what its maintainer made of it.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { gitMail } from '../../src/adapters/git/mail.ts'
import { gitMirror } from '../../src/adapters/git/mirror.ts'
import { git, temporaryFolder } from './mail-stores.ts'

const identity = ['-c', 'user.name=Sofia', '-c', 'user.email=sofia@example.org']
const lines = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, n) => `line ${from + n}\n`).join('')

const setUp = async () => {
  const folder = await temporaryFolder()
  const repository = join(folder, 'tally')
  await mkdir(repository)
  git(repository, 'init', '--quiet', '--initial-branch=main')
  const write = (name: string, text: string) => writeFile(join(repository, name), text)
  const commit = (message: string): string => {
    git(repository, 'add', '--all')
    git(repository, ...identity, 'commit', '--quiet', '--message', message)
    return git(repository, 'rev-parse', 'HEAD')
  }
  const mirror = gitMirror({ folder: join(folder, 'mirrors') })
  /** Patch id of the newest commit, as it is read from the mail that git makes of it. */
  const posted = async (): Promise<string> => {
    const mail = git(repository, 'format-patch', '--stdout', '-1')
    const [info] = await gitMail().mailinfo([Buffer.from(`${mail}\n`)])
    const [id] = await gitMail().patchIds([info?.patch ?? Buffer.alloc(0)])
    return id ?? 'none'
  }
  return { repository, write, commit, mirror, posted }
}

it('finds patches by what they change, wherever the lines are now and whoever committed them', async () => {
  const { repository, write, commit, mirror, posted } = await setUp()
  await write('a.c', lines(1, 40))
  await write('ü b.c', `${'é\n'.repeat(30)}end\n`)
  const root = commit('root')
  git(repository, 'checkout', '--quiet', '-b', 'posted')
  await write('a.c', lines(1, 40).replace('line 30\n', 'LINE thirty\n'))
  commit('a: say thirty')
  const first = await posted()
  git(repository, 'mv', 'ü b.c', 'c.c')
  await write('c.c', `${'é\n'.repeat(30)}END\n`)
  await write('a.c', lines(1, 39).replace('line 30\n', 'LINE thirty\n'))
  commit('b: goes to c')
  const second = await posted()
  await write('d.c', 'never\n')
  commit('d: is not taken')
  const third = await posted()

  git(repository, 'checkout', '--quiet', 'main')
  await write('a.c', `more\nand more\n${lines(1, 40)}`)
  const moved = commit('a: lines move')
  git(repository, ...identity, 'cherry-pick', '--no-commit', 'posted~2')
  const landedFirst = commit('other words for it')
  git(repository, ...identity, 'cherry-pick', 'posted~1')
  const landedSecond = git(repository, 'rev-parse', 'HEAD')
  await mirror.fetch(repository)

  const look = (tip: string, since = 0, after?: string) =>
    mirror.landed(repository, {
      ...{ tip, since, ...(after === undefined ? {} : { after }) },
      changes: [
        { patchId: first, path: 'a.c' },
        { patchId: second, path: 'c.c' },
        { patchId: third, path: 'd.c' },
        { patchId: 'f'.repeat(40), path: '--output=/tmp/x' },
        { patchId: 'f'.repeat(40), path: ':(top)*' },
        ...['../profile.sh', 'a/../../b', '..', '/etc/passwd', './a.c', 'a//b', '.git/config'].map(path => ({
          ...{ patchId: 'e'.repeat(40), path },
        })),
      ],
    })
  expect([...(await look(landedSecond))]).toEqual([
    [second, landedSecond],
    [first, landedFirst],
  ])
  expect([...(await look(landedFirst))]).toEqual([[first, landedFirst]])
  expect([...(await look(moved))]).toEqual([])
  expect([...(await look(landedSecond, 0, landedFirst))]).toEqual([[second, landedSecond]])
  expect([...(await look(landedSecond, 0, landedSecond))]).toEqual([])
  // One that is gone, as the branch was rewritten: all is looked at.
  expect([...(await look(landedSecond, 0, 'e'.repeat(40)))]).toHaveLength(2)
  expect([...(await look(root))]).toEqual([])
  expect([...(await look(landedSecond, Date.now() + 3_600_000))]).toEqual([])
  await expect(look('f'.repeat(40))).rejects.toMatchObject({ kind: 'refused' })
  await expect(look('--all')).rejects.toThrow('is no commit id')
})

it('finds a patch that its maintainer changed by the mail that the commit names', async () => {
  const { repository, write, commit, mirror } = await setUp()
  await write('a.c', 'one\n')
  commit('root')
  const make = async (title: string, trailers: string) => {
    await write('a.c', `${title} ${trailers}\n`)
    return commit(`${title}\n\nWhy.\n\n${trailers}\nSigned-off-by: Sofia <sofia@example.org>`)
  }
  const byId = await make('a: other words', 'Message-ID: <p1@example.org>')
  const byLink = await make('a: second', 'Link: https://lore.example.org/tally/p%2B2@example.org/')
  await make('Fix what "a: third" broke', 'Link: https://lore.example.org/tally/p3@example.org/')
  await make('Message-ID: <p4@example.org>', 'Acked-by: Message-ID: <p4@example.org>')
  await mirror.fetch(repository)
  const changes = ['p1', 'p+2', 'p3', 'p4'].map((id, n) => ({
    ...{ patchId: id, path: 'none.c', messageId: `<${id}@example.org>` },
    title: `A: ${['first', 'second', 'third', 'fourth'][n]}`,
  }))
  const found = await mirror.landed(repository, {
    ...{ tip: git(repository, 'rev-parse', 'HEAD'), since: 0, changes },
  })
  expect([...found].sort()).toEqual([
    ['p+2', byLink],
    ['p1', byId],
  ])
})
