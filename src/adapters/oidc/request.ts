// How requests are made to whoever vouches for people: with the authority of the configuration, by its proxy, and never for long.
import type { CustomFetch } from 'openid-client'
import { type Dispatcher, fetch as undiciFetch } from 'undici'
import { errnoFault } from '../../text/errno.ts'
import { dispatcherOf, type Way } from '../dispatcher.ts'

const answerMs = 10_000
const largest = 1 << 20

const connect = (way: Way): Promise<Dispatcher> =>
  dispatcherOf(way, {
    ...{ connectMs: answerMs, answerMs, largest, connections: 4 },
    unread: error => errnoFault(error, 'authority', way.ca ?? ''),
  })

/** For openid-client; the authority is read at first use. */
export const requestBy = (way: Way): CustomFetch => {
  let dispatcher: Promise<Dispatcher> | undefined
  return async (url, options) => {
    dispatcher ??= connect(way).catch(error => {
      dispatcher = undefined
      throw error
    })
    const init = { ...options, dispatcher: await dispatcher, signal: AbortSignal.timeout(answerMs) }
    // Two declarations of the same standard: Node.js is undici within.
    return (await undiciFetch(url, init as Parameters<typeof undiciFetch>[1])) as unknown as Response
  }
}

const isLoopback = ({ hostname }: URL): boolean => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)

/** Without TLS only what never leaves this machine. */
export const mayBePlain = (url: string): boolean => isLoopback(new URL(url))
