// grapevine.yaml as a document that knows where everything stands: text in, plain value and places out.
import { isMap, isNode, isPair, isScalar, LineCounter, parseDocument } from 'yaml'
import type { Path, Problem } from './problem.ts'

export type Place = { line: number; column: number }

export type YamlFile = {
  value: unknown
  /** Where the value at a path stands; where it does not exist, the nearest thing above it. */
  place(path: Path): Place
  /** Where a key of the map at a path stands. */
  placeOfKey(path: Path, key: string): Place
}

const start: Place = { line: 1, column: 1 }

const says: Record<string, string> = {
  TAB_AS_INDENT: 'a tab: yaml is indented with spaces only',
  DUPLICATE_KEY: 'this key stands here for the second time',
  MULTIPLE_DOCS: 'a second document begins here (---): only one is read',
  BAD_INDENT: 'the indentation does not fit the lines above',
  TAG_RESOLVE_FAILED: 'unknown tag: plain values only',
}

/** Reads yaml 1.2. The messages of the library's pretty errors quote lines, which may hold a secret: they are not used. */
export const parseYaml = (text: string): YamlFile | Problem[] => {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true })
  const at = (offset: number | undefined): Place => {
    const { line, col } = lines.linePos(offset ?? 0)
    return line > 0 ? { line, column: col } : start
  }
  const wrong = [...document.errors, ...document.warnings]
  if (wrong.length > 0)
    return wrong.map(({ code, message, pos }) => ({
      ...at(pos[0]),
      path: '',
      says: says[code] ?? `not yaml: ${message.split('\n', 1)[0] ?? ''}`,
    }))

  let value: unknown
  try {
    value = document.toJS({ maxAliasCount: 100 })
  } catch {
    return [
      { ...start, path: '', says: 'an alias (*name) has no anchor before it, or there are too many of them' },
    ]
  }

  const offsetOfKey = (path: Path, key: string | number): number | undefined => {
    const map = path.length === 0 ? document.contents : document.getIn(path, true)
    const pair =
      isMap(map) && map.items.find(item => isPair(item) && isScalar(item.key) && item.key.value === key)
    return pair && isNode(pair.key) ? pair.key.range?.[0] : undefined
  }
  const offset = (path: Path): number | undefined => {
    if (path.length === 0) return undefined
    const node = document.getIn(path, true)
    const own = isNode(node) && !(isScalar(node) && node.value === null) ? node.range?.[0] : undefined
    const parent = path.slice(0, -1)
    // A block map begins at its first key, a line below: its own key is the better place.
    const key = offsetOfKey(parent, path.at(-1) ?? '')
    return (isMap(node) && !node.flow ? key : own) ?? key ?? offset(parent)
  }
  return {
    value,
    place: path => at(offset(path)),
    placeOfKey: (path, key) => at(offsetOfKey(path, key) ?? offset(path)),
  }
}
