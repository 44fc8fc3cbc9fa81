// What the schema finds wrong, in the words of this program: issues of zod in, problems with their places out.
import type { z } from 'zod'
import { didYouMean, keysOf, type Look, valueAt } from './check-look.ts'
import { jsonSchema } from './json-schema.ts'
import type { Path, Problem } from './problem.ts'

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
export const say = (issue: z.core.$ZodRawIssue): string | undefined => {
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

export const ofSchema = ({ problem, problemOfKey }: Look, issue: z.core.$ZodIssue): Problem[] => {
  const path = toPath(issue.path)
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map(key => problemOfKey(path, key, unknownKey(key, knownKeys(path))))
  return [problem(path, issue.message)]
}
