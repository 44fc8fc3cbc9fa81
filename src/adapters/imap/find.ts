// Asks a mailbox for one mail, or what it is like. For delivery, which looks for its own mail, and for doctor.
import type { ImapSourceConfig } from '../../config/config.ts'
import { Fault } from '../../model/fault.ts'
import type { MessageId } from '../../model/mail.ts'
import { connect, disconnect } from './connect.ts'
import { imapFault, placeOf } from './fault.ts'

/**
 * Is a mail with that Message-ID in the mailbox now? By SEARCH HEADER (RFC 3501 §6.4.4), which the server does on all mails.
 * unknown: the server could not be asked, or refused.
 */
export const findInMailbox = async (
  config: ImapSourceConfig,
  messageId: MessageId,
): Promise<'here' | 'absent' | 'unknown'> => {
  try {
    const client = await connect(config)
    try {
      const found = await client.search({ header: { 'Message-ID': messageId } }, { uid: true })
      if (!found) return 'unknown'
      return found.length > 0 ? 'here' : 'absent'
    } finally {
      await disconnect(client)
    }
  } catch {
    return 'unknown'
  }
}

export type MailboxLook = { mails: number; idle: boolean; encrypted: boolean; server: string | undefined }

/** Connects, logs in and opens the mailbox, as reading does. Faults: those of reading. */
export const lookAtMailbox = async (config: ImapSourceConfig): Promise<MailboxLook> => {
  const client = await connect(config)
  try {
    if (!client.mailbox) throw new Fault('refused', 'later', `${placeOf(config)}: the mailbox was not opened`)
    return {
      mails: client.mailbox.exists,
      idle: client.capabilities.has('IDLE') || client.capabilities.has('IMAP4rev2'),
      encrypted: client.secureConnection,
      server: client.serverInfo?.name || undefined,
    }
  } catch (error) {
    throw imapFault(error, config)
  } finally {
    await disconnect(client)
  }
}
