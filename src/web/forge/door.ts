// Before the body of a webhook is read: who signed wrongly too often waits, what is too large or not signed at all is not read, and only so
// much is held at once. What is turned away is found by the sweep.
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { askerOf } from '../access/asker.ts'
import type { Asked, WebParts } from '../parts.ts'

/** GitHub sends no larger ones. https://docs.github.com/webhooks/webhook-events-and-payloads#payload-cap */
export const maxBody = 25 << 20

/** Bytes at once, of all who send and of one network: two of the largest, or one. */
const most = { all: 2 * maxBody, each: 2 * maxBody - (10 << 20) }
/** Most are of some kilobytes: these always find room, however many large ones are on their way. */
const small = 256 << 10
const mostSmall = { all: 64 << 20, each: 32 << 20 }

/** So many wrong signatures in so many seconds; a secret that was changed on one side only makes some, too. */
const wrongs = { points: 20, duration: 300 }

type Bound = { all: number; each: number }

const roomOf = ({ all, each }: Bound) => {
  let taken = 0
  const byNetwork = new Map<string, number>()
  /** undefined: there is none. */
  return (network: string, bytes: number): (() => void) | undefined => {
    const own = byNetwork.get(network) ?? 0
    if (taken + bytes > all || own + bytes > each) return undefined
    taken += bytes
    byNetwork.set(network, own + bytes)
    return () => {
      taken -= bytes
      const left = (byNetwork.get(network) ?? bytes) - bytes
      if (left > 0) byNetwork.set(network, left)
      else byNetwork.delete(network)
    }
  }
}

/** undefined: it is not told beforehand. */
const lengthOf = (c: Asked): number | undefined => {
  const said = c.req.header('content-length')
  return said !== undefined && /^\d{1,15}$/.test(said) && c.req.header('transfer-encoding') === undefined
    ? Number(said)
    : undefined
}

const isSigned = (c: Asked): boolean =>
  /^sha256=[0-9a-f]{64}$/i.test(c.req.header('x-hub-signature-256') ?? '')

export const unsigned = (c: Asked): Response => c.json({ error: 'the signature is wrong' }, 401)
export const tooLarge = (c: Asked): Response => c.json({ error: 'it is too large' }, 413)

export type Door = {
  /** Turned away, or let in: `left` when its body is not held any more. */
  enter(c: Asked): Promise<Response | { left: () => void }>
  /** Its signature was wrong. */
  noteWrong(c: Asked): Promise<void>
}

export const openDoor = (parts: Pick<WebParts, 'config'>): Door => {
  const limiter = new RateLimiterMemory({ ...wrongs, keyPrefix: 'webhook' })
  const [large, little] = [roomOf(most), roomOf(mostSmall)]
  const secondsLeft = async (network: string): Promise<number | undefined> => {
    const found = await limiter.get(network)
    return found !== null && found.consumedPoints >= wrongs.points
      ? Math.max(1, Math.ceil(found.msBeforeNext / 1000))
      : undefined
  }
  return {
    async enter(c) {
      const { network, isUs } = askerOf(c, parts)
      // A proxy that does not say for whom it asks would shut GitHub out with everybody else.
      const seconds = isUs ? undefined : await secondsLeft(network)
      if (seconds !== undefined)
        return c.json({ error: 'too many wrong signatures came from there' }, 429, {
          'retry-after': String(seconds),
        })
      const length = lengthOf(c) ?? maxBody
      if (length > maxBody) return tooLarge(c)
      if (!isSigned(c)) {
        await this.noteWrong(c)
        return unsigned(c)
      }
      const left = length <= small ? little(network, length) : large(network, length)
      return left
        ? { left }
        : c.json({ error: 'too much is on its way at this moment' }, 503, { 'retry-after': '5' })
    },
    async noteWrong(c) {
      const { network, isUs } = askerOf(c, parts)
      // More than are allowed is no news.
      if (!isUs) await limiter.penalty(network, 1)
    },
  }
}
