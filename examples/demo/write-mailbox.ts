// Writes mailbox.mbox and later.mbox anew, by the real `git format-patch` and `git send-email`. For those who change
// the patches (package git-email is needed); the demo itself needs only what this wrote.
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { commit, git, identity, makeHistory } from './history.ts'
import { letters } from './letters.ts'
import { postings } from './patches.ts'
import { list, written } from './people.ts'
import type { Posting } from './posting.ts'
import { spoil } from './spoil.ts'

const here = import.meta.dirname

type Arrived = { key: string; at: number; sender: string; later: boolean; raw: Buffer }

/** Messages ids of format-patch --thread hold the time of the run. */
const fixedIds = (text: string, at: number): string =>
  text.replace(/<([0-9a-f]{40}|cover)\.\d+\.git\./g, `<$1.${at / 1000}.git.`)

/** Commits the posting's patches on its base and lets git format them. Returns the files in order. */
const format = async (work: string, posting: Posting): Promise<string[]> => {
  const { key, author, base, cover } = posting
  const start = base === 'start' ? 'main' : base === 'next' ? 'next-main' : base
  await git({ folder: work }, 'checkout', '-q', '-B', key, start)
  const at = Date.parse(posting.sent)
  for (const [i, patch] of posting.patches.entries()) {
    const date = new Date(at - (posting.patches.length - i) * 60_000).toISOString()
    await commit({ folder: work, author, date, patch })
  }
  const out = await mkdtemp(join(work, '.git', 'out-'))
  const options = [...(posting.format ?? []), ...(cover ? ['--cover-letter'] : [])]
  await git(
    { folder: work, environment: identity(author) },
    ...['format-patch', '-q', '--no-color', '--signature=2.39.5', '-o', out, ...options, start],
  )
  const files = (await readdir(out)).sort().map(name => join(out, name))
  for (const [i, file] of files.entries()) {
    const patch = posting.patches[cover ? i - 1 : i]
    let text = fixedIds(await readFile(file, 'utf8'), at)
    if (patch?.below !== undefined) text = text.replace('\n---\n', `\n---\n${patch.below}\n`)
    if (cover && i === 0)
      text = text.replace('*** SUBJECT HERE ***', cover.title).replace('*** BLURB HERE ***', cover.body)
    await writeFile(file, text)
  }
  return files
}

/** Lets git send-email hand each mail to a "sendmail" that keeps it. */
const send = async (
  work: string,
  posting: Posting,
  files: string[],
  answered?: string,
): Promise<Buffer[]> => {
  const out = await mkdtemp(join(work, '.git', 'sent-'))
  const capture = join(out, 'capture')
  await writeFile(capture, `#!/bin/sh\nexec cat > "${out}/$(ls "${out}" | wc -l).mail"\n`, { mode: 0o755 })
  const first = Date.parse(posting.sent) / 1000
  const environment = {
    ...identity(posting.author),
    PERL5LIB: `${here}:${process.env.PERL5LIB ?? ''}`,
    PERL5OPT: '-Msend_clock',
    // send-email dates the first mail (number of mails - 1) seconds before now.
    SEND_CLOCK: String(first + files.length - 1),
  }
  await git(
    { folder: work, environment },
    ...[
      'send-email',
      '--quiet',
      '--confirm=never',
      '--suppress-cc=all',
      '--no-validate',
      '--8bit-encoding=UTF-8',
    ],
    ...[`--from=${written(posting.author)}`, `--to=${written(list)}`, `--sendmail-cmd=${capture}`],
    ...(answered === undefined ? [] : [`--in-reply-to=${answered}`]),
    ...files,
  )
  const names = (await readdir(out))
    .filter(name => name.endsWith('.mail'))
    .sort((a, b) => parseInt(a, 10) - parseInt(b, 10))
  return Promise.all(names.map(name => readFile(join(out, name))))
}

const messageId = (raw: Buffer): string => /^Message-Id: (<.*>)$/im.exec(raw.toString('latin1'))?.[1] ?? ''

/** What the list's machine puts on top of every mail. */
const throughTheList = (sender: string, at: number, text: Buffer): Buffer => {
  const host = sender.slice(sender.indexOf('@') + 1)
  const date = new Date(at).toUTCString().replace('GMT', '+0000')
  return Buffer.concat([
    Buffer.from(
      `Return-Path: <${sender}>\nReceived: from mail.${host} by lists.example.org with ESMTPS\n\tfor <${list.address}>; ${date}\n` +
        `List-Id: ${list.name} <tally-devel.example.org>\nPrecedence: list\n`,
    ),
    text,
  ])
}

/** One mail in mboxrd: a From_ line, the mail with its From-like lines quoted, an empty line. */
const inMboxrd = ({ sender, at, raw }: Arrived): Buffer => {
  const date = new Date(at)
  const [day, dayOfMonth, month, year, time] = date.toUTCString().replace(',', '').split(' ')
  const from = `From ${sender} ${day} ${month} ${Number(dayOfMonth).toString().padStart(2)} ${time} ${year}\n`
  const quoted = raw.toString('latin1').replace(/^(>*From )/gm, '>$1')
  return Buffer.from(`${from}${quoted.replace(/\n*$/, '\n')}\n`, 'latin1')
}

const post = async (work: string, posting: Posting, ids: Map<string, string>): Promise<Arrived[]> => {
  const files = await format(work, posting)
  const answered = posting.inReplyTo && ids.get(`${posting.inReplyTo}/1`)
  const mails = await send(work, posting, files, answered)
  const sender = posting.author.address
  return mails.map((mail, i): Arrived => {
    const position = posting.cover ? i : i + 1
    const key = `${posting.key}/${position}`
    ids.set(key, messageId(mail))
    const at = Date.parse(posting.sent) + 1000 * (posting.delays?.[position] ?? 3 + i)
    const raw = throughTheList(sender, at, spoil(mail, posting.spoil))
    return { key, at, sender, later: posting.later ?? false, raw }
  })
}

/** Makes all mails in order of arrival. */
const writeAll = async (work: string): Promise<Arrived[]> => {
  await makeHistory(work)
  const ids = new Map<string, string>()
  const arrived: Arrived[] = []
  for (const posting of postings) {
    const mails = await post(work, posting, ids)
    arrived.push(...mails.filter((_, i) => !posting.lost?.includes(posting.cover ? i : i + 1)))
  }
  for (const { key, arrived: when, sender, later, text } of letters) {
    const at = Date.parse(when)
    const raw = throughTheList(sender, at, Buffer.from(text(mail => ids.get(mail) ?? `no ${mail}`)))
    arrived.push({ key, at, sender, later: later ?? false, raw })
  }
  return arrived.sort((a, b) => a.at - b.at)
}

const work = await mkdtemp(join(tmpdir(), 'tally-'))
try {
  const mails = await writeAll(work)
  for (const [name, later] of [
    ['mailbox.mbox', false],
    ['later.mbox', true],
  ] as const) {
    const chosen = mails.filter(mail => mail.later === later)
    await writeFile(join(here, name), Buffer.concat(chosen.map(inMboxrd)))
    console.log(`${name}: ${chosen.map(mail => mail.key).join(' ')}`)
  }
} finally {
  await rm(work, { recursive: true })
}
