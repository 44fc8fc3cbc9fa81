// What operators see: what is held, how hosts stand, what waits for a word, and what was done lately. Shaped here, marked up in body.ts.
import type { Config } from '../../config/config.ts'
import type { Audit } from '../../model/access.ts'
import { type Hold, type Host, holdsNow } from '../../model/host.ts'
import type { Instant } from '../../model/instant.ts'
import type { Maintenance } from '../../model/maintenance.ts'
import type { Series } from '../../model/series.ts'
import { standingOf } from '../../model/standing.ts'
import { oneLine } from '../../text/clean.ts'

export type HeldLine = {
  kind: Hold['on']['kind']
  name: string
  says: string
  reason: string
  by: string
  since: Instant
  until: Instant | undefined
}

export type WaitingLine = { id: string; title: string; author: string; why: string; since: Instant }

export type WindowLine = {
  id: string
  what: string
  reason: string
  from: Instant
  to: Instant
  isRunning: boolean
  isRepeated: boolean
}

export type AuditLine = Omit<Audit, 'id'>

export type OperationsView = {
  held: HeldLine[]
  isPaused: boolean
  hosts: { name: string; says: string; ok: boolean }[]
  images: string[]
  projects: string[]
  /** Hosts whose power can be switched. */
  switches: string[]
  waiting: WaitingLine[]
  windows: WindowLine[]
  done: AuditLine[]
}

const saysHold = ({ on, how }: Hold): string =>
  on.kind === 'queue' ? 'paused' : how === 'drain' ? 'drained: what runs may end' : 'stopped'

const heldLine = (hold: Hold): HeldLine => ({
  ...{ kind: hold.on.kind, name: hold.on.kind === 'queue' ? '' : hold.on.name, says: saysHold(hold) },
  ...{ reason: oneLine(hold.reason, 300), by: oneLine(hold.by, 120), since: hold.since, until: hold.until },
})

const hostLine = (host: Host, holds: Hold[], now: Instant) => {
  const standing = standingOf(host, holds, now)
  const words = {
    ...{ works: `works, ${host.busy} of ${host.slots} slots busy`, paused: 'waits: the queue is paused' },
    ...{ held: 'is held', lost: 'is not heard of', ended: 'its worker was ended' },
    unfit: standing.at === 'unfit' ? `takes no work: ${oneLine(standing.why, 160)}` : '',
  }
  return { name: oneLine(host.name, 80), ok: standing.at === 'works', says: words[standing.at] }
}

const waitingLine = ({ id, title, author, state, lastAt }: Series): WaitingLine => ({
  ...{ id, title: oneLine(title, 120), author: oneLine(author.name || author.address, 100), since: lastAt },
  why: state.at === 'held' ? oneLine(state.why, 200) : '',
})

const windowLine = ({ id, hosts, reason, from, to, state, repeat }: Maintenance): WindowLine => ({
  ...{ id, what: hosts.join(', ') || 'the whole service', reason: oneLine(reason, 200), from, to },
  ...{ isRunning: state.at === 'running', isRepeated: repeat !== undefined },
})

export const auditLine = ({ id: _, ...audit }: Audit): AuditLine => ({
  ...{ at: audit.at, by: audit.by, who: oneLine(audit.who, 120), what: oneLine(audit.what, 60) },
  ...{ about: oneLine(audit.about, 200), reason: oneLine(audit.reason, 500), came: oneLine(audit.came, 500) },
})

export const operationsView = (given: {
  config: Pick<Config, 'farm' | 'projects'>
  holds: Hold[]
  hosts: Host[]
  waiting: Series[]
  windows: Maintenance[]
  done: Audit[]
  now: Instant
}): OperationsView => {
  const { config, holds, hosts, waiting, windows, done, now } = given
  const held = holds.filter(hold => holdsNow(hold, now))
  const images = [...config.farm.images.map(({ name }) => name), ...hosts.flatMap(host => host.images)]
  return {
    held: held.map(heldLine),
    isPaused: held.some(({ on }) => on.kind === 'queue'),
    hosts: hosts.map(host => hostLine(host, held, now)),
    images: [...new Set(images)].sort(),
    projects: config.projects.map(({ name }) => name),
    switches: config.farm.hosts.flatMap(({ name, power }) => (power === undefined ? [] : [name])),
    waiting: waiting.map(waitingLine),
    windows: windows.map(windowLine),
    done: done.map(auditLine),
  }
}
