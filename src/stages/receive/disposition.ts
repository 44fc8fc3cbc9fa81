// What becomes of a mail, as far as the mail alone tells: the last step of receive. Patches and covers stay `new` and go on to assemble.
import type { Disposition, ParsedMail, Patch, SubjectTags } from '../../model/mail.ts'
import { type BrokenHunk, unsafePath } from '../../text/diff.ts'

/** A diff begins here: git's, a plain one, cvs's. */
const diffStart = /^(?:diff --git |Index: \S|--- \S.*\n\+\+\+ \S|GIT binary patch$)/m
const quotedDiff = /^[>|][>|\s]*(?:diff --git |@@ -\d|\+\+\+ \S|--- a\/)/m

const pullRequest =
  /^\s*The following changes since commit [0-9a-f]{7,}|^\s*are available in the git repository at:?\s*$/im
const stableNotice = /^patch ".*" has been (?:added to|queued (?:up )?for|applied to|dropped from) /i
const commitNotice = /^(?:The following commit has been merged into the|Commit-ID:\s+[0-9a-f]{7,})/m

const isPull = (tags: SubjectTags): boolean => tags.tags.some(tag => /^pull(?:-?req(?:uest)?)?$/i.test(tag))

/** Written by `git format-patch` and friends, though nobody wrote [PATCH] before it. */
const isSubmission = ({ messageId, text }: ParsedMail): boolean =>
  /-git-send-email-|\.git\.|^<\d{14}\.\d+-\d+-/.test(messageId ?? '') ||
  /^(?:(?:Signed-off-by|Change-Id): \S|From [0-9a-f]{40} Mon Sep 17 00:00:00 2001$)/m.test(text)

/** Is it worth asking git for a patch in this mail? Nothing is lost by a yes but a few milliseconds. */
export const mayCarryPatch = (parsed: ParsedMail, tags: SubjectTags): boolean =>
  parsed.auto === undefined && !tags.reply && (tags.patch || diffStart.test(parsed.text))

const notSubmitted = (parsed: ParsedMail, tags: SubjectTags): string | undefined => {
  if (stableNotice.test(tags.title)) return 'stable queue notice'
  if (commitNotice.test(parsed.text) || (!tags.patch && /^tip\b/i.test(tags.tags[0] ?? '')))
    return 'commit notification'
  if (isPull(tags) || (!tags.patch && pullRequest.test(parsed.text))) return 'pull request'
  if (!tags.reply) return undefined
  if (quotedDiff.test(parsed.text)) return 'a reply that quotes a diff'
  return diffStart.test(parsed.text) ? 'a reply that carries a diff' : 'discussion'
}

const damage = (parsed: ParsedMail, broken: BrokenHunk): string => {
  const causes = {
    'format-flowed': 'it was sent as format=flowed, which wraps the lines of a patch',
    'non-breaking-spaces': 'its spaces were turned into non-breaking spaces',
    undecodable: 'its transfer encoding is not known',
  }
  const cause = parsed.damage.map(kind => causes[kind])[0]
  const what = `${broken.why} (${broken.file})`
  return cause === undefined ? what : `${cause}: ${what}`
}

/** What git found: undefined where it was not asked, `refused` where it could not read the mail. */
export type Found = { patch: Patch; broken: BrokenHunk | undefined } | 'refused' | undefined

const withoutPatch = (parsed: ParsedMail, tags: SubjectTags, found: Found): Disposition => {
  if (!tags.patch) return { kind: 'not-a-patch', why: 'discussion' }
  if (tags.position === 0) return { kind: 'new' }
  if (parsed.text.trim() === '' && found !== 'refused') return { kind: 'not-a-patch', why: 'an empty mail' }
  return found === 'refused' || diffStart.test(parsed.text)
    ? { kind: 'damaged', why: 'git cannot read the patch in it' }
    : { kind: 'not-a-patch', why: 'patch without a diff' }
}

/** The disposition of a readable mail that is not ours. Pure; decided again, it is the same. */
export const decide = (parsed: ParsedMail, tags: SubjectTags, found: Found): Disposition => {
  if (parsed.auto !== undefined) return { kind: 'automatic', auto: parsed.auto }
  const why = notSubmitted(parsed, tags)
  if (why !== undefined) return { kind: 'not-a-patch', why }
  if (found === undefined || found === 'refused' || found.patch.files.length === 0)
    return withoutPatch(parsed, tags, found)
  const path = unsafePath(found.patch.files)
  if (path !== undefined)
    return { kind: 'unsafe', why: `it changes ${JSON.stringify(path)}, which is out of the source folder` }
  if (!tags.patch && !isSubmission(parsed))
    return { kind: 'not-a-patch', why: 'a diff that nobody calls a patch' }
  if (tags.position === 0) return { kind: 'new' }
  return found.broken === undefined ? { kind: 'new' } : { kind: 'damaged', why: damage(parsed, found.broken) }
}
