// How requests leave for other people's servers: with an authority of their own, through a proxy, and bounded. Used by adapters.
import { readFile } from 'node:fs/promises'
import type { Dispatcher } from 'undici'
import type { Fault } from '../model/fault.ts'
import type { Millis } from '../model/instant.ts'

/** `ca`: the file of an authority that is trusted in place of the usual ones. */
export type Way = { ca: string | undefined; proxy?: string | undefined }

export type Bounds = {
  connectMs: Millis
  /** For the headers, and between two pieces of the body. */
  answerMs: Millis
  /** Bytes of an answer. */
  largest: number
  connections: number
  /** What is said where the authority's file cannot be read. */
  unread(error: Error): Fault
}

export const dispatcherOf = async (
  { ca: file, proxy }: Way,
  { connectMs, answerMs, largest, connections, unread }: Bounds,
): Promise<Dispatcher> => {
  const read = (path: string) => readFile(path).catch((error: Error) => Promise.reject(unread(error)))
  const tls = file === undefined ? {} : { ca: await read(file) }
  const common = { headersTimeout: answerMs, bodyTimeout: answerMs, maxResponseSize: largest, connections }
  // Loaded when something is asked: most processes never do.
  const { Agent, ProxyAgent } = await import('undici')
  return proxy === undefined
    ? new Agent({ ...common, connect: { timeout: connectMs, ...tls } })
    : new ProxyAgent({ ...common, uri: proxy, requestTls: tls })
}
