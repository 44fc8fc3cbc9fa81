// The bug trackers that the configuration names, each behind the same port.
import type { Config } from '../config/config.ts'
import type { Tracker } from '../ports/bugs.ts'

/** In the configuration's order. Nothing is asked of them yet: `probe` does that. */
export const trackersOf = (_config: Pick<Config, 'trackers'>): Tracker[] => []
