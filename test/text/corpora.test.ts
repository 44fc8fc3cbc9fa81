// Real mails that nobody here wrote, with what git and patchwork make of them. They lie beside the repository, and only where it is developed.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { gitMail } from '../../src/adapters/git/mail.ts'
import { publicInboxSource } from '../../src/adapters/public-inbox/source.ts'
import type { Mail } from '../../src/model/mail.ts'
import { understand } from '../../src/stages/receive/understand.ts'
import { parseSubject } from '../../src/text/subject.ts'
import {
  type Label,
  type Labelled,
  lists,
  pairsOf,
  precision,
  recall,
  runAll,
  runLabelled,
} from './grouping.ts'

const corpora = new URL('../../../shared/corpora/', import.meta.url).pathname
const here = existsSync(corpora)
if (!here) console.log('skipped: the mail corpora are not here (../shared/corpora)')
const at = (path: string): string => join(corpora, path)
const json = <T>(schema: z.ZodType<T>, path: string): T =>
  schema.parse(JSON.parse(readFileSync(at(path), 'utf8')))

const understandFiles = (paths: string[]) =>
  understand({ gitMail: gitMail() })(
    paths.map(path => {
      const raw = readFileSync(at(path))
      return raw.subarray(0, 5).toString() === 'From ' ? raw.subarray(raw.indexOf(10) + 1) : raw
    }),
    [],
  )

const walk = (folder: string): string[] =>
  readdirSync(at(folder), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(corpora.length))

/** Why a difference is left as it is. */
type Reasons = Record<string, string>

describe.skipIf(!here)('git’s own fixtures', () => {
  const Case = z.object({
    mail: z.string(),
    options: z.array(z.string()),
    patch: z.string(),
    author: z.string(),
    email: z.string(),
    subject: z.string(),
  })
  const cases = here ? json(z.object({ mailinfo: z.array(Case) }), 'git/expected.json').mailinfo : []
  /** Options that nobody uses here: `git am` in a guest uses none either. */
  const ours = cases.filter(({ options }) => options.every(option => option === '-u'))

  test('mailinfo: author, subject and patch', async () => {
    const infos = await gitMail().mailinfo(ours.map(({ mail }) => readFileSync(at(`git/${mail}`))))
    const said = infos.map((info, n) => [
      ours[n]?.mail,
      info?.author.name,
      info?.author.address,
      info?.subject,
      info?.patch.toString('latin1'),
    ])
    expect(said).toEqual(
      ours.map(({ mail, author, email, subject, patch }) => [
        mail,
        author,
        email.toLowerCase(),
        subject,
        readFileSync(at(`git/${patch}`), 'latin1'),
      ]),
    )
    expect(ours.length).toBe(18)
  })

  test('CR inside the transfer encoding, NUL bytes and format=flowed', async () => {
    const [nul] = await gitMail().mailinfo([readFileSync(at('git/t5100/nul-b64.in'))])
    expect(nul?.patch.equals(readFileSync(at('git/t5100/nul-b64.expect')))).toBe(true)
    const [quoted, flowed] = await understandFiles(['git/t4258/mbox', 'git/t4256/1/patch'])
    expect([quoted?.disposition.kind, flowed?.disposition.kind]).toEqual(['new', 'new'])
    expect(quoted?.patch?.files[0]).toMatchObject({ added: expect.any(Number) })
  })
})

describe.skipIf(!here)('patchwork’s fixtures', () => {
  const Single = z.looseObject({
    file: z.string(),
    kind: z.string().optional(),
    diff: z.unknown().optional(),
    diff_not_null: z.boolean().optional(),
    diff_startswith: z.string().optional(),
    diff_count: z.record(z.string(), z.number()).optional(),
    expect_patches_created: z.number().optional(),
  })
  const Tables = z.object({
    series_marker: z.array(z.tuple([z.array(z.string()), z.tuple([z.number(), z.number()]).nullable()])),
    version: z.array(z.tuple([z.string(), z.array(z.string()), z.number()])),
  })
  const expected = here
    ? json(
        z.object({
          single_mail_tests: z.array(Single),
          subject_tables: Tables,
        }),
        'patchwork/expected.json',
      )
    : undefined

  const otherwise: Reasons = {
    'mail/0003-git-pull-request-with-diff.mbox':
      'patchwork keeps the diff of a pull request; it is a summary of many commits and nothing to test',
    'mail/0010-invalid-charset.mbox':
      'patchwork takes every diff for a patch; this one has neither [PATCH] nor Signed-off-by',
  }

  test('single mails: what carries a patch, and what does not', async () => {
    const singles = (expected?.single_mail_tests ?? []).filter(({ file }) => otherwise[file] === undefined)
    const said = await understandFiles(singles.map(({ file }) => `patchwork/${file}`))
    const wanted = singles.map(single => [
      single.file,
      (single.diff_not_null ?? false) ||
        single.diff_startswith !== undefined ||
        single.diff_count !== undefined ||
        single.expect_patches_created !== undefined,
    ])
    expect(said.map(({ patch }, n) => [singles[n]?.file, patch !== undefined])).toEqual(wanted)
  })

  test('markers and versions in brackets', () => {
    const { series_marker, version } = expected?.subject_tables ?? { series_marker: [], version: [] }
    for (const [words, marker] of series_marker) {
      const { position, total } = parseSubject(`[${words.join(',')}] x`)
      expect([words, position, total]).toEqual([words, marker?.[0], marker?.[1]])
    }
    for (const [title, words, number] of version) {
      expect([title, words, parseSubject(`[PATCH ${words.join(' ')}] ${title}`).version]).toEqual([
        title,
        words,
        number,
      ])
    }
  })
})

