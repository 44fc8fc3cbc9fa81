// Checks a parsed grapevine.yaml: the schema first, then what a schema cannot tell. Every problem is found, not just the first.
import { closestMatch } from 'leven'
import type { z } from 'zod'
import { concernChecks } from './check-concerns.ts'
import { trackerChecks } from './check-trackers.ts'
import type { YamlFile } from './document.ts'
import { jsonSchema } from './json-schema.ts'
import type { Path, Problem } from './problem.ts'
import { showPath } from './problem.ts'
import { badName, type ConfigFile, fileSchema } from './schema.ts'

const kinds: Record<string, string> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map of keys and values',
  record: 'a map of keys and values',
}

const kindOf = (value: unknown): string => {
  if (value === null) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a map'
  return (
    { string: 'text', number: 'a number', boolean: 'true or false' }[String(typeof value)] ?? typeof value
  )
}

/** The value at a path of plain data; undefined where there is none. */
const valueAt = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null && Object.hasOwn(inner, key)
        ? Reflect.get(inner, key)
        : undefined,
    value,
  )

const keysOf = (value: unknown): string[] =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value) : []

/** A guess only where it is near: one wrong letter in three. */
const didYouMean = (word: string, known: readonly string[]): string => {
  const near = closestMatch(word.toLowerCase(), known, {
    maxDistance: Math.max(1, Math.ceil(word.length / 3)),
  })
  return near === undefined ? '' : `. Did you mean "${near}"?`
}

/** The keys that the JSON schema knows at a path of the file. */
const knownKeys = (path: Path): string[] => {
  const inside = (schema: unknown, key: string | number): unknown[] =>
    branches(schema).flatMap(branch =>
      typeof key === 'number'
        ? [valueAt(branch, ['items'])]
        : [valueAt(branch, ['properties', key]) ?? valueAt(branch, ['additionalProperties'])],
    )
  const branches = (schema: unknown): unknown[] => {
    const or = valueAt(schema, ['anyOf']) ?? valueAt(schema, ['oneOf'])
    return Array.isArray(or) ? or : [schema]
  }
  const there = path.reduce<unknown[]>(
    (all, key) => all.flatMap(schema => inside(schema, key)),
    [jsonSchema()],
  )
  return [...new Set(there.flatMap(branches).flatMap(branch => keysOf(valueAt(branch, ['properties']))))]
}

/** What is wrong with a value, in the words of this program. The value is never repeated: it may be a secret. */
const say = (issue: z.core.$ZodRawIssue): string | undefined => {
  const value = issue.input
  if (value === undefined || value === null) return 'is missing'
  if (issue.code === 'invalid_type') {
    const wanted = kinds[issue.expected] ?? issue.expected
    if (issue.expected === 'int') return 'must be a whole number'
    const quotes = wanted === 'text' && typeof value !== 'object' ? ': write it in quotes' : ''
    return `must be ${wanted}, not ${kindOf(value)}${quotes}`
  }
  if (issue.code === 'invalid_value') return oneOf(issue.values.map(String), value)
  if (issue.code === 'invalid_union' && 'options' in issue)
    return oneOf([issue.options].flat().map(String), valueAt(value, [String(issue.discriminator)]))
  if (issue.code === 'too_small') return `must be at least ${issue.minimum}`
  if (issue.code === 'too_big') return `must be at most ${issue.maximum}`
  return undefined
}

const oneOf = (options: string[], value: unknown): string =>
  `must be one of ${options.join(', ')}${typeof value === 'string' ? didYouMean(value, options) : ''}`

const toPath = (path: readonly PropertyKey[]): Path =>
  path.map(key => (typeof key === 'symbol' ? String(key) : key))

const unknownKey = (key: string, known: string[]): string =>
  known.includes(key) ? 'this key goes with another kind' : `unknown key${didYouMean(key, known)}`

