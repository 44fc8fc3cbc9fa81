// What operators do to hosts, images, the queue and series: each act checks, does, and says what was done.
import { Fault } from '../model/fault.ts'
import { type Hold, heldName } from '../model/host.ts'
import type { Instant } from '../model/instant.ts'
import type { PowerAct } from '../model/power.ts'
import type { Series } from '../model/series.ts'
import { cancel } from '../stages/plan/cancel.ts'
import { switchPower } from '../stages/power/switch.ts'
import { oneLine } from '../text/clean.ts'
import { sayInstant } from '../text/span.ts'
import { sayStops } from '../text/stop.ts'
import { type Act, letGo, missingBase, testAgain } from './command-series.ts'
import type { Operated, OperatePorts } from './operate.ts'
import { powerOf } from './power.ts'
import type { Wired } from './wire.ts'

export type How = { by: string; why: string }

/** Hosts look once a second by themselves: a lost word costs that much. */
const wake = async ({ queue, log }: OperatePorts): Promise<void> => {
  await queue.wake().catch((error: Error) => log('warn', `hosts could not be woken: ${error.message}`))
}

const none = (what: string, there: string[]): Operated => ({
  no: `there is no ${oneLine(what, 80)}`,
  remedy: there.length === 0 ? 'None is known yet.' : `These are known: ${there.join(', ')}.`,
})

/** Why there is nothing of that name. */
const unknownThing = async (
  { store, config }: OperatePorts,
  on: Hold['on'],
): Promise<Operated | undefined> => {
  if (on.kind === 'queue') return undefined
  const hosts = await store.hosts()
  const serving = hosts.flatMap(({ images }) => images)
  const names =
    on.kind === 'host'
      ? hosts.map(({ name }) => name)
      : [...new Set([...config.farm.images.map(({ name }) => name), ...serving])].sort()
  return names.includes(on.name) ? undefined : none(heldName(on), names)
}

export const hold = async (
  ports: OperatePorts,
  { do: how, on, until }: { do: Hold['how']; on: Hold['on']; until?: Instant | undefined },
  { by, why }: How,
): Promise<Operated> => {
  const unknown = await unknownThing(ports, on)
  if (unknown) return unknown
  const since = ports.clock.now()
  if (until !== undefined && until <= since)
    return { no: 'that time is over already', remedy: 'Name a later one.' }
  if (on.kind === 'queue' && how === 'stop')
    return { no: 'the queue can be paused, not stopped', remedy: 'Stop the hosts that should rest.' }
  await ports.store.setHold({ on, how, reason: why, by, since, until })
  await wake(ports)
  const what =
    on.kind === 'queue'
      ? 'is paused; what runs may end'
      : how === 'drain'
        ? 'takes no new tasks; what runs may end'
        : 'is stopped; what runs goes back into the queue'
  return { did: `${heldName(on)} ${what}${until === undefined ? '' : `, until ${sayInstant(until)}`}` }
}

/** What was not held is as it was wanted. */
export const resume = async (ports: OperatePorts, on: Hold['on']): Promise<Operated> => {
  const was = await ports.store.endHold(on)
  if (was) await wake(ports)
  const [again, never] =
    on.kind === 'queue' ? ['is open again', 'was not paused'] : ['takes work again', 'was not held']
  return { did: `${heldName(on)} ${was ? again : never}` }
}

const count = (tasks: number): string => (tasks === 0 ? 'no task' : tasks === 1 ? '1 task' : `${tasks} tasks`)

export const cancelIt = async (ports: OperatePorts, id: string, how: How): Promise<Operated> => {
  try {
    const done = await cancel(ports)(id, how)
    if (!done)
      return { no: `there is no series, job or task ${oneLine(id, 60)}`, remedy: 'Look at the series.' }
    await wake(ports)
    const quiet = done.what === 'series' ? '; its author gets no mail' : ''
    return { did: `${done.what} ${done.id} is cancelled: ${count(done.tasks.length)} taken away${quiet}` }
  } catch (error) {
    if (!(error instanceof Fault) || error.kind !== 'refused') throw error
    return { no: error.message, remedy: 'There is nothing to cancel.' }
  }
}

const noSeries = (id: string): Operated => ({
  no: `there is no series ${oneLine(id, 60)}`,
  remedy: 'Look for it in the list of series.',
})

/** The sentences of answers by mail, without their full stops. */
const stopless = (text: string): string => text.replace(/[.:]\s*$/, '')

