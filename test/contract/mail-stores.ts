// Mail stores on the disk for tests, written as the programs write them that own such stores.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, mkdir, mkdtemp, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { maildirSource } from '../../src/adapters/maildir/source.ts'
import { mboxSource } from '../../src/adapters/mbox/source.ts'
import { publicInboxSource } from '../../src/adapters/public-inbox/source.ts'
import { arrival, type StoreUnderTest } from './mail-source.ts'

/** A folder that goes when the test ends. */
export const temporaryFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'grapevine-test-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** asctime(3) in UTC, as in "From " lines. */
export const asctime = (instant: number): string => {
  const [, weekday, day, month, year, time] =
    /^(...), (..) (...) (....) (\S+)/.exec(new Date(instant).toUTCString()) ?? []
  return `${weekday} ${month} ${day?.replace(/^0/, ' ')} ${time} ${year}`
}

/** mboxrd: every line that is "From " after any number of `>` gets one more. */
export const mboxrd = (raw: Buffer, instant: number): Buffer =>
  Buffer.concat([
    Buffer.from(`From sofia@example.org ${asctime(instant)}\n`),
    Buffer.from(raw.toString('latin1').replace(/^(>*From )/gm, '>$1'), 'latin1'),
    Buffer.from('\n'),
  ])

export const mboxStore = async (): Promise<StoreUnderTest & { path: string }> => {
  const path = join(await temporaryFolder(), 'list.mbox')
  await writeFile(path, '')
  let n = 0
  return {
    path,
    source: () => mboxSource({ name: 'list', path }),
    add: async raws => appendFile(path, Buffer.concat(raws.map(raw => mboxrd(raw, arrival(n++))))),
  }
}

export const maildirStore = async (): Promise<StoreUnderTest & { path: string }> => {
  const path = join(await temporaryFolder(), 'Maildir')
  for (const folder of ['tmp', 'new', 'cur']) await mkdir(join(path, folder), { recursive: true })
  let n = 0
  const deliver = async (raw: Buffer) => {
    const at = arrival(n++) / 1000
    const name = `${at}.M${n}P1.host`
    await writeFile(join(path, 'tmp', name), raw)
    await utimes(join(path, 'tmp', name), at, at)
    await rename(join(path, 'tmp', name), join(path, 'new', name))
  }
  return {
    path,
    source: () => maildirSource({ name: 'list', path }),
    add: async raws => {
      for (const raw of raws) await deliver(raw)
    },
  }
}

export const git = (folder: string, ...args: string[]): string =>
  execFileSync('git', ['-C', folder, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()

/** One commit of an archive: what files it holds afterwards (`deleteall` first), by path. */
export type ArchiveCommit = { at: number; files: Record<string, Buffer> }

/** Puts commits on top of an archive's master, as public-inbox does: by git fast-import. */
export const commitMails = async (
  repository: string,
  commits: ArchiveCommit[],
  onto = 'refs/heads/master',
): Promise<void> => {
  const child = spawn('git', ['-C', repository, 'fast-import', '--quiet', '--force'], {
    stdio: ['pipe', 'inherit', 'inherit'],
  })
  const ended = once(child, 'close')
  const known = tipOf(repository, onto)
  for (const [i, { at, files }] of commits.entries()) {
    const who = `sofia <sofia@example.org> ${at / 1000} +0000`
    child.stdin.write(`commit ${onto}\nauthor ${who}\ncommitter ${who}\ndata 4\nmail\n`)
    if (i === 0 && known) child.stdin.write(`from ${known}\n`)
    child.stdin.write('deleteall\n')
    for (const [path, bytes] of Object.entries(files)) {
      child.stdin.write(`M 100644 inline ${path}\ndata ${bytes.length}\n`)
      child.stdin.write(bytes)
      child.stdin.write('\n')
    }
  }
  child.stdin.end('done\n')
  const [code] = await ended
  if (code !== 0) throw new Error(`git fast-import: ${code}`)
}

const tipOf = (repository: string, ref: string): string =>
  git(repository, 'for-each-ref', '--format=%(objectname)', ref)

export const makeArchive = async (path: string): Promise<string> => {
  await mkdir(path, { recursive: true })
  git(path, 'init', '--quiet', '--bare', '--initial-branch=master')
  return path
}

export const archiveStore = async (): Promise<StoreUnderTest & { path: string }> => {
  const path = await makeArchive(join(await temporaryFolder(), 'list.git'))
  let n = 0
  return {
    path,
    source: () => publicInboxSource({ name: 'list', path }),
    add: async raws =>
      commitMails(
        path,
        raws.map(m => ({ at: arrival(n++), files: { m } })),
      ),
  }
}
