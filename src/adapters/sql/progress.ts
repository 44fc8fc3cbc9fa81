// How far a long change of the schema has come, for who waits for it.

/** `done` of `all` rows. */
export type Progress = (what: string, done: number, all: number) => void

const everyMs = 10_000

/** Tells it, at most every 10 seconds. */
export const progressBy = (
  tell: (line: string) => void,
  now: () => number = () => performance.now(),
): Progress => {
  let toldAt = now()
  return (what, done, all) => {
    if (now() - toldAt < everyMs) return
    toldAt = now()
    tell(`database: ${what}: ${done.toLocaleString('en')} of ${all.toLocaleString('en')}`)
  }
}
