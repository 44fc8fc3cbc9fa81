// Two versions of a series, patch by patch: which are the same, which came or went, and what differs in the others. Pure.
import { diff } from 'node:util'
import type { Part } from '../../model/series.ts'
import { changesIn, wordsIn } from './diff-lines.ts'

export type Side = { part: Part; lines: string[] }

/** `differs`: lines of the newer one with what is left out of the older; `skipped`: lines of both that are not shown there. */
export type DiffedLine = { kind: 'added' | 'removed' | 'context' | 'skipped'; text: string }

export type Compared =
  | { kind: 'same' | 'words'; older: Part; newer: Part }
  | { kind: 'differs'; older: Part; newer: Part; lines: DiffedLine[] }
  | { kind: 'too-long'; older: Part; newer: Part }
  | { kind: 'came'; newer: Part }
  | { kind: 'went'; older: Part }

const titleOf = ({ part }: Side): string => part.title.trim().toLowerCase()

/** By title, and what is left by position. */
const paired = (older: Side[], newer: Side[]): [older: Side | undefined, newer: Side | undefined][] => {
  const left = new Set(older)
  const take = (is: (side: Side) => boolean): Side | undefined => {
    const found = [...left].find(is)
    if (found) left.delete(found)
    return found
  }
  const byTitle = new Map(newer.map(one => [one, take(other => titleOf(other) === titleOf(one))]))
  const pairs = newer.map((one): [Side | undefined, Side] => [
    byTitle.get(one) ?? take(({ part }) => part.position === one.part.position),
    one,
  ])
  return [...pairs, ...[...left].map((one): [Side, undefined] => [one, undefined])]
}

const around = 3

/** Of what is the same, only a few lines beside what differs. */
const shortened = (lines: DiffedLine[]): DiffedLine[] => {
  const isNear = lines.map((_, i) =>
    lines.slice(Math.max(0, i - around), i + around + 1).some(({ kind }) => kind !== 'context'),
  )
  return lines.flatMap((line, i): DiffedLine[] => {
    if (isNear[i]) return [line]
    if (i > 0 && !isNear[i - 1]) return []
    const end = isNear.indexOf(true, i)
    return [{ kind: 'skipped', text: `${(end === -1 ? lines.length : end) - i} lines are the same` }]
  })
}

/** The diff takes the product of lines and differences. */
const maxLines = 3000

/** What is left out first, as everybody is used to. */
const inOrder = (lines: DiffedLine[]): DiffedLine[] => {
  const runs: DiffedLine[][] = []
  for (const line of lines) {
    const last = runs.at(-1)
    if (last && (last[0]?.kind === 'context') === (line.kind === 'context')) last.push(line)
    else runs.push([line])
  }
  return runs.flatMap(run => [
    ...run.filter(({ kind }) => kind !== 'added'),
    ...run.filter(({ kind }) => kind === 'added'),
  ])
}

const differing = (older: string[], newer: string[]): DiffedLine[] =>
  shortened(
    inOrder(
      (diff(newer, older) ?? []).map(([sign, text]) => ({
        kind: sign === 1 ? ('added' as const) : sign === -1 ? ('removed' as const) : ('context' as const),
        text,
      })),
    ),
  )

const isSame = (a: string[], b: string[]): boolean =>
  a.length === b.length && a.every((line, i) => line === b[i])

/** In order of the newer one; what went comes last. Only so many lines of patches that differ are looked at. */
export const compareParts = (older: Side[], newer: Side[]): Compared[] => {
  let left = maxLines
  return paired(older, newer).map(([before, after]): Compared => {
    if (!after) return { kind: 'went', older: (before as Side).part }
    if (!before) return { kind: 'came', newer: after.part }
    const both = { older: before.part, newer: after.part }
    const [was, is] = [changesIn(before.lines), changesIn(after.lines)]
    const words: [string[], string[]] = [wordsIn(before.lines), wordsIn(after.lines)]
    if (isSame(was, is)) return { kind: isSame(...words) ? 'same' : 'words', ...both }
    left -= was.length + is.length
    if (left < 0) return { kind: 'too-long', ...both }
    return { kind: 'differs', ...both, lines: differing(was, is) }
  })
}
