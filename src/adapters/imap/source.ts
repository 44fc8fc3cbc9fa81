// Mail from a mailbox of an IMAP server (RFC 3501, RFC 9051), at the beginning of the flow. The mailbox is only read.
import type { ImapSourceConfig } from '../../config/config.ts'
import type { Cursor, MailBatch, MailSource } from '../../ports/mail-source.ts'
import { imapFault } from './fault.ts'
import { readMailbox } from './read.ts'
import { Session, type Timing, usualTiming } from './session.ts'
import { watchMailbox } from './watch.ts'

/**
 * Mails of an IMAP mailbox in order of their numbers, which is that of arrival; `arrivedAt` is the INTERNALDATE. Line ends are LF,
 * as in every other source: the same mail has the same bytes. A mail over 50 MiB is cut off there. A mail that the server cannot
 * give is told, left out, and asked for again every ten minutes. A mailbox that was made anew is read from the start; mails that
 * were read before are known by their content. While somebody watches, one connection idles, and reads too.
 * Faults: unreachable, timeout, refused (login, certificate, mailbox).
 */
export const imapSource = (config: ImapSourceConfig, timing: Partial<Timing> = {}): MailSource => {
  const session = new Session(config, { ...usualTiming, ...timing })
  return {
    name: config.name,
    read: (cursor, signal) => read(session, cursor, signal),
    watch: wake => watchMailbox(session, wake),
  }
}

async function* read(session: Session, cursor: Cursor, signal?: AbortSignal): AsyncGenerator<MailBatch> {
  signal?.throwIfAborted()
  const release = await session.turn()
  const hangUp = () => session.drop()
  signal?.addEventListener('abort', hangUp, { once: true })
  try {
    const client = await session.fresh()
    yield* readMailbox({ session, client, signal }, cursor, session.config.since)
  } catch (error) {
    signal?.throwIfAborted()
    // The server may be in the middle of an answer.
    session.drop()
    throw imapFault(error, session.config)
  } finally {
    signal?.removeEventListener('abort', hangUp)
    release()
    await session.settle()
  }
}
