// Mails with real DKIM signatures, and a DNS that knows their keys. No question leaves this process.
import { generateKeyPairSync } from 'node:crypto'
import { dkimSign } from 'mailauth/lib/dkim/sign.js'
import type { ResolveDns } from '../../src/adapters/mailauth/verify.ts'

const pair = generateKeyPairSync('rsa', { modulusLength: 1024 })
const privateKey = String(pair.privateKey.export({ type: 'pkcs8', format: 'pem' }))
const publicKey = pair.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')

const noSuch = (name: string) => Object.assign(new Error(`queryTxt ENOTFOUND ${name}`), { code: 'ENOTFOUND' })

export type Zone = {
  resolve: ResolveDns
  /** Names that were asked for. */
  asked: string[]
  /** It answers no more. */
  fail(): void
  answer(): void
}

/** Every name `key._domainkey.DOMAIN` of these domains has the key; `flags` go into the record. */
export const zone = (domains: string[], flags = ''): Zone => {
  const asked: string[] = []
  let isUp = true
  return {
    asked,
    fail: () => {
      isUp = false
    },
    answer: () => {
      isUp = true
    },
    async resolve(name, type) {
      asked.push(name)
      if (!isUp) throw Object.assign(new Error(`queryTxt ETIMEOUT ${name}`), { code: 'ETIMEOUT' })
      const known = type === 'TXT' && domains.some(domain => name === `key._domainkey.${domain}`)
      if (!known) throw noSuch(name)
      return [[`v=DKIM1; k=rsa; ${flags}p=${publicKey}`]]
    },
  }
}

export type SignOptions = {
  domain: string
  /** What `h=` names, by colons. */
  headers?: string
  /** `l=`. */
  bodyLength?: number
  /** `t=`; undefined: the moment. */
  at?: number
}

const usualHeaders = 'from:to:cc:subject:date:message-id:in-reply-to:references:reply-to'

export const sign = async (raw: Buffer | string, options: SignOptions): Promise<Buffer> => {
  const wire = Buffer.from(String(raw).replace(/\r?\n/g, '\r\n'))
  const key = {
    signingDomain: options.domain,
    selector: 'key',
    privateKey,
    canonicalization: 'relaxed/relaxed',
    ...(options.bodyLength === undefined ? {} : { maxBodyLength: options.bodyLength }),
  }
  const { signatures, errors } = await dkimSign(wire, {
    ...key,
    signatureData: [key],
    headerList: (options.headers ?? usualHeaders).split(':'),
    signTime: new Date(options.at ?? Date.now()),
  })
  if (errors.length > 0) throw new Error(JSON.stringify(errors))
  return Buffer.concat([Buffer.from(signatures), wire])
}
