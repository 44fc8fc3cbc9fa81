// Numbers and names in a sentence.

/** `a`, `a and b`, `a, b and c`; '' for none. */
export const listed = (words: string[]): string =>
  words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`

/** `1 test`, `2 tests`. */
export const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

/** `Image lost` of `image lost`. */
export const capital = (words: string): string => `${words.charAt(0).toUpperCase()}${words.slice(1)}`

/** `It is lost.` of `it is lost`. */
export const sentence = (words: string): string => `${capital(words)}.`
