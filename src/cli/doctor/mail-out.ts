// The doctor's look at the way out for mail: does the server let us in, and will others believe the signature?
import { createPrivateKey, createPublicKey } from 'node:crypto'
import type { Config, DkimConfig } from '../../config/config.ts'
import { type Answer, advice, bad, type Check, fine } from './check.ts'

const askSink = async (config: Config): Promise<Answer> => {
  const { sinkFor } = await import('../../wiring/wire.ts')
  const says = await sinkFor(config).probe()
  if (config.mail.live) return fine(says)
  return advice(
    `${says}; all mail goes to ${config.administrator.address}`,
    'When the replies are as they should be, set mail.live: true.',
  )
}

/** Without a mailbox of its own, nobody hears what comes back, and a mail in doubt is a person's task. */
const askReturn = ({ mail, bot }: Config): Answer =>
  mail.out.kind === 'maildir' || mail.inbox.length > 0
    ? fine(`mail that comes back to ${bot.address} is read`)
    : advice(
        `nobody reads what comes back to ${bot.address}`,
        'Name the mailbox of that address in mail.inbox: then dead addresses get no more mail, and after a crash it is known what was sent.',
      )

const publicKeyOf = (pem: string): string =>
  createPublicKey(createPrivateKey(pem)).export({ type: 'spki', format: 'der' }).toString('base64')

/** What stands in the DNS record (RFC 6376 §3.6.1), compared with the key. `name`: where it stands. */
export const judgeRecord = (name: string, records: string[][], publicKey: string): Answer => {
  const wanted = `v=DKIM1; k=rsa; p=${publicKey}`
  const found = records.map(parts => parts.join('')).filter(record => /(?:^|;)\s*p\s*=/.test(record))
  const remedy = `Publish this TXT record at ${name}:\n${wanted}`
  if (found.length === 0) return advice(`there is no DKIM record at ${name}`, remedy)
  if (found.length > 1) return advice(`${name} has ${found.length} DKIM records; there must be one`, remedy)
  const published = /(?:^|;)\s*p\s*=([^;]*)/.exec(found[0] ?? '')?.[1]?.replace(/\s/g, '')
  if (published !== publicKey) return advice(`the DKIM record at ${name} is of another key`, remedy)
  return fine(`signs for ${name.replace(/^.*?\._domainkey\./, '')}, and ${name} has its key`)
}

const askDkim = async (dkim: DkimConfig, bot: string): Promise<Answer> => {
  const { keyProblem } = await import('../../text/bytes.ts')
  const problem = keyProblem(dkim.key.reveal())
  if (problem !== undefined)
    return bad(problem, 'Make one: openssl genrsa -out dkim.pem 2048 (and let nobody else read it).')
  const domain = bot.split('@').at(-1)?.toLowerCase() ?? ''
  if (domain !== dkim.domain.toLowerCase() && !domain.endsWith(`.${dkim.domain.toLowerCase()}`))
    return advice(
      `it signs for ${dkim.domain}, but the bot's address is of ${domain}`,
      'Set mail.dkim.domain to the domain of bot.address: others compare the two (RFC 7489 §3.1).',
    )
  const name = `${dkim.selector}._domainkey.${dkim.domain}`
  const { Resolver } = await import('node:dns/promises')
  const resolver = new Resolver({ timeout: 2000, tries: 2 })
  try {
    return judgeRecord(name, await resolver.resolveTxt(name), publicKeyOf(dkim.key.reveal()))
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'no answer'
    if (code === 'ENOTFOUND' || code === 'ENODATA')
      return judgeRecord(name, [], publicKeyOf(dkim.key.reveal()))
    return advice(`the key is good; ${name} could not be asked for: ${code}`, 'See: dig TXT '.concat(name))
  }
}

/** A server that waits for TLS, and a client that waits for a greeting, say nothing to each other. */
const ifLate = ({ mail: { out } }: Config): { ifLate?: string } => {
  if (out.kind !== 'smtp') return {}
  const { host, port, secure } = out
  return {
    ifLate: secure
      ? `Check that ${host} can be reached from here, and that no firewall is between.`
      : `Is port ${port} one that begins with TLS, as 465 does? Then say \`secure: true\` in mail.smtp. Else check that ${host} can be reached from here.`,
  }
}

export const mailOutChecks = (config: Config): Check[] => {
  const { dkim } = config.mail
  return [
    { name: 'mail out', deadlineMs: 20_000, ask: () => askSink(config), ...ifLate(config) },
    { name: 'mail back', deadlineMs: 1000, ask: () => askReturn(config) },
    ...(dkim === undefined
      ? []
      : [{ name: 'DKIM', deadlineMs: 15_000, ask: () => askDkim(dkim, config.bot.address) }]),
  ]
}
