// A process of its own for bench/imap.ts: reads a whole mailbox and throws the mails away, or does nothing; says its peak memory.
import { imapSource } from '../src/adapters/imap/source.ts'
import type { ImapSourceConfig } from '../src/config/config.ts'
import { secret } from '../src/config/secret.ts'

type Given = Omit<ImapSourceConfig, 'login'> & { user: string; password: string }

const given: Given | undefined = process.argv[2] === undefined ? undefined : JSON.parse(process.argv[2])
let [mails, bytes] = [0, 0]
const began = performance.now()
if (given !== undefined) {
  const { user, password, ...rest } = given
  const source = imapSource({ ...rest, login: { user, password: secret(password) } })
  for await (const batch of source.read(undefined)) {
    mails += batch.mails.length
    for (const { raw } of batch.mails) bytes += raw.length
  }
}
const seconds = (performance.now() - began) / 1000
console.log(JSON.stringify({ mails, bytes, seconds, peakKiB: process.resourceUsage().maxRSS }))
