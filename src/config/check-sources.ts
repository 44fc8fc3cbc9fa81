// What a schema cannot tell of the mail that comes in: names of sources, their logins, and lists that could not be told apart.
import { type Look, listOf, valueAt } from './check-look.ts'
import { oneSecret } from './check-mail.ts'
import { type Path, type Problem, showPath } from './problem.ts'

/** `index` counts from 0. */
export const defaultSourceName = (project: string, kind: string, index: number): string =>
  `${project}-${kind}-${index + 1}`

/** Every list of sources: its path, and what a source without a name is called after. */
const sourceLists = (projects: string[]): { path: Path; owner: string }[] => [
  { path: ['mail', 'inbox'], owner: 'inbox' },
  ...projects.map(name => ({ path: ['projects', name, 'sources'], owner: name })),
]

const sourcesAt = (get: Look['get'], path: Path): { path: Path; source: unknown }[] =>
  listOf(get(...path)).map((source, at) => ({ path: [...path, at], source }))

/** Reading positions are kept by the name of a source: over all of them no two may be the same. */
export const sourceNames = (look: Look): Problem[] => {
  const { projects, get, problem } = look
  const seen = new Map<string, string>()
  return sourceLists(projects).flatMap(({ path: list, owner }) =>
    sourcesAt(get, list).flatMap(({ path: at, source }, index): Problem[] => {
      const kind = valueAt(source, ['kind'])
      const given = valueAt(source, ['name'])
      const name = typeof given === 'string' ? given : defaultSourceName(owner, String(kind), index)
      const path = given === undefined ? at : [...at, 'name']
      const other = seen.get(name)
      seen.set(name, other ?? showPath(path))
      const secrets = kind === 'imap' ? oneSecret(look, at) : []
      return other === undefined
        ? secrets
        : [...secrets, problem(path, `"${name}" is the name of ${other} already`)]
    }),
  )
}

/** RFC 2919 §2: dots only; people take the whole header, or the list's address. */
const listIdRule = (id: string): string => {
  const inBrackets = /<([^<>@\s]+)>\s*$/.exec(id)?.[1]
  const meant = inBrackets ?? (/^[^<>@\s]+@[^<>@\s]+$/.test(id) ? id.replace('@', '.') : undefined)
  const hint = meant === undefined ? '' : ` Perhaps ${meant}; see the header of a mail of the list`
  return `must be what stands in the brackets of List-Id:, without them and without "@".${hint}`
}

/** Two projects of one list could not be told apart in a shared mailbox. */
export const listIds = ({ projects, get, problem }: Look): Problem[] => {
  const seen = new Map<string, string>()
  return projects.flatMap(name => {
    const path = ['projects', name, 'listId']
    const id = get(...path)
    if (typeof id !== 'string') return []
    if (/[<>@\s]/.test(id)) return [problem(path, listIdRule(id))]
    const other = seen.get(id.toLowerCase())
    seen.set(id.toLowerCase(), other ?? name)
    return other === undefined ? [] : [problem(path, `project ${other} has the same list id`)]
  })
}
