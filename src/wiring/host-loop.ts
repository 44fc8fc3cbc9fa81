// A worker's loop: what may run here now is taken from the store, as there is room; what must not go on is stopped; and every few
// seconds the host gives a sign of life. Redis only wakes it: without it, it looks once a second.
import { randomUUID } from 'node:crypto'
import { release } from 'node:os'
import { isAlive, thisOwner } from '../farm/owner.ts'
import { wasRefused } from '../model/attempts.ts'
import { avoids, isForAnother } from '../model/elsewhere.ts'
import { Fault } from '../model/fault.ts'
import { type Hold, type Host, type HostStock, holdsNow } from '../model/host.ts'
import type { Alarm } from '../model/incident.ts'
import type { Millis } from '../model/instant.ts'
import { Interrupt } from '../model/interrupt.ts'
import type { Task, TaskId } from '../model/job.ts'
import type { LoadMeter } from '../model/overload.ts'
import { choose, type PassedOver, type Room, without } from '../model/room.ts'
import type { RunId } from '../model/run.ts'
import type { Ticket } from '../ports/queue.ts'
import { readyTasks } from '../stages/run/ready.ts'
import type { RunBy } from '../stages/run/run.ts'
import { cutOff } from '../stages/upkeep/cut-off.ts'
import { pushes, ticketOf } from '../stages/upkeep/sweep.ts'
import { unrepeated } from '../text/unrepeated.ts'
import { noteKeptAlarms, openAlarm } from './alarm.ts'
import { imageWatch, roomOf, type Served } from './host-images.ts'
import { answerRequests, openRequests, type Prove, sayRequested } from './host-requests.ts'
import type { Closable } from './queues.ts'
import { waker } from './waker.ts'
import type { Wired } from './wire.ts'

/** For work that may go on only while no task runs here or waits for this host. It ends by itself at the signal. */
export type Idle = {
  isIdle: () => boolean
  /** Images that this host serves now, and that nobody holds. */
  images: () => string[]
  signal: AbortSignal
  /** Of this host. */
  alarm: Alarm
}

export type HostParts = {
  /** Why this host takes no work; undefined: it does. Asked once a minute; nothing is taken before its first answer, which may take long. */
  fitness?: (signal: AbortSignal) => Promise<string | undefined>
  /** What it does when it is asked to prove itself. Default: `fitness`. */
  prove?: Prove
  /** Asked every few seconds. Default: the images of the configuration that are built here. */
  images?: () => Promise<Served>
  idle?: ((idle: Idle) => Promise<void>)[]
  /** How busy the host is: what is out of time while it is overloaded is run again. */
  load?: LoadMeter
  /** For people. */
  facts?: () => Record<string, string>
  /** What is on its disk, as far as it is known. */
  stock?: () => HostStock | undefined
  /** How often it looks for tasks, and how often it gives a sign of life and looks at itself. */
  timing?: { lookMs: Millis; beatMs: Millis }
}

type Held = {
  task: Task
  run: RunId
  need: Room
  stop: AbortController
  isTaken: boolean
  over: Promise<void>
}

type Look = { unfit: string | undefined; images: Served }

/** A host that was fit is asked again after so long. */
const askAgainMs: Millis = 60_000

/** Does the hold concern this host, or this image? */
const concerns = ({ on }: Hold, host: string, image: string | undefined): boolean =>
  on.kind === 'queue' || (on.kind === 'host' ? on.name === host : on.name === image)

const nameOf = ({ on }: Hold): string => (on.kind === 'queue' ? 'the queue' : `${on.kind} ${on.name}`)

const thisWorker = (): string => {
  const { boot, pid, start } = thisOwner('')
  return `${boot} ${pid} ${start}`
}

/** Two workers of one name would take each other's tasks away. Throws Fault refused if another one is at work: ask before anything is
 *  done in this host's name. The lock of the farm's folder knows only of workers with the same folder. */
export const refuseNamesake = async ({
  store,
  config,
  clock,
}: Pick<Wired, 'store' | 'config' | 'clock'>): Promise<void> => {
  const other = (await store.hosts()).find(host => host.name === config.host)
  if (!other || other.stoppedAt !== undefined) return
  const [boot = '', pid = '', start = ''] = other.worker.split(' ')
  const me = thisOwner('')
  const isHere = boot === me.boot
  const isAtWork = isHere
    ? Number(pid) !== me.pid && isAlive({ token: '', boot, pid: Number(pid), start })
    : clock.now() - other.seenAt <= 10_000
  if (!isAtWork) return
  const who = isHere ? `another worker, process ${pid},` : 'another machine'
  throw new Fault('refused', 'later', `${who} works as host ${config.host} already`, {
    remedy: 'give this one a name of its own by GRAPEVINE_HOST',
  })
}