type Wanted = { save: Series; did: string; after: () => Promise<void> }

const maxTries = 5

/** Reads it, decides, and saves what came of it; once more if the bot saved it between. What the bot read before that it reads again
 *  (Store.updateSeries), so that neither is lost. */
const change = async (
  { store, log }: OperatePorts,
  id: string,
  decide: (series: Series) => Promise<Operated | Wanted>,
): Promise<Operated> => {
  for (let tries = 0; tries < maxTries; tries++) {
    const series = await store.series(id)
    if (!series) return noSeries(id)
    const came = await decide(series)
    if (!('save' in came)) return came
    if (!(await store.updateSeries(came.save, series))) continue
    await came
      .after()
      .catch((error: Error) => log('warn', `series ${id} waits for the sweep: ${error.message}`))
    return { did: came.did }
  }
  return { no: `series ${oneLine(id, 60)} changes all the time`, remedy: 'Look at it, and do it again.' }
}

const nothing = async () => {}

/** Whoever may do that is an operator. */
const waits = ({ stops = [] }: Act): string =>
  stops.length === 0 ? '' : `. ${stopless(sayStops(stops, { isOperator: true, where: 'page' }))}`

export const retest = async (
  ports: OperatePorts,
  { series: id, images = [], against }: { series: string; images?: string[]; against?: string | undefined },
): Promise<Operated> => {
  const wired = ports as Wired
  const named = images.map(image => image.toLowerCase())
  const request =
    named.length > 0 || against !== undefined
      ? { do: 'test' as const, images: named, ...(against === undefined ? {} : { against }) }
      : { do: 'retest' as const }
  const noSuchBase = await missingBase(wired, request, (await ports.store.series(id))?.project)
  return change(ports, id, async series => {
    if (series.state.at === 'superseded')
      return { no: `series ${id} was replaced by ${series.state.by}`, remedy: 'Test that one.' }
    const act = await testAgain(wired, series, { request, noSuchBase })
    if (act.how !== 'done') return { no: stopless(act.what), remedy: 'Look at the series.' }
    if (!act.save) return { did: `series ${id}: ${act.what}${waits(act)}` }
    return { save: act.save, did: `series ${id} ${act.what}${waits(act)}`, after: act.after ?? nothing }
  })
}

export const letGoSeries = (ports: OperatePorts, id: string): Promise<Operated> =>
  change(ports, id, async series => {
    const act = await letGo(ports as Wired, series)
    if (act.how !== 'done' || !act.save)
      return { no: `series ${id} is not held: it is ${series.state.at}`, remedy: 'There is nothing to do.' }
    const { address } = series.author
    const did = `series ${id} goes on; ${address === '' ? 'its author' : address} is known from now on`
    return { save: act.save, did, after: act.after ?? nothing }
  })

const recentMs = 60_000

const powerDone: Record<PowerAct, string> = {
  on: 'its power is on; when its worker is up, it proves that its guests work, and then takes work',
  off: 'its power is off',
  cycle:
    'its power was switched off and on; when its worker is up, it proves that its guests work, and then takes work',
}

/** Throws the power switch's Faults: what failed may have been done all the same. */
export const switchHost = async (
  ports: OperatePorts,
  { host, act, force = false }: { host: string; act: PowerAct; force?: boolean },
  { by, why }: How,
): Promise<Operated> => {
  const { store, clock, config } = ports
  const power = powerOf(config, host)
  const switched = config.farm.hosts.filter(one => one.power !== undefined).map(({ name }) => name)
  if (!power) return none(`power switch of host ${host} in the configuration`, switched)
  const running = (await store.tasksAt('running')).filter(
    ({ state }) => state.at === 'running' && state.host === host,
  )
  if (act !== 'on' && running.length > 0 && !force)
    return {
      no: `${running.length} ${running.length === 1 ? 'task runs' : 'tasks run'} on ${host}`,
      remedy: 'Drain it and wait, or say that they may be cut off: they go back into the queue.',
    }
  const done = await switchPower(
    { store, clock },
    {
      ...{ host, power, act, by, why },
      // Two people at once, or one beside the bot: the second one should look first.
      may: recent =>
        recent.every(one => one.host !== host || one.state.at !== 'begun' || clock.now() - one.at > recentMs),
    },
  )
  if (done.at === 'failed') throw done.fault
  if (done.at === 'refused')
    return { no: `the power of ${host} is being switched at this moment`, remedy: 'Look at the host first.' }
  return { did: `host ${host}: ${powerDone[act]}` }
}
