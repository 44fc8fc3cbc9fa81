// Our mail into a Maildir, at the end of the flow: for trying out, and for whoever reads mail from a folder.
import { randomUUID } from 'node:crypto'
import { link, mkdir, open, readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '../../model/fault.ts'
import type { MessageId } from '../../model/mail.ts'
import type { OutgoingMail } from '../../model/reply.ts'
import type { MailSink, SendOptions, Taken } from '../../ports/mail-sink.ts'
import { mailBytes, type Signer } from '../../text/bytes.ts'
import { sha256 } from '../../text/digest.ts'
import { errnoFault, errnoOf } from '../../text/errno.ts'

/**
 * Delivers into the Maildir `path` (made if it is not there). The file's name comes from the Message-ID, so the same mail is
 * there once however often it is sent. The files open as .eml. Faults: refused (a mail that cannot be composed: never),
 * exhausted (disk full).
 */
export const maildirSink = ({ path, signer }: { path: string; signer?: Signer | undefined }): MailSink => ({
  send: (mail, options) => guarded(path, () => send(path, mail, { signer, ...options })),
  find: messageId => guarded(path, () => find(path, messageId)),
  probe: () => guarded(path, () => probe(path)),
})

const guarded = async <T>(path: string, act: () => Promise<T>): Promise<T> => {
  try {
    return await act()
  } catch (error) {
    throw errnoFault(error, 'maildir', path)
  }
}

/** People see the id in it; the digest tells apart what cleaning makes equal. */
const fileName = (messageId: MessageId): string => {
  const readable = messageId.replace(/[^A-Za-z0-9@._-]+/g, '').replace(/^\.+/, '')
  const digest = sha256(messageId).slice(0, 16)
  return `${readable.slice(0, 100)}-${digest}.eml`
}

/** The bytes that SMTP would carry, but with the line ends of files. */
const composed = async (mail: OutgoingMail, signer: Signer | undefined): Promise<Buffer> => {
  const result = await mailBytes(mail, signer)
  if (!result.ok)
    throw new Fault('refused', result.forGood ? 'never' : 'later', `mail ${mail.messageId}: ${result.why}`)
  // Composed with CRLF throughout, and no other CR.
  return Buffer.from(result.bytes.toString('latin1').replaceAll('\r\n', '\n'), 'latin1')
}

const send = async (
  path: string,
  mail: OutgoingMail,
  { signer }: SendOptions & { signer: Signer | undefined },
): Promise<Taken> => {
  const bytes = await composed(mail, signer)
  await makeFolders(path)
  const name = fileName(mail.messageId)
  const target = join(path, 'new', name)
  const taken = (answer: string): Taken => ({ answer, refused: [] })
  if ((await placeOf(path, name)) !== undefined) return taken(`already in ${path}`)
  const temporary = join(path, 'tmp', `${name}.${process.pid}.${randomUUID()}`)
  try {
    await write(temporary, bytes)
    await link(temporary, target)
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error
    return taken(`already in ${path}`)
  } finally {
    await unlink(temporary).catch(() => undefined)
  }
  await flush(join(path, 'new'))
  return taken(`delivered to ${target}`)
}

const makeFolders = async (path: string): Promise<void> => {
  for (const folder of ['tmp', 'new', 'cur']) await mkdir(join(path, folder), { recursive: true })
}

const write = async (path: string, bytes: Buffer): Promise<void> => {
  const file = await open(path, 'wx')
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

const flush = async (folder: string): Promise<void> => {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Mail readers move files from new to cur and add `:2,FLAGS`. */
const placeOf = async (path: string, name: string): Promise<string | undefined> => {
  for (const folder of ['new', 'cur']) {
    const names = await readdir(join(path, folder)).catch(error => {
      if (errnoOf(error) === 'ENOENT') return []
      throw error
    })
    const found = names.find(other => other === name || other.startsWith(`${name}:`))
    if (found !== undefined) return join(path, folder, found)
  }
  return undefined
}

const find = async (path: string, messageId: MessageId): Promise<'here' | 'absent'> =>
  (await placeOf(path, fileName(messageId))) === undefined ? 'absent' : 'here'

const probe = async (path: string): Promise<string> => {
  await makeFolders(path)
  const trial = join(path, 'tmp', `probe.${process.pid}.${randomUUID()}`)
  await write(trial, Buffer.from('probe\n'))
  await unlink(trial)
  return `maildir ${path} can be written`
}
