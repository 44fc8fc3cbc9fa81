// A TCP proxy between us and a server that cuts its first connection after so many bytes of one direction: the cable that is pulled.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** `to-server`: the server gets exactly so many bytes · `to-client`: we do, and the server may have all of ours. */
export type Cut = { way: 'to-server' | 'to-client'; after: number }

export type CuttingProxy = {
  port: number
  /** What went through in the first connection. */
  seen: Record<Cut['way'], Buffer>
  connections(): number
  close(): Promise<void>
}

export const cuttingProxy = async (target: number, cut?: Cut): Promise<CuttingProxy> => {
  const seen: CuttingProxy['seen'] = { 'to-server': Buffer.alloc(0), 'to-client': Buffer.alloc(0) }
  const open = new Set<Socket>()
  let connections = 0
  const server = createServer(client => {
    const isFirst = ++connections === 1
    const upstream = connect(target, '127.0.0.1')
    for (const socket of [client, upstream]) {
      open.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => open.delete(socket))
    }
    const sever = () => {
      // What was passed on arrives before the end does.
      client.end()
      upstream.end()
      setImmediate(() => client.destroy())
    }
    const pass = (from: Socket, to: Socket, way: Cut['way']) => {
      from.on('data', chunk => {
        if (to.destroyed || to.writableEnded) return
        if (!isFirst) return void to.write(chunk)
        const before = seen[way].length
        seen[way] = Buffer.concat([seen[way], chunk])
        if (cut?.way !== way || seen[way].length < cut.after) return void to.write(chunk)
        to.write(chunk.subarray(0, cut.after - before))
        sever()
      })
      from.on('end', () => to.end())
    }
    pass(client, upstream, 'to-server')
    pass(upstream, client, 'to-client')
    if (isFirst && cut?.after === 0) sever()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    connections: () => connections,
    async close() {
      for (const socket of open) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
