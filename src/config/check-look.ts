// What every check of a file looks at: its raw value, by path, and the words for what is found there.
import { closestMatch } from 'leven'
import type { YamlFile } from './document.ts'
import { type Path, type Problem, showPath } from './problem.ts'

/** The value at a path of plain data; undefined where there is none. */
export const valueAt = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null && Object.hasOwn(inner, key)
        ? Reflect.get(inner, key)
        : undefined,
    value,
  )

export const keysOf = (value: unknown): string[] =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value) : []

export const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])

/** A guess only where it is near: one wrong letter in three. */
export const didYouMean = (word: string, known: readonly string[]): string => {
  const near = closestMatch(word.toLowerCase(), known, {
    maxDistance: Math.max(1, Math.ceil(word.length / 3)),
  })
  return near === undefined ? '' : `. Did you mean "${near}"?`
}

/** A file in the eyes of a check. Whatever is of another shape than a check expects, the schema tells of. */
export type Look = {
  projects: string[]
  images: string[]
  trackers: string[]
  get: (...path: Path) => unknown
  problem: (path: Path, says: string) => Problem
  /** Told of the key, not of what stands behind it. */
  problemOfKey: (path: Path, key: string, says: string) => Problem
}

export const lookAt = (file: YamlFile): Look => {
  const get = (...path: Path) => valueAt(file.value, path)
  return {
    get,
    projects: keysOf(get('projects')),
    images: keysOf(get('farm', 'images')),
    trackers: keysOf(get('trackers')),
    problem: (path, says) => ({ ...file.place(path), path: showPath(path), says }),
    problemOfKey: (path, key, says) => ({
      ...file.placeOfKey(path, key),
      path: showPath([...path, key]),
      says,
    }),
  }
}
