// The doctor's look at bug trackers: do they answer, do they know us, and what will not work there?

import type { Config, TrackerConfig } from '../../config/config.ts'
import { dayMs } from '../../model/instant.ts'
import { type Answer, advice, type Check, fine } from './check.ts'

const deadlineMs = 30_000

const expiry = (
  { keyExpires }: TrackerConfig,
  { now, warnMs }: { now: number; warnMs: number },
): string[] => {
  if (keyExpires === undefined || keyExpires - now > warnMs) return []
  const days = Math.ceil((keyExpires - now) / dayMs)
  return [
    days > 0
      ? `its key ends in ${days === 1 ? 'one day' : `${days} days`}: make a new one`
      : 'its key has ended: make a new one',
  ]
}

const ask = async (config: TrackerConfig, warnMs: number): Promise<Answer> => {
  const { openTracker } = await import('../../wiring/trackers.ts')
  const { systemClock } = await import('../../adapters/clock/system.ts')
  const tracker = openTracker(config, systemClock)
  try {
    const { version, login, warnings } = await tracker.probe()
    const all = [...expiry(config, { now: Date.now(), warnMs }), ...warnings]
    const says = `${config.kind === 'bugzilla' ? `Bugzilla ${version}` : version} answers, and knows us as ${login}`
    return all.length === 0 ? fine(says) : advice(says, all.join('\n'))
  } finally {
    await tracker.close()
  }
}

/** One for each tracker of the configuration. */
export const trackerChecks = ({ trackers, watch }: Config): Check[] =>
  trackers.map(tracker => ({
    name: `tracker ${tracker.name}`,
    deadlineMs,
    ask: () => ask(tracker, watch.expiresMs),
    ifLate: `Is it reached from here at all? A proxy is named by trackers.${tracker.name}.proxy.`,
  }))
