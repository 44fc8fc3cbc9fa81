// A log whose every line names what it is about: the series and the run, so that all that was said of one can be found.
import type { Log } from '../../ports/log.ts'

/** What a line says of itself wins. */
export const logAbout =
  (log: Log, about: Record<string, string | number | undefined>): Log =>
  (level, what, fields) =>
    log(level, what, { ...about, ...fields })
