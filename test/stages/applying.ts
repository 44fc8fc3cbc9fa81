// Patches in all the forms that mail gives them, and the trees that they must make: for the apply script, on this machine and in guests.
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { Before, Job, MailToApply, Outcome } from '../../src/model/job.ts'
import type { Clone } from '../../src/ports/farm.ts'
import { type BuildInput, build } from '../../src/stages/run/build.ts'
import { journal } from '../../src/stages/run/journal.ts'
import { walk } from '../../src/stages/run/walk.ts'
import { memoryBlobs } from '../fakes/blobs.ts'

const identity = {
  GIT_AUTHOR_NAME: 'Sofia',
  GIT_AUTHOR_EMAIL: 'sofia@example.org',
  GIT_COMMITTER_NAME: 'Sofia',
  GIT_COMMITTER_EMAIL: 'sofia@example.org',
}

export type Case = {
  name: string
  /** Commit that it is applied to. */
  on: string
  before?: Buffer[]
  mails: Buffer[]
  /** Only so many of them. */
  upTo?: number
  /** `tree` of what comes out, or what is said. */
  tree?: string
  says?: Partial<Outcome>
}

type Repository = { folder: string; base: string; cases: Case[] }

const words = (n: number, changed: Record<number, string> = {}): string =>
  Array.from({ length: n }, (_, i) => `${changed[i + 1] ?? `word ${i + 1}`}\n`).join('')

const headers = (title: string, more: string[] = []): string[] => [
  'From: Ann Author <ann@example.org>',
  `Subject: [PATCH] ${title}`,
  'Date: Mon, 5 Jan 2026 12:00:00 +0000',
  'Message-ID: <x@example.org>',
  ...more,
  '',
]

