// A list that cannot grow without end: its first and its last entries are kept. For QMP events and the like.
export type FirstAndLast<T> = {
  add(entry: T): void
  /** Oldest first. */
  list(): T[]
  /** How many are missing between the first and the last. */
  missing(): number
}

export const firstAndLast = <T>(keep: { first: number; last: number }): FirstAndLast<T> => {
  const first: T[] = []
  const last: T[] = []
  let missing = 0
  const add = (entry: T) => {
    if (first.length < keep.first) {
      first.push(entry)
      return
    }
    last.push(entry)
    if (last.length <= keep.last) return
    last.shift()
    missing++
  }
  return { add, list: () => [...first, ...last], missing: () => missing }
}
