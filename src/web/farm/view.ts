// Hosts, holds and what ran → what the pages of the farm show. Pure.
import { hourMs, hoursOf } from '../../model/busy.ts'
import type { Hold, Host } from '../../model/host.ts'
import type { Instant, Millis } from '../../model/instant.ts'
import type { Task } from '../../model/job.ts'
import { holdOn, type Standing, standingOf } from '../../model/standing.ts'
import { plural } from '../../model/words.ts'
import type { StatisticsReads } from '../../ports/reads.ts'
import { oneLine } from '../../text/clean.ts'
import { sayInstant } from '../../text/span.ts'
import type { Cell, GridRow } from '../charts/grid.ts'
import { sayDuration, sayShare } from '../figures.ts'

export type HostLine = {
  host: Host
  standing: Standing
  /** Does it take work? */
  ok: boolean
  says: string
}

export type ImageLine = {
  name: string
  hosts: string[]
  waiting: number
  oldest: Instant | undefined
  held: string | undefined
}

type Activity = Awaited<ReturnType<StatisticsReads['activity']>>

/** Operators read who said so, too; why is told to all, as whoever gives a reason is told. */
export type Reader = { isOperator: boolean }

const sayWhy = ({ by, reason }: Pick<Hold, 'by' | 'reason'>, isOperator: boolean): string =>
  `${isOperator ? ` by ${oneLine(by, 120)}` : ''}: ${oneLine(reason, 200)}`

const sayHold = ({ how, reason, by, until }: Hold, { isOperator }: Reader): string => {
  const word = how === 'stop' ? 'stopped' : 'drained'
  return `${word}${sayWhy({ by, reason }, isOperator)}${until === undefined ? '' : `, until ${sayInstant(until)}`}`
}

const sayPause = (hold: Hold, { isOperator }: Reader): string => `paused${sayWhy(hold, isOperator)}`

/** What a worker says of its trouble may hold paths: that is for operators as well. */
export const sayStanding = (standing: Standing, reader: Reader): string => {
  switch (standing.at) {
    case 'ended':
      return `its worker ended at ${sayInstant(standing.since)}`
    case 'lost':
      return `not heard of since ${sayInstant(standing.since)}`
    case 'unfit':
      return reader.isOperator ? oneLine(standing.why, 300) : 'takes no work until it is mended'
    case 'held':
      return sayHold(standing.hold, reader)
    case 'paused':
      return `the queue is ${sayPause(standing.hold, reader)}`
    case 'works':
      return 'takes work'
  }
}

export const hostLines = (
  hosts: Host[],
  { holds, now, ...reader }: Reader & { holds: Hold[]; now: Instant },
): HostLine[] =>
  hosts.map(host => {
    const standing = standingOf(host, holds, now)
    return { host, standing, ok: standing.at === 'works', says: sayStanding(standing, reader) }
  })

/** One line atop the page. */
export const farmHeadline = (lines: HostLine[]): string => {
  if (lines.length === 0) return 'No test machine has been heard of yet.'
  const able = lines.filter(({ ok }) => ok)
  const sum = (key: 'slots' | 'busy') => able.reduce((all, { host }) => all + host[key], 0)
  return `Test machines that take work: ${able.length} of ${lines.length}. Busy slots: ${sum('busy')} of ${sum('slots')}.`
}

/** Images that the recipes name, that hosts serve, or that tasks wait for; by name. */
export const imageLines = (given: {
  wanted: string[]
  lines: HostLine[]
  holds: Hold[]
  waiting: { image: string; tasks: number; oldest: Instant }[]
  now: Instant
  isOperator: boolean
}): ImageLine[] => {
  const { wanted, lines, holds, waiting, now } = given
  const alive = lines.filter(({ standing }) => standing.at !== 'ended' && standing.at !== 'lost')
  const names = new Set([
    ...wanted,
    ...alive.flatMap(({ host }) => host.images),
    ...waiting.map(({ image }) => image),
  ])
  return [...names].sort().map(name => {
    const hold = holdOn(holds, { kind: 'image', name }, now)
    const waits = waiting.find(({ image }) => image === name)
    return {
      ...{ name, waiting: waits?.tasks ?? 0, oldest: waits?.oldest },
      hosts: alive.filter(({ host }) => host.images.includes(name)).map(({ host }) => host.name),
      held: hold === undefined ? undefined : sayHold(hold, given),
    }
  })
}

