// Two workers of one name would take each other's tasks away: the second is refused. Asked before anything is done in a host's name.
import { isAlive, thisOwner } from '../farm/owner.ts'
import { Fault } from '../model/fault.ts'
import type { Host } from '../model/host.ts'
import type { Wired } from './wire.ts'

/** How long a worker on another machine is believed to be at work after its last sign of life. */
const believedMs = 10_000

/** Names this process for as long as the machine runs, also when its number is given again. */
export const thisWorker = (): string => {
  const { boot, pid, start } = thisOwner('')
  return `${boot} ${pid} ${start}`
}

/** In words; undefined: it is this worker itself, or one that is not at work any more. */
const whoElse = ({ worker, seenAt }: Host, now: number): string | undefined => {
  const [boot = '', pid = '', start = ''] = worker.split(' ')
  const me = thisOwner('')
  if (boot !== me.boot) return now - seenAt <= believedMs ? 'another machine' : undefined
  const isAtWork = Number(pid) !== me.pid && isAlive({ token: '', boot, pid: Number(pid), start })
  return isAtWork ? `another worker, process ${pid},` : undefined
}

/** Throws Fault refused if another worker of this name is at work. The lock of the farm's folder knows only of workers with the same
 *  folder. */
export const refuseNamesake = async ({
  store,
  config,
  clock,
}: Pick<Wired, 'store' | 'config' | 'clock'>): Promise<void> => {
  const other = (await store.hosts()).find(host => host.name === config.host)
  if (!other || other.stoppedAt !== undefined) return
  const who = whoElse(other, clock.now())
  if (who === undefined) return
  throw new Fault('refused', 'later', `${who} works as host ${config.host} already`, {
    remedy: 'give this one a name of its own by GRAPEVINE_HOST',
  })
}
