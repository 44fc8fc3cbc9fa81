// Who may do what by a comment on a pull request. Whoever may write to the repository is a maintainer; all else goes by the project's rules. Pure.
import type { Request } from '../../model/command.ts'
import type { Permission } from '../../ports/forge.ts'

/** What can be asked for in a comment; everything else is asked for by mail, or on the pages. */
const possible = ['test', 'retest', 'cancel', 'status', 'help', 'release'] as const
export type CommentVerb = (typeof possible)[number]

export const isForComments = (request: Request): request is Request & { do: CommentVerb } =>
  possible.some(verb => verb === request.do)

export const isMaintainer = (permission: Permission): boolean =>
  permission === 'write' || permission === 'maintain' || permission === 'admin'

export type AskedInComment = {
  request: Request & { do: CommentVerb }
  permission: Permission
  /** Did they open the pull request? */
  isAuthor: boolean
  /** The project's: `author`, `anyone`, addresses (which nobody has here). */
  rules: Partial<Record<Request['do'], string[]>>
}

/** `who`: in words, to whom it is allowed. */
export const permitComment = ({
  request,
  permission,
  isAuthor,
  rules,
}: AskedInComment): { may: true } | { may: false; who: string } => {
  if (isMaintainer(permission) || request.do === 'help') return { may: true }
  const maintainers = 'whoever may write to this repository'
  if (request.do === 'release') return { may: false, who: maintainers }
  const allowed = rules[request.do] ?? []
  if (allowed.includes('anyone') || (isAuthor && allowed.includes('author'))) return { may: true }
  return {
    may: false,
    who: allowed.includes('author') ? `the author of the pull request and ${maintainers}` : maintainers,
  }
}
