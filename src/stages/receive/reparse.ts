// Understands a stored mail again, from its raw bytes: what a newer Grapevine reads better gets better, and nothing gets worse.
import { isDeepStrictEqual } from 'node:util'
import { Fault } from '../../model/fault.ts'
import { botProject, type Disposition, type Mail } from '../../model/mail.ts'
import type { Blobs } from '../../ports/blobs.ts'
import type { GitMail } from '../../ports/git.ts'
import type { Store } from '../../ports/store.ts'
import { type Understood, understand } from './understand.ts'

/** What became of a mail in no series, and may become better. Everything else is final: it was acted upon. */
const loose: ReadonlySet<Disposition['kind']> = new Set(['not-a-patch', 'unreadable', 'automatic', 'comment'])

const isSubmitted = ({ disposition, patch, tags }: Understood): boolean =>
  disposition.kind === 'new' && (patch !== undefined || tags?.position === 0)

/** An older Grapevine told damaged patches of no series; now they have their place in one. */
const isLoose = ({ disposition }: Mail): boolean =>
  loose.has(disposition.kind) ||
  ((disposition.kind === 'damaged' || disposition.kind === 'unsafe') && disposition.series === undefined)

/** A comment keeps its series unless it is a patch; what waits for the bot or for assembly goes on waiting. */
const betterDisposition = (mail: Mail, again: Understood): Disposition =>
  !isLoose(mail) || again.disposition.kind === 'unreadable'
    ? mail.disposition
    : isSubmitted(again)
      ? { kind: 'new' }
      : mail.disposition.kind === 'comment' || again.disposition.kind === 'new'
        ? mail.disposition
        : again.disposition

/**
 * The better of what is stored and what is read now. Never changes: the bytes, the project, the source, the arrival; the disposition of a
 * mail that is in a series, ours, a duplicate, or waits. Never lost: what was read of a mail that cannot be read now, and a patch.
 */
export const better = (mail: Mail, again: Understood): Mail => {
  if (again.parsed === undefined || mail.disposition.kind === 'own') return mail
  const patch = mail.project === botProject ? undefined : (again.patch ?? mail.patch)
  const disposition = mail.project === botProject ? mail.disposition : betterDisposition(mail, again)
  // Series know their parts as they were read then.
  const tags = isLoose(mail) || mail.tags === undefined ? again.tags : mail.tags
  return { ...mail, parsed: again.parsed, tags, patch, disposition }
}

export type Reparsed = {
  before: Mail
  /** What it is, or would be if it might start. */
  after: Mail
  /** Its bytes are gone, and why. It stays as it is. */
  lost?: string
  /** It became a patch or a cover that is to be assembled. */
  isNew: boolean
  /** It was changed in the store; false also where somebody else was quicker. */
  isChanged: boolean
}

/** As they are stored: without what is undefined. */
const isSame = (one: Mail, other: Mail): boolean =>
  isDeepStrictEqual(JSON.parse(JSON.stringify(one)), JSON.parse(JSON.stringify(other)))

const bytesOf = async (blobs: Blobs, { id }: Mail): Promise<Buffer | Fault> => {
  try {
    return await blobs.get(id)
  } catch (error) {
    if (error instanceof Fault && error.kind === 'damaged') return error
    throw error
  }
}

/**
 * Reads mails of one project again and keeps what is better. Repeatable: a crash leaves each mail as it was or as it will be.
 * @param mayStart says whether a mail may be taken for a patch now that was none before; it will be tested and answered.
 * Faults: those of the store, the blobs (but for bytes that are gone) and git.
 */
export const reparse =
  ({ store, blobs, gitMail }: { store: Store; blobs: Blobs; gitMail: GitMail }) =>
  async (
    mails: readonly Mail[],
    { listTags, mayStart }: { listTags: readonly string[]; mayStart: (mail: Mail) => boolean },
  ): Promise<Reparsed[]> => {
    const done: Reparsed[] = []
    const read: { mail: Mail; raw: Buffer }[] = []
    for (const mail of mails) {
      const raw = await bytesOf(blobs, mail)
      if (Buffer.isBuffer(raw)) read.push({ mail, raw })
      else done.push({ before: mail, after: mail, lost: raw.message, isNew: false, isChanged: false })
    }
    const said = await understand({ gitMail })(
      read.map(({ raw }) => raw),
      listTags,
    )
    for (const [n, { mail: before }] of read.entries()) {
      const again = said[n]
      const improved = again === undefined ? before : better(before, again)
      const isNew = before.disposition.kind !== 'new' && improved.disposition.kind === 'new'
      const after = isNew && !mayStart(before) ? { ...improved, disposition: before.disposition } : improved
      const isChanged = !isSame(after, before) && (await store.updateMail(after, before.disposition.kind))
      done.push({ before, after: improved, isNew, isChanged })
    }
    return done
  }
