// The last step of composing: our mail → the bytes that leave, signed. Every sink sends the same.
import { createPrivateKey } from 'node:crypto'
import type { OutgoingMail } from '../model/reply.ts'
import { compose, type Envelope } from './compose.ts'

/** Signs with this key (RFC 6376, rsa-sha256; read anew for each mail). */
export type Signer = { domain: string; selector: string /** PEM. */; key(): string }

export type MailBytes =
  | { ok: true; envelope: Envelope; bytes: Buffer }
  | { ok: false; why: string; forGood: boolean }

/** What must not be changed on the way without being noticed; RFC 6376 §5.4.1 and what tells people and programs how to treat it. */
const signedFields = [
  ...['From', 'Sender', 'Reply-To', 'Subject', 'Date', 'Message-ID', 'To', 'Cc', 'In-Reply-To', 'References'],
  ...['MIME-Version', 'Content-Type', 'Content-Transfer-Encoding'],
  ...['Auto-Submitted', 'List-Unsubscribe', 'List-Unsubscribe-Post', 'List-Id', 'X-Grapevine-Series'],
].join(':')

/** Lines end in CRLF. `forGood`: it is the mail that is wrong; else the key is. */
export const mailBytes = async (mail: OutgoingMail, signer: Signer | undefined): Promise<MailBytes> => {
  const composed = compose(mail)
  if (!composed.ok) return { ok: false, why: composed.why, forGood: true }
  // Loaded with the first mail: the pages hardly ever send one.
  const { default: MailComposer } = await import('nodemailer/lib/mail-composer')
  const plain = await new MailComposer(composed.options).compile().build()
  if (signer === undefined) return { ok: true, envelope: composed.envelope, bytes: plain }
  const why = keyProblem(signer.key())
  if (why !== undefined) return { ok: false, why: `it cannot be signed: ${why}`, forGood: false }
  return { ok: true, envelope: composed.envelope, bytes: await sign(plain, signer) }
}

const sign = async (plain: Buffer, { domain, selector, key }: Signer): Promise<Buffer> => {
  const { default: DKIM } = await import('nodemailer/lib/dkim')
  const dkim = new DKIM({
    domainName: domain,
    keySelector: selector,
    privateKey: key(),
    headerFieldNames: signedFields,
  })
  const chunks: Buffer[] = []
  for await (const chunk of dkim.sign(plain)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** Why nothing can be signed with it; undefined: it is good. */
export const keyProblem = (pem: string): string | undefined => {
  try {
    const { asymmetricKeyType, asymmetricKeyDetails } = createPrivateKey(pem)
    if (asymmetricKeyType !== 'rsa')
      return `mail.dkim.key is a key of kind ${asymmetricKeyType}; it must be RSA`
    // RFC 8301 §3.2: verifiers need not take less.
    const bits = asymmetricKeyDetails?.modulusLength ?? 0
    return bits < 1024 ? `mail.dkim.key has only ${bits} bits` : undefined
  } catch {
    return 'mail.dkim.key is no private key in PEM format without a password'
  }
}
