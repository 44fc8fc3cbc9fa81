// A certificate authority of a test's own, and a certificate of it for this machine's loopback.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

export type Certificates = { /** PEM files. */ ca: string; key: string; certificate: string }

/** Makes both in the folder. The certificate is for localhost and 127.0.0.1. */
export const makeCertificates = (folder: string): Certificates => {
  const [caKey, ca] = [join(folder, 'ca.key'), join(folder, 'ca.pem')]
  const [key, request, certificate] = ['server.key', 'server.csr', 'server.pem'].map(name =>
    join(folder, name),
  ) as [string, string, string]
  const extensions = join(folder, 'extensions')
  writeFileSync(extensions, 'subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n')
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl('req', '-x509', ...newKey, '-keyout', caKey, '-out', ca, '-days', '2', '-subj', '/CN=Test CA')
  openssl('req', ...newKey, '-keyout', key, '-out', request, '-subj', '/CN=localhost')
  openssl(
    ...['x509', '-req', '-in', request, '-CA', ca, '-CAkey', caKey, '-CAcreateserial'],
    ...['-out', certificate, '-days', '2', '-extfile', extensions],
  )
  return { ca, key, certificate }
}
