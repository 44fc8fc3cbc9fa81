// The bot's own loop: reads the sources, and sweeps. All else is done by the workers of its queues.
import { Fault } from '../model/fault.ts'
import type { Millis } from '../model/instant.ts'
import { powerMemory } from '../stages/power/auto.ts'
import { readyTasks } from '../stages/run/ready.ts'
import { type HostWatch, hostWatch, tendHosts, tendImages } from '../stages/upkeep/hosts.ts'
import { pushes, sweep, ticketOf } from '../stages/upkeep/sweep.ts'
import { unrepeated } from '../text/unrepeated.ts'
import { newWaitingWatch, tendWaiting, type WaitingWatch } from './again.ts'
import { openAlarm } from './alarm.ts'
import { closeOverdue } from './assembled.ts'
import { basesEveryMs, newBaseMemory, tendBranches } from './bases.ts'
import { type BugResultMemory, bugResultMemory, tendBugResults, tendLanded } from './bug-results.ts'
import { bugWriteMemory, tendBugWrites } from './bug-writes.ts'
import { tellAskers } from './command-results.ts'
import { sendDigests } from './digests.ts'
import { forgeMemory, tendForge } from './forge.ts'
import { forgeCommandMemory, tendForgeCommands } from './forge-commands.ts'
import { forgeShownMemory, tendForgeShown } from './forge-show.ts'
import { hookMemory, tendHooks } from './hooks.ts'
import { type IncidentMemory, incidentMemory, listenMs, tendIncidents } from './incidents.ts'
import { type KnownMemory, knownMemory, tendKnown } from './known.ts'
import { landedSeen, tendSeriesLanded } from './landed.ts'
import { tendMaintenance } from './maintenance.ts'
import { noticeMemory, tendNotices } from './notices.ts'
import { pruneBlobsEveryMs, tendOldBlobs } from './old-blobs.ts'
import { tendCapped } from './outbox.ts'
import { tendPower } from './power.ts'
import { noteEveryMs, tendQueueNote } from './queue-note.ts'
import { readSources } from './reading.ts'
import { syncMemory, tendSync } from './sync.ts'
import { tendWatch, watchMemory } from './watch.ts'
import type { Wired } from './wire.ts'

export type BotOptions = { sweepMs: number; signal: AbortSignal }

type Complain = (what: string) => void

/** A Fault of one round is told, once an hour, and the next round tries again; anything else is a bug, told with its stack. */
const guarded = (
  { log }: Wired,
  complain: Complain,
  { what, act }: { what: string; act: () => Promise<void> },
) => {
  let isBroken = false
  return async () => {
    try {
      await act()
      if (isBroken) log('info', `${what}: works again`)
      isBroken = false
    } catch (error) {
      isBroken = true
      complain(
        `${what}: ${error instanceof Fault ? error.message : ((error as Error)?.stack ?? String(error))}`,
      )
    }
  }
}

const tend = async (wired: Wired, watch: HostWatch): Promise<void> => {
  const ports = { ...wired, alarmOf: (host: string | undefined) => openAlarm(wired, host) }
  await tendHosts(ports)(watch)
  const queued = await wired.store.tasksAt('queued')
  await tendImages(ports)(watch, new Set(queued.map(task => task.image)))
}

/** What one round of healing hands to the next: what it saw of the hosts, and of jobs, which need not be read again; and what was said. */
export type Memory = {
  hosts: HostWatch
  waiting: WaitingWatch
  ready: ReturnType<typeof readyTasks>
  known: KnownMemory
  incidents: IncidentMemory
  bugs: BugResultMemory
  complain: Complain
}

const hour = 3_600_000

export const newMemory = (wired: Wired): Memory => ({
  hosts: hostWatch(),
  waiting: newWaitingWatch(),
  ready: readyTasks(wired),
  known: knownMemory(),
  incidents: incidentMemory(),
  bugs: bugResultMemory(),
  complain: unrepeated(wired.log, { now: () => wired.clock.now(), everyMs: hour }),
})

/** One round of healing: lost hosts' tasks are freed, overdue series are closed, and everything that waits is queued again. */
export const heal = async (wired: Wired, memory = newMemory(wired)): Promise<void> => {
  await tend(wired, memory.hosts)
  await tendIncidents(wired, memory.incidents)
  await tendMaintenance(wired)
  await healFlow(wired, memory)
  await tendKnown(wired, memory.known)
  await tendBugResults(wired, memory.bugs)
  await tendLanded(wired, memory.bugs, memory.complain)
}

