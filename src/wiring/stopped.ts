// Why work that waits is not begun, if operators hold it back: for answers, pages and checks.
import type { Task } from '../model/job.ts'
import { type Stop, stopsOf } from '../model/stop.ts'
import type { Wired } from './wire.ts'

type Ports = Pick<Wired, 'store' | 'clock'>

/** Of work on these images. Throws the store's Faults. */
export const stopsOn = async ({ store, clock }: Ports, images: string[]): Promise<Stop[]> => {
  if (images.length === 0) return []
  const holds = await store.holds()
  return holds.length === 0 ? [] : stopsOf(images, { holds, hosts: await store.hosts(), now: clock.now() })
}

/** Of these tasks, as far as they wait: while a build waits, for its image alone. Throws the store's Faults. */
export const stopsOfTasks = (ports: Ports, tasks: Task[]): Promise<Stop[]> => {
  const waiting = tasks.filter(({ state }) => state.at === 'queued')
  const builds = waiting.filter(({ kind }) => kind === 'build')
  return stopsOn(
    ports,
    (builds.length > 0 ? builds : waiting).map(({ image }) => image),
  )
}
