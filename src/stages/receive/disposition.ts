// What becomes of a mail, as far as the mail alone tells: the last step of receive. Patches and covers stay `new` and go on to assemble.
import type { Disposition, ParsedMail, Patch, SubjectTags } from '../../model/mail.ts'
import { type BrokenHunk, unsafePath } from '../../text/diff.ts'
import { diffStart, type Enclosed, sentByGit } from '../../text/submission.ts'

const quotedDiff = /^[>|][>| \t]{0,40}(?:diff --git |@@ -\d|\+\+\+ \S|--- a\/)/m

const pullRequest =
  /^[ \t]{0,20}(?:The following changes since commit [0-9a-f]{7,}|are available in the git repository at:?[ \t]{0,20}$)/im
const stableNotice = /^patch ".*" has been (?:added to|queued (?:up )?for|applied to|dropped from) /i
const commitNotice = /^(?:The following commit has been merged into the|Commit-ID:\s+[0-9a-f]{7,})/m

const isPull = (tags: SubjectTags): boolean => tags.tags.some(tag => /^pull(?:-?req(?:uest)?)?$/i.test(tag))

/** Written by `git format-patch` and friends, though nobody wrote [PATCH] before it. */
const isSubmission = ({ messageId, text }: ParsedMail): boolean =>
  sentByGit(messageId) ||
  /^(?:(?:Signed-off-by|Change-Id): \S|From [0-9a-f]{40} Mon Sep 17 00:00:00 2001$)/m.test(text)

/** A readable mail: what it says, and the patch that it submits if it is an answer. */
export type Said = { parsed: ParsedMail; tags: SubjectTags; enclosed: Enclosed | undefined }

/** Is it worth asking git for a patch in this mail? Nothing is lost by a yes but a few milliseconds. */
export const mayCarryPatch = ({ parsed, tags, enclosed }: Said): boolean =>
  parsed.auto === undefined &&
  (!tags.reply || enclosed !== undefined) &&
  (tags.patch || diffStart.test(parsed.text))

const notice = ({ parsed, tags }: Said): string | undefined => {
  if (stableNotice.test(tags.title)) return 'stable queue notice'
  return commitNotice.test(parsed.text) || (!tags.patch && /^tip\b/i.test(tags.tags[0] ?? ''))
    ? 'commit notification'
    : undefined
}

/** What is not submitted by its mail, and why not. */
const notSubmitted = (said: Said): string | undefined => {
  const { parsed, tags, enclosed } = said
  const told = notice(said)
  if (told !== undefined) return told
  if (isPull(tags) || (!tags.patch && pullRequest.test(parsed.text))) return 'pull request'
  if (!tags.reply || enclosed !== undefined) return undefined
  if (quotedDiff.test(parsed.text)) return 'a reply that quotes a diff'
  return diffStart.test(parsed.text) ? 'a reply that carries a diff' : 'discussion'
}

/** What git and we found in the patch: `git` is the first thing that `git apply` says against it, `hunk` the first that cannot be right. */
export type Doubt = { git: string; hunk: BrokenHunk | undefined }

const causes = {
  'format-flowed': 'it was sent as format=flowed, which wraps the lines of a patch',
  'non-breaking-spaces': 'its spaces were turned into non-breaking spaces',
  undecodable: 'its transfer encoding is not known',
}

const damage = (parsed: ParsedMail, { git, hunk }: Doubt): string => {
  const cause = parsed.damage.map(kind => causes[kind])[0]
  const what = hunk === undefined ? `git apply: ${git}` : `${hunk.why} (${hunk.file})`
  return cause === undefined ? what : `${cause}: ${what}`
}

/** undefined where git was not asked, `refused` where it could not read the mail; `doubt` only where git would not take the patch. */
export type Found = { patch: Patch; doubt: Doubt | undefined } | 'refused' | undefined

export type Decision = { disposition: Disposition; patch: Patch | undefined }

const isNew: Disposition = { kind: 'new' }
const none = (why: string): Decision => ({ disposition: { kind: 'not-a-patch', why }, patch: undefined })

/** A patch of which nothing could be read: it keeps its place in the series, and its author is told. */
const unread = ({ parsed, tags }: Said): Patch => ({
  patchId: undefined,
  author: parsed.author ?? { name: '', address: '' },
  subject: tags.title,
  files: [],
  baseCommit: undefined,
  unusable: { kind: 'damaged', why: 'git cannot read the patch in it, or it is far too large' },
})

const withoutFiles = (said: Said, found: Found): Decision => {
  const { parsed, tags } = said
  if (!tags.patch || tags.reply) return none('discussion')
  if (tags.position === 0) return { disposition: isNew, patch: undefined }
  if (parsed.text.trim() === '' && found !== 'refused') return none('an empty mail')
  return found === 'refused' || diffStart.test(parsed.text)
    ? { disposition: isNew, patch: unread(said) }
    : none('patch without a diff')
}

const unusable = (parsed: ParsedMail, patch: Patch, doubt: Doubt | undefined): Patch['unusable'] => {
  const path = unsafePath(patch.files)
  if (path !== undefined)
    return {
      kind: 'unsafe',
      why: `it changes ${JSON.stringify(path)}, which is out of the source folder`,
    }
  return doubt === undefined ? undefined : { kind: 'damaged', why: damage(parsed, doubt) }
}

/**
 * The disposition of a readable mail that is not ours, and the patch in it. Pure; decided again, it is the same.
 * A patch that cannot be used stays `new`: its series needs it, and its author is told. Of a mail that nobody calls a patch, and of
 * an answer, nobody is told: better no mail than a wrong one.
 */
export const decide = (said: Said, found: Found): Decision => {
  const { parsed, tags } = said
  if (parsed.auto !== undefined && (parsed.auto !== 'bot' || notice(said) === undefined))
    return { disposition: { kind: 'automatic', auto: parsed.auto }, patch: undefined }
  const why = notSubmitted(said)
  if (why !== undefined) return none(why)
  if (found === undefined || found === 'refused' || found.patch.files.length === 0)
    return withoutFiles(said, found)
  const against = unusable(parsed, found.patch, found.doubt)
  if (tags.reply && against !== undefined) return none('a reply with a patch that cannot be applied')
  if (!tags.patch && (!isSubmission(parsed) || (against !== undefined && !sentByGit(parsed.messageId))))
    return none('a diff that nobody calls a patch')
  // A cover's diff is an interdiff.
  if (tags.position === 0) return { disposition: isNew, patch: undefined }
  return {
    disposition: isNew,
    patch: against === undefined ? found.patch : { ...found.patch, unusable: against },
  }
}
