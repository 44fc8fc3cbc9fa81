// How requests are made to whoever vouches for people: with the authority of the configuration, by its proxy, and never for long.
import { readFile } from 'node:fs/promises'
import type { CustomFetch } from 'openid-client'
import { Agent, type Dispatcher, ProxyAgent, fetch as undiciFetch } from 'undici'
import { errnoFault } from '../../text/errno.ts'

const answerMs = 10_000
const largest = 1 << 20

export type Way = { ca: string | undefined; proxy?: string | undefined }

const dispatcherOf = async ({ ca: file, proxy }: Way): Promise<Dispatcher> => {
  const ca =
    file === undefined
      ? undefined
      : await readFile(file).catch(error => Promise.reject(errnoFault(error, 'authority', file)))
  const tls = ca === undefined ? {} : { ca }
  const common = { headersTimeout: answerMs, bodyTimeout: answerMs, maxResponseSize: largest, connections: 4 }
  return proxy === undefined
    ? new Agent({ ...common, connect: { timeout: answerMs, ...tls } })
    : new ProxyAgent({ ...common, uri: proxy, requestTls: tls })
}

/** For openid-client; the authority is read at first use. */
export const requestBy = (way: Way): CustomFetch => {
  let dispatcher: Promise<Dispatcher> | undefined
  return async (url, options) => {
    dispatcher ??= dispatcherOf(way).catch(error => {
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
