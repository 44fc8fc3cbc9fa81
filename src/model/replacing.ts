// Which older series a newer one takes the place of: by its author's own words, by its change id, or by version, thread and titles. Pure.
import { holds, sameAuthor } from './assembly.ts'
import type { Series } from './series.ts'

/** A title as versions of a patch share it. */
export const plainTitle = (title: string): string =>
  title
    .toLowerCase()
    .replace(/\(v\d+\)\s*$/, '')
    .replace(/[\s.]+/g, ' ')
    .trim()

/** The same change by its words: the same head, or most of the older one's patches again. A single patch stands for no series. */
const sameWords = (newer: Series, older: Series): boolean => {
  if (plainTitle(newer.title) === plainTitle(older.title)) return newer.total > 1 || older.total === 1
  const again = new Set(newer.parts.map(part => plainTitle(part.title)))
  return older.parts.filter(part => again.has(plainTitle(part.title))).length * 2 > older.parts.length
}

const isSameChange = (one: Series, other: Series): boolean =>
  one.links?.changeId !== undefined && one.links.changeId === other.links?.changeId

/** What only the mails tell of two series. */
export type Kinship = {
  /** The newer one's first mail is in the thread of the older one. */
  threaded: boolean
  /** They aim at the same branch, as far as their subjects name one. */
  sameTree: boolean
}

/**
 * Does the newer series take the place of the older one? By the same author: a higher version in the same thread or with the same
 * words; or the same version with the same words once more. What somebody hands in takes no place of what is on the list.
 */
export const replaces = (newer: Series, older: Series, { threaded, sameTree }: Kinship): boolean => {
  if (newer.id === older.id || newer.project !== older.project || older.origin.from === 'forge') return false
  if (newer.origin.from === 'hand' && older.origin.from !== 'hand') return false
  if (!sameAuthor(newer.author, older.author)) return false
  // Rules of its author's own: `Supersedes:`, and b4's change-id, which all versions share.
  if (holds(older, newer.links?.supersedes ?? [])) return true
  if (!sameTree) return false
  const alike = sameWords(newer, older)
  if (newer.version > older.version && isSameChange(newer, older)) return true
  if (newer.version > older.version) return alike || (threaded && (newer.total > 1 || older.total === 1))
  return (
    newer.version === older.version && newer.total === older.total && newer.firstAt > older.lastAt && alike
  )
}
