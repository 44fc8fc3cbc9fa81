// What is new in an IMAP mailbox → batches of mails. Used by source.ts; the mailbox is open for reading only.
import type { ImapFlow } from 'imapflow'
import { z } from 'zod'
import { Fault } from '../../model/fault.ts'
import { dayMs, type Instant } from '../../model/instant.ts'
import type { Cursor, MailBatch, RawMail } from '../../ports/mail-source.ts'
import { withoutCr } from '../../text/line-ends.ts'
import { largestMail } from './connect.ts'
import { isAnswer, placeOf } from './fault.ts'
import type { Session } from './session.ts'

/** Mails up to `uid` were handed out, but for those that are owed: the server could not give them. RFC 3501 §2.3.1.1, RFC 7162. */
const Place = z.object({
  uidValidity: z.string(),
  uid: z.number().int().nonnegative(),
  modseq: z.string().optional(),
  owed: z.array(z.number().int().positive()).optional(),
})
type Place = z.infer<typeof Place>

const batchMails = 100
const batchBytes = 8 * 1024 * 1024
/** So few are asked for at once without asking for their sizes first. */
const fewMails = 4
const fewBytes = 1024 * 1024
const mostOwed = 1000
const owedMs = 600_000

type Wanted = { session: Session; client: ImapFlow; signal: AbortSignal | undefined }

export async function* readMailbox(
  wanted: Wanted,
  cursor: Cursor,
  since: Instant | undefined,
): AsyncGenerator<MailBatch> {
  const { client, session, signal } = wanted
  const known = placeIn(client, session, cursor)
  const place: Place = known ?? { uidValidity: String(box(client, session).uidValidity), uid: 0 }
  const next = box(client, session).uidNext
  const from = place.uid
  for (;;) {
    const uids = await search(wanted, place.uid, place.uid === 0 ? since : undefined)
    if (uids.length === 0) break
    for (let i = 0; i < uids.length; i += batchMails)
      for (const group of await groups(wanted, uids.slice(i, i + batchMails))) {
        signal?.throwIfAborted()
        yield await readGroup(wanted, place, group)
      }
  }
  // All that was there is older than `since`: it need not be looked through again.
  if (since !== undefined && from === 0 && place.uid < next - 1) {
    place.uid = next - 1
    yield { mails: [], cursor: saved(client, place) }
  }
  yield* readOwed(wanted, place)
}

const box = (client: ImapFlow, { config }: Session) => {
  if (client.mailbox) return client.mailbox
  throw new Fault('unreachable', 'soon', `${placeOf(config)}: the server closed the mailbox`)
}

/** undefined: from the start. A mailbox that was made anew, or put back as it was earlier, gives its numbers to other mails. */
const placeIn = (client: ImapFlow, session: Session, cursor: Cursor): Place | undefined => {
  const place = Place.safeParse(cursor).data
  const { uidValidity, uidNext, highestModseq } = box(client, session)
  if (place === undefined || place.uidValidity !== String(uidValidity)) return undefined
  if (uidNext > 0 && uidNext <= place.uid) return undefined
  if (highestModseq !== undefined && place.modseq !== undefined && highestModseq < BigInt(place.modseq))
    return undefined
  return { ...place, ...(place.owed ? { owed: [...place.owed] } : {}) }
}

const saved = (client: ImapFlow, { uidValidity, uid, owed = [] }: Place): Place => {
  const modseq = client.mailbox ? client.mailbox.highestModseq : undefined
  return {
    ...{ uidValidity, uid },
    ...(modseq === undefined ? {} : { modseq: String(modseq) }),
    ...(owed.length === 0 ? {} : { owed: owed.slice(-mostOwed) }),
  }
}

/** So many are looked for at once; whatever a server says, memory is bounded. The next search finds the others. */
const mostFound = 1_000_000

