// Mail from a Maildir, at the beginning of the flow. The folder is only read: nothing is moved, marked or removed.
import { open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Cursor, MailBatch, MailSource, RawMail } from '../../ports/mail-source.ts'
import { errnoFault, errnoOf } from '../../text/errno.ts'
import { watchFolder } from '../../text/file-watch.ts'
import { type Entry, nothingSeen, Seen, startPass, unseen } from './cursor.ts'

const batchMails = 100
const batchBytes = 8 * 1024 * 1024
/** A mail's bytes past this many are left out: nobody sends such a patch, and memory is bounded. */
const largestMail = 64 * 1024 * 1024
const folders = ['new', 'cur']

/**
 * Mails of the Maildir `path` (https://cr.yp.to/proto/maildir.html), from `new` and `cur`, in order of arrival. `arrivedAt` is the
 * time in the file's name or the file's own, whichever is earlier: copying can only make them later. A mail that is flagged
 * or moved long after it was read may come once more. Faults: refused (no such folder, no permission).
 */
export const maildirSource = ({ name, path }: { name: string; path: string }): MailSource => ({
  name,
  read: (cursor, signal) => read(path, cursor, signal),
  watch: wake =>
    watchFolders(
      folders.map(folder => join(path, folder)),
      wake,
    ),
})

async function* read(path: string, cursor: Cursor, signal?: AbortSignal): AsyncGenerator<MailBatch> {
  let seen = startOf(cursor)
  for (;;) {
    const listedAt = Date.now()
    const entries = await list(path)
    const fresh = unseen(entries, seen)
    if (fresh.length === 0 && seen.pass === undefined) return
    const pass = startPass(entries, seen, listedAt)
    for (const { batch, last } of batchesOf(fresh)) {
      signal?.throwIfAborted()
      const { mails, read } = await readBatch(path, batch)
      const cursor = pass.handOut(read)
      if (mails.length > 0) yield { mails, cursor: last ? pass.end() : cursor }
    }
    // Listed once more: what was moved from new to cur under our hands is found there.
    seen = pass.end()
  }
}

/** A clock that was set back would hide what comes: then all is read again, and known by its content. */
const startOf = (cursor: Cursor): Seen => {
  const seen = Seen.safeParse(cursor).data
  return seen === undefined || seen.since > Date.now() ? nothingSeen : seen
}

const list = async (path: string): Promise<Entry[]> => {
  const found: Entry[] = []
  for (const folder of folders) {
    const names = await readdir(join(path, folder)).catch(error => {
      throw errnoFault(error, 'maildir', join(path, folder))
    })
    for (let i = 0; i < names.length; i += 256) {
      const entries = await Promise.all(
        names.slice(i, i + 256).map(name => entryOf(join(path, folder), name)),
      )
      found.push(...entries.filter(entry => entry !== undefined))
    }
  }
  return found
}

const entryOf = async (folder: string, name: string): Promise<Entry | undefined> => {
  if (name.startsWith('.')) return undefined
  const path = join(folder, name)
  try {
    const { size, ctimeMs, mtimeMs, isFile } = await stat(path).then(found => ({
      ...found,
      isFile: found.isFile(),
    }))
    if (!isFile) return undefined
    const base = name.replace(/:.*$/s, '')
    const stamp = /^(\d{9,10})\./.exec(name)
    const named = stamp ? Number(stamp[1]) * 1000 : Number.POSITIVE_INFINITY
    return { base, path, size, changedAt: ctimeMs, arrivedAt: Math.floor(Math.min(named, mtimeMs)) }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw errnoFault(error, 'maildir', path)
  }
}

function* batchesOf(entries: Entry[]): Generator<{ batch: Entry[]; last: boolean }> {
  let held: Entry[] = []
  let bytes = 0
  for (const [i, entry] of entries.entries()) {
    held.push(entry)
    bytes += Math.min(entry.size, largestMail)
    const last = i === entries.length - 1
    if (!last && held.length < batchMails && bytes < batchBytes) continue
    yield { batch: held, last }
    held = []
    bytes = 0
  }
}

/** The mails that are still there, and their entries. */
const readBatch = async (folder: string, batch: Entry[]): Promise<{ mails: RawMail[]; read: Entry[] }> => {
  const mails: RawMail[] = []
  const read: Entry[] = []
  for (const entry of batch) {
    const mail = await readMail(folder, entry)
    if (mail === undefined) continue
    mails.push(mail)
    read.push(entry)
  }
  return { mails, read }
}

const readMail = async (folder: string, { path, base, arrivedAt }: Entry): Promise<RawMail | undefined> => {
  try {
    return { raw: await readBounded(path), arrivedAt, where: `${folder}, ${base}` }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw errnoFault(error, 'maildir', path)
  }
}

const readBounded = async (path: string): Promise<Buffer> => {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    const bytes = Buffer.alloc(Math.min(size, largestMail))
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0)
    return bytes.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

const watchFolders = (paths: string[], wake: () => void): (() => void) => {
  const stops = paths.map(path => watchFolder(path, wake))
  return () => {
    for (const stop of stops) stop()
  }
}