const healFlow = async (wired: Wired, memory: Memory): Promise<void> => {
  await wired.inTurn(() =>
    closeOverdue(wired, wired.clock.now(), (series, act) =>
      guarded(wired, memory.complain, { what: `series ${series.id}`, act })(),
    ),
  )
  await tendWaiting(wired, memory.waiting)
  await sendDigests(wired)
  await tellAskers(wired)
  await tendCapped(wired)
  await wired.queue.push(...(await sweep(wired)()))
  await healTickets(wired, memory.ready)
}

/** Every task that is due has its ticket in the queue of its image, and none is left of one that is not. */
const healTickets = async (wired: Wired, ready: Memory['ready']): Promise<void> => {
  const { store, queue, config } = wired
  await queue.push(...(await ready()).map(pushes.run))
  const waiting = await store.tasksAt('queued')
  const images = new Set(
    [...config.farm.images, ...waiting.map(task => ({ name: task.image }))].map(({ name }) => name),
  )
  await queue.keepTickets([...images], new Set(waiting.map(ticketOf)))
}

/** Of a mail that waits to be read a series may wait too: that is known after each source was read once, or could not be, within this. */
const firstReadMs = 10_000

type Loop = { what: string; act: () => Promise<void>; everyMs?: Millis }

/** What goes on beside the flow, each by itself: a switch, a tracker or another server that takes its time holds up nothing else. */
const loopsBeside = (wired: Wired, memory: Memory): Loop[] => {
  const [bases, switches] = [newBaseMemory(), powerMemory()]
  const noticed = noticeMemory(memory.incidents.looked)
  const [watched, written, inStep] = [watchMemory(wired), bugWriteMemory(), syncMemory()]
  const pulled = forgeMemory()
  const [shown, commanded] = [forgeShownMemory(), forgeCommandMemory()]
  const [hooked, landed] = [hookMemory(), landedSeen()]
  const { complain } = memory
  return [
    // What a lost host ran must not wait for a source that takes half an hour to answer.
    { what: 'hosts', act: () => tend(wired, memory.hosts) },
    { what: 'incidents', act: () => tendIncidents(wired, memory.incidents) },
    { what: 'maintenance', act: () => tendMaintenance(wired) },
    { what: 'power of hosts', act: () => tendPower(wired, { watch: memory.hosts, memory: switches }) },
    { what: 'notices', act: () => tendNotices(wired, noticed) },
    { what: 'how the queue stands', act: () => tendQueueNote(wired), everyMs: noteEveryMs },
    { what: 'watch', act: () => tendWatch(wired, watched) },
    { what: 'known failures', act: () => tendKnown(wired, memory.known) },
    { what: 'bugs of series', act: () => tendBugResults(wired, memory.bugs) },
    { what: 'writes to bugs', act: () => tendBugWrites(wired, written) },
    { what: 'comments in step with bugs', act: () => tendSync(wired, inStep) },
    { what: 'pull requests', act: () => tendForge(wired, pulled) },
    { what: 'results on GitHub', act: () => tendForgeShown(wired, shown) },
    { what: 'commands on GitHub', act: () => tendForgeCommands(wired, commanded) },
    { what: 'old logs', act: () => tendOldBlobs(wired), everyMs: pruneBlobsEveryMs },
    { what: 'webhooks', act: () => tendHooks(wired, hooked) },
    { what: 'bases', act: () => tendBranches(wired, bases, complain), everyMs: basesEveryMs },
    // A large repository may take a while to be looked through.
    { what: 'what landed', act: () => tendLanded(wired, memory.bugs, complain), everyMs: basesEveryMs },
    {
      what: 'series that landed',
      act: () => tendSeriesLanded(wired, landed, complain),
      everyMs: basesEveryMs,
    },
  ]
}

/** Runs until the signal; resolves when the round at hand is over. */
export const runBot = async (wired: Wired, { sweepMs, signal }: BotOptions): Promise<void> => {
  const { clock } = wired
  const memory = newMemory(wired)
  memory.incidents.listenUntil = clock.now() + listenMs
  const sources = readSources(wired, { sweepMs, signal })
  const every = async ({ everyMs = 0, ...round }: Loop) => {
    const act = guarded(wired, memory.complain, round)
    while (!signal.aborted) {
      await act()
      await clock.sleep(Math.max(sweepMs, everyMs), signal).catch(() => {})
    }
  }
  const flow = async () => {
    const enough = new AbortController()
    const patience = clock.sleep(firstReadMs, AbortSignal.any([signal, enough.signal])).catch(() => {})
    await Promise.race([sources.first, patience])
    enough.abort()
    await every({ what: 'sweep', act: () => healFlow(wired, memory) })
  }
  await Promise.all([flow(), ...loopsBeside(wired, memory).map(every), sources.over])
}