/** The queue's own hold. */
export const pauseOf = (holds: Hold[], { now, ...reader }: Reader & { now: Instant }): string | undefined => {
  const hold = holdOn(holds, { kind: 'queue' }, now)
  return hold && `The queue is ${sayPause(hold, reader)}.`
}

/** With what runs now: it stands nowhere else until it has ended. */
const withRunning = (activity: Activity, running: Task[], now: Instant): Activity => [
  ...activity,
  ...running.flatMap(({ state }) =>
    state.at !== 'running'
      ? []
      : hoursOf(state.since, now).map(({ hour, ms }) => ({
          ...{ host: state.host, hour, busyMs: ms, runs: 0, ours: 0 },
        })),
  ),
]

export type ActivityView = {
  rows: GridRow[]
  /** For each host, over the whole time. */
  sums: { name: string; share: number; busyMs: Millis; runs: number; ours: number }[]
}

const cellOf = (name: string, own: Activity, { slots, stepMs }: { slots: number; stepMs: Millis }) => {
  const first = own[0]
  if (first === undefined) return []
  const from = Math.floor(first.hour / stepMs) * stepMs
  const [busyMs, runs, ours] = (['busyMs', 'runs', 'ours'] as const).map(key =>
    own.reduce((sum, one) => sum + one[key], 0),
  ) as [number, number, number]
  const share = Math.min(1, busyMs / (slots * stepMs))
  const bad = ours === 0 ? '' : `, ${ours} of them failed by fault of ours`
  const title = `${name}, from ${sayInstant(from)}: busy for ${sayShare(share, 1)} of its slots’ time, ${plural(runs, 'run')} ended${bad}`
  const cell: Cell = { from, to: from + stepMs, share, title, isTrouble: ours > 0 }
  return [cell]
}

/** How busy hosts were, in steps of so many hours; by name, hosts that did nothing as well. */
export const activityView = (given: {
  activity: Activity
  running: Task[]
  hosts: Host[]
  from: Instant
  now: Instant
  stepHours: number
}): ActivityView => {
  const { hosts, from, now, stepHours } = given
  const stepMs = stepHours * hourMs
  const all = withRunning(given.activity, given.running, now).filter(({ hour }) => hour + hourMs > from)
  const names = [...new Set([...hosts.map(({ name }) => name), ...all.map(({ host }) => host)])].sort()
  const made = names.map(name => {
    const own = all.filter(({ host }) => host === name)
    const slots = Math.max(1, hosts.find(host => host.name === name)?.slots ?? 1)
    const shown = oneLine(name, 60)
    const steps = Map.groupBy(own, ({ hour }) => Math.floor(hour / stepMs))
    const cells = [...steps]
      .sort(([a], [b]) => a - b)
      .flatMap(([, of]) => cellOf(shown, of, { slots, stepMs }))
    const sum = (key: 'busyMs' | 'runs' | 'ours') => own.reduce((total, one) => total + one[key], 0)
    const busyMs = sum('busyMs')
    const share = Math.min(1, busyMs / (slots * Math.max(1, now - from)))
    return { name: shown, cells, share, busyMs, runs: sum('runs'), ours: sum('ours') }
  })
  return {
    rows: made.map(({ name, cells }) => ({
      name,
      cells: cells.map(cell => ({ ...cell, from: Math.max(cell.from, from) })),
    })),
    sums: made.map(({ cells: _, ...sums }) => sums),
  }
}

export const activityWords = ({ sums }: ActivityView, span: string): string =>
  sums.length === 0
    ? `Nothing ran in ${span}.`
    : `In ${span}: ${sums.map(({ name, share, runs }) => `${name} was busy for ${sayShare(share, 1)} of its time, with ${plural(runs, 'run')}`).join('; ')}.`

/** Since when a task runs, in words. */
export const sayRunning = ({ state }: Task, now: Instant): string =>
  state.at === 'running' ? sayDuration(now - state.since) : ''
