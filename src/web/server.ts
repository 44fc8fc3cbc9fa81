// Serves the pages on one address, until it is closed.
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { Fault } from '../model/fault.ts'
import { errnoFault, errnoOf } from '../text/errno.ts'
import type { Pages } from './parts.ts'

export type Served = { port: number; close(): Promise<void> }

/** Faults: refused if the address is taken, or not ours. */
export const serve = async (
  pages: Pick<Pages, 'fetch'>,
  { host, port }: { host: string; port: number },
): Promise<Served> => {
  const server = createAdaptorServer({ fetch: pages.fetch }) as Server
  // Patches of some MiB take their time by a slow line; to ask for a page nobody needs long.
  server.requestTimeout = 120_000
  server.headersTimeout = 10_000
  server.keepAliveTimeout = 10_000
  // Most of them follow a log, and ask for nothing else.
  server.maxConnections = 4_000
  const bare = host.replace(/^\[(.*)\]$/, '$1')
  await new Promise<void>((resolve, reject) => {
    server.once('error', error => reject(notServed(error, `${host}:${port}`)))
    server.listen(port, bare, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise(done => server.close(done))
      server.closeAllConnections()
      await closed
    },
  }
}

const notServed = (error: Error, place: string): Fault => {
  const code = errnoOf(error)
  const remedy = 'choose another address or port as web.listen, or stop what listens there'
  if (code === 'EADDRINUSE')
    return new Fault('refused', 'later', `pages: somebody listens on ${place} already`, {
      cause: error,
      remedy,
    })
  if (code === 'EADDRNOTAVAIL')
    return new Fault('refused', 'later', `pages: ${place} is no address of this machine`, {
      cause: error,
      remedy,
    })
  return errnoFault(error, 'pages', place)
}
