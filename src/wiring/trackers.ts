// The bug trackers that the configuration names, each behind the same port.
import { bugzillaTracker } from '../adapters/bugzilla/tracker.ts'
import { githubIssues } from '../adapters/github/issues.ts'
import type { Config, TrackerConfig } from '../config/config.ts'
import type { Tracker } from '../ports/bugs.ts'
import type { Clock } from '../ports/clock.ts'

/** One of them; what is opened for it is closed by `close`. */
export type OpenTracker = Tracker & { close(): Promise<void> }

export const openTracker = (config: TrackerConfig, clock: Clock): OpenTracker =>
  config.kind === 'bugzilla' ? bugzillaTracker(config, { clock }) : githubIssues(config, { clock })

/** In the configuration's order. Nothing is asked of them yet: `probe` does that. */
export const trackersOf = ({ trackers }: Pick<Config, 'trackers'>, clock: Clock): OpenTracker[] =>
  trackers.map(one => openTracker(one, clock))
