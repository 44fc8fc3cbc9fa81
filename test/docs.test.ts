// What the documentation names is there: links and headings, files, commands with their options, keys of grapevine.yaml.
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Command } from 'commander'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import type { CliDeps } from '../src/cli/deps.ts'
import { program } from '../src/cli/program.ts'
import { jsonSchema } from '../src/config/json-schema.ts'
import { fileSchema } from '../src/config/schema.ts'

const root = new URL('..', import.meta.url).pathname
const pages = ['README.md', ...globSync('docs/*.md', { cwd: root }).sort()]
const text = (page: string): string => readFileSync(join(root, page), 'utf8')

/** The blocks of a page between fences, in one language. */
const fenced = (page: string, language: string): string[] =>
  [...text(page).matchAll(/^( *)```(\w*)\n(.*?)^ *```$/gms)]
    .filter(([, , its]) => its === language)
    .map(([, indent = '', , block = '']) => block.replaceAll(new RegExp(`^${indent}`, 'gm'), ''))

const withoutBlocks = (page: string): string => text(page).replaceAll(/^ *```.*?^ *```$/gms, '')

/** What stands as code in the running text. */
const inline = (page: string): string[] =>
  [...withoutBlocks(page).matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code)

/** A heading's anchor, as GitHub makes it. */
const anchor = (heading: string): string =>
  heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')

const anchors = (page: string): string[] =>
  [...withoutBlocks(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchor(heading))

test.each(pages)('%s: links lead somewhere', page => {
  const links = [...withoutBlocks(page).matchAll(/\]\((?<target>[^)\s]+)\)/g)].map(found => found[1] ?? '')
  const dead = links
    .filter(link => !/^https?:/.test(link))
    .filter(link => {
      const [file = '', heading] = link.split('#')
      const target = file === '' ? page : join(dirname(page), file)
      if (!existsSync(join(root, target))) return true
      return heading !== undefined && !anchors(target).includes(heading)
    })
  expect(dead).toEqual([])
})

test.each(pages)('%s: files and folders of the source are there', page => {
  const named = inline(page)
    .flatMap(code => code.match(/^(?:src|test|docs|templates|examples|bin)\/[\w./*-]+$/g) ?? [])
    .filter(name => globSync(name, { cwd: root }).length === 0)
  expect(named).toEqual([])
})

// --- Commands

/** Each command that the page names, up to the end of its line, comment or pipe. */
const commands = (page: string): string[] => {
  const lines = text(page).match(/^(?: {4,}|\$ |)(?:npx )?grapevine .*$/gm) ?? []
  return [...lines, ...inline(page)]
    .flatMap(line => line.split(/ && | \| /))
    .map(line => line.trim().replace(/^\$ /, '').replace(/^npx /, ''))
    .filter(line => line.startsWith('grapevine '))
    .map(line => line.replace(/\s+#.*$/, '').replaceAll(/"[^"]*"|'[^']*'/g, 'TEXT'))
}

const deps = { env: {}, stdout: process.stdout, stderr: process.stderr } as unknown as CliDeps

/** What is wrong with a command line: a command or an option that there is not. */
const wrongIn = async (line: string): Promise<string | undefined> => {
  // Prose beside commands is set apart by more than one space.
  const words = (line.split(/ {2,}/)[0] ?? '').split(' ').slice(1)
  let command: Command = await program(words, deps, '0')
  const common = command.options
  for (const word of words) {
    const inner = command.commands.find(each => each.name() === word)
    if (inner !== undefined) command = inner
    else break
  }
  if (command.commands.length > 0 && !words.includes('--help')) return `${line}: no such command`
  const known = [...common, ...command.options].map(({ long }) => long)
  const unknown = words.filter(word => /^--\w/.test(word) && word !== '--help' && !known.includes(word))
  return unknown.length === 0 ? undefined : `${line}: no ${unknown.join(', ')}`
}

test.each(pages)('%s: commands and options are there', async page => {
  const wrong = await Promise.all(commands(page).map(wrongIn))
  expect(wrong.filter(each => each !== undefined)).toEqual([])
})

test('commands are found in the documentation', () => {
  expect(pages.flatMap(commands).length).toBeGreaterThan(100)
})

// --- Keys

type Schema = {
  properties?: Record<string, Schema>
  additionalProperties?: Schema | boolean
  items?: Schema
  anyOf?: Schema[]
  oneOf?: Schema[]
  allOf?: Schema[]
}

const variants = (schema: Schema): Schema[] => [
  schema,
  ...[...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])].flatMap(variants),
]

/** What the schema says below one key; an item's of a list as well. */
const below = (schema: Schema, key: string): Schema[] =>
  variants(schema).flatMap(each => {
    const own = each.properties?.[key]
    if (own !== undefined) return [own]
    if (typeof each.additionalProperties === 'object') return [each.additionalProperties]
    return each.items === undefined ? [] : below(each.items, key)
  })

const whole = jsonSchema() as Schema

const has = (path: readonly string[]): boolean =>
  path.reduce((at: Schema[], key) => at.flatMap(each => below(each, key)), [whole]).length > 0

/** Every path of keys in what a piece of YAML says. */
const paths = (value: unknown): string[][] => {
  if (Array.isArray(value)) return value.flatMap(paths)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => [[key], ...paths(inner).map(path => [key, ...path])])
}

/** Where the pieces of YAML in the documentation may begin: the whole file, or one project of it. */
const begins = [[], ['projects', 'NAME'], ['projects', 'NAME', 'test'], ['projects', 'NAME', 'bugs']]

test.each(pages)('%s: pieces of grapevine.yaml have no key that there is not', page => {
  const wrong = fenced(page, 'yaml').flatMap(block => {
    const found = paths(parse(block)).filter(([first]) => first !== 'scrape_configs')
    const misses = begins.map(begin => found.filter(path => !has([...begin, ...path])))
    const fewest = misses.sort((one, other) => one.length - other.length)[0] ?? []
    return fewest.map(path => path.join('.'))
  })
  expect(wrong).toEqual([])
})

test('whole configurations in the documentation are valid', () => {
  const blocks = pages.flatMap(page => fenced(page, 'yaml')).filter(block => /^administrator:/m.test(block))
  expect(blocks.length).toBeGreaterThan(1)
  for (const block of blocks) expect(fileSchema.safeParse(parse(block)).error?.issues ?? []).toEqual([])
})

/** Rows of the table of keys: `a.b`, `.c`, `d` stand for a.b, a.c and a.d. */
const tabled = (row: string): string[] => {
  const [first = '', ...others] = [...row.matchAll(/`([\w.]+)`/g)].map(([, key = '']) => key)
  const parent = first.split('.').slice(0, -1)
  const more = others.map(key => {
    if (key.startsWith('.')) return [...parent, key.slice(1)].join('.')
    return key.includes('.') || parent.length === 0 ? key : [...parent, key].join('.')
  })
  return [first, ...more]
}

test('docs/configuring.md: every key of the table is one, and none is missing', () => {
  const [, keys = ''] = text('docs/configuring.md').split('\n## Keys\n')
  const rows = (keys.split('\n## ')[0] ?? '').match(/^\| `[^|]*\|/gm) ?? []
  const named = rows.flatMap(tabled)
  expect(named.filter(key => !has(key.split('.')))).toEqual([])
  const top = Object.keys(whole.properties ?? {})
  expect(top.filter(key => !named.some(each => each.split('.')[0] === key))).toEqual([])
})
