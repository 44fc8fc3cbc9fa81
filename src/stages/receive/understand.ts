// From raw mails to what they say: parsed, with the patch that git finds in them, and a first disposition. Asks git, changes nothing,
// and can be run again on mails that are stored.
import type { Mail, ParsedMail, Patch, SubjectTags } from '../../model/mail.ts'
import type { GitMail, MailInfo } from '../../ports/git.ts'
import { readDiff } from '../../text/diff.ts'
import { parseMail, UnreadableMail } from '../../text/mail.ts'
import { parseSubject } from '../../text/subject.ts'
import { baseCommit } from '../../text/trailers.ts'
import { decide, type Found, mayCarryPatch } from './disposition.ts'

export type Understood = Pick<Mail, 'parsed' | 'tags' | 'patch' | 'disposition'>

type Read = { parsed: ParsedMail; tags: SubjectTags } | { unreadable: string }

const read = async (raw: Buffer, listTags: readonly string[]): Promise<Read> => {
  try {
    const parsed = await parseMail(raw)
    return { parsed, tags: parseSubject(parsed.subject, listTags) }
  } catch (error) {
    if (error instanceof UnreadableMail) return { unreadable: error.message }
    throw error
  }
}

const found = (parsed: ParsedMail, info: MailInfo | undefined, patchId: string | undefined): Found => {
  if (info === undefined) return 'refused'
  const { files, broken } = readDiff(info.patch)
  // A From: in the body names the patch's author; without one git knows only what the list made of From:.
  const isSender = info.author.address === '' || info.author.address === parsed.from?.address
  const patch: Patch = {
    patchId,
    author: isSender ? (parsed.author ?? info.author) : info.author,
    subject: info.subject,
    files,
    baseCommit: baseCommit(info.patch.toString('utf8')) ?? baseCommit(info.message),
  }
  return { patch, broken }
}

const conclude = (read: Read, found: Found): Understood => {
  if ('unreadable' in read) {
    const disposition = { kind: 'unreadable', why: read.unreadable } as const
    return { parsed: undefined, tags: undefined, patch: undefined, disposition }
  }
  const { tags } = read
  const disposition = decide(read.parsed, tags, found)
  // The signs of damage are news to its author only where they did damage.
  const parsed = disposition.kind === 'damaged' ? read.parsed : { ...read.parsed, damage: [] }
  const patch =
    found === undefined || found === 'refused' || found.patch.files.length === 0 ? undefined : found.patch
  return { parsed, tags, patch: disposition.kind === 'not-a-patch' ? undefined : patch, disposition }
}

/**
 * Understands mails, in the order of the input; one bad mail harms no other. Mails that are patches or covers are `new`.
 * @param listTags bracket words that the list adds to subjects.
 * Throws git's Faults only.
 */
export const understand =
  ({ gitMail }: { gitMail: GitMail }) =>
  async (raws: readonly Buffer[], listTags: readonly string[]): Promise<Understood[]> => {
    const reads: Read[] = []
    for (const raw of raws) reads.push(await read(raw, listTags))
    const asked = reads.flatMap((mail, n) =>
      'parsed' in mail && mayCarryPatch(mail.parsed, mail.tags) ? [n] : [],
    )
    const infos = await gitMail.mailinfo(asked.map(n => raws[n] ?? Buffer.alloc(0)))
    const patchIds = await gitMail.patchIds(infos.map(info => info?.patch ?? Buffer.alloc(0)))
    const answers = new Map(asked.map((n, i) => [n, { info: infos[i], patchId: patchIds[i] }]))
    return reads.map((mail, n) => {
      const answer = answers.get(n)
      return conclude(
        mail,
        'parsed' in mail && answer ? found(mail.parsed, answer.info, answer.patchId) : undefined,
      )
    })
  }
