// What a bench gives: figures with units and, where there is one, a goal.

/** One figure. `goal`: what it should reach, undefined where it only informs. */
export type Row = { name: string; value: number; unit: string; goal: number | null; reached: boolean | null }

export type Bench = (options: { archive: string | undefined }) => Promise<Row[]>

/** `more`: the goal is the least; `less`: the most. */
export const row = (
  name: string,
  value: number,
  unit: string,
  goal?: { more: number } | { less: number },
): Row => {
  const rounded = Number(value.toPrecision(4))
  if (goal === undefined) return { name, value: rounded, unit, goal: null, reached: null }
  return 'more' in goal
    ? { name, value: rounded, unit, goal: Number(goal.more.toPrecision(4)), reached: value >= goal.more }
    : { name, value: rounded, unit, goal: Number(goal.less.toPrecision(4)), reached: value <= goal.less }
}

export const median = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