/** A repository with a base, and for each case commits on it that no branch keeps. */
export const makeRepository = (folder: string): Repository => {
  mkdirSync(folder, { recursive: true })
  const git = (...args: string[]) =>
    execFileSync('git', args, {
      cwd: folder,
      env: { ...process.env, ...identity },
      maxBuffer: 1e8,
    }).toString()
  const write = (name: string, text: string | Buffer) => {
    mkdirSync(join(folder, name, '..'), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  const commit = (title: string): string => {
    git('add', '--all')
    git('commit', '--quiet', '--message', title)
    return git('rev-parse', 'HEAD').trim()
  }
  git('init', '--quiet', '--initial-branch=main')
  git('config', 'uploadpack.allowAnySHA1InWant', 'true')
  write('src/count.c', words(30))
  write('tool.sh', '#!/bin/sh\nexit 0\n')
  write('logo.png', Buffer.from([0, 1, 2, 3, 255, 0, 9]))
  write('crlf.txt', 'one\r\ntwo\r\nthree\r\n')
  const base = commit('base')
  const diff = (commit: string, ...options: string[]) =>
    git('diff', '--binary', '--full-index', ...options, `${commit}~`, commit)
  const tree = (commit: string) => git('rev-parse', `${commit}^{tree}`).trim()
  const change = (title: string, act: () => void, on = base): string => {
    git('reset', '--quiet', '--hard', on)
    act()
    return commit(title)
  }
  const mail = (commit: string, title = 'change', more: string[] = []) =>
    Buffer.from([...headers(title, more), 'Why.', '---', diff(commit), '-- ', '2.39.5', ''].join('\n'))
  const encoded = (body: string, more: string[]) => Buffer.from([...headers('change', more), body].join('\n'))

  const plain = change('one', () => write('src/count.c', words(30, { 5: 'five' })))
  const body = `Why.\n---\n${diff(plain)}`
  const base64 = Buffer.from(body.replaceAll('\n', '\r\n')).toString('base64').replace(/.{76}/g, '$&\n')
  const second = change('two', () => write('src/count.c', words(30, { 5: 'FIVE' })), plain)
  const third = change('three', () => write('src/count.c', words(30, { 5: 'FIVE', 6: 'six' })), second)
  const far = change('far', () => write('src/count.c', words(30, { 5: 'FIVE', 6: 'six', 25: 'x' })), third)
  const renamed = change('rename', () => git('mv', 'src/count.c', 'src/counting.c'))
  const mode = change('mode', () => chmodSync(join(folder, 'tool.sh'), 0o755))
  const binary = change('binary', () => write('logo.png', Buffer.from([7, 0, 7, 200, 13, 10, 0])))
  const several = change('several', () => {
    git('mv', 'src/count.c', 'src/counting.c')
    chmodSync(join(folder, 'tool.sh'), 0o755)
    write('logo.png', Buffer.from([7, 0, 7, 200]))
  })
  const crlf = change('crlf', () => write('crlf.txt', 'one\r\nTWO\r\nthree\r\n'))
  const stray = change('stray', () => write('src/count.c', words(30, { 5: 'another' })))
  const index = diff(plain, '--no-prefix')
    .split('\n')
    .filter(line => !/^(diff|index) /.test(line))
    .join('\n')
  const none = [
    'From: ',
    'Subject: [PATCH] change',
    'Date: not a date at all',
    '',
    'Why.',
    '---',
    diff(plain),
  ]
  const good = (name: string, mails: Buffer[], commit: string, more: Partial<Case> = {}): Case => ({
    ...{ name, on: base, mails, tree: tree(commit) },
    ...more,
  })
  const cases: Case[] = [
    good('plain', [mail(plain)], plain),
    good(
      'from an mbox, with CRLF',
      [
        Buffer.concat([
          Buffer.from('From ann@example.org Mon Jan  5 12:00:00 2026\r\n'),
          Buffer.from(mail(plain).toString('latin1').replaceAll('\n', '\r\n'), 'latin1'),
        ]),
      ],
      plain,
    ),
    good(
      'a charset that is none',
      [encoded(body, ['Content-Type: text/plain; charset="y"', 'Content-Transfer-Encoding: 8bit'])],
      plain,
    ),
    good(
      'base64 with CR in it',
      [encoded(base64, ['Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: base64'])],
      plain,
    ),
    good(
      'an mbox line in the text',
      [
        Buffer.from(
          [
            ...headers('change'),
            `From ${plain} Mon Sep 17 00:00:00 2001`,
            'From: Bob <bob@example.org>',
            '',
            body,
          ].join('\n'),
        ),
      ],
      plain,
    ),
    good(
      'scissors, which are not used',
      [encoded(`Hello\n\n-- >8 --\nSubject: other\n\n${body}`, [])],
      plain,
    ),
    good('no author and no date', [Buffer.from(none.join('\n'))], plain),
    good('names without a/ and b/', [encoded(`Why.\n---\n${diff(plain, '--no-prefix')}`, [])], plain),
    good(
      'Index: and names alone',
      [encoded(`Why.\n\nIndex: src/count.c\n${'='.repeat(60)}\n${index}`, [])],
      plain,
    ),
    good('a pure rename', [mail(renamed)], renamed),
    good('a mode alone', [mail(mode)], mode),
    good('a binary file', [mail(binary)], binary),
    good('name, mode and bytes at once', [mail(several)], several),
    good(
      'CR in the lines, kept by base64',
      [
        encoded(
          Buffer.from(`Why.\n---\n${diff(crlf)}`)
            .toString('base64')
            .replace(/.{76}/g, '$&\n'),
          ['Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: base64'],
        ),
      ],
      base,
      { says: { kind: 'does-not-apply', position: 1 } },
    ),
    good('three in a row', [mail(plain), mail(second), mail(third)], third),
    good('the first two of three are in', [mail(plain), mail(second), mail(third)], third, { on: second }),
    good('all are in, and something came after', [mail(plain), mail(second), mail(third)], far, {
      on: far,
      says: { kind: 'already-applied', positions: [1, 2, 3] },
    }),
    good('the first two of three', [mail(plain), mail(second), mail(third)], second, { upTo: 2 }),
    good('a beginning that is in', [mail(plain), mail(second), mail(third)], second, {
      ...{ on: second, upTo: 1 },
    }),
    good('none of three', [mail(plain), mail(second), mail(third)], base, { upTo: 0 }),
    good('a beginning on top of what it needs', [mail(second), mail(third)], second, {
      ...{ before: [mail(plain)], upTo: 1 },
    }),
    good('on top of what it needs', [mail(third)], third, { before: [mail(plain), mail(second)] }),
    good('what it needs is in already', [mail(third)], third, {
      on: second,
      before: [mail(plain), mail(second)],
    }),
    good('without what it needs', [mail(third)], base, { says: { kind: 'does-not-apply', position: 1 } }),
    good('what it needs does not apply', [mail(third)], base, {
      on: stray,
      before: [mail(plain), mail(second)],
      says: { kind: 'does-not-apply', position: 1, before: { series: 's0', title: 'ground' } },
    }),
    good('no diff at all', [Buffer.from([...headers('nothing'), 'Why.', ''].join('\n'))], base, {
      says: { kind: 'does-not-apply', position: 1 },
    }),
  ]
  git('reset', '--quiet', '--hard', base)
  return { folder, base, cases }
}

/** A tar of the repository's `.git`. */
export const tarOf = (folder: string): Buffer =>
  execFileSync('tar', ['-C', folder, '-cf', '-', '.git'], { maxBuffer: 1e8 })

const step = (name: string, run: string) => ({ name, run, timeoutMs: 60_000 })

/** What is done with a case in a clone that has the repository. `run`: the build's one step. */
const bringCase = async (clone: Clone, one: Case, run: string): Promise<BuildInput> => {
  const signal = new AbortController().signal
  const blobs = memoryBlobs()
  const reset = `rm -rf .git/rebase-apply .git/grapevine && git reset -q --hard ${one.on} && git clean -qfdx`
  await clone.exec({ name: 'reset', script: reset, folder: '/grapevine/source', timeoutMs: 60_000 })
  const stored = async (raws: Buffer[]): Promise<MailToApply[]> => {
    const mails: MailToApply[] = []
    for (const [n, raw] of raws.entries())
      mails.push({
        position: n + 1,
        title: `part ${n + 1}`,
        messageId: undefined,
        blob: await blobs.put(raw),
      })
    return mails
  }
  const ground: Before[] = [{ series: 's0', title: 'ground', parts: await stored(one.before ?? []) }]
  const job: Job = {
    ...{ id: 'j1', project: 'tally', series: 's1', baseline: 'b1', base: one.on, baseName: 'main' },
    recipe: {
      ...{ repository: '/upstream.git', branch: 'main', ignore: [] },
      build: {
        image: 'debian',
        prepare: [],
        steps: [step('tree', run)],
        artifacts: [],
      },
      test: { images: [], steps: [] },
    },
    parts: await stored(one.mails),
    ...(one.before ? { before: ground } : {}),
    ...{ priority: 6, createdAt: 0 },
  }
  return { job, upTo: one.upTo, clone, blobs, journal: journal(), signal }
}

/** Applies a case, and gives the tree that was made, or what was said. */
export const play = async (clone: Clone, one: Case): Promise<string | Outcome> => {
  const outcome = await build(await bringCase(clone, one, "git rev-parse 'HEAD^{tree}'"))
  return outcome.kind === 'built' ? (outcome.steps[0]?.tail[0] ?? '') : outcome
}

/** Builds a case with make, where the tree was built before; `play` of what make says. */
export const playMake = async (clone: Clone, one: Case): Promise<string[] | Outcome> => {
  const make = 'make -rs -f .git/rules count.o logo.o && cmp count.o src/count.c && git log --format=%s'
  const input = await bringCase(clone, one, make)
  const rules = String.raw`count.o: src/count.c\n\tcat src/count.c >$@; echo made $@\nlogo.o: logo.png\n\tcat logo.png >$@; echo made $@\n`
  const script = `find * -type f -exec touch -d 2020-01-01 {} + && printf '${rules}' >.git/rules && ${make}`
  await clone.exec({ name: 'warm', script, folder: '/grapevine/source', timeoutMs: 60_000 })
  const outcome = await build(input)
  return outcome.kind === 'built' ? (outcome.steps[0]?.tail ?? []) : outcome
}

/** Unpacks the repository where sources lie. */
export const bring = async (clone: Clone, tar: Buffer): Promise<void> => {
  await clone.write('/grapevine/source', { size: tar.length, stream: Readable.from([tar]) }, { untar: true })
}

/** Applies a case patch by patch, and runs a script after each but the last. `leftMs`: of the time there is. */
export const playEach = async (
  clone: Clone,
  one: Case,
  given: { run: string; leftMs?: () => number },
): Promise<Outcome> => {
  const input = await bringCase(clone, one, given.run)
  return walk({ ...input, leftMs: given.leftMs ?? (() => 3_600_000) })
}
