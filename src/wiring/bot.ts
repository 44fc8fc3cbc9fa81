// The bot's own loop: reads the sources, and sweeps. All else is done by the workers of its queues.
import { Fault } from '../model/fault.ts'
import type { MailId } from '../model/mail.ts'
import type { MailSource, RawMail } from '../ports/mail-source.ts'
import { receive } from '../stages/receive/receive.ts'
import { readyTasks } from '../stages/run/ready.ts'
import { type HostWatch, hostWatch, tendHosts, tendImages } from '../stages/upkeep/hosts.ts'
import { pushes, sweep, ticketOf } from '../stages/upkeep/sweep.ts'
import { openAlarm } from './alarm.ts'
import { closeOverdue } from './assembled.ts'
import { openSource } from './sources.ts'
import { waker } from './waker.ts'
import type { Wired } from './wire.ts'

export type BotOptions = { sweepMs: number; signal: AbortSignal }

export type Reading = {
  project: string
  source: MailSource
  signal?: AbortSignal
  /** Read from its beginning, as of now, and remember no cursor: handed in by a person. */
  once?: boolean
  /** Only these; all if not given. */
  only?: (mail: RawMail) => boolean
}

/** Reads what is new in one source and queues it; gives the new mails' ids. Throws the source's and the store's Faults. */
export const readSource = async (wired: Wired, reading: Reading): Promise<MailId[]> => {
  const { project, source, signal, once = false, only = () => true } = reading
  const { listTags } = wired.project(project)
  const from = once ? undefined : await wired.store.cursor(source.name)
  const all: MailId[] = []
  for await (const batch of source.read(from, signal)) {
    const mails = batch.mails
      .filter(only)
      .map(mail => (once ? { ...mail, arrivedAt: wired.clock.now() } : mail))
    const cursor = once ? undefined : batch.cursor
    const fresh = await receive(wired)({ project, source: source.name, listTags, mails, cursor })
    await wired.queue.push(...fresh.map(mail => pushes.assemble(project, mail)))
    all.push(...fresh)
  }
  return all
}

/** A Fault of one round is told and the next round tries again; anything else is a bug, told with its stack. */
const guarded = (wired: Wired, what: string, act: () => Promise<void>) => async () => {
  try {
    await act()
  } catch (error) {
    const text = error instanceof Fault ? error.message : ((error as Error)?.stack ?? String(error))
    wired.log('error', `${what}: ${text}`)
  }
}

const watchSources = (wired: Wired, signal: AbortSignal): { sweep(): Promise<void>; stop(): void } => {
  const loops = wired.config.projects.flatMap(project =>
    project.sources.map(config => {
      const source = openSource(config)
      const wake = waker(
        guarded(wired, `source ${source.name}`, async () => {
          const read = await readSource(wired, { project: project.name, source, signal })
          if (read.length > 0)
            wired.log('info', `${source.name}: ${read.length} new ${read.length === 1 ? 'mail' : 'mails'}`)
        }),
      )
      return { wake, stop: source.watch(wake) }
    }),
  )
  return {
    sweep: async () => void (await Promise.all(loops.map(loop => loop.wake()))),
    stop: () => {
      for (const loop of loops) loop.stop()
    },
  }
}

const tend = async (wired: Wired, watch: HostWatch): Promise<void> => {
  const ports = { ...wired, alarmOf: (host: string | undefined) => openAlarm(wired, host) }
  await tendHosts(ports)(watch)
  const queued = await wired.store.tasksAt('queued')
  await tendImages(ports)(watch, new Set(queued.map(task => task.image)))
}

/** What one round of healing hands to the next: what it saw of the hosts, and of jobs, which need not be read again. */
export type Memory = { hosts: HostWatch; ready: ReturnType<typeof readyTasks> }

export const newMemory = (wired: Wired): Memory => ({ hosts: hostWatch(), ready: readyTasks(wired) })

/** One round of healing: lost hosts' tasks are freed, overdue series are closed, and everything that waits is queued again. */
export const heal = async (wired: Wired, memory = newMemory(wired)): Promise<void> => {
  await tend(wired, memory.hosts)
  await healFlow(wired, memory)
}

const healFlow = async (wired: Wired, memory: Memory): Promise<void> => {
  await wired.inTurn(() =>
    closeOverdue(wired, wired.clock.now(), (series, act) => guarded(wired, `series ${series.id}`, act)()),
  )
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

/** Runs until the signal; resolves when the round at hand is over. */
export const runBot = async (wired: Wired, { sweepMs, signal }: BotOptions): Promise<void> => {
  const sources = watchSources(wired, signal)
  const memory = newMemory(wired)
  const round = guarded(wired, 'sweep', () => healFlow(wired, memory))
  const every = async (act: () => Promise<void>) => {
    while (!signal.aborted) {
      await act()
      await wired.clock.sleep(sweepMs, signal).catch(() => {})
    }
  }
  // A source may take half an hour to answer; what a lost host ran must not wait for that.
  const hosts = guarded(wired, 'hosts', () => tend(wired, memory.hosts))
  const flow = async () => {
    await sources.sweep()
    await round()
  }
  await Promise.all([every(hosts), every(flow)])
  sources.stop()
}
