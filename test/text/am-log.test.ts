// What git says when a patch does not go in: asked of the real git, in repositories made for it.
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseAm } from '../../src/text/am-log.ts'

const folder = mkdtempSync(join(tmpdir(), 'am-'))
const env = {
  PATH: process.env.PATH ?? '',
  HOME: folder,
  LC_ALL: 'C',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'A',
  GIT_AUTHOR_EMAIL: 'a@example.org',
  GIT_COMMITTER_NAME: 'C',
  GIT_COMMITTER_EMAIL: 'c@example.org',
}
const git = (...args: string[]): string =>
  execFileSync('git', args, { cwd: folder, env, encoding: 'utf8', stdio: 'pipe' })
const lines = (change: Record<number, string> = {}): string =>
  Array.from({ length: 60 }, (_, i) => `${change[i + 1] ?? `line ${i + 1}`}\n`).join('')
const put = (file: string, text: string): void => writeFileSync(join(folder, file), text)

const base = (): void => {
  git('reset', '-q', '--hard', 'start')
  git('clean', '-fdq')
}
/** The mail of one commit that `change` makes on the start. */
const mailOf = (title: string, change: () => void, ...options: string[]): string => {
  base()
  change()
  git('add', '-A')
  git('commit', '-qm', title)
  const mail = git('format-patch', '-1', '--stdout', ...options)
  base()
  return mail
}
/** What `git am` says to the mail after `before` changed the tree; `edit` damages the mail. */
const am = (given: { mail: string; before?: () => void; options?: string[] }): ReturnType<typeof parseAm> => {
  base()
  if (given.before) {
    given.before()
    git('add', '-A')
    git('commit', '-qm', 'meanwhile')
  }
  const file = join(folder, '.git', 'mail.eml')
  writeFileSync(file, given.mail)
  const ran = spawnSync('git', ['am', ...(given.options ?? []), file], { cwd: folder, env, encoding: 'utf8' })
  spawnSync('git', ['am', '--abort'], { cwd: folder, env })
  return parseAm(`${ran.stdout}${ran.stderr}`)
}

beforeAll(() => {
  git('init', '-q')
  mkdirSync(join(folder, 'src'))
  put('src/x.c', lines())
  put('y.c', 'hi\n')
  put('bin', 'a\0b')
  git('add', '.')
  git('commit', '-qm', 'start')
  git('tag', 'start')
})
afterAll(() => rmSync(folder, { recursive: true }))

const change = () => mailOf('change x', () => put('src/x.c', lines({ 10: 'ten', 50: 'fifty' })))
const differs = 'the lines that it changes look different there'

test('the hunk that does not fit is named by file and line', () => {
  const before = () => put('src/x.c', lines({ 50: 'FIFTY' }))
  expect(am({ mail: change(), before })).toEqual({
    title: 'change x',
    conflicts: [{ file: 'src/x.c', line: 47, why: differs }],
    alreadyApplied: false,
  })
  expect(am({ mail: change(), before, options: ['-3'] }).conflicts).toEqual([
    { file: 'src/x.c', line: undefined, why: differs },
  ])
})

test('each file is named once', () => {
  const mail = mailOf('two', () => {
    put('src/x.c', lines({ 10: 'ten', 50: 'fifty' }))
    put('y.c', 'ho\n')
  })
  const before = () => {
    put('src/x.c', lines({ 10: 'TEN', 50: 'FIFTY' }))
    put('y.c', 'HI\n')
  }
  expect(am({ mail, before }).conflicts).toEqual([
    { file: 'src/x.c', line: 7, why: differs },
    { file: 'y.c', line: 1, why: differs },
  ])
})

test('files that are gone, or there already', () => {
  const gone = () => rmSync(join(folder, 'src/x.c'))
  expect(am({ mail: change(), before: gone }).conflicts).toEqual([
    { file: 'src/x.c', line: undefined, why: 'there is no such file' },
  ])
  expect(am({ mail: change(), before: gone, options: ['-3'] }).conflicts).toEqual([
    { file: 'src/x.c', line: undefined, why: 'there is no such file any more' },
  ])
  const renamed = mailOf('rename', () => git('mv', 'y.c', 'z.c'))
  expect(am({ mail: renamed, before: () => rmSync(join(folder, 'y.c')) }).conflicts[0]).toMatchObject({
    file: 'y.c',
  })
  const mode = mailOf('mode', () => chmodSync(join(folder, 'y.c'), 0o755))
  expect(am({ mail: mode, before: () => rmSync(join(folder, 'y.c')) }).conflicts[0]).toMatchObject({
    file: 'y.c',
  })
  const added = mailOf('add', () => put('new.c', 'new\n'))
  expect(am({ mail: added, before: () => put('new.c', 'other\n') }).conflicts).toEqual([
    { file: 'new.c', line: undefined, why: 'there is such a file already' },
  ])
})

test('a patch that is in the base already', () => {
  const mail = change()
  const before = () => put('src/x.c', lines({ 10: 'ten', 50: 'fifty' }))
  expect(am({ mail, before, options: ['-3'] })).toMatchObject({ alreadyApplied: true, conflicts: [] })
})

test('an unknown ancestor is no reason in itself, but the only one that git gives', () => {
  const mail = change().replace(/^index .*$/m, 'index 1234567..89abcde 100644')
  const before = () => put('src/x.c', lines({ 50: 'FIFTY' }))
  expect(am({ mail, before, options: ['-3'] }).conflicts).toEqual([
    { file: 'src/x.c', line: undefined, why: 'the version that it was made from is not known here' },
  ])
})

test('binary changes without data', () => {
  const mail = mailOf('bin', () => put('bin', 'a\0c'), '--no-binary')
  expect(am({ mail }).conflicts).toEqual([
    { file: 'bin', line: undefined, why: expect.stringContaining('git format-patch --binary') },
  ])
})

test.each<[string, (mail: string) => string, RegExp]>([
  ['cut', mail => mail.split('\n').slice(0, 20).join('\n'), /damaged at its line \d+/],
  ['no diff', mail => mail.slice(0, mail.indexOf('diff --git')), /no diff in the mail/],
  ['no mail', () => 'hello\n', /does not recognise it/],
  ['no author', mail => mail.replace(/^From: .*\n/m, ''), /who wrote it/],
])('damage: %s', (_, edit, why) => {
  const { conflicts } = am({ mail: edit(change()) })
  expect(conflicts).toHaveLength(1)
  expect(conflicts[0]).toMatchObject({ file: '', line: undefined, why: expect.stringMatching(why) })
})

test('a path that leads out of the tree', () => {
  const { conflicts } = am({ mail: change().replaceAll('/src/x.c', '/src/../../../x') })
  expect(conflicts).toHaveLength(1)
})

test('a hostile log gives bounded, clean words', () => {
  const log = Array.from(
    { length: 500 },
    (_, i) => `error: \u001b[31mf${i}\u0000.c: patch does not apply`,
  ).join('\n')
  const { conflicts } = parseAm(log)
  expect(conflicts).toHaveLength(20)
  expect(conflicts[0]).toEqual({ file: 'f0.c', line: undefined, why: differs })
})
