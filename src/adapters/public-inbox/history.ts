// Which mails the commits of an archive brought, oldest first. Used by source.ts.
import { createInterface } from 'node:readline'
import type { Instant } from '../../model/instant.ts'
import { startGit, type View } from './view.ts'

/** v2: the mail is the file `m`, a removed one the file `d`. v1: each mail is a file named by its digest. */
const mailPath = /^(?:m|[0-9a-f]{2}\/[0-9a-f]{38})$/
const digestPath = /^[0-9a-f]{2}\/[0-9a-f]{38}$/

export type MailAt = { commit: string; blob: string; committedAt: Instant }
type Change = {
  commit: string
  committedAt: Instant
  status: string
  before: string
  after: string
  path: string
}

/** The mails of the commits in `range` (gitrevisions(7)), without those that a later commit of it removes (spam, mostly). */
export async function* mailsIn(view: View, range: string[], signal?: AbortSignal): AsyncGenerator<MailAt> {
  const removed = new Map<string, number>()
  for await (const change of changes(view, ['--diff-filter=AMD', ...range, '--', ...removals], signal)) {
    const blob = removedBlob(change)
    if (blob !== undefined) removed.set(blob, (removed.get(blob) ?? 0) + 1)
  }
  for await (const change of changes(view, ['--reverse', ...range], signal)) {
    const { commit, committedAt, status, after, path } = change
    const gone = removedBlob(change)
    if (gone !== undefined) removed.set(gone, (removed.get(gone) ?? 0) - 1)
    const adds = mailPath.test(path) && (status === 'A' || status === 'M')
    // Removed later, or added anew after all removals.
    if (adds && (removed.get(after) ?? 0) <= 0) yield { commit, committedAt, blob: after }
  }
}

// Looking for removals among all paths would take as long as the whole reading; only v2 has a path for them.
const removals = ['d']

const removedBlob = ({ status, before, after, path }: Change): string | undefined => {
  if (path === 'd' && (status === 'A' || status === 'M')) return after
  return status === 'D' && digestPath.test(path) ? before : undefined
}

async function* changes(view: View, args: string[], signal?: AbortSignal): AsyncGenerator<Change> {
  const format = ['--raw', '-r', '--root', '--no-renames', '--no-abbrev', '--format=%H %ct']
  const { child, ended } = startGit(view, ['-c', 'core.quotePath=true', 'log', ...format, ...args])
  child.stdin.end()
  let commit = ''
  let committedAt = 0
  try {
    for await (const line of createInterface({ input: child.stdout, crlfDelay: Number.POSITIVE_INFINITY })) {
      signal?.throwIfAborted()
      const head = /^([0-9a-f]{40,64}) (\d+)$/.exec(line)
      const raw = /^:\d+ \d+ ([0-9a-f]+) ([0-9a-f]+) ([A-Z])\d*\t(.*)$/.exec(line)
      if (head) [commit, committedAt] = [head[1] ?? '', Number(head[2]) * 1000]
      const [, before = '', after = '', status = '', path = ''] = raw ?? []
      if (raw) yield { commit, committedAt, status, before, after, path }
    }
    await ended
  } finally {
    child.kill()
  }
}
