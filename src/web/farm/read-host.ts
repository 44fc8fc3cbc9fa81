// All that the page of one host is made of, read from the store.
import { hourMs } from '../../model/busy.ts'
import { dayMs, type Instant } from '../../model/instant.ts'
import type { Task } from '../../model/job.ts'
import type { PowerAction } from '../../model/power.ts'
import type { RunEnd } from '../../model/run-end.ts'
import type { WebParts } from '../parts.ts'
import type { ShownIncident } from '../shown.ts'
import type { ShownWindow } from '../view.ts'
import { type ActivityView, activityView, type HostLine, hostLines, type Reader } from './view.ts'

export type HostPage = {
  line: HostLine
  running: Task[]
  ends: RunEnd[]
  activity: ActivityView
  from: Instant
  now: Instant
  incidents: ShownIncident[]
  windows: ShownWindow[]
  power: PowerAction[]
  /** Who reads it: why things are as they are, and what its worker says of itself, is for operators. */
  isOperator: boolean
}

const shownDays = 7
/** So many ends of runs are looked through, of all hosts; so many of this one are shown. */
const ends = { read: 1000, shown: 25 }

/** undefined: nobody knows it. */
export const readHost = async (
  parts: WebParts,
  name: string,
  { isOperator }: Reader,
): Promise<HostPage | undefined> => {
  const { store } = await parts.wired()
  const now = parts.clock.now()
  const from = Math.ceil((now - shownDays * dayMs) / hourMs) * hourMs
  const [hosts, holds] = [await store.hosts(), await store.holds()]
  const line = hostLines(hosts, { holds, now, isOperator }).find(({ host }) => host.name === name)
  if (line === undefined) return undefined
  const [running, lately, activity, status, power] = await Promise.all([
    store.tasksAt('running'),
    store.runEnds({ since: from, limit: ends.read }),
    store.reads.activity({ since: from, until: now }),
    parts.status(),
    store.powerActions({ host: name, since: now - 30 * dayMs }),
  ])
  const own = running.filter(({ state }) => state.at === 'running' && state.host === name)
  const mine = activity.filter(({ host }) => host === name)
  return {
    ...{ line, from, now, power, running: own, isOperator },
    ends: lately.filter(({ host }) => host === name).slice(0, ends.shown),
    activity: activityView({ activity: mine, running: own, hosts: [line.host], from, now, stepHours: 3 }),
    incidents: [...status.live, ...status.over].filter(one => one.hosts.includes(name)),
    windows: status.windows.filter(one => one.hosts.length === 0 || one.hosts.includes(name)),
  }
}
