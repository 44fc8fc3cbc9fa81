// Was a mail of ours delivered? Delivery asks before it sends one again of which it does not know whether it got out.
import { findInMailbox } from '../adapters/imap/find.ts'
import { botProject, type MessageId } from '../model/mail.ts'
import { type ConfiguredSource, readSource, sourcesOf } from './reading.ts'
import { openSource } from './sources.ts'
import type { Wired } from './wire.ts'

type Found = 'here' | 'absent' | 'unknown'

/** A huge archive that is read for the first time is not waited for. */
const readMs = 60_000

/** A server is asked for the one mail; a file is read to its end, so that the store has all that is in it. */
const ask = async (
  wired: Wired,
  { project, config }: ConfiguredSource,
  messageId: MessageId,
): Promise<Found> => {
  if (config.kind === 'imap') return findInMailbox(config, messageId)
  try {
    const signal = AbortSignal.timeout(readMs)
    await readSource(wired, { project, source: openSource(config), signal })
    return (await isKept(wired, messageId)) ? 'here' : 'absent'
  } catch {
    return 'unknown'
  }
}

const isKept = async ({ store }: Wired, messageId: MessageId): Promise<boolean> =>
  (await store.mailsByMessageId(messageId)).length > 0

/** Whose sources the mail must come by, if it was delivered: those of the lists that it went to; and the bot's own mailboxes, to which a
 *  copy of every mail goes that leaves by SMTP. */
const witnesses = async ({ store, config }: Wired, messageId: MessageId): Promise<Set<string>> => {
  const mail = (await store.replyByMessageId(messageId))?.mail
  const to = new Set([...(mail?.to ?? []), ...(mail?.cc ?? [])].map(({ address }) => address.toLowerCase()))
  const lists = config.projects.filter(({ list }) => to.has(list.address.toLowerCase()))
  const own = config.mail.out.kind === 'smtp' ? [botProject] : []
  return new Set([...own, ...lists.map(({ name }) => name)])
}

/**
 * Looks for a mail everywhere that mail is read from: in what is kept already, in every IMAP mailbox by SEARCH, and in all else by reading it
 * to its end. here: it was found, in whatever place.
 * absent: it was found nowhere, and at least one witness, a project's or the bot's own sources to which the mail must come back, was
 * asked in whole: each of its sources answered, now. A mail that is still on its way is absent too, so who asks must give it time.
 * unknown: there is no witness, or none could be asked in whole. Throws the store's Faults only.
 */
export const findMail =
  (wired: Wired) =>
  async (messageId: MessageId): Promise<Found> => {
    if (await isKept(wired, messageId)) return 'here'
    const sources = sourcesOf(wired.config)
    const answers = await Promise.all(
      sources.map(async one => ({ project: one.project, found: await ask(wired, one, messageId) })),
    )
    if (answers.some(({ found }) => found === 'here') || (await isKept(wired, messageId))) return 'here'
    const asked = [...(await witnesses(wired, messageId))].some(witness => {
      const its = answers.filter(({ project }) => project === witness)
      return its.length > 0 && its.every(({ found }) => found === 'absent')
    })
    return asked ? 'absent' : 'unknown'
  }
