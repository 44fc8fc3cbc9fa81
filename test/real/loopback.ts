// What servers of tests need on this machine: ports of loopback that are free, and certificates for it.
import { execFileSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'

/** A port that was free a moment ago; below the range that outgoing connections get theirs from. */
export const freePort = async (): Promise<number> => {
  for (;;) {
    const port = 20_000 + randomInt(12_000)
    const server = createServer()
    const free = await new Promise<boolean>(done => {
      server.once('error', () => done(false))
      server.listen(port, '127.0.0.1', () => done(true))
    })
    if (!free) continue
    await new Promise(done => server.close(done))
    return port
  }
}

/** An authority and a certificate for this machine, as small files of openssl. */
export const makeCertificates = (folder: string): { ca: string; key: string; cert: string } => {
  const at = (name: string) => path.join(folder, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=Test CA')
  openssl('req', ...key, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=localhost')
  writeFileSync(at('server.ext'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n')
  const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2']
  openssl('x509', '-req', '-in', 'server.csr', ...signed, '-extfile', 'server.ext', '-out', 'server.pem')
  return { ca: at('ca.pem'), key: at('server.key'), cert: at('server.pem') }
}
