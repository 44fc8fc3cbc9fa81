// note: the commands in a stored mail → rows that wait to be done. Before the mail gets its final disposition, so that a crash loses none.
import { type Command, type CommandId, isForAll, maxCommands } from '../../model/command.ts'
import type { Millis } from '../../model/instant.ts'
import { type Address, botProject, type Mail } from '../../model/mail.ts'
import type { Blobs } from '../../ports/blobs.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Store } from '../../ports/store.ts'
import { type Found, findCommands, mayCommand } from '../../text/command.ts'
import { commandText } from '../../text/command-text.ts'
import { contentId } from '../../text/digest.ts'
import { isSameMailbox } from '../../text/same-address.ts'
import { threadOf } from './thread.ts'

export type NotePorts = { store: Store; blobs: Blobs; clock: Clock }

/** Who the mail says that it is from, with the rewriting of lists undone. */
export const senderOf = ({ parsed }: Mail): Address | undefined => parsed?.author ?? parsed?.from

/** Not for automatic mails, and ours; a mail without any text may be one of HTML only. */
const isCandidate = ({ parsed, disposition, decided }: Mail): boolean =>
  parsed !== undefined &&
  parsed.auto === undefined &&
  disposition.kind !== 'own' &&
  disposition.kind !== 'automatic' &&
  decided?.kind !== 'own' &&
  (parsed.text.trim() === '' || mayCommand(parsed.text))

/** Is it for the bot: sent to it, in a thread that it is in, or part of a series? */
const isForUs = async (store: Store, mail: Mail, bot: Address): Promise<boolean> => {
  const { to = [], cc = [] } = mail.parsed ?? {}
  if (mail.project === botProject || [...to, ...cc].some(one => isSameMailbox(one.address, bot.address)))
    return true
  if (mail.disposition.kind === 'new' && mail.decided === undefined) return true
  return (await threadOf(store, mail)).isOurs
}

const toCommands = (mail: Mail, sender: string, found: Found[], now: number): Command[] => {
  const all: Found[] =
    found.length <= maxCommands
      ? found
      : [
          ...found.slice(0, maxCommands),
          {
            line: found[maxCommands]?.line ?? '',
            request: { do: 'too-many', more: found.length - maxCommands },
          },
        ]
  const { messageId } = mail.parsed ?? {}
  const seen = new Map<string, number>()
  return all.map(({ line, request }, at) => {
    const asked = JSON.stringify(request)
    const time = (seen.get(asked) ?? 0) + 1
    seen.set(asked, time)
    // What is for all projects is done once, wherever its mail comes in, or is sent on to by somebody else with its signature.
    const where = isForAll(request) ? '' : mail.project
    const id: CommandId = `c${contentId(15, messageId ?? mail.id, where, sender, asked, time)}`
    return {
      id,
      project: mail.project,
      mail: mail.id,
      messageId,
      position: at + 1,
      sender,
      line,
      request,
      series: undefined,
      createdAt: now,
      state: { at: 'received' },
    }
  })
}

/** The commands in a mail, be they for the bot or not. Of the same mail, however it comes, they have the same ids. Faults: those of the blobs. */
export const commandsIn =
  ({ blobs, clock }: Pick<NotePorts, 'blobs' | 'clock'>) =>
  async (mail: Mail): Promise<Command[]> => {
    const sender = senderOf(mail)?.address.toLowerCase()
    if (sender === undefined || !isCandidate(mail)) return []
    return toCommands(mail, sender, findCommands(await commandText(await blobs.get(mail.id))), clock.now())
  }

/** An archive that is read for the first time holds what people wanted long ago. */
const oldestMs: Millis = 7 * 86_400_000

/** Keeps a mail's commands; true if there are any. Repeatable. Faults: store, blobs. */
export const noteCommands =
  (ports: NotePorts) =>
  async (mail: Mail, bot: Address): Promise<boolean> => {
    if (ports.clock.now() - mail.arrivedAt > oldestMs) return false
    const found = await commandsIn(ports)(mail)
    const isOurs = found.some(({ sender }) => isSameMailbox(sender, bot.address))
    if (found.length === 0 || isOurs || !(await isForUs(ports.store, mail, bot))) return false
    await ports.store.addCommands(found)
    return true
  }
