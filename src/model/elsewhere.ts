// A second opinion is worth more on another host. Which tasks does a host leave to others for a while? Pure.
import { type Hold, type Host, heartbeatLostMs, holdsNow } from './host.ts'
import type { Instant } from './instant.ts'
import type { Task } from './job.ts'

export const avoids = ({ state }: Task, host: string, now: Instant): boolean =>
  state.at === 'queued' && state.avoid?.host === host && now < state.avoid.until

/** Is there another host that can take it now? Where the clocks of hosts do not agree the task waits in vain, until `avoid` is over. */
export const isForAnother = (
  task: Task,
  me: string,
  { hosts, holds, now }: { hosts: Host[]; holds: Hold[]; now: Instant },
): boolean => {
  if (!avoids(task, me, now)) return false
  const isHeld = (name: string) =>
    holds.some(hold => holdsNow(hold, now) && hold.on.kind === 'host' && hold.on.name === name)
  return hosts.some(
    host =>
      host.name !== me &&
      host.stoppedAt === undefined &&
      host.unfit === undefined &&
      host.images.includes(task.image) &&
      now - host.seenAt < heartbeatLostMs &&
      !isHeld(host.name),
  )
}