const ofSchema = (file: YamlFile, issue: z.core.$ZodIssue): Problem[] => {
  const path = toPath(issue.path)
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map(key => ({
      ...file.placeOfKey(path, key),
      path: showPath([...path, key]),
      says: unknownKey(key, knownKeys(path)),
    }))
  return [{ ...file.place(path), path: showPath(path), says: issue.message }]
}

/** Names that are used twice, and names that nothing has. Works on the raw value, so that it tells of these besides all else. */
const crossChecks = (file: YamlFile): Problem[] => {
  const get = (...path: Path) => valueAt(file.value, path)
  const problem = (path: Path, says: string): Problem => ({ ...file.place(path), path: showPath(path), says })
  const images = keysOf(get('farm', 'images'))
  const projects = keysOf(get('projects'))

  const named = [...images.map(name => ['farm', 'images', name]), ...projects.map(name => ['projects', name])]
  const names = named.flatMap(path => {
    const says = badName(path.at(-1) ?? '')
    return says === undefined
      ? []
      : [{ ...problem(path, says), ...file.placeOfKey(path.slice(0, -1), path.at(-1) ?? '') }]
  })

  const used = projects.flatMap((name): Path[] => {
    const tests = get('projects', name, 'test', 'images')
    const count = Array.isArray(tests) ? tests.length : 0
    return [
      ['projects', name, 'build', 'image'],
      ...Array.from({ length: count }, (_, i) => ['projects', name, 'test', 'images', i]),
    ]
  })
  const missing = used.flatMap(path => {
    const image = get(...path)
    if (typeof image !== 'string' || images.includes(image) || images.length === 0) return []
    return [problem(path, `there is no image "${image}" in farm.images${didYouMean(image, images)}`)]
  })

  const lists = projects.flatMap(name => [
    { path: ['projects', name, 'build', 'prepare'], key: 'name' },
    { path: ['projects', name, 'build', 'steps'], key: 'name' },
    { path: ['projects', name, 'test', 'steps'], key: 'name' },
    { path: ['projects', name, 'test', 'images'], key: undefined },
  ])
  const twice = lists.flatMap(({ path, key }) =>
    repeats(get(...path), key).map(({ at, value }) =>
      problem(
        [...path, at, ...(key === undefined ? [] : [key])],
        `"${value}" is here already: names must differ`,
      ),
    ),
  )

  const mail = get('mail')
  const ways = keysOf(mail).filter(key => key === 'maildir' || key === 'smtp')
  const out =
    typeof mail !== 'object' || mail === null || ways.length === 1
      ? []
      : [
          problem(
            ['mail'],
            `must have exactly one of maildir and smtp; ${ways.length === 0 ? 'neither is' : 'both are'} here`,
          ),
        ]
  const bot = get('bot', 'address')
  const ownList = projects.flatMap(name => {
    const address = get('projects', name, 'list', 'address')
    const isSame =
      typeof bot === 'string' && typeof address === 'string' && bot.toLowerCase() === address.toLowerCase()
    return isSame
      ? [problem(['bot', 'address'], `is the list of ${name}: the bot needs an address of its own`)]
      : []
  })
  const selector = get('mail', 'dkim', 'selector')
  const label = /^[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_][a-z0-9_-]{0,62})*$/i
  const signing =
    typeof selector !== 'string' || label.test(selector)
      ? []
      : [
          problem(
            ['mail', 'dkim', 'selector'],
            'must be letters, digits, "-" and "_", as it is part of a host name',
          ),
        ]
  const smtp: Path = ['mail', 'smtp']
  const idle = ['password', 'token'].filter(key => get(...smtp, key) !== undefined)
  const login =
    get(...smtp, 'user') === undefined
      ? idle.map(key => problem([...smtp, key], `a ${key} needs a user beside it`))
      : oneSecret(file, smtp)
  return [
    ...names,
    ...missing,
    ...twice,
    ...ownList,
    ...out,
    ...signing,
    ...login,
    ...sourceNames(file, projects),
    ...inboxChecks(file, projects),
    ...concernChecks({ projects, get, problem, didYouMean }),
    ...trackerChecks({ projects, trackers: keysOf(get('trackers')), get, problem, didYouMean }),
  ]
}