describe.skipIf(!here).each(lists)('$list', ({ patches, ...list }) => {
  let labelled: Labelled | undefined
  let mails = new Map<string, Mail>()
  let labels: Label[] = []
  beforeAll(async () => {
    labelled = await runLabelled({ patches, ...list })
    mails = labelled.mails
    labels = labelled.labels
  })
  afterAll(() => labelled?.result.store.close())

  test('every patch that git sees has the same patch-id, author and title', () => {
    const known = labels.flatMap(label =>
      label.git_mailinfo?.patch_id ? [{ ...label, info: label.git_mailinfo }] : [],
    )
    const said = known.map(({ n, blob }) => ({
      n,
      id: mails.get(blob)?.patch?.patchId,
      subject: mails.get(blob)?.patch?.subject,
    }))
    expect(said).toEqual(known.map(({ n, info }) => ({ n, id: info.patch_id, subject: info.subject })))
    expect(known.length).toBe(patches)
  })

  test('series are the sending runs: precision and recall of pairs ≥ 99.5 %', () => {
    const pairs = labelled === undefined ? { both: 0, series: 0, run: 0 } : pairsOf(labelled)
    expect(pairs.both).toBeGreaterThan(800)
    expect(precision(pairs)).toBeGreaterThanOrEqual(0.995)
    expect(recall(pairs)).toBeGreaterThanOrEqual(0.995)
  })

  test('every mail has its disposition', () => {
    expect(mails.size).toBe(1500)
    expect(
      [...mails.values()].filter(
        ({ disposition }) => disposition.kind === 'new' || disposition.kind === 'unreadable',
      ),
    ).toEqual([])
  })
})

describe.skipIf(!here)('linux-sparse', () => {
  test('742 of 742 patches that landed have the patch-id of the commit', async () => {
    const landed = json(z.record(z.string(), z.string()), 'linux-sparse.landed.json')
    const { store, mails } = await runAll(publicInboxSource({ name: 'sparse', path: at('linux-sparse.git') }))
    const ids = new Map(mails.map(mail => [mail.parsed?.messageId, mail.patch?.patchId]))
    expect(Object.keys(landed).map(id => [id, ids.get(id)])).toEqual(Object.entries(landed))
    expect([mails.length, Object.keys(landed).length]).toEqual([3545, 742])
    expect(
      mails.filter(({ disposition }) => disposition.kind === 'new' || disposition.kind === 'unreadable'),
    ).toEqual([])
    await store.close()
  })
})

describe.skipIf(!here)('trouble', () => {
  test('hostile and broken mails have a disposition, and no bounce passes for a person', async () => {
    const paths = [
      ...walk('mikel-mail/emails'),
      ...walk('patchwork/fuzz'),
      ...walk('gotchas'),
      ...walk('notmuch'),
    ]
    const said = await understandFiles(paths)
    expect(said.length).toBeGreaterThan(700)
    const reports = paths.flatMap((path, n) =>
      path.includes('multipart_report_emails') ? [said[n]?.disposition.kind] : [],
    )
    expect(reports).toEqual(reports.map(() => 'automatic'))
  })

  test('mails that look like submissions and are none', async () => {
    const paths = walk('gotchas').filter(
      path => path.includes('/not-a-submission-') || path.includes('/reply-containing-diff/'),
    )
    const said = await understandFiles(paths)
    expect(said.map(({ disposition }) => disposition.kind)).toEqual(paths.map(() => 'not-a-patch'))
  })

  test('patches in any transfer encoding', async () => {
    const paths = walk('gotchas').filter(path =>
      /\/(?:base64-patch|qp-patch|binary-patch|base-commit|charset-lies)\//.test(path),
    )
    const said = await understandFiles(paths)
    expect(said.map(({ disposition }, n) => [paths[n], disposition.kind])).toEqual(
      paths.map(path => [path, 'new']),
    )
  })

  test('a rewritten From: is traced to its author', async () => {
    const paths = walk('gotchas').filter(path =>
      /\/(?:from-rewritten-via-list|dmarc-x-original-from)\//.test(path),
    )
    for (const { parsed } of await understandFiles(paths)) {
      expect(parsed?.author?.address).not.toBe(parsed?.from?.address)
      expect(parsed?.author?.name).not.toMatch(/ via /)
    }
  })
})
