// What a Subject: says of a patch: first step of receive, after the headers are decoded.
import type { SubjectTags } from '../model/mail.ts'

/** Prefixes that mail programs put before a subject when they answer or pass on, in a dozen languages. */
const replyPrefix =
  /^(?:re|aw|antw|antwort|fw|fwd|wg|wtr|sv|vs|vb|tr|rif|ref|odp|ynt|回复|答复|转发)(?:\[\d+\]|\(\d+\)|\^\d+)?\s*[:：]\s*/iu
/** `Re meep`: an answer by a program that lost the colon. */
const bareReply = /^re\s+(?=\S)/i
const bracket = /^\[([^[\]]{0,120})\]\s*:?\s*/
/** `PATCH V2 3/4] title`: the opening bracket was lost on the way. */
const unopened = /^(patch\b[^[\]]{0,40})\]\s*:?\s*/i

const patchWord = /^(?:patch(?:es|set|v\d+)?|rfc|rft|rfr|resend\d*|resent|repost|wip|committed|draft)$/i
/** Words that cannot make a patch alone: `[RFC] How shall we …?` is decided by the diff, `[WIP]`, `[DRAFT]` and `[COMMITTED]` are too. */
const weakWord = /^(?:wip|draft|committed)$/i
/** PATCHv2, v2PATCH1/4, PATCH100/123, RFC/PATCH, (v2): split where one token ends and the next begins. */
const glue =
  /^(?:v(?:\d+)(?:\.\d+)?)?(?:rfc[/-]?|resend[/-]?)?patch(?:set|es)?(?:[/-]rfc)?[-_]?(?:v\d+(?:\.\d+)?)?(?:#?\d+\/(?:\d+|n|x))?$/i
const counter = /^(\d{1,4})\/(\d{1,4}|n|x)$/i
const version = /^v(?:er(?:sion)?)?[.-]?(\d{1,3})(?:\.\d{1,2})?$/i
/** After these a version is a kernel's or a branch's, not the series'. */
const branchWord = /^(?:for|stable|linux|-stable|base|kernel|on|against|to)$/i

type Found = {
  patch: boolean
  version?: number
  position?: number
  total?: number | undefined
  tags: string[]
}

const splitGlued = (token: string): string[] =>
  glue.test(token)
    ? token
        .replace(/(\d+\/(?:\d+|n|x))$/i, ' $1')
        .replace(/(rfc|patch(?:set|es)?|resend)/gi, ' $1 ')
        .split(/[\s/_-]*\s[\s/_-]*/)
        .filter(part => part !== '')
    : [token]

const words = (inside: string): string[] =>
  inside
    .replace(/(\d+)\s+of\s+(\d+)/i, '$1/$2')
    .replace(/(\d+)\s*\/\s*(\d+)/g, '$1/$2')
    .split(/[\s,;()]+|:(?=\s|$)/)
    .filter(token => token !== '')
    .flatMap(splitGlued)

const asCounter = (token: string): { position: number; total: number | undefined } | undefined => {
  const match = counter.exec(token)
  if (match === null) return undefined
  const total = /\d/.test(match[2] ?? '') ? Number(match[2]) : undefined
  return total === 0 ? undefined : { position: Number(match[1]), total }
}

/** In a bracket without the word PATCH, `6/12` may be a date or `13/11` a score: there only a plausible counter counts. */
const isPlausible = (found: { position: number; total: number | undefined }): boolean =>
  found.total !== undefined && found.position <= found.total

const readBracket = (inside: string, found: Found): void => {
  const tokens = words(inside)
  const says = tokens.some(token => patchWord.test(token) && !weakWord.test(token))
  tokens.forEach((token, i) => {
    const numbered = found.position === undefined ? asCounter(token) : undefined
    const numeral = version.exec(token)
    if (patchWord.test(token)) {
      found.patch ||= !weakWord.test(token)
      if (!/^patch/i.test(token)) found.tags.push(token)
    } else if (numbered !== undefined && (says || found.patch || isPlausible(numbered))) {
      found.patch = true
      found.position = numbered.position
      found.total = numbered.total
    } else if (numeral !== null && found.version === undefined && !branchWord.test(tokens[i - 1] ?? '')) {
      found.version = Number(numeral[1])
      if (token.includes('.')) found.tags.push(token)
    } else found.tags.push(token)
  })
}

/**
 * Reads the counters, versions and tags of a decoded subject. All leading brackets are scanned, and what a list or a mail
 * program put between them is skipped.
 * @param listTags bracket words that the list adds (`LTP`); compared without case, dropped from `tags`.
 * @returns `version` is the whole number (`v3.1` is 3, with `v3.1` among the tags); `5.10/5.15` and `0.5/5` are tags, not counters.
 */
export const parseSubject = (subject: string, listTags: readonly string[] = []): SubjectTags => {
  const listed = new Set(listTags.map(tag => tag.toLowerCase()))
  const found: Found = { patch: false, tags: [] }
  let rest = subject.replace(/\s+/g, ' ').trim()
  let reply = false
  for (;;) {
    const prefix = replyPrefix.exec(rest) ?? (found.patch ? null : bareReply.exec(rest))
    const part = bracket.exec(rest) ?? (found.patch ? null : unopened.exec(rest))
    const step = prefix ?? part
    if (step === null) break
    // `[PATCH] Re: [PATCH] x` was sent as a patch; only what stands before the tag makes an answer.
    if (prefix !== null) reply ||= !found.patch
    else if (part !== null && !listed.has((part[1] ?? '').trim().toLowerCase()))
      readBracket(part[1] ?? '', found)
    rest = rest.slice(step[0].length)
  }
  const trailing = /\s\(v(\d{1,3})\)$/i.exec(rest)
  const given = found.version ?? (trailing === null ? undefined : Number(trailing[1]))
  return {
    patch: found.patch,
    version: given ?? 1,
    versionGiven: given !== undefined,
    position: found.position,
    total: found.total,
    tags: found.tags.filter(tag => !listed.has(tag.toLowerCase())),
    reply,
    title: rest.trim(),
  }
}
