// One webhook of ours, posted and signed as Standard Webhooks says (https://github.com/standard-webhooks/standard-webhooks, specification 1.0).
import { Webhook } from 'standardwebhooks'
import { type Dispatcher, request } from 'undici'
import type { HookConfig } from '../../config/config.ts'
import { Fault } from '../../model/fault.ts'
import type { Instant, Millis } from '../../model/instant.ts'
import { oneLine } from '../../text/clean.ts'
import { dispatcherOf } from '../dispatcher.ts'

export type HookCall = { id: string; at: Instant; body: string }

/** What the receiver answered; `retryAfterMs`: when it wants to be asked again. */
export type HookAnswer = { status: number; retryAfterMs: Millis | undefined }

export type HookPost = {
  /** Faults: unreachable, timeout, refused (its certificate, our secret). */
  post(hook: HookConfig, call: HookCall): Promise<HookAnswer>
  close(): Promise<void>
}

const answerMs: Millis = 15_000
const maxAnswerBytes = 64 * 1024

/** `whsec_…` holds the key in base64, as receivers' libraries make it; anything else is the key itself. */
const signerOf = ({ name, secret }: HookConfig): Webhook => {
  const key = secret.reveal()
  try {
    return key.startsWith('whsec_') ? new Webhook(key) : new Webhook(Buffer.from(key), { format: 'raw' })
  } catch (error) {
    throw new Fault('refused', 'later', `webhook ${name}: its secret cannot be used`, {
      cause: error,
      remedy: 'After whsec_ stands base64; a secret without whsec_ is taken as it is.',
    })
  }
}

const connect = ({ name, ca }: HookConfig): Promise<Dispatcher> =>
  dispatcherOf(
    { ca },
    {
      ...{ connectMs: answerMs, answerMs, largest: maxAnswerBytes, connections: 2 },
      unread: ({ message }) =>
        new Fault('refused', 'later', `webhook ${name}: its ca cannot be read: ${message}`),
    },
  )

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''

/** Says nothing of the address: it may hold a secret of its own. */
const noAnswer = (name: string, error: unknown): Fault => {
  if (error instanceof Fault) return error
  const code = codeOf(error)
  const says = code === '' ? oneLine(error instanceof Error ? error.name : String(error), 100) : code
  const isLate = /TIMEOUT/.test(code)
  const isTls = /CERT|SELF_SIGNED|ERR_TLS|UNABLE_TO/.test(code)
  return new Fault(isLate ? 'timeout' : 'unreachable', 'later', `webhook ${name}: no answer (${says})`, {
    cause: error,
    ...(isTls
      ? { remedy: 'If its certificate is of an authority of your own, ca beside its url names the file.' }
      : {}),
  })
}

/** In seconds, or as a date (RFC 9110, 10.2.3). */
const retryAfter = (header: string, now: Instant): Millis | undefined => {
  const at = /^\d{1,9}$/.test(header) ? now + Number(header) * 1000 : Date.parse(header)
  return Number.isNaN(at) ? undefined : Math.max(0, at - now)
}

export const hookPost = (): HookPost => {
  const dispatchers = new Map<string, Promise<Dispatcher>>()
  const through = (hook: HookConfig): Promise<Dispatcher> => {
    const made = dispatchers.get(hook.name) ?? connect(hook)
    dispatchers.set(hook.name, made)
    made.catch(() => dispatchers.delete(hook.name))
    return made
  }
  return {
    async post(hook, { id, at, body }) {
      const signature = signerOf(hook).sign(id, new Date(at), body)
      try {
        const answer = await request(hook.url, {
          ...{ method: 'POST', body, dispatcher: await through(hook) },
          headers: {
            ...{ 'content-type': 'application/json', 'user-agent': 'grapevine', 'webhook-id': id },
            ...{ 'webhook-timestamp': String(Math.floor(at / 1000)), 'webhook-signature': signature },
          },
        })
        await answer.body.dump({ limit: maxAnswerBytes }).catch(() => {})
        return {
          status: answer.statusCode,
          retryAfterMs: retryAfter(String(answer.headers['retry-after'] ?? ''), at),
        }
      } catch (error) {
        throw noAnswer(hook.name, error)
      }
    },
    async close() {
      for (const one of dispatchers.values()) await (await one.catch(() => undefined))?.destroy()
    },
  }
}
