// Globs over names that are no paths: of tests and images. Used wherever people name several of them at once.

/** Longer names match no glob with a wildcard: the work is bounded by the product of both lengths. */
const maxLength = 2000

/**
 * Does the whole name match? `*` is any run of characters, `/` and blanks among them, `?` is one, and a backslash takes what follows it
 * as it is. Brackets and braces mean nothing: parameters of tests are full of them.
 */
export const matchesName = (name: string, glob: string): boolean => {
  if (!/[*?\\]/.test(glob)) return name === glob
  if (name.length > maxLength || glob.length > maxLength) return false
  const pattern = tokens(glob)
  let [at, next] = [0, 0]
  // Where the last star stood, and how much of the name it has taken: only the last one ever needs to take more.
  let [star, taken] = [-1, 0]
  while (at < name.length) {
    const token = pattern[next]
    if (token?.kind === 'many') [star, taken, next] = [next, at, next + 1]
    else if (token && (token.kind === 'one' || token.char === name[at])) [at, next] = [at + 1, next + 1]
    else if (star >= 0) [taken, at, next] = [taken + 1, taken + 1, star + 1]
    else return false
  }
  return pattern.slice(next).every(({ kind }) => kind === 'many')
}

type Token = { kind: 'many' } | { kind: 'one' } | { kind: 'char'; char: string }

const tokens = (glob: string): Token[] => {
  const found: Token[] = []
  for (let at = 0; at < glob.length; at++) {
    const char = glob[at] ?? ''
    if (char === '*') {
      if (found.at(-1)?.kind !== 'many') found.push({ kind: 'many' })
    } else if (char === '?') found.push({ kind: 'one' })
    else found.push({ kind: 'char', char: char === '\\' ? (glob[++at] ?? char) : char })
  }
  return found
}

/** The glob that matches this name alone. */
export const exactly = (name: string): string => name.replace(/[*?\\]/g, '\\$&')

/** How many characters of a glob stand for themselves. */
export const literals = (glob: string): number => tokens(glob).filter(({ kind }) => kind === 'char').length
