// Waits on the mailbox by IDLE (RFC 2177) and wakes whoever reads it, at once. Used by source.ts.
import { setTimeout as sleep } from 'node:timers/promises'
import type { ImapFlow } from 'imapflow'
import type { Session } from './session.ts'

/** Calls `wake` when mail comes, and after each new connection. Returns how to stop. */
export const watchMailbox = (session: Session, wake: () => void): (() => void) => {
  const stop = new AbortController()
  const release = session.keep(wake)
  void watchLoop(session, wake, stop.signal)
  return () => {
    stop.abort()
    release()
  }
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal }).catch(() => {})

const watchLoop = async (session: Session, wake: () => void, signal: AbortSignal): Promise<void> => {
  while (!signal.aborted) {
    try {
      const client = await session.connected()
      // Mail may have come while nobody listened.
      wake()
      await idle(session, { client, wake, signal })
      await renew(session, client, signal)
    } catch {
      // Whoever reads meets the same Fault, and says it.
    }
    if (!signal.aborted) await pause(session.restMs(), signal)
  }
}

type Idling = { client: ImapFlow; wake: () => void; signal: AbortSignal }

/** Until the connection is gone or old. */
const idle = async (session: Session, { client, wake, signal }: Idling): Promise<void> => {
  const canIdle = client.capabilities.has('IDLE') || client.capabilities.has('IMAP4rev2')
  while (client.usable && !signal.aborted && !session.isOld()) {
    await session.free()
    if (!canIdle || !(await idleOnce(session, client))) {
      await pause(session.timing.pollMs, signal)
      wake()
    }
  }
}

/** Ends when somebody reads, when the server is asked whether it still is there, or with the connection. false: the server refuses. */
const idleOnce = async (session: Session, client: ImapFlow): Promise<boolean> => {
  const pulse = setTimeout(() => void session.ask(client).catch(() => client.close()), session.timing.pulseMs)
  try {
    return (await client.idle()) !== false || !client.usable
  } finally {
    clearTimeout(pulse)
  }
}

/** The old connection goes when nobody reads by it. */
const renew = async (session: Session, client: ImapFlow, signal: AbortSignal): Promise<void> => {
  if (!client.usable || signal.aborted) return
  const release = await session.turn()
  try {
    session.drop()
  } finally {
    release()
  }
}
