// One commit of a mirror as a tar with a `.git`, for a guest that has nothing else. Used by mirror.ts.
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { Fault } from '../../model/fault.ts'
import type { Commit } from '../../model/job.ts'
import { runGit } from './run.ts'

const timeoutMs = 5 * 60_000

type Wanted = { bare: string; commit: Commit; folder: string }

/**
 * The tar, made below `folder` and gone from there when this resolves. Faults: refused (the mirror has no such commit), damaged
 * (the mirror cannot give it), exhausted (disk full).
 */
export const makeSnapshot = async (wanted: Wanted): Promise<{ size: number; stream: Readable }> => {
  const work = join(wanted.folder, `tmp-${randomUUID()}`)
  try {
    await shallow(wanted, work)
    const tar = join(work, 'snapshot.tar')
    await pack(work, tar)
    // Removed below while it is open: nothing stays behind, whatever becomes of the reader.
    const file = await open(tar, 'r')
    const { size } = await file.stat()
    return { size, stream: createReadStream('', { fd: file, autoClose: true }) }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

const quiet = ['--quiet', '--no-tags', '--no-recurse-submodules', '--no-write-fetch-head']

/** A repository with that one commit and no remote, in `work`/.git. */
const shallow = async ({ bare, commit, folder }: Wanted, work: string): Promise<void> => {
  const fetch = ['-c', 'gc.auto=0', 'fetch', '--depth=1', ...quiet, '--', `file://${bare}`, commit]
  const steps = [
    { in: folder, args: ['init', '--quiet', '--template=', '--initial-branch=base', work] },
    { in: work, args: fetch },
    { in: work, args: ['update-ref', '--no-deref', 'HEAD', commit] },
  ]
  for (const step of steps) {
    const { code, stderr } = await runGit(step.args, { cwd: step.in, timeoutMs })
    if (code !== 0) throw snapshotFault({ bare, commit, folder }, stderr)
  }
}

const snapshotFault = ({ bare, commit, folder }: Wanted, stderr: string): Fault => {
  const cause = new Error(stderr)
  if (/No space left|Disk quota/.test(stderr))
    return new Fault('exhausted', 'later', `mirror ${bare}: no space left on the disk`, {
      cause,
      remedy: `free space on the disk that holds ${folder}`,
    })
  if (/not our ref|find remote ref/.test(stderr))
    return new Fault('refused', 'later', `mirror ${bare}: it has no commit ${commit}`, {
      cause,
      remedy: 'check that the commit was not removed from the repository',
    })
  return new Fault('damaged', 'later', `mirror ${bare}: commit ${commit} cannot be read`, {
    cause,
    remedy: `remove ${bare}; it is fetched again`,
  })
}

/** The guest has its own owners and clock. */
const pack = async (work: string, tar: string): Promise<void> => {
  const owner = ['--owner=0', '--group=0', '--numeric-owner', '--mtime=@0', '--sort=name', '--format=ustar']
  const child = spawn('tar', ['-C', work, ...owner, '-cf', tar, '.git'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let stderr = ''
  child.stderr.on('data', chunk => {
    stderr += String(chunk)
  })
  const [code] = await once(child, 'close').catch(error => [error])
  if (code === 0) return
  throw new Fault('exhausted', 'later', `tar of ${work}: ${stderr.trim() || String(code)}`, {
    remedy: `free space on the disk that holds ${work}, and check that tar is installed`,
  })
}
