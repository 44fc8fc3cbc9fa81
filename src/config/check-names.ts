// Names that a schema cannot judge: those that are used twice, and those that nothing has.
import { didYouMean, type Look, listOf, valueAt } from './check-look.ts'
import type { Path, Problem } from './problem.ts'
import { badName } from './schema.ts'

/** Names go into addresses, paths and mails. */
export const badNames = ({ images, projects, problemOfKey }: Look): Problem[] => {
  const ofMap = (path: Path, names: string[]) =>
    names.flatMap(name => {
      const says = badName(name)
      return says === undefined ? [] : [problemOfKey(path, name, says)]
    })
  return [...ofMap(['farm', 'images'], images), ...ofMap(['projects'], projects)]
}

/** Images that recipes name. */
export const missingImages = ({ images, projects, get, problem }: Look): Problem[] => {
  const used = projects.flatMap((name): Path[] => {
    const tests: Path = ['projects', name, 'test', 'images']
    return [['projects', name, 'build', 'image'], ...listOf(get(...tests)).map((_, i) => [...tests, i])]
  })
  return used.flatMap(path => {
    const image = get(...path)
    if (typeof image !== 'string' || images.includes(image) || images.length === 0) return []
    return [problem(path, `there is no image "${image}" in farm.images${didYouMean(image, images)}`)]
  })
}

const repeats = (list: unknown, key: string | undefined): { at: number; value: string }[] => {
  const values = Array.isArray(list)
    ? list.map(item => (key === undefined ? item : valueAt(item, [key])))
    : []
  return values.flatMap((value, at) =>
    typeof value === 'string' && values.indexOf(value) < at ? [{ at, value }] : [],
  )
}

/** Steps, and images to test on, by the project. */
export const repeatedNames = ({ projects, get, problem }: Look): Problem[] => {
  const lists = projects.flatMap((name): { path: Path; key?: string }[] => [
    { path: ['projects', name, 'build', 'prepare'], key: 'name' },
    { path: ['projects', name, 'build', 'steps'], key: 'name' },
    { path: ['projects', name, 'test', 'steps'], key: 'name' },
    { path: ['projects', name, 'test', 'images'] },
  ])
  return lists.flatMap(({ path, key }) =>
    repeats(get(...path), key).map(({ at, value }) =>
      problem(
        [...path, at, ...(key === undefined ? [] : [key])],
        `"${value}" is here already: names must differ`,
      ),
    ),
  )
}
