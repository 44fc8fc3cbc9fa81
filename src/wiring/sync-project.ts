// A project's bugs and threads that are kept in step: from the configuration to what the stages know.
import type { Millis } from '../model/instant.ts'
import type { SyncRules } from '../model/sync.ts'
import type { Tracker } from '../ports/bugs.ts'
import type { SyncPorts, SyncProject } from '../stages/bugs/mirrored.ts'
import { pushes } from '../stages/upkeep/sweep.ts'
import type { Wired } from './wire.ts'

export type SyncWired = Pick<
  Wired,
  'config' | 'store' | 'blobs' | 'clock' | 'queue' | 'trackers' | 'log' | 'inTurn'
>

const rulesOf = (
  tracker: Tracker,
  {
    products,
    bugs,
    flag,
    idleMs,
  }: { products: string[]; bugs: string[]; flag: string | undefined; idleMs: Millis },
): SyncRules => ({
  ...{ products, flag, idleMs },
  bugs: bugs.flatMap(name => tracker.addressOf(name) ?? []),
})

type Configured = SyncWired['config']['projects'][number]

/** The project as the stages know it, without who we are; undefined: it keeps nothing in step. */
export const syncProjectOf = (
  { config, trackers }: Pick<SyncWired, 'config' | 'trackers'>,
  { name, list, archive, bugs }: Pick<Configured, 'name' | 'list' | 'archive' | 'bugs'>,
): Omit<SyncProject, 'login'> | undefined => {
  const tracker = trackers.find(one => one.name === bugs?.tracker)
  if (bugs?.sync === undefined || tracker === undefined) return undefined
  return { name, list, archive, tracker, rules: rulesOf(tracker, bugs.sync), bot: config.bot }
}

export const syncPorts = ({ store, blobs, clock, queue, inTurn }: SyncWired): SyncPorts => ({
  ...{ store, blobs, clock, inTurn },
  push: id => queue.push(pushes.reply(id, 0)),
})
