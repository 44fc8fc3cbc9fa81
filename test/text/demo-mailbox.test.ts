// The demo's mailbox against real git: every mail does to the repository what its source says, or fails as expected.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectations } from '../../examples/demo/expectations.ts'
import { commit, git, makeHistory } from '../../examples/demo/history.ts'
import { type Demo, makeDemo } from '../../examples/demo/make-mailbox.ts'
import { postings } from '../../examples/demo/patches.ts'
import type { Posting } from '../../examples/demo/posting.ts'

const top = mkdtempSync(join(tmpdir(), 'demo-mailbox-'))
const work = join(top, 'work')
const path = new Map<string, string>()
let demo: Demo
let firstAct: { tip: string; mails: number }

/** The mails of an mbox, each in a file of its own. */
const split = (mbox: string, into: string): string[] => {
  const folder = mkdtempSync(join(top, into))
  execFileSync('git', ['mailsplit', '--mboxrd', `-o${folder}`, mbox])
  return readdirSync(folder)
    .sort()
    .map(name => join(folder, name))
}

const tipOf = async (repository: string): Promise<string> =>
  (await git({ folder: repository }, 'rev-parse', 'main')).trim()

beforeAll(async () => {
  demo = await makeDemo({ folder: join(top, 'input') })
  firstAct = { tip: await tipOf(demo.repository), mails: split(demo.mailbox, 'first-').length }
  await demo.moveOn()
  for (const [i, file] of split(demo.mailbox, 'all-').entries()) {
    const mail = expectations[i]?.mail
    if (mail !== undefined) path.set(mail, file)
  }
  await makeHistory(work)
  await git({ folder: work }, 'config', 'user.name', 'A Test')
  await git({ folder: work }, 'config', 'user.email', 'test@example.org')
})

afterAll(() => rmSync(top, { recursive: true }))

const start = async (posting: Posting): Promise<void> => {
  const at = posting.base === 'next' ? 'next-main' : 'main'
  await git({ folder: work }, 'checkout', '-q', '-f', '--detach', at)
}

/** The mails of a posting that arrived, in order of position, cover letter left out. */
const mailsOf = (posting: Posting): string[] =>
  posting.patches.flatMap((_, i) => path.get(`${posting.key}/${i + 1}`) ?? [])

const am = (files: string[]): { code: number | null; said: string } => {
  const run = spawnSync('git', ['am', '-q', ...files], { cwd: work, encoding: 'utf8' })
  if (run.status !== 0) spawnSync('git', ['am', '--abort'], { cwd: work })
  return { code: run.status, said: run.stderr + run.stdout }
}

const tree = async (): Promise<string> => (await git({ folder: work }, 'rev-parse', 'HEAD^{tree}')).trim()

const posted = (key: string): Posting => {
  const posting = postings.find(each => each.key === key)
  if (posting === undefined) throw new Error(`no posting ${key}`)
  return posting
}

describe('the mailbox', () => {
  test('holds what is expected, in two acts', () => {
    expect(path.size).toBe(expectations.length)
    expect(firstAct.mails).toBe(expectations.filter(each => !each.later).length)
  })

  test.each(expectations)('$mail has its Message-ID', ({ mail, messageId }) => {
    const raw = readFileSync(path.get(mail) ?? '', 'latin1')
    expect(/^Message-Id: (.*)$/im.exec(raw.slice(0, raw.indexOf('\n\n')))?.[1]).toBe(messageId)
  })

  test('is the same each time, and so is the repository', async () => {
    const again = await makeDemo({ folder: join(top, 'again') })
    expect(await tipOf(again.repository)).toBe(firstAct.tip)
    await again.moveOn()
    await again.moveOn()
    expect(await tipOf(again.repository)).toBe(await tipOf(demo.repository))
    expect(readFileSync(again.mailbox)).toEqual(readFileSync(demo.mailbox))
  })
})

describe('a patch mail', () => {
  const sound = postings.filter(({ key, lost }) => !lost && !['hyphen', 'profile', 'latin-1'].includes(key))
  test.each(sound)('$key makes the change of its source', async posting => {
    await start(posting)
    for (const patch of posting.patches)
      await commit({ folder: work, author: posting.author, date: posting.sent, patch })
    const wanted = await tree()
    await start(posting)
    expect(am(mailsOf(posting))).toEqual({ code: 0, said: '' })
    expect(await tree()).toBe(wanted)
  })

  test.each([
    ['hyphen', /patch failed: src\/wrap\.c:12/],
    ['profile', /invalid path '\.\.\/tally-profile\.sh'/],
    ['latin-1', /cannot convert from us-ascii/],
  ])('%s is refused', async (key, why) => {
    const posting = posted(key)
    await start(posting)
    const { code, said } = am(mailsOf(posting))
    expect(code).not.toBe(0)
    expect(said).toMatch(why)
  })

  test('against a newer base does not apply to the older one', async () => {
    await git({ folder: work }, 'checkout', '-q', '-f', '--detach', 'main')
    expect(am(mailsOf(posted('walk-once'))).said).toMatch(/patch failed: src\/count\.c/)
  })

  test('names a base that upstream has, the newer one only in the second act', async () => {
    const named = (mail: string) =>
      /^base-commit: (\w+)$/m.exec(readFileSync(path.get(mail) ?? '', 'utf8'))?.[1]
    expect(named('last-line/1')).toBe(firstAct.tip)
    expect(named('group-v2/1')).toBe(firstAct.tip)
    expect(named('walk-once/1')).toBe(await tipOf(demo.repository))
  })
})
