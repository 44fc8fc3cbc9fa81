// Rules in the form of make, as compilers and linkers write them beside what they make (-MD, -MP, --dependency-file): which file is made of
// which. Targets and prerequisites only; recipes, variables and directives are passed over.

/** `isWhole` false: some of what it needs stands in variables, and is not known. */
export type MakeRule = { targets: string[]; needs: string[]; isWhole: boolean }

const isBlank = (char: string | undefined): boolean =>
  char === undefined || char === ' ' || char === '\t' || char === '\r'

type Words = { words: string[]; colon: number | undefined; hasVariable: boolean }

/** Of a line without any escape; nearly all are. */
const plainWords = (line: string): Words => {
  const end = line.search(/:(?=[ \t\r]|$)/)
  const targets = end < 1 ? [] : line.slice(0, end).split(blanks).filter(Boolean)
  const words = [
    ...targets,
    ...line
      .slice(end + 1)
      .split(blanks)
      .filter(Boolean),
  ]
  return { words, colon: end < 1 ? undefined : targets.length, hasVariable: false }
}

const blanks = /[ \t\r]+/

/** Before blanks, `#` and `:`, 2n backslashes are n of them and 2n + 1 are n and that character itself; elsewhere they are what they are.
 *  `$$` is `$` (GNU make manual, 4.3 and 4.8; libcpp/mkdeps.cc writes it so). */
const wordsOf = (line: string): Words => {
  if (!/[\\$#]|::/.test(line)) return plainWords(line)
  const words: string[] = []
  let [word, begun, hasVariable] = ['', false, false]
  let colon: number | undefined
  const end = () => {
    if (begun) words.push(word)
    word = ''
    begun = false
  }
  const add = (text: string) => {
    word += text
    begun = true
  }
  for (let at = 0; at < line.length; at++) {
    const char = line.charAt(at)
    if (char === '\\') {
      let count = 1
      while (line[at + count] === '\\') count++
      const next = line[at + count]
      const isSpecial = next === ' ' || next === '\t' || next === '#' || (next === ':' && colon === undefined)
      add('\\'.repeat(isSpecial ? count >> 1 : count))
      at += count - 1
      if (isSpecial && count % 2 === 1) {
        add(next)
        at++
      }
    } else if (isBlank(char)) end()
    else if (char === '#' && !begun) break
    else if (char === '$') {
      if (line[at + 1] === '$') at++
      else hasVariable = true
      add('$')
    } else if (char === ':' && colon === undefined && isSeparator(line, at, word)) {
      end()
      if (line[at + 1] === ':') at++
      colon = words.length
    } else add(char)
  }
  end()
  return { words, colon, hasVariable }
}

/** A colon within a name is followed by the rest of it, as in C:\x; the one of a rule by nothing or a blank. */
const isSeparator = (line: string, at: number, word: string): boolean => {
  const next = line[at + 1] === ':' ? at + 2 : at + 1
  return isBlank(line[next]) && !(word.length === 0 && at === 0)
}

const isAssignment = (words: string[]): boolean =>
  words.some(word => /^(?:[:?+!]{0,3}=|.*[:?+!]=)$/.test(word))

const isTarget = (word: string): boolean => word !== '&' && !word.includes('%') && !word.startsWith('.PHONY')

/** All rules of a file, in order; those for phony targets without prerequisites (-MP) as well. Linear in the length of the text. */
export const makeRules = (text: string): MakeRule[] => {
  const rules: MakeRule[] = []
  for (const line of text.replaceAll(/\\\r?\n/g, ' ').split('\n')) {
    if (line.startsWith('\t') || !line.includes(':')) continue
    const { words, colon, hasVariable } = wordsOf(line)
    if (colon === undefined) continue
    const targets = words.slice(0, colon)
    const rest = words.slice(colon)
    if (isAssignment(targets) || isAssignment(rest.slice(0, 2))) continue
    const named = targets.filter(isTarget)
    if (named.length === 0) continue
    rules.push({ targets: named, needs: rest.filter(word => word !== '|'), isWhole: !hasVariable })
  }
  return rules
}
