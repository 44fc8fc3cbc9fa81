// A whole Grapevine in this process, for one archive: reads it, works until nothing is pending, and says what came of it.
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { botWorkers } from '../../../workers/bot.ts'
import { hostWorker } from '../../../workers/run.ts'
import type { Config, ProjectConfig } from '../../config/config.ts'
import type { Store } from '../../ports/store.ts'
import { sha256 } from '../../text/digest.ts'
import { closeOverdue } from '../../wiring/assembled.ts'
import { heal, newMemory } from '../../wiring/bot.ts'
import { freeOwnTasks, openFarm } from '../../wiring/host.ts'
import { lock } from '../../wiring/lock.ts'
import { quietLog } from '../../wiring/log.ts'
import { isQuiet, pending, sayPending } from '../../wiring/pending.ts'
import { type Closable, starter } from '../../wiring/queues.ts'
import { readSource } from '../../wiring/reading.ts'
import { sourceAt } from '../../wiring/sources.ts'
import { type Wired, wire } from '../../wiring/wire.ts'
import { resultTable } from '../demo/result.ts'
import { show as makeShow } from '../demo/show.ts'
import { standing, watcher } from '../demo/watch.ts'
import type { CliDeps } from '../deps.ts'

export type Play = {
  deps: CliDeps
  config: Config
  project: ProjectConfig
  path: string
  /** Ids of the mails to take; undefined: all. */
  only: Set<string> | undefined
  again: boolean
}

const lookEveryMs = 500
const healEveryMs = 5_000

/** An archive brings no more: whatever is incomplete now stays so. */
const closeSeries = (wired: Wired): Promise<void> =>
  wired.inTurn(() => closeOverdue(wired, Number.MAX_SAFE_INTEGER, (_, act) => act()))

/** Tasks wait while it lasts, and nobody else would say why. */
const newTrouble = async (store: Store, told: Set<string>): Promise<string[]> => {
  const fresh = (await store.incidents({ open: true })).filter(({ id }) => !told.has(id))
  for (const { id } of fresh) told.add(id)
  return fresh.map(({ trouble, detail }) => `${trouble}: ${detail}`)
}

const work = async (wired: Wired, { deps, config }: Play): Promise<void> => {
  const show = makeShow(deps.stderr)
  const look = watcher(wired.store)
  const memory = newMemory(wired)
  const told = new Set<string>()
  let healed = Date.now()
  for (;;) {
    for (const line of await look()) show.line(line)
    for (const line of await newTrouble(wired.store, told)) show.line(line)
    const left = await pending(wired.store)
    const { running } = await standing(wired.store)
    show.status(`left: ${sayPending(left) || 'nothing'}; in VMs: ${running.join(', ') || 'nothing'}`)
    if (left.mails === 0) await closeSeries(wired)
    if (isQuiet(left)) break
    if (Date.now() - healed > healEveryMs) {
      await heal(wired, memory)
      healed = Date.now()
    }
    deps.signal.throwIfAborted()
    await wired.clock.sleep(lookEveryMs, deps.signal)
  }
  show.end()
  deps.stderr.write(`data of this replay: ${config.data}\n`)
}

const printSeries = async (deps: CliDeps, store: Store): Promise<void> => {
  for (const series of await store.seriesIn({})) {
    const verdict = await store.verdict(series.id)
    deps.stdout.write(`${JSON.stringify({ ...series, verdict: verdict ?? null })}\n`)
  }
}

/** Plays it; every step goes on where an earlier replay of the same data was cut off. Throws Faults. */
export const playThrough = async (play: Play, json = false): Promise<void> => {
  const { deps, config, project, path, only, again } = play
  if (again) await rm(config.data, { recursive: true, force: true })
  await mkdir(config.data, { recursive: true })
  const closing: Closable[] = []
  const unlock = await lock(join(config.data, 'bot.lock'), 'a replay')
  const wired = await wire(config, quietLog)
  try {
    const farm = await openFarm(wired)
    await farm.reap()
    await freeOwnTasks(wired)
    for (const one of botWorkers) closing.push(await one(wired, starter(wired)))
    closing.push(await hostWorker(wired, farm))
    const wanted = only && ((mail: { raw: Buffer }) => only.has(sha256(mail.raw)))
    const source = await sourceAt(path, 'replay')
    const read = { project: project.name, source, once: true, signal: deps.signal }
    await readSource(wired, wanted ? { ...read, only: wanted } : read)
    await work(wired, play)
    if (json) await printSeries(deps, wired.store)
    else deps.stdout.write(`\n${await resultTable(wired.store)}\n`)
  } finally {
    await Promise.allSettled(closing.map(one => one.close()))
    await wired.close()
    await unlock()
  }
}
