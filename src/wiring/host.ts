// A host's side: its farm, and the tasks that it held before. One worker process for each host name and farm folder.
import { createFarm } from '../farm/farm.ts'
import { createLibvirtFarm } from '../farm/libvirt/farm.ts'
import { hostLoad } from '../farm/load.ts'
import { mixedFarm } from '../farm/mixed.ts'
import { fitness, unfit } from '../farm/qualify/fitness.ts'
import { isOurs } from '../farm/qualify/image.ts'
import { lastReport } from '../farm/qualify/record.ts'
import { isGood, summaryOf, tellAnswer, verifyHost } from '../farm/qualify/verify.ts'
import { type IdleWork, scrubWhileIdle } from '../farm/storage/idle.ts'
import { asFault } from '../farm/system-fault.ts'
import type { Farm } from '../ports/farm.ts'
import { cutOff } from '../stages/upkeep/cut-off.ts'
import { pushes } from '../stages/upkeep/sweep.ts'
import { openAlarm } from './alarm.ts'
import type { HostParts, Idle } from './host-loop.ts'
import { refuseNamesake } from './host-namesake.ts'
import { stockOf } from './host-stock.ts'
import { keepWarm } from './warm.ts'
import type { Wired } from './wire.ts'

export const openFarm = async (wired: Pick<Wired, 'config' | 'log' | 'store' | 'clock'>): Promise<Farm> => {
  const { config, log } = wired
  const { data, slots, pool, accelerator, images, user, reserveMiB } = config.farm
  const common = { folder: data, images, log: (line: string) => log('info', line) }
  const alarm = openAlarm(wired, config.host)
  return mixedFarm({
    images,
    qemu: () => createFarm({ ...common, slots, pool, accelerator, user, reserveMiB, alarm }),
    libvirt: () => createLibvirtFarm(common),
  })
}

/** What a worker asks and does besides running tasks: whether the host is fit, and what it does in idle time. */
export const hostParts = (wired: Wired, farm: Farm): HostParts => {
  let facts: Record<string, string> = {}
  return {
    fitness: async signal => {
      const unfit = await isFit(wired, signal)
      facts = await factsOf(wired.config.farm.data)
      return unfit
    },
    prove: signal => provesItself(wired, signal),
    facts: () => facts,
    stock: stockOf(wired),
    load: hostLoad,
    idle: [idle => keepWarm(wired, { farm, ...idle }), idle => scrubWhileIdle(storageOf(wired, farm, idle))],
  }
}

/** Needs no host that is fit: a damaged image may be why it is not. */
const storageOf = ({ config, log }: Wired, farm: Farm, { isIdle, alarm, signal }: Idle): IdleWork => {
  const { data, images, accelerator, reserveMiB, user, backup } = config.farm
  return {
    ...{ farm: data, images, accelerator, reserveMiB, user, ...backup, alarm, isIdle, signal },
    progress: line => log('info', line),
    onDamage: async (templates, why) => {
      for (const id of templates) await farm.condemn?.(id, why)
    },
  }
}

const isFit = async (wired: Wired, signal: AbortSignal): Promise<string | undefined> => {
  const { config, log } = wired
  const { data, images, accelerator, user, reserveMiB } = config.farm
  try {
    return await fitness({
      ...{ folder: data, images, accelerator, user, reserveMiB, signal },
      ...{ host: config.host, alarm: openAlarm(wired, config.host), log: line => log('info', line) },
    })
  } catch (error) {
    if (signal.aborted) return 'its worker ends'
    throw error
  }
}

/** Rounds of saves and forks: what breaks now and then is found by `host verify --rounds 100`, which takes its time. */
const proofRounds = 3

/** As `host verify` does it. Guests of libvirt are not ours to boot. Throws Faults: no QEMU, no image, no room; and the signal's reason. */
const provesItself = async (wired: Wired, signal: AbortSignal): Promise<string | undefined> => {
  const { config, log } = wired
  const { data, images, accelerator, user, reserveMiB } = config.farm
  if (images.length > 0 && !images.some(isOurs)) return undefined
  const tell = (line: string) => log('info', line)
  const asked = verifyHost({
    ...{ folder: data, images, accelerator, user, reserveMiB, signal, progress: () => {}, tell },
    ...{ rounds: proofRounds, forks: 2, load: 0 },
  })
  const { report } = await asFault('the qualification of this host', asked)
  const alarm = openAlarm(wired, config.host)
  if (report.accelerator === undefined) {
    const why = unfit(report.answers)
    await alarm.raise('host-unqualified', config.host, `${why}; when it is mended: grapevine host verify`)
    return why
  }
  const accelerated = report.accelerator.toUpperCase()
  await alarm.clear('host-unqualified', config.host, `guests work with ${accelerated}`)
  return isGood(report)
    ? undefined
    : report.answers
        .filter(one => !one.works)
        .map(tellAnswer)
        .join('; ')
}

const factsOf = async (folder: string): Promise<Record<string, string>> => {
  const kept = await lastReport(folder)
  return kept ? summaryOf(kept.report) : {}
}

/** What an earlier process of this host held when it died goes back into the queue; it costs no try. Throws a Fault if it is alive, or
 *  another machine has the name: what it runs is not ours to free. */
export const freeOwnTasks = async (wired: Wired): Promise<void> => {
  const { store, queue, config, log } = wired
  await refuseNamesake(wired)
  const alarm = openAlarm(wired, undefined)
  for (const task of await store.tasksAt('running')) {
    if (task.state.at !== 'running' || task.state.host !== config.host) continue
    const to = await cutOff({ ...wired, alarm })(task, 'worker-died')
    if (to?.at === 'queued')
      log('warn', 'a run was cut off when this worker last ended; it goes back into the queue', {
        task: task.id,
        run: task.state.run,
      })
    if (to?.at === 'done') await queue.push(pushes.judge(task.job, task.id))
  }
}