/** Works until it is closed. Throws a Fault if another machine has the same name. */
export const runHost = async (
  wired: Wired,
  runTask: (task: TaskId, by: RunBy) => Promise<void>,
  parts: HostParts = {},
): Promise<Closable> => {
  const { store, clock, config, log } = wired
  const { fitness = async () => undefined, images = imageWatch(config, log), idle = [] } = parts
  const { prove = fitness } = parts
  const { lookMs, beatMs } = parts.timing ?? { lookMs: 1_000, beatMs: 5_000 }
  await refuseNamesake(wired)

  const all = roomOf(config)
  const running = new Map<TaskId, Held>()
  const ended = new AbortController()
  const complain = unrepeated(log, { now: () => clock.now() })
  const ready = readyTasks(wired)
  const [worker, startedAt] = [thisWorker(), clock.now()]
  let look: Look = { unfit: 'its worker is just starting', images: new Map() }
  let passed: PassedOver = new Map()
  let waiting = 0
  let restUntil = 0
  let isHeldHere = false
  let requested: string | undefined
  let heldImages = new Set<string>()
  let isClosing = false

  const guarded = async (what: string, act: () => Promise<void>) => {
    try {
      await act()
    } catch (error) {
      complain(`${what}: ${error instanceof Fault ? error.message : ((error as Error)?.stack ?? error)}`)
    }
  }

  const record = (): Host => {
    const stock = parts.stock?.()
    return { ...sign(), ...(stock === undefined ? {} : { stock }) }
  }
  const sign = (): Host => ({
    ...{ name: config.host, worker, startedAt, seenAt: clock.now() },
    ...all,
    busy: [...running.values()].reduce((sum, { need }) => sum + need.slots, 0),
    images: [...look.images.keys()],
    unfit: look.unfit ?? requested,
    facts: { kernel: release(), ...parts.facts?.() },
  })
  const beat = waker(() =>
    guarded('sign of life', async () => {
      await store.saveHost(record())
      await noteKeptAlarms(wired)
    }),
  )

  const holdsHere = async () => (await store.holds()).filter(hold => holdsNow(hold, clock.now()))
  const isHeld = (holds: Hold[], image: string | undefined) =>
    holds.some(hold => concerns(hold, config.host, image))

  const start = ({ task, need }: { task: Task; need: Room }, ticket: Ticket | undefined): void => {
    const held: Held = {
      ...{ task, need, run: randomUUID(), stop: new AbortController(), isTaken: false },
      over: Promise.resolve(),
    }
    const isWelcome = async () => {
      held.isTaken = true
      if (isClosing || isHeld(await holdsHere(), task.image)) return false
      // An image that has gone in these seconds must cost nobody a try.
      const served = await images()
      look = { ...look, images: served }
      return served.has(task.image)
    }
    const by = { host: config.host, run: held.run, signal: held.stop.signal, isWelcome }
    held.over = guarded('a run', async () => {
      try {
        await runTask(task.id, by)
        const mine = (await store.runsOf(task.id)).find(({ id }) => id === held.run)
        // Another host may have room: this one must not take task after task only to put them off.
        if (wasRefused(mine?.outcome)) restUntil = clock.now() + askAgainMs
      } catch (error) {
        // What it left is put right by the next round; whatever is wrong should have time to pass.
        restUntil = clock.now() + beatMs
        throw error
      }
    }).then(async () => {
      await ticket?.end()
      running.delete(task.id)
      void beat()
      void round()
    })
    running.set(task.id, held)
    void beat()
  }

  /** Stops what is held, cancelled, or somebody else's by now. */
  const stopRuns = async (holds: Hold[]): Promise<void> => {
    for (const { task, stop } of running.values()) {
      const hold = holds.find(one => one.how === 'stop' && concerns(one, config.host, task.image))
      if (hold) stop.abort(new Interrupt('stopped', `${nameOf(hold)} is stopped: ${hold.reason}`))
    }
    // Those that are taken after this are not missed in what is read after it.
    const taken = [...running.values()].filter(held => held.isTaken)
    const mine = (await store.tasksAt('running')).flatMap(task =>
      task.state.at === 'running' && task.state.host === config.host ? [{ task, run: task.state.run }] : [],
    )
    for (const { task, run, stop } of taken) {
      if (mine.some(one => one.run === run) || stop.signal.aborted) continue
      const state = (await store.task(task.id))?.state
      const why = state?.at === 'cancelled' ? state.why : 'it is no longer ours to run'
      stop.abort(new Interrupt(state?.at === 'cancelled' ? 'cancelled' : 'taken', why))
    }
    for (const { task, run } of mine) {
      if (running.get(task.id)?.run === run) continue
      const to = await cutOff({ ...wired, alarm: openAlarm(wired, undefined) })(task, 'worker-died')
      if (to) log('warn', 'a run failed without a word; it goes back into the queue', { task: task.id, run })
      if (to?.at === 'done') await wired.queue.push(pushes.judge(task.job, task.id))
    }
  }

  const takeTasks = async (holds: Hold[]): Promise<void> => {
    let free = without(
      all,
      [...running.values()].map(({ need }) => need),
    )
    if (look.unfit !== undefined || free.slots <= 0 || clock.now() < restUntil) return
    const due = await ready()
    const now = clock.now()
    const hosts = due.some(task => avoids(task, config.host, now)) ? await store.hosts() : []
    const queue = due.flatMap(task => {
      const need = look.images.get(task.image)
      const isOurs = need && !running.has(task.id) && !isHeld(holds, task.image)
      if (isForAnother(task, config.host, { hosts, holds, now })) return []
      return isOurs ? [{ id: task.id, task, need }] : []
    })
    waiting = queue.length
    while (!isClosing) {
      const left = queue.filter(({ id }) => !running.has(id))
      const chosen = choose(left, free, { passed, now: clock.now() })
      passed = chosen.passed
      if (!chosen.taken) break
      const { task } = chosen.taken
      const ticket = await tickets.take(task.image, ticketOf(task))
      const mine = ticket ? left.find(one => ticketOf(one.task) === ticket.id) : chosen.taken
      // Of a task that is over, or not yet due again.
      if (!mine || isClosing) await ticket?.end()
      if (isClosing) return
      if (!mine) continue
      free = without(free, [mine.need])
      start(mine, ticket)
    }
  }

  const round = waker(() =>
    guarded('looking for tasks', async () => {
      if (isClosing) return
      const holds = await holdsHere()
      isHeldHere = isHeld(holds, undefined)
      heldImages = new Set(holds.flatMap(({ on }) => (on.kind === 'image' ? [on.name] : [])))
      await stopRuns(holds)
      requested = sayRequested(await openRequests(wired))
      if (requested !== undefined && running.size === 0) void lookAtMyself()
      if (!isClosing && !isHeldHere && requested === undefined) await takeTasks(holds)
    }),
  )

  let askedAt = Number.NEGATIVE_INFINITY
  const isFit = async () => {
    if (clock.now() - askedAt < askAgainMs) return look.unfit
    const unfit = await fitness(ended.signal)
    askedAt = clock.now()
    return unfit
  }

  const proveMyself = async (): Promise<void> => {
    await answerRequests(wired, { prove, signal: ended.signal })
    // What was found out may change the answer, and what was refused before it is another matter.
    askedAt = Number.NEGATIVE_INFINITY
    restUntil = 0
    requested = sayRequested(await openRequests(wired))
  }

  /** May take long: it holds up neither the loop nor the signs of life. */
  const lookAtMyself = waker(() =>
    guarded('looking at this host', async () => {
      if (isClosing) return
      // Asked for while a task runs, it waits for its end.
      if (requested !== undefined && running.size === 0) await proveMyself()
      const [unfit, served] = [await isFit(), await images()]
      if (isClosing) return
      const tell = unfit !== look.unfit
      look = { unfit, images: served }
      if (!tell) return
      if (unfit === undefined) log('info', `the host ${config.host} takes tasks`)
      else log('error', `the host ${config.host} takes no tasks: ${unfit}`)
      await Promise.all([beat(), round()])
    }),
  )

  const every = async (span: Millis, act: () => unknown) => {
    while (!ended.signal.aborted) {
      await act()
      await clock.sleep(span, ended.signal).catch(() => {})
    }
  }

  const tickets = wired.tickets()
  const listener = wired.listen(() => void round())
  await beat()
  const loops = [
    every(lookMs, round),
    every(beatMs, beat),
    every(beatMs, () => void lookAtMyself()),
    ...idle.map(work => {
      const isIdle = () =>
        !isClosing &&
        !isHeldHere &&
        running.size === 0 &&
        waiting === 0 &&
        (look.unfit ?? requested) === undefined
      const alarm = openAlarm(wired, config.host)
      const images = () => [...look.images.keys()].filter(name => !heldImages.has(name))
      const given = { isIdle, alarm, images, signal: ended.signal }
      return guarded('idle work', () => work(given))
    }),
  ]

  const close = async () => {
    isClosing = true
    for (const { stop } of running.values())
      stop.abort(new Interrupt('stopped', `the worker of ${config.host} ends`))
    await Promise.all([...running.values()].map(held => held.over))
    ended.abort()
    await Promise.all([...loops, beat(), round(), lookAtMyself()])
    await guarded('farewell', () => store.saveHost({ ...record(), stoppedAt: clock.now() }))
    await tickets.close()
    await listener.close()
  }
  let closing: Promise<void> | undefined
  return {
    close: () => {
      closing ??= close()
      return closing
    },
  }
}
