// The bugs that a patch names in trailers: `Bug: 123`, `Closes: https://bugs.example.org/show_bug.cgi?id=7`. Used by assemble.

/** Lines of one mail that are looked at, bugs that are kept, and how long an address may be. */
const limits = { lines: 200, bugs: 16, address: 500 }

/** Names a commit, if its value is no address: `Fixes: 0123456789ab ("tally: count")`. */
const alsoNamesCommits = (trailer: string): boolean => trailer.toLowerCase() === 'fixes'

const escaped = (word: string): string => word.replace(/[^A-Za-z0-9]/g, '\\$&')

/** `<https://…>`, and the end of a sentence or of an enumeration behind it. */
const withoutEnds = (word: string): string => word.replace(/^[<([]{1,3}/, '').replace(/[>)\],.;:]{1,5}$/, '')

const asAddress = (word: string): string | undefined =>
  /^https?:\/\/[^\s<>"\\]+$/i.test(word) && word.length <= limits.address ? word : undefined

const asNumber = (word: string): string | undefined => /^#?([1-9]\d{0,8})$/.exec(word)?.[1]

/** A name that a tracker may know a bug by, alone in its line: with a sign or a digit within, as `Bug: fixed` is prose. */
const asAlias = (value: string): string | undefined =>
  /^[a-z][\w.-]{2,39}$/i.test(value) && /[a-z][_.-]?\d|[a-z\d][_-][a-z\d]/i.test(value) ? value : undefined

/** Words that a list of bugs may hold besides them. */
const isBetween = (word: string): boolean => ['and', 'bug', 'bugs', ''].includes(word.toLowerCase())

/** Numbers count only where nothing else is said: `Bug: 3 tests fail` is prose. A remark in brackets is none. */
const bugsIn = (value: string, mayBeNumber: (word: string) => boolean): string[] => {
  const addresses: string[] = []
  const numbers: string[] = []
  for (const raw of value.split(/[\s,]+/)) {
    // A remark: `# optional`, `("tally: count")`, `[1]`.
    if (raw === '#' || (/^[([]/.test(raw) && asAddress(withoutEnds(raw)) === undefined)) break
    const word = withoutEnds(raw)
    const address = asAddress(word)
    const number = asNumber(word)
    if (address !== undefined) addresses.push(address)
    else if (number !== undefined && mayBeNumber(word)) numbers.push(number)
    else if (!isBetween(word)) return addresses
  }
  return [...addresses, ...numbers]
}

/**
 * The bugs in the lines of a mail that begin at the margin with one of these words and a colon: numbers, addresses and what may be an alias, as
 * they stand there, each once. Whether an address is a bug's, and a word an alias, only its tracker knows.
 */
export const readBugs = (text: string, trailers: readonly string[]): string[] => {
  if (trailers.length === 0) return []
  const line = new RegExp(`^(${trailers.map(escaped).join('|')}):[ \\t]*(\\S[^\\r\\n]{0,999})`, 'gim')
  const found = new Set<string>()
  let lines = 0
  for (const [, trailer = '', value = ''] of text.matchAll(line)) {
    if (++lines > limits.lines) break
    const mayBeNumber = (word: string) => !alsoNamesCommits(trailer) || word.startsWith('#')
    const alias = alsoNamesCommits(trailer) ? undefined : asAlias(value.trim())
    for (const bug of alias === undefined ? bugsIn(value, mayBeNumber) : [alias]) found.add(bug)
  }
  return [...found].slice(0, limits.bugs)
}
