// `grapevine worker`: a host. Takes tasks from the queue and runs them in clones until it is told to stop.
import { once } from 'node:events'
import { join } from 'node:path'
import type { Command } from 'commander'
import type { CliDeps } from './deps.ts'
import { type ServiceOptions, service, serviceCommand } from './service.ts'

export const worker = (deps: CliDeps): Command =>
  serviceCommand('worker')
    .description(
      'Runs this host until it is stopped (Ctrl-C, SIGTERM): takes tasks from the queue and runs them in virtual machines.\nWhat is running when it stops goes back into the queue and costs nobody a try.',
    )
    .addHelpText('after', '\nExample:\n  $ grapevine worker --config grapevine.yaml')
    .action(async (options: ServiceOptions) => {
      const { log, signal } = service(deps, options)
      const config = await deps.config({ repositories: 'later' })
      const { lock } = await import('../wiring/lock.ts')
      const { clearFarm } = await import('../wiring/left-overs.ts')
      const { patiently, wirePatiently } = await import('../wiring/wire-patiently.ts')
      const { freeOwnTasks, hostParts, openFarm } = await import('../wiring/host.ts')
      const { hostWorker } = await import('../../workers/run.ts')
      const unlock = await lock(join(config.farm.data, `worker-${config.host}.lock`), 'a worker', log)
      await clearFarm(config)
      const patience = { who: 'the worker', log, signal }
      const wired = await wirePatiently(config, patience)
      if (wired === undefined) return unlock()
      const farm = await openFarm(wired)
      const left = await farm.reap()
      if (left > 0) log('warn', `virtual machines that an earlier worker left behind are removed: ${left}`)
      const running = await patiently(patience, async () => {
        await freeOwnTasks(wired)
        return hostWorker(wired, farm, hostParts(wired, farm))
      })
      if (!signal.aborted) await once(signal, 'abort')
      log('info', 'the host stops; what it runs goes back into the queue')
      await running?.close()
      await farm.close()
      await wired.close()
      await unlock()
    })