/** The numbers above `after` in a search's answer; undefined: the server refused. */
const numbers = (
  answer: number[] | { all?: string | undefined } | false | undefined,
  after: number,
): number[] | undefined => {
  if (!answer) return undefined
  if (Array.isArray(answer)) return answer
  const found: number[] = []
  for (const range of (answer.all ?? '').split(',')) {
    const [first = 0, last = first] = range.split(':').map(Number)
    const [from, to] = [Math.max(Math.min(first, last), after + 1), Math.max(first, last)]
    for (let uid = from; uid <= to && uid > 0 && found.length < mostFound; uid++) found.push(uid)
  }
  return found
}

const search = async (
  { client, session }: Wanted,
  after: number,
  since: Instant | undefined,
): Promise<number[]> => {
  // SINCE knows only days, in the server's time zone; what is a little too old is left out by whoever gave `since`.
  const days = since === undefined ? {} : { since: new Date(since - dayMs) }
  // As ranges where the server can (RFC 4731): a hundred thousand numbers, each a piece of an answer, would be a hundred megabytes.
  const found = numbers(
    await client.search({ uid: `${after + 1}:*`, ...days }, { uid: true, returnOptions: ['ALL'] }),
    after,
  )
  if (!client.usable)
    throw new Fault('unreachable', 'soon', `${placeOf(session.config)}: the connection was lost`)
  if (found === undefined)
    throw new Fault('refused', 'later', `${placeOf(session.config)}: the server refuses to search`)
  // `*` is the last mail, even if its number is lower than the range begins.
  return found.filter(uid => uid > after).sort((a, b) => a - b)
}

/** Parts UIDs so that a group has no more bytes than fit into memory at ease; where reading broke before, one by one. */
const groups = async (wanted: Wanted, uids: number[]): Promise<number[][]> => {
  const isCareful = uids.some(uid => wanted.session.losses.has(uid))
  if (isCareful) return uids.map(uid => [uid])
  if (uids.length <= fewMails) return [uids]
  const sizes = await sizesOf(wanted, uids)
  if (sizes === undefined) return uids.map(uid => [uid])
  const found: number[][] = []
  let bytes = batchBytes
  for (const uid of uids) {
    if (bytes >= batchBytes) {
      found.push([])
      bytes = 0
    }
    found.at(-1)?.push(uid)
    bytes += Math.min(sizes.get(uid) ?? 0, largestMail)
  }
  return found
}

/** undefined: the server cannot tell. */
const sizesOf = async (wanted: Wanted, uids: number[]): Promise<Map<number, number> | undefined> => {
  const { client } = wanted
  try {
    const found = await client.fetchAll(uids.join(), { uid: true, size: true }, { uid: true })
    return new Map(found.map(({ uid, size }) => [uid, size ?? 0]))
  } catch (error) {
    if (isAnswer(error) && client.usable) return undefined
    countLoss(wanted, uids)
    throw error
  }
}

const countLoss = ({ session: { losses } }: Wanted, uids: number[]): void => {
  for (const uid of uids) losses.set(uid, (losses.get(uid) ?? 0) + 1)
}

const readGroup = async (wanted: Wanted, place: Place, group: number[]): Promise<MailBatch> => {
  const { session, client } = wanted
  const troubles: string[] = []
  const mails: RawMail[] = []
  const owe = (uid: number, why: string) => {
    session.owedAt = Date.now()
    place.owed = [...(place.owed ?? []), uid]
    troubles.push(`${placeOf(session.config)}, UID ${uid}: the mail cannot be read: ${why}`)
  }
  const [first = 0] = group
  if (group.length === 1 && (session.losses.get(first) ?? 0) >= 2) {
    owe(first, 'the server hangs up each time it is asked for it')
    session.losses.delete(first)
  } else {
    const read = await readMails(wanted, group)
    mails.push(...read.mails)
    troubles.push(...read.troubles)
    for (const { uid, why } of read.refused) owe(uid, why)
  }
  place.uid = group.at(-1) ?? place.uid
  return { mails, cursor: saved(client, place), ...(troubles.length > 0 ? { troubles } : {}) }
}

type Read = { mails: RawMail[]; troubles: string[]; refused: { uid: number; why: string }[] }

