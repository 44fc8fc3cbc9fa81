// What was counted → what the page of figures shows. Pure.

import type { Host } from '../../model/host.ts'
import { dayMs, type Instant, type Millis } from '../../model/instant.ts'
import type { StatisticsReads } from '../../ports/reads.ts'
import { sayDate } from '../../text/span.ts'
import { percentile } from '../figures.ts'

type Read<Name extends keyof StatisticsReads> = Awaited<ReturnType<StatisticsReads[Name]>>

export type Turnaround = { count: number; p50: Millis; p90: Millis; p99: Millis }

export type StatisticsView = {
  days: number
  from: Instant
  now: Instant
  /** undefined: no verdict was given. */
  turnaround: Turnaround | undefined
  /** Those with a verdict only, the oldest first. */
  byDay: (Turnaround & { day: string; at: Instant })[]
  /** How many took how long; the last one has no end. */
  spread: { upTo: Millis | undefined; count: number }[]
  /** By name; `share`: of its slots' time, from 0 to 1. */
  hosts: { name: string; busyMs: Millis; runs: number; ours: number; share: number }[]
  weeks: Read<'corrections'>
  queue: Read<'queueOver'>
}

const minute: Millis = 60_000
/** Ends of the stretches that verdicts are counted by. */
const ends: Millis[] = [5, 15, 30, 60, 120, 240, 480, 1440].map(minutes => minutes * minute)

const turnaroundOf = (spans: Millis[]): Turnaround | undefined => {
  const sorted = [...spans].sort((a, b) => a - b)
  const at = (share: number) => percentile(sorted, share) ?? 0
  return sorted.length === 0 ? undefined : { count: sorted.length, p50: at(0.5), p90: at(0.9), p99: at(0.99) }
}

const spreadOf = (spans: Millis[]): StatisticsView['spread'] =>
  [...ends, undefined].map((upTo, index) => {
    const over = ends[index - 1] ?? -1
    return { upTo, count: spans.filter(ms => ms > over && (upTo === undefined || ms <= upTo)).length }
  })

const hostsOf = (
  activity: Read<'activity'>,
  { hosts, from, now }: { hosts: Host[]; from: Instant; now: Instant },
): StatisticsView['hosts'] =>
  [...Map.groupBy(activity, ({ host }) => host)]
    .map(([name, own]) => {
      const slots = Math.max(1, hosts.find(host => host.name === name)?.slots ?? 1)
      const sum = (key: 'busyMs' | 'runs' | 'ours') => own.reduce((all, one) => all + one[key], 0)
      const busyMs = sum('busyMs')
      const share = Math.min(1, busyMs / (slots * Math.max(1, now - from)))
      return { name, busyMs, runs: sum('runs'), ours: sum('ours'), share }
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1))

export const statisticsView = (given: {
  turnarounds: Read<'turnarounds'>
  activity: Read<'activity'>
  hosts: Host[]
  weeks: Read<'corrections'>
  queue: Read<'queueOver'>
  days: number
  now: Instant
}): StatisticsView => {
  const { turnarounds, activity, hosts, weeks, queue, days, now } = given
  const from = now - days * dayMs
  const spans = turnarounds.map(({ ms }) => ms)
  const byDay = [...Map.groupBy(turnarounds, ({ at }) => Math.floor(at / dayMs) * dayMs)]
    .sort(([a], [b]) => a - b)
    .flatMap(([at, own]) => {
      const day = turnaroundOf(own.map(({ ms }) => ms))
      return day ? [{ ...day, at, day: sayDate(at) }] : []
    })
  return {
    ...{ days, from, now, weeks, queue, byDay },
    ...{ turnaround: turnaroundOf(spans), spread: spreadOf(spans) },
    hosts: hostsOf(activity, { hosts, from, now }),
  }
}
