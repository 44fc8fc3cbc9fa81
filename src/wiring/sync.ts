// Comments of bugs and threads, kept in step: the loop that looks at both sides. Beside the flow; what is found is carried by stages/bugs.
import type { Track } from '../model/bug.ts'
import { Fault } from '../model/fault.ts'
import type { Instant, Millis } from '../model/instant.ts'
import type { Tracker } from '../ports/bugs.ts'
import type { SyncProject } from '../stages/bugs/mirrored.ts'
import { type BugsMemory, bugsMemory, syncBugs } from './sync-bugs.ts'
import { syncMails } from './sync-mails.ts'
import { type SyncWired as Ports, syncProjectOf } from './sync-project.ts'
import { type WakeMemory, wakeByMail, wakeMemory } from './sync-wake.ts'

/** `failed`: why it waits until `notBefore`. */
type ProjectMemory = { notBefore: Instant; failed: unknown; bugs: BugsMemory; wake: WakeMemory }

/** What this process has seen already; lost with it, at the cost of some requests. */
export type SyncMemory = {
  /** Who we are at each tracker. */
  logins: Map<string, string>
  projects: Map<string, ProjectMemory>
}

export const syncMemory = (): SyncMemory => ({ logins: new Map(), projects: new Map() })

/** So long a tracker that does not answer is left alone. */
const retryMs: Millis = 60_000

const loginOf = async (memory: SyncMemory, tracker: Tracker): Promise<string> => {
  const known = memory.logins.get(tracker.name)
  if (known !== undefined) return known
  const { login } = await tracker.probe()
  // Without it nothing is carried: our own comments would come back as somebody's.
  if (login === '')
    throw new Fault('malformed', 'later', `tracker ${tracker.name} does not say who we are there`)
  memory.logins.set(tracker.name, login)
  return login
}

const memoryOf = (memory: SyncMemory, project: string): ProjectMemory => {
  const known = memory.projects.get(project)
  if (known) return known
  const fresh = { notBefore: 0, failed: undefined, bugs: bugsMemory(), wake: wakeMemory() }
  memory.projects.set(project, fresh)
  return fresh
}

const hasWork = ({ rules }: Pick<SyncProject, 'rules'>, tracks: Track[]): boolean =>
  rules.products.length > 0 || rules.bugs.length > 0 || rules.flag !== undefined || tracks.length > 0

const tendProject = async (
  ports: Ports,
  memory: SyncMemory,
  given: Omit<SyncProject, 'login'>,
): Promise<void> => {
  const own = memoryOf(memory, given.name)
  // Until it is tried again, it is as broken as it was.
  if (ports.clock.now() < own.notBefore) throw own.failed
  const tracks = (await ports.store.tracks({})).filter(
    // The tracker's address may have been another one when they began.
    one => one.project === given.name && one.tracker === given.tracker.name && given.tracker.owns(one.bug),
  )
  if (!hasWork(given, tracks)) return
  try {
    const project = { ...given, login: await loginOf(memory, given.tracker) }
    const woken = await wakeByMail(ports, own.wake, project)
    await syncMails(ports, project, { tracks, aside: own.bugs.aside })
    await syncBugs(ports, own.bugs, { project, woken, tracks })
  } catch (error) {
    own.notBefore = ports.clock.now() + retryMs
    own.failed = error
    throw error
  }
}

/**
 * Does all that is due. Cheap where nothing is; harmless at any time, and after a crash at any point nothing is said twice. Nothing is
 * kept in step until the bot is live. Throws the store's Faults, and a tracker's when all projects had their turn.
 */
export const tendSync = async (ports: Ports, memory: SyncMemory): Promise<void> => {
  if (!ports.config.mail.live) return
  const failed: unknown[] = []
  for (const configured of ports.config.projects) {
    const project = syncProjectOf(ports, configured)
    if (project) await tendProject(ports, memory, project).catch(error => void failed.push(error))
  }
  if (failed.length > 0) throw failed[0]
}
