// Lays out the demo's input: the upstream repository and the mailbox, in two acts. Also a command: make-mailbox.ts OUTFOLDER
import { createHash } from 'node:crypto'
import { appendFile, copyFile, mkdir, readFile, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type Expectation, expectations } from './expectations.ts'
import { git, makeHistory } from './history.ts'

export type Demo = {
  /** A bare repository. */
  repository: string
  branch: string
  /** The mbox that the bot reads; holds the first act. */
  mailbox: string
  /** In the order of the mailbox, then of the second act. */
  expectations: Expectation[]
  /** The second act: upstream's branch moves on, and more mail arrives. Repeatable. */
  moveOn: () => Promise<void>
}

const here = import.meta.dirname

/** The mails of each act, in their files. */
const acts = (): Promise<Buffer[]> =>
  Promise.all(['mailbox.mbox', 'later.mbox'].map(name => readFile(join(here, name))))

/** Tells the mails of one version from those of another. */
export const mailsId = async (): Promise<string> => {
  const hash = createHash('sha256')
  for (const act of await acts()) hash.update(act)
  return hash.digest('hex').slice(0, 16)
}

/** Makes the folder's `tally.git` and `list.mbox` anew, the same bytes and commit ids each time. */
export const makeDemo = async ({ folder }: { folder: string }): Promise<Demo> => {
  const at = resolve(folder)
  const [work, repository, next, mailbox] = ['work', 'tally.git', 'next.git', 'list.mbox'].map(name =>
    join(at, name),
  ) as [string, string, string, string]
  await Promise.all([work, repository, next, mailbox].map(path => rm(path, { recursive: true, force: true })))
  await mkdir(at, { recursive: true })
  await makeHistory(work)
  for (const [bare, branch] of [
    [repository, 'main'],
    [next, 'next-main'],
  ] as const) {
    await git({ folder: at }, 'init', '-q', '--bare', '--object-format=sha1', '-b', 'main', bare)
    await git({ folder: work }, 'push', '-q', bare, `${branch}:main`)
  }
  await rm(work, { recursive: true })
  await copyFile(join(here, 'mailbox.mbox'), mailbox)
  return { repository, branch: 'main', mailbox, expectations, moveOn: () => moveOn({ folder: at }) }
}

/** The second act, in a folder that makeDemo made: upstream's branch moves on, and more mail arrives. Repeatable: what
 *  is in the mailbox already does not come again. */
export const moveOn = async ({ folder }: { folder: string }): Promise<void> => {
  await git({ folder: join(folder, 'next.git') }, 'push', '-q', join(folder, 'tally.git'), 'main')
  const mailbox = join(folder, 'list.mbox')
  const { size } = await stat(mailbox)
  await appendFile(mailbox, Buffer.concat(await acts()).subarray(size))
}

if (import.meta.main) {
  const folder = process.argv[2]
  if (folder === undefined) {
    console.error('make-mailbox.ts: no folder given; say where: make-mailbox.ts OUTFOLDER')
    process.exitCode = 2
  } else {
    const { repository, mailbox } = await makeDemo({ folder })
    console.log(`${repository}\n${mailbox}`)
  }
}
