// Requests whose senders went away before all was here: nobody waits for an answer, and nothing is wrong with us.
import type { Context } from 'hono'

type Incoming = { destroyed?: boolean; complete?: boolean }

/** Its body will never be whole. */
export const isBrokenOff = (c: Context): boolean => {
  const { incoming } = (c.env ?? {}) as { incoming?: Incoming }
  return incoming?.destroyed === true && incoming.complete === false
}
