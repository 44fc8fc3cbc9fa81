// What moves, by Redis: words that are published, and the tail of each running log.
import type { LiveIn, LiveOut } from '../../ports/live.ts'

/** Tells nobody. */
export const silentLive = (): LiveOut => ({
  log: () => ({ write: () => {}, end: () => {} }),
  changed: () => {},
  close: async () => {},
})

/** Hears nothing. */
export const deafLive = (): LiveIn => ({
  follow: () => ({ stop: () => {} }),
  listen: () => ({ stop: () => {} }),
  close: async () => {},
})
