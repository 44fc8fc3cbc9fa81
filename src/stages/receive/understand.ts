// From raw mails to what they say: parsed, with the patch that git finds in them, and a first disposition. Asks git, changes nothing,
// and can be run again on mails that are stored.
import type { Mail, ParsedMail, Patch, SubjectTags } from '../../model/mail.ts'
import type { GitMail, MailInfo } from '../../ports/git.ts'
import { type Diff, maxFiles, readDiff } from '../../text/diff.ts'
import { parseMail, UnreadableMail } from '../../text/mail.ts'
import { parseSubject } from '../../text/subject.ts'
import { type Enclosed, enclosedPatch } from '../../text/submission.ts'
import { baseCommit } from '../../text/trailers.ts'
import { decide, type Found, mayCarryPatch, type Said } from './disposition.ts'

export type Understood = Pick<Mail, 'parsed' | 'tags' | 'patch' | 'disposition'>

type Read = Said | { unreadable: string }

/**
 * The brackets of an answer are those of what it answers. The patch in it has brackets of its own, or none, and stands for itself: its
 * counter names a place in a series that is not there.
 */
const enclosedTags = (
  outer: SubjectTags,
  { subject, several }: Enclosed,
  listTags: readonly string[],
): SubjectTags => {
  const single = { patch: true, reply: true, position: undefined, total: undefined }
  if (subject === undefined) return { ...outer, ...single, version: 1, versionGiven: false }
  const own = parseSubject(subject, listTags)
  const numbered = own.position !== undefined || several
  return { ...own, ...single, ...(numbered ? { version: 1, versionGiven: false } : {}) }
}

const say = (parsed: ParsedMail, listTags: readonly string[]): Said => {
  const tags = parseSubject(parsed.subject, listTags)
  const enclosed = tags.reply ? enclosedPatch(parsed.text, parsed.messageId) : undefined
  return {
    parsed,
    tags: enclosed === undefined ? tags : enclosedTags(tags, enclosed, listTags),
    enclosed,
  }
}

/** Nothing that is done with one mail asks the outside: what fails is the mail, or a bug of ours, and must not keep those behind it away. */
const whyNot = (error: unknown): string =>
  error instanceof UnreadableMail ? error.message : `a bug of ours: ${String(error).slice(0, 300)}`

const read = async (raw: Buffer, listTags: readonly string[]): Promise<Read> => {
  try {
    return say(await parseMail(raw), listTags)
  } catch (error) {
    return { unreadable: whyNot(error) }
  }
}

/** What git made of one mail. */
type Answer = { info: MailInfo; diff: Diff; patchId: string | undefined; refusal: string | undefined }

const found = ({ parsed, tags, enclosed }: Said, answer: Answer | undefined): Found => {
  if (answer === undefined || answer.diff.files.length > maxFiles) return 'refused'
  const { info, diff, patchId, refusal } = answer
  // A From: in the body names the patch's author; without one git knows only what the list made of From:.
  const isSender = info.author.address === '' || info.author.address === parsed.from?.address
  const patch: Patch = {
    patchId,
    author: enclosed?.author ?? (isSender ? (parsed.author ?? info.author) : info.author),
    subject: enclosed?.subject === undefined ? info.subject : tags.title,
    files: diff.files,
    baseCommit: baseCommit(info.patch.toString('utf8')) ?? baseCommit(info.message),
  }
  return { patch, doubt: refusal === undefined ? undefined : { git: refusal, hunk: diff.broken } }
}

type Answered = { answer: Answer | undefined } | undefined

const unreadable = (why: string): Understood => ({
  ...{ parsed: undefined, tags: undefined, patch: undefined },
  disposition: { kind: 'unreadable', why },
})

const conclude = (read: Read, answered: Answered): Understood => {
  if ('unreadable' in read) return unreadable(read.unreadable)
  try {
    return understood(read, answered)
  } catch (error) {
    return unreadable(whyNot(error))
  }
}

const understood = (read: Said, answered: Answered): Understood => {
  const { disposition, patch } = decide(
    read,
    answered === undefined ? undefined : found(read, answered.answer),
  )
  // The signs of damage are news to its author only where they did damage.
  const parsed = patch?.unusable?.kind === 'damaged' ? read.parsed : { ...read.parsed, damage: [] }
  return { parsed, tags: read.tags, patch, disposition }
}

/** undefined as where git could read nothing. */
const readInfo = (info: MailInfo | undefined): { info: MailInfo; diff: Diff } | undefined => {
  try {
    return info && { info, diff: readDiff(info.patch) }
  } catch {
    return undefined
  }
}

const ask = async (gitMail: GitMail, raws: Buffer[]): Promise<(Answer | undefined)[]> => {
  const infos = await gitMail.mailinfo(raws)
  const reads = infos.map(readInfo)
  const whole = reads.flatMap(read =>
    read !== undefined && read.diff.files.length > 0 && read.diff.files.length <= maxFiles ? [read] : [],
  )
  const patchIds = await gitMail.patchIds(whole.map(({ info }) => info.patch))
  const refusals = await gitMail.refusals(
    whole.map(({ info, diff }) => ({ patch: info.patch, strip: diff.strip })),
  )
  const said = new Map(whole.map((read, n) => [read, { patchId: patchIds[n], refusal: refusals[n] }]))
  return reads.map(read => read && { patchId: undefined, refusal: undefined, ...read, ...said.get(read) })
}

/**
 * Understands mails, in the order of the input; one bad mail harms no other. Mails that are patches or covers are `new`, also where
 * the patch cannot be used (`patch.unusable`).
 * @param listTags bracket words that the list adds to subjects.
 * Throws git's Faults only.
 */
export const understand =
  ({ gitMail }: { gitMail: GitMail }) =>
  async (raws: readonly Buffer[], listTags: readonly string[]): Promise<Understood[]> => {
    const reads: Read[] = []
    for (const raw of raws) reads.push(await read(raw, listTags))
    const asked = reads.flatMap((mail, n) => ('parsed' in mail && mayCarryPatch(mail) ? [n] : []))
    const answers = await ask(
      gitMail,
      asked.map(n => raws[n] ?? Buffer.alloc(0)),
    )
    const answered = new Map(asked.map((n, i) => [n, { answer: answers[i] }]))
    return reads.map((mail, n) => conclude(mail, answered.get(n)))
  }