const repeats = (list: unknown, key: string | undefined): { at: number; value: string }[] => {
  const values = Array.isArray(list)
    ? list.map(item => (key === undefined ? item : valueAt(item, [key])))
    : []
  return values.flatMap((value, at) =>
    typeof value === 'string' && values.indexOf(value) < at ? [{ at, value }] : [],
  )
}

export const defaultSourceName = (project: string, kind: string, index: number): string =>
  `${project}-${kind}-${index + 1}`

/** Every list of sources: its path, and what a source without a name is called after. */
const sourceLists = (projects: string[]): { path: Path; owner: string }[] => [
  { path: ['mail', 'inbox'], owner: 'inbox' },
  ...projects.map(name => ({ path: ['projects', name, 'sources'], owner: name })),
]

const sourcesAt = (file: YamlFile, path: Path): { path: Path; source: unknown }[] => {
  const sources = valueAt(file.value, path)
  return (Array.isArray(sources) ? sources : []).map((source, at) => ({ path: [...path, at], source }))
}

/** A server that asks who we are gets a password or a token: one of the two. */
const oneSecret = (file: YamlFile, path: Path): Problem[] => {
  const given = ['password', 'token'].filter(key => valueAt(file.value, [...path, key]) !== undefined)
  if (given.length === 1) return []
  const says = `must have exactly one of password and token; ${given.length === 0 ? 'neither is' : 'both are'} here`
  return [{ ...file.place(path), path: showPath(path), says }]
}

/** Reading positions are kept by the name of a source: over all of them no two may be the same. */
const sourceNames = (file: YamlFile, projects: string[]): Problem[] => {
  const seen = new Map<string, string>()
  return sourceLists(projects).flatMap(({ path: list, owner }) =>
    sourcesAt(file, list).flatMap(({ path: at, source }, index): Problem[] => {
      const kind = valueAt(source, ['kind'])
      const given = valueAt(source, ['name'])
      const name = typeof given === 'string' ? given : defaultSourceName(owner, String(kind), index)
      const path = given === undefined ? at : [...at, 'name']
      const other = seen.get(name)
      seen.set(name, other ?? showPath(path))
      const secrets = kind === 'imap' ? oneSecret(file, at) : []
      if (other === undefined) return secrets
      const says = `"${name}" is the name of ${other} already`
      return [...secrets, { ...file.place(path), path: showPath(path), says }]
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
const inboxChecks = (file: YamlFile, projects: string[]): Problem[] => {
  const seen = new Map<string, string>()
  return projects.flatMap(name => {
    const path = ['projects', name, 'listId']
    const id = valueAt(file.value, path)
    if (typeof id !== 'string') return []
    if (/[<>@\s]/.test(id)) return [{ ...file.place(path), path: showPath(path), says: listIdRule(id) }]
    const other = seen.get(id.toLowerCase())
    seen.set(id.toLowerCase(), other ?? name)
    if (other === undefined) return []
    return [{ ...file.place(path), path: showPath(path), says: `project ${other} has the same list id` }]
  })
}

/** The file after the schema, or everything that is wrong with it, in order of place. */
export const check = (file: YamlFile): { file: ConfigFile } | { problems: Problem[] } => {
  if (file.value === null || file.value === undefined)
    return { problems: [{ line: 1, column: 1, path: '', says: 'the file is empty' }] }
  const parsed = fileSchema.safeParse(file.value, { error: say })
  const found = parsed.success ? [] : parsed.error.issues.flatMap(issue => ofSchema(file, issue))
  const problems = [...found, ...crossChecks(file)].sort((a, b) => a.line - b.line || a.column - b.column)
  if (problems.length > 0 || !parsed.success) return { problems }
  return { file: parsed.data }
}
