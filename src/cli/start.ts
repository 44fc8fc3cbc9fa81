// `grapevine start`: the bot. Reads the lists, plans, judges and replies until it is told to stop.
import { join } from 'node:path'
import type { Command } from 'commander'
import type { CliDeps } from './deps.ts'
import { type ServiceOptions, service, serviceCommand } from './service.ts'

export const start = (deps: CliDeps): Command =>
  serviceCommand('start')
    .description(
      'Runs the bot until it is stopped (Ctrl-C, SIGTERM): reads the lists, assembles series, plans, judges and replies.\nBuilding and testing is done by `grapevine worker`, on this machine or on others.',
    )
    .addHelpText('after', '\nExample:\n  $ grapevine start --config grapevine.yaml')
    .action(async (options: ServiceOptions) => {
      const { log, signal } = service(deps, options)
      const config = await deps.config({ repositories: 'later' })
      const { lock } = await import('../wiring/lock.ts')
      const { clearData } = await import('../wiring/left-overs.ts')
      const { wireBotPatiently } = await import('../wiring/wire-patiently.ts')
      const { aloneInDatabase } = await import('../wiring/alone.ts')
      const { runBot } = await import('../wiring/bot.ts')
      const { starter } = await import('../wiring/queues.ts')
      const { botWorkers } = await import('../../workers/bot.ts')
      const unlock = await lock(join(config.data, 'bot.lock'), 'a bot', log)
      await clearData(config)
      const wired = await wireBotPatiently(config, log, signal)
      if (wired === undefined) return unlock()
      const leave = () => wired.close().then(unlock)
      const alone = await aloneInDatabase({ config, clock: wired.clock, log, signal }).catch(async error => {
        await leave()
        throw error
      })
      if (alone === undefined) return leave()
      const to = config.mail.live
        ? 'lists and authors'
        : `${config.administrator.address} only (mail.live is false)`
      log('info', `the bot is up: ${config.projects.map(({ name }) => name).join(', ')}; mail goes to ${to}`)
      const workers = await Promise.all(botWorkers.map(one => one(wired, starter(wired))))
      await runBot(wired, { sweepMs: 2_000, signal: AbortSignal.any([signal, alone.lost]) })
      log('info', 'the bot stops')
      await Promise.all(workers.map(one => one.close()))
      await alone.release()
      await leave()
      // Why another bot may not work beside this one.
      alone.lost.throwIfAborted()
    })
