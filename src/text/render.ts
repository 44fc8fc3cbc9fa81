// Words of templates/ and their variables → the lines of a mail.
import { readdirSync, readFileSync } from 'node:fs'
import { Liquid, type Template } from 'liquidjs'
import { plural } from '../model/words.ts'
import { fitMail } from './wrap.ts'

const folder = new URL('../../templates/', import.meta.url)

/** A line of nothing but tags leaves no empty line behind. */
const withoutTagLines = (source: string): string =>
  source.replace(/^[ \t]*((?:\{%(?:(?!%\})[^\n])*%\}[ \t]*)+)\n/gm, '$1')

type Words = { engine: Liquid; parsed: Map<string, Template[]> }
let words: Words | undefined

/** Read once: the templates are part of the program. */
const load = (): Words => {
  const files = readdirSync(folder).filter(name => name.endsWith('.txt'))
  const templates = Object.fromEntries(
    files.map(name => [name, withoutTagLines(readFileSync(new URL(name, folder), 'utf8'))]),
  )
  const engine = new Liquid({ templates, strictVariables: true, strictFilters: true, ownPropertyOnly: true })
  engine.registerFilter('pad', (text: string, width: number) => `${String(text).padEnd(width - 1)} `)
  engine.registerFilter('of', plural)
  return { engine, parsed: new Map() }
}

/** The lines of a mail. Throws if the template does not exist, or names a variable that is not there: a mistake in the words, not in the data. */
export const render = (template: string, variables: object): string[] => {
  words ??= load()
  const { engine, parsed } = words
  const ready = parsed.get(template) ?? engine.parseFileSync(`${template}.txt`)
  parsed.set(template, ready)
  return fitMail(String(engine.renderSync(ready, variables)))
}

/** No mail of ours is longer: what would be stands behind a link. */
const maxBytes = 100_000

/** Lines as the text of a mail, cut where it would be too long. */
export const mailText = (lines: string[]): string => {
  const kept: string[] = []
  let size = 0
  for (const line of lines) {
    size += Buffer.byteLength(line) + 1
    if (size > maxBytes - 10) return `${[...kept, '[…]'].join('\n')}\n`
    kept.push(line)
  }
  return `${kept.join('\n')}\n`
}
