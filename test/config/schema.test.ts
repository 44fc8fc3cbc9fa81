// The JSON schema for editors: it is made of the schema that the program checks with, and what is committed is up to date.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { jsonSchema, printJsonSchema } from '../../src/config/json-schema.ts'

const committed = new URL('../../grapevine.schema.json', import.meta.url)

test('grapevine.schema.json is up to date (npm run schema)', () => {
  expect(readFileSync(committed, 'utf8')).toBe(printJsonSchema())
})

/** Every property of every object in it, with its path. */
const properties = (schema: unknown, path = ''): [string, unknown][] => {
  if (typeof schema !== 'object' || schema === null) return []
  return Object.entries(schema).flatMap(([key, inner]): [string, unknown][] => {
    if (key !== 'properties') return properties(inner, path)
    return Object.entries(inner).flatMap(([name, property]) => [
      [`${path}.${name}`, property],
      ...properties(property, `${path}.${name}`),
    ])
  })
}

test('every key says what it is for', () => {
  const all = properties(jsonSchema())
  const silent = all.filter(([, property]) => !/"(description|const)":/.test(JSON.stringify(property)))
  expect(all.length).toBeGreaterThan(50)
  expect(silent.map(([path]) => path)).toEqual([])
})

test('a default is told in the words too', () => {
  const told = properties(jsonSchema()).filter(
    ([, property]) => typeof property === 'object' && property !== null && 'default' in property,
  )
  for (const [path, property] of told) {
    const { description, default: value } = Object(property)
    if (typeof value === 'object' && !Array.isArray(value)) continue
    const shown = Array.isArray(value) || value === '' ? 'Default: ' : `Default: ${value}`
    expect(description, path).toContain(shown)
  }
})
