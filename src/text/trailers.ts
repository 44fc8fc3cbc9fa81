// Lines that tools leave in a patch mail for other tools: where it stands, what comes before it, what it replaces.
import type { MessageId } from '../model/mail.ts'
import { type Links, limitLinks } from '../model/series.ts'

/** The commit that `git format-patch --base` names (`base-commit: <id>`): 7 to 64 hex digits, lower case. Quoted ones do not count. */
export const baseCommit = (text: string): string | undefined =>
  /^base-commit: ([0-9a-f]{7,64})\s*$/im.exec(text)?.[1]?.toLowerCase()

const trailer =
  /^(depends-on|based-on|supersedes|change-id|prerequisite-(?:patch|change|message)-id):[ \t]*(\S[^\r\n]{0,999})/gim

/** `left@right`, without what a message id never has; RFC 5322 allows more, and nobody uses it. */
const bareId = /^[^\s<>"'(),;:\\@]{1,300}@[^\s<>"'(),;:\\@]{1,300}$/
const bracketed = /<([^\s<>]{3,600})>/g
/** b4: `20250217-netcons_current-2c635fa5beda`, and `:v3` for one version. */
const b4Change = /^(\d{8}-[\w.+-]{1,150}-[0-9a-f]{6,40})(?::v?(\d{1,4}))?$/i
const anyChange = /^([\w.+-]{4,200})(?::v?(\d{1,4}))?$/i
const patchId = /^[0-9a-f]{40}$/i

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The message id in an address of an archive: lore, patchew, patchwork, public-inbox and others have it as a part of the path. */
const idInUrl = (url: string): MessageId | undefined => {
  const [path = ''] = url.replace(/^https?:\/\/[^/]*/i, '').split(/[?#]/)
  const id = path
    .split('/')
    .map(decoded)
    .map(segment => segment.replace(/^<|>$/g, ''))
    .find(segment => bareId.test(segment))
  return id === undefined ? undefined : `<${id}>`
}

const change = (value: string, form: RegExp): string | undefined => {
  const match = form.exec(value)
  const version = match?.[2] === undefined ? '' : `:v${Number(match[2])}`
  // Gerrit's is of one patch, and only Gerrit knows it.
  return match === null || /^i[0-9a-f]{40}$/i.test(match[1] ?? '') ? undefined : `${match[1]}${version}`
}

const idsIn = (value: string): MessageId[] => {
  if (/^https?:\/\//i.test(value)) {
    const id = idInUrl(value.split(/\s/)[0] ?? '')
    return id === undefined ? [] : [id]
  }
  if (value.startsWith('<')) {
    const inside = [...value.matchAll(bracketed)].map(([, found = '']) => found)
    return inside.flatMap(found =>
      /^https?:/i.test(found) ? idsIn(found) : bareId.test(found) ? [`<${found}>`] : [],
    )
  }
  const [word = ''] = value.split(/[\s,]/)
  return bareId.test(word) ? [`<${word}>`] : []
}

/** Without a remark behind it: `X:v1 # optional`. */
const plain = (value: string): string => (value.split(/\s#/)[0] ?? '').trim()

/** Lines of one mail that are looked at. */
const mostLines = 500

const addDependency = (on: Links['dependsOn'], name: string, value: string): void => {
  const [, prefix, rest = value] = /^(message-id|msgid|change-id|patch-id):[ \t]*(.+)$/i.exec(value) ?? []
  const kind = (prefix ?? name).toLowerCase()
  const only = (known: string) => kind === known || kind === `prerequisite-${known}`
  const ids = only('change-id') || only('patch-id') ? [] : idsIn(rest)
  const changed = ids.length > 0 ? undefined : change(rest, only('change-id') ? anyChange : b4Change)
  if (ids.length > 0) on.messageIds.push(...ids)
  // A full id with a title behind it is a commit's, which is in the base or it is not.
  else if (patchId.test(rest) && !only('change-id')) on.patchIds.push(rest.toLowerCase())
  else if (changed !== undefined && !only('patch-id')) on.changeIds.push(changed)
}

const noLinks = (): Links => ({
  dependsOn: { messageIds: [], changeIds: [], patchIds: [] },
  supersedes: [],
  changeId: undefined,
})

/** Does it name anything at all? */
const saysNothing = ({ dependsOn, supersedes, changeId }: Links): boolean =>
  dependsOn.messageIds.length + dependsOn.changeIds.length + dependsOn.patchIds.length + supersedes.length ===
    0 && changeId === undefined

/**
 * What a mail says of other series, in lines that begin at the margin: `Based-on:` (QEMU), `Depends-on:` (patchwork),
 * `prerequisite-…-id:` (git format-patch --base, b4), `Supersedes:`, `change-id:` (b4). Values are message ids (also in the address of
 * an archive), change ids and patch ids; anything else, like a commit or prose, is passed over.
 * @returns undefined if it says nothing of that kind.
 */
export const readLinks = (text: string): Links | undefined => {
  const found = noLinks()
  let lines = 0
  for (const [, name = '', said = ''] of text.matchAll(trailer)) {
    if (++lines > mostLines) break
    const value = plain(said)
    const kind = name.toLowerCase()
    if (kind === 'supersedes') found.supersedes.push(...idsIn(value))
    else if (kind === 'change-id') found.changeId ??= change(value, b4Change)
    else addDependency(found.dependsOn, kind, value)
  }
  return saysNothing(found) ? undefined : limitLinks(found)
}