/** What is gone meanwhile is not among them. */
const readMails = async (wanted: Wanted, uids: number[]): Promise<Read> => {
  const { client, session } = wanted
  try {
    const { mails, troubles } = await fetchMails(wanted, uids)
    for (const uid of uids) session.losses.delete(uid)
    return { mails, troubles, refused: [] }
  } catch (error) {
    if (!(isAnswer(error) || error instanceof Withheld) || !client.usable) {
      countLoss(wanted, uids)
      throw error
    }
    if (uids.length > 1) {
      const each: Read[] = []
      for (const uid of uids) each.push(await readMails(wanted, [uid]))
      return {
        mails: each.flatMap(({ mails }) => mails),
        troubles: each.flatMap(({ troubles }) => troubles),
        refused: each.flatMap(({ refused }) => refused),
      }
    }
    const why = error instanceof Error ? error.message : String(error)
    return { mails: [], troubles: [], refused: uids.map(uid => ({ uid, why })) }
  }
}

type Got = { uid: number; raw: Buffer; size: number; arrivedAt: Instant }

const fetchMails = async (
  wanted: Wanted,
  uids: number[],
): Promise<{ mails: RawMail[]; troubles: string[] }> => {
  const { session } = wanted
  const most = uids.length > 1 && uids.length <= fewMails ? fewBytes : largestMail
  const got = await fetchUpTo(wanted, uids, most)
  const mails: RawMail[] = []
  const troubles: string[] = []
  for (const one of got.sort((a, b) => a.uid - b.uid)) {
    const cut = one.raw.length >= most && most < largestMail
    const { uid, raw, size, arrivedAt } =
      (cut ? await fetchUpTo(wanted, [one.uid], largestMail) : [one])[0] ?? one
    const where = `${placeOf(session.config)}, UID ${uid}`
    if (raw.length >= largestMail && size > raw.length)
      troubles.push(`${where}: only the first ${raw.length} of its ${size} bytes were read`)
    mails.push({ raw: withoutCr(raw), arrivedAt, where })
  }
  return { mails, troubles }
}

/** A mail without its bytes is gone. */
const fetchUpTo = async (wanted: Wanted, uids: number[], maxLength: number): Promise<Got[]> => {
  const query = { uid: true, size: true, internalDate: true, source: { start: 0, maxLength } }
  const { client } = wanted
  const missing = new Set(uids)
  const got: Got[] = []
  // Collected before anything else is asked: another command in between would wait for this one for ever.
  for (const { uid, source, size, internalDate } of await client.fetchAll(uids.join(), query, { uid: true }))
    if (source !== undefined && missing.delete(uid))
      got.push({ uid, raw: source, size: size ?? source.length, arrivedAt: timeOf(internalDate) })
  if (missing.size > 0) await confirmGone(wanted, missing)
  return got
}

/** The server has mails that it did not give. */
class Withheld extends Error {}

/** A fetch that the server broke off, or refused, looks like one that found nothing: mails are gone only if the server says so. */
const confirmGone = async ({ client, session }: Wanted, uids: ReadonlySet<number>): Promise<void> => {
  const there = await client.search({ uid: [...uids].join() }, { uid: true })
  if (!client.usable || !Array.isArray(there))
    throw new Fault(
      'unreachable',
      'soon',
      `${placeOf(session.config)}: the connection was lost while reading`,
    )
  if (there.some(uid => uids.has(uid))) throw new Withheld('the server has it, and does not give it')
}

const timeOf = (date: Date | string | undefined): Instant => {
  const time = date === undefined ? Number.NaN : new Date(date).getTime()
  return Number.isNaN(time) ? Date.now() : Math.min(time, Date.now())
}

/** Mails that the server could not give are asked for again, now and then, one by one. */
async function* readOwed(wanted: Wanted, place: Place): AsyncGenerator<MailBatch> {
  const { session, client } = wanted
  const owed = place.owed ?? []
  if (owed.length === 0 || Date.now() - session.owedAt < owedMs) return
  session.owedAt = Date.now()
  for (const uid of owed) {
    const { mails, troubles, refused } = await readMails(wanted, [uid])
    if (refused.length > 0) continue
    place.owed = place.owed?.filter(one => one !== uid)
    yield { mails, cursor: saved(client, place), ...(troubles.length > 0 ? { troubles } : {}) }
  }
}
