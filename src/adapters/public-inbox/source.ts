// Mail from a public-inbox archive in git, at the beginning of the flow. The archive is only read.
import { join } from 'node:path'
import { z } from 'zod'
import { Fault } from '../../model/fault.ts'
import type { Cursor, MailBatch, MailSource, RawMail } from '../../ports/mail-source.ts'
import { errnoFault } from '../../text/errno.ts'
import { watchFolder } from '../../text/file-watch.ts'
import { BlobReader } from './blobs.ts'
import { mailsIn } from './history.ts'
import { type Epoch, epochsOf, gitMaybe, openView, type View } from './view.ts'

/** The commit up to which everything was handed out. */
const Place = z.object({ epoch: z.number(), commit: z.string().regex(/^[0-9a-f]{40,64}$/) })
type Place = z.infer<typeof Place>

const batchMails = 250
const batchBytes = 8 * 1024 * 1024

/**
 * Mails of an archive (public-inbox-v2-format(5), -v1-format(5)) in order of arrival, which is that of its commits; `arrivedAt` is
 * the date of the commit. `path` is a git repository, a folder with `git/0.git`, `git/1.git` …, or a bundle. Where its history
 * was rewritten, the new part is read; mails that were read before are known by their content. Faults: refused (no archive),
 * malformed (objects are missing), exhausted (no git).
 */
export const publicInboxSource = ({ name, path }: { name: string; path: string }): MailSource => ({
  name,
  read: (cursor, signal) => read(path, cursor, signal),
  watch: wake => watchArchive(path, wake),
})

async function* read(path: string, cursor: Cursor, signal?: AbortSignal): AsyncGenerator<MailBatch> {
  const from = Place.safeParse(cursor).data
  try {
    for (const epoch of await epochsOf(path))
      if (epoch.number >= (from?.epoch ?? 0)) yield* readEpoch(epoch, from, signal)
  } catch (error) {
    signal?.throwIfAborted()
    throw withPlace(error, path)
  }
}

/** The parts that run git do not know for whom. */
const withPlace = (error: unknown, path: string): Fault => {
  const fault = errnoFault(error, 'public-inbox', path)
  if (fault.message.includes(path)) return fault
  const remedy = fault.remedy === undefined ? {} : { remedy: fault.remedy }
  return new Fault(fault.kind, fault.retry, `public-inbox ${path}: ${fault.message}`, {
    cause: error,
    ...remedy,
  })
}

async function* readEpoch(
  epoch: Epoch,
  from: Place | undefined,
  signal?: AbortSignal,
): AsyncGenerator<MailBatch> {
  const view = await openView(epoch)
  try {
    const tip = await tipOf(view)
    const since = from?.epoch === epoch.number ? from.commit : undefined
    if (tip === undefined || tip === since) return
    yield* batches({ view, epoch, range: await rangeOf(view, since, tip) }, signal)
  } finally {
    await view.close()
  }
}

const commitOf = (view: View, name: string): Promise<string | undefined> =>
  gitMaybe(view, ['rev-parse', '--verify', '--quiet', `${name}^{commit}`])

/** HEAD, or the only branch where HEAD names none. undefined: nothing is in it yet. */
const tipOf = async (view: View): Promise<string | undefined> => {
  const head = await commitOf(view, 'HEAD')
  if (head !== undefined) return head
  const branches = await gitMaybe(view, ['for-each-ref', '--format=%(objectname)', 'refs/heads'])
  return branches?.split('\n')[0] || undefined
}

/** A commit that a purge rewrote is unknown, or no ancestor: then from the start, or from where the ways part. */
const rangeOf = async (view: View, since: string | undefined, tip: string): Promise<string[]> =>
  since === undefined || (await commitOf(view, since)) === undefined ? [tip] : [tip, `^${since}`]

async function* batches(
  { view, epoch, range }: { view: View; epoch: Epoch; range: string[] },
  signal?: AbortSignal,
): AsyncGenerator<MailBatch> {
  const reader = new BlobReader(view)
  let mails: RawMail[] = []
  let bytes = 0
  let commit = ''
  const batch = (): MailBatch => ({ mails, cursor: { epoch: epoch.number, commit } satisfies Place })
  try {
    for await (const mail of mailsIn(view, range, signal)) {
      // Not before the commit has ended: a v1 commit may bring several mails.
      if (commit !== mail.commit && (mails.length >= batchMails || bytes >= batchBytes)) {
        yield batch()
        mails = []
        bytes = 0
      }
      const raw = await reader.read(mail.blob)
      commit = mail.commit
      bytes += raw.length
      mails.push({ raw, arrivedAt: mail.committedAt, where: `${epoch.path}, commit ${commit}` })
    }
  } finally {
    reader.close()
  }
  if (mails.length > 0) yield batch()
}

/** A push changes a ref in refs/heads or packed-refs; a new epoch is a new folder in git/. */
const watchArchive = (path: string, wake: () => void): (() => void) => {
  const stops: (() => void)[] = []
  let stopped = false
  const folders = async () => {
    const epochs = await epochsOf(path).catch(() => [])
    const newest = epochs.at(-1)
    if (newest === undefined) return [path]
    if (newest.kind === 'bundle') return [join(path, '..')]
    return [join(newest.path, '..'), newest.path, join(newest.path, 'refs', 'heads')]
  }
  folders().then(paths => {
    if (!stopped) stops.push(...paths.map(folder => watchFolder(folder, wake)))
  })
  return () => {
    stopped = true
    for (const stop of stops) stop()
  }
}
